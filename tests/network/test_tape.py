"""The memory of a layer over a window: steps, and chunks of steps whose slopes are computed at once."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np
import pytest

from elman.network import CELLS, tape
from elman.network.cells import ScanCell
from elman.network.tape import new_scan_tape, new_tape
from elman.network.workspace import Workspace
from tests.conformance.cells import Problem

T, B, H = 7, 3, 4

Slices = namedtuple("Slices", "a prev new keep work h da k dn")  # as `Step` lists them


def chunked(monkeypatch: pytest.MonkeyPatch, cell: Any, steps: int, itemsize: int = 8) -> None:
    """Let chunks have so many steps."""
    blocks = cell.gates + (cell.keeps if isinstance(cell, ScanCell) else 0)
    monkeypatch.setattr(tape, "CHUNK_BYTES", steps * blocks * B * H * itemsize)


@pytest.mark.parametrize("reset", [False, True], ids=["plain", "reset"])
@pytest.mark.parametrize("cell", CELLS)
def test_chunks_do_not_change_a_bit(monkeypatch: pytest.MonkeyPatch, cell: str, reset: bool) -> None:
    """One step, several with some left over, all, and more than there are; slopes are elementwise."""
    whole = Problem(cell, steps=T, batch=B, reset=reset).run()
    for steps in (0, 1, 2, 3, T - 1, T, T + 1):
        chunked(monkeypatch, CELLS[cell], steps)
        space = Workspace()
        for _ in range(2):
            found = Problem(cell, steps=T, batch=B, reset=reset).run(space)
            assert found.keys() == whole.keys()
            for name, array in whole.items():
                np.testing.assert_array_equal(found[name], array, err_msg=f"{name}, chunks of {steps}")


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("cell", [name for name, cell in CELLS.items() if not isinstance(cell, ScanCell)])
def test_steps_are_views_of_the_window(monkeypatch: pytest.MonkeyPatch, cell: str, split: bool) -> None:
    """Every step once, in its chunk; what leaves a step is what enters the next, unless rows are reset."""
    kind = CELLS[cell]
    chunked(monkeypatch, kind, 3)
    made = new_tape(kind, T, B, H, np.dtype("f8"), Workspace(), "layers.0", split=split)
    assert [chunk.first for chunk in made.chunks] == [0, 3, 6]
    assert [len(chunk.steps) for chunk in made.chunks] == [3, 3, 1]
    steps = [Slices(*step) for chunk in made.chunks for step in chunk.steps]
    made.a[...] = np.arange(made.a.size).reshape(made.a.shape)
    made.keep[...] = np.arange(made.keep.size).reshape(made.keep.shape)
    for field, (before, after) in enumerate(zip(made.before, made.after, strict=True)):
        before[...] = -np.arange(before.size).reshape(before.shape)
        after[...] = np.arange(after.size).reshape(after.shape) + field
    for t, step in enumerate(steps):
        np.testing.assert_array_equal(step.a, made.a[:, t])
        np.testing.assert_array_equal(step.keep, made.keep[:, t])
        np.testing.assert_array_equal(step.h.reshape(B, H), made.before[0][t])
        plain = kind.gates - (kind.gated or kind.staged)
        np.testing.assert_array_equal(step.da.reshape(plain, B, H), made.a[:plain, t])
        assert (step.k is not None) == (kind.gated or kind.staged)
        assert (step.dn is not None) == kind.staged
        if step.k is not None:
            np.testing.assert_array_equal(step.k.reshape(B, H), made.keep[0, t])
        if step.dn is not None:
            np.testing.assert_array_equal(step.dn.reshape(B, H), made.a[-1, t])
        for prev, new, before, after in zip(step.prev, step.new, made.before, made.after, strict=True):
            np.testing.assert_array_equal(prev, before[t])
            np.testing.assert_array_equal(new, after[t])
            if t:
                assert np.shares_memory(prev, after[t - 1]) == (not split)
        for array in (step.a, step.keep, step.work, *step.prev, *step.new):
            assert array.strides[-2:] == (8 * H, 8)
    for chunk in made.chunks:
        part = slice(chunk.first, chunk.first + len(chunk.steps))
        np.testing.assert_array_equal(chunk.a, made.a[:, part])
        np.testing.assert_array_equal(chunk.keep, made.keep[:, part])
        for state, whole in ((chunk.prev, made.before), (chunk.new, made.after)):
            for field, of_all in zip(state, whole, strict=True):
                np.testing.assert_array_equal(field, of_all[part])
        assert chunk.work.shape == (kind.scratch, len(chunk.steps), B, H)
        for index, step in enumerate(Slices(*each) for each in chunk.steps):
            assert np.shares_memory(step.work, chunk.work[:, index])


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("cell", [name for name, cell in CELLS.items() if isinstance(cell, ScanCell)])
def test_scans_are_views_of_the_window(monkeypatch: pytest.MonkeyPatch, cell: str, split: bool) -> None:
    """The same of a layer without products, whose steps are lines of four blocks, or slices for a method."""
    kind: Any = CELLS[cell]
    chunked(monkeypatch, kind, 3)
    made = new_scan_tape(kind, T, B, H, np.dtype("f8"), Workspace(), "layers.0", split=split)
    assert [(scan.first, len(scan.steps), len(scan.lines)) for scan in made.scans] == [
        (0, 3, 3), (3, 3, 3), (6, 1, 1),
    ]  # fmt: skip
    made.a[...] = np.arange(made.a.size).reshape(made.a.shape)
    made.keep[...] = -np.arange(made.keep.size).reshape(made.keep.shape)
    for scan in made.scans:
        part = slice(scan.first, scan.first + len(scan.steps))
        np.testing.assert_array_equal(scan.a, made.a[:, part])
        np.testing.assert_array_equal(scan.keep, made.keep[:, part])
        scan.work[...] = np.random.default_rng(scan.first).normal(size=scan.work.shape)
        for i, (step, line) in enumerate(zip(scan.steps, scan.lines, strict=True)):
            t = scan.first + i
            a, prev, new, work = step
            np.testing.assert_array_equal(a, made.a[:, t])
            np.testing.assert_array_equal(work, scan.work[:, i])
            factor, added, before, after = line
            np.testing.assert_array_equal(factor, made.a[-1, t])
            np.testing.assert_array_equal(added, scan.work[0, i])
            for views, whole in ((prev, made.before), (new, made.after)):
                for field, view in zip(whole, views, strict=True):
                    assert np.shares_memory(view, field[t])
                    assert view.ctypes.data == field[t].ctypes.data
            assert before.ctypes.data == prev[kind.place].ctypes.data
            assert after.ctypes.data == new[kind.place].ctypes.data
            assert t == 0 or np.shares_memory(before, made.after[kind.place][t - 1]) == (not split)
            for array in (factor, added, before, after, a, work):
                assert array.strides[-2:] == (8 * H, 8)


def test_a_chunk_fits_a_cores_cache() -> None:
    kind = CELLS["lstm"]
    made = new_tape(kind, 50, 50, 128, np.dtype("f4"), Workspace(), "layers.0", split=False)
    sizes = [chunk.a.nbytes for chunk in made.chunks]
    assert max(sizes) <= tape.CHUNK_BYTES
    assert sum(sizes) == made.a.nbytes
    assert [len(chunk.steps) for chunk in made.chunks[:-1]] == [2] * 24  # 102,400 bytes a step
