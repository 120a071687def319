"""``python -m elman.training.process``: one worker of elman.training.processes, at the end of a pipe."""

from __future__ import annotations

import json
import mmap
import os
import sys

from elman.network import LanguageModel
from elman.training.processes import DONE, GO, READY, carve, copy_state
from elman.training.shares import perform


def main() -> None:
    """Read an order, then do a task for every byte that comes, until none comes any more."""
    order = json.loads(_line())
    memory = mmap.mmap(order["file"], order["size"])
    os.close(order["file"])
    model = LanguageModel(**order["model"])
    params, areas, _ = carve(model, order["batch"], order["threads"], order["steps"], memory)
    model.params.update(params)
    area = areas[order["index"]]
    os.write(1, READY)
    while os.read(0, 1) == GO:
        done = perform(model, area.asked(), area.grads)
        copy_state(done.state, area.leaving)
        area.numbers[1] = done.nll
        os.write(1, DONE)


def _line() -> bytes:
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
