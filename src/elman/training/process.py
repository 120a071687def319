"""``python -m elman.training.process``: one member of elman.training.processes, at the end of a pipe."""

from __future__ import annotations

import json
import mmap
import os
import sys

from elman.network import LanguageModel
from elman.training.meeting import Line, Spoke
from elman.training.member import Member
from elman.training.optim import OPTIMIZERS
from elman.training.processes import DONE, PASS, READY
from elman.training.shared import Carver, copy_state, take_shared
from elman.training.shares import split_rows


def main() -> None:
    """Read an order, then do one's part of a step for every byte that comes, until none comes any more."""
    # Our standard output is the line to the first process; whatever else prints shall not speak on it.
    answers = os.dup(1)
    os.dup2(2, 1)
    order = json.loads(_first_line())
    memory = mmap.mmap(order["file"], order["size"])
    os.close(order["file"])
    model = LanguageModel(**order["model"])
    optimizer = OPTIMIZERS[order["optimizer"][0]](**order["optimizer"][1]) if order["optimizer"] else None
    slots = [None] * len(optimizer.slots) if optimizer else []
    shared = take_shared(
        Carver(memory), model, order["batch"], order["threads"], order["steps"], order["split"], None, slots,
        order["averaging"],
    )  # fmt: skip
    model.params.update(shared.params.arrays)
    line = Line(0, answers, spin=order["spin"], gone=lambda: SystemExit(0))
    rows = split_rows(order["batch"], order["threads"])
    member = Member(
        order["index"],
        model,
        shared,
        rows,
        Spoke(line),
        optimizer,
        frozen=order["frozen"],
        every=order["every"],
    )
    area = shared.areas[order["index"] - 1]
    line.send(READY)
    while True:
        if line.receive() == PASS:
            done = member.perform(area.asked())
            copy_state(done.state, area.leaving)
            area.numbers[1:] = done.nll, done.penalty, member.add_up()
        else:
            member.update()
        line.send(DONE)


def _first_line() -> bytes:
    """Read a line, and not a byte more: those that follow are for the loop."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            sys.exit(0)
        line += byte
    return line


if __name__ == "__main__":
    main()
