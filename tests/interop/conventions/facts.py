"""What layers of each column computed: stored of PyTorch and Keras, made anew of ONNX and elman."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from tests.interop.conventions.formulas import Array, Sample

STORED = Path(__file__).parents[2] / "vectors" / "conventions.safetensors"
T, B, D, H, P, L = 6, 2, 3, 5, 4, 2
SIZES = {"T": T, "B": B, "D": D, "H": H, "P": P, "L": L}


class Facts:
    """Arrays by ``case/name``, and what is no array, of one column."""

    def __init__(self, column: str, arrays: dict[str, Array], said: dict[str, Any]) -> None:
        self.column, self.arrays, self.said = column, arrays, said

    def case(self, name: str) -> dict[str, Array]:
        """Return the arrays of a case by their own names."""
        found = {key.split("/", 1)[1]: a for key, a in self.arrays.items() if key.split("/", 1)[0] == name}
        assert found, f"no case {name} of {self.column}"
        return found

    def sample(self, name: str, *, layer: int = 0, back: bool = False) -> Sample:
        """Return a case, or one layer and way of it, as formulas take it."""
        return SAMPLES[self.column](self.case(name), layer, back)


def blocks(array: Array, axis: int, H: int = H) -> Array:
    """Return gate blocks that stand one after the other along an axis, on an axis of their own in front."""
    return np.stack(np.split(array, array.shape[axis] // H, axis))


def _torch(case: dict[str, Array], layer: int, back: bool) -> Sample:
    end = f"_l{layer}{'_reverse' if back else ''}"
    both = any(name.endswith("_reverse") for name in case)
    place = (2 * layer + back) if both else layer
    b, b2 = (blocks(case[f"bias_{kind}{end}"], 0) for kind in ("ih", "hh"))
    U, W = (blocks(case[f"weight_{kind}{end}"], 0).transpose(0, 2, 1) for kind in ("ih", "hh"))
    c0, c = (case[name][place] if name in case else None for name in ("c0", "c"))
    out = case["out"]
    if both:  # of deep ones, that of the last
        out = np.split(out, 2, 2)[back]
    h0 = case["h0"][place] if "h0" in case else np.zeros((B, H))
    return Sample(case["x"], U, W, b, b2, h0, c0, out, case["h"][place], c)


def _keras(case: dict[str, Array], layer: int, back: bool) -> Sample:
    both = any(name.startswith("backward/") for name in case)
    at = ("backward/" if back else "forward/") if both else ""
    U, W = (blocks(case[f"{at}{name}"], 1) for name in ("kernel", "recurrent_kernel"))
    bias = case[f"{at}bias"]
    b, b2 = (blocks(row, 0) for row in (bias if bias.ndim == 2 else (bias, np.zeros_like(bias))))
    x, out = case["x"].swapaxes(0, 1), case["out"]
    out = out.swapaxes(0, 1) if out.ndim == 3 else out[None]
    if both:
        out = np.split(out, 2, -1)[back]
    h0, c0 = case.get(f"{at}h0", np.zeros((B, H))), case.get(f"{at}c0")
    h, c = (case[at + name].astype("f4") if at + name in case else None for name in "hc")
    # Of float64, too, the products are computed in float32: the claim on that looks at the case itself.
    return Sample(x, U, W, b, b2, h0, c0, out.astype("f4"), np.zeros((B, H)) if h is None else h, c)


def _onnx(case: dict[str, Array], layer: int, back: bool) -> Sample:
    d = int(back)
    double = {name: array.astype(np.float64) for name, array in case.items() if name[0] not in "Y"}
    U, W = (blocks(double[name][d], 0).transpose(0, 2, 1) for name in "WR")
    b, b2 = np.split(blocks(double["B"][d], 0), 2)
    h0 = double["initial_h"][d] if "initial_h" in case else np.zeros((B, H))
    c0 = double["initial_c"][d] if "initial_c" in case else None
    c = case["Y_c"][d] if "Y_c" in case else None
    return Sample(double["X"], U, W, b, b2, h0, c0, case["Y"][:, d], case["Y_h"][d], c)


def _elman(case: dict[str, Array], layer: int, back: bool) -> Sample:
    at, end = ("reverse.", "_reverse") if back and "reverse.U" in case else ("", "")
    out, second = case["out"], np.zeros_like(case[f"{at}b"])
    if f"{at}b_candidate" in case:
        second[-1] = case[f"{at}b_candidate"]
    if "reverse.U" in case:
        out = np.split(out, 2, 2)[back]
    U, W, b = (case[at + name] for name in "UWb")
    c0, c = (case.get(name) for name in (f"c{end}0", f"c{end}"))
    return Sample(case["x"], U, W, b, second, case[f"h{end}0"], c0, out, case[f"h{end}"], c)


SAMPLES = {"torch": _torch, "keras": _keras, "onnx": _onnx, "elman": _elman}


@cache
def facts(column: str) -> Facts:
    """Return the facts of a column, as the tests of every machine have them."""
    if column == "onnx":
        from tests.interop.conventions.onnx_facts import onnx_facts

        return Facts(column, *onnx_facts(0))
    if column == "elman":
        from tests.interop.conventions.elman_facts import elman_facts

        return Facts(column, *elman_facts(0))
    with safe_open(STORED, "np") as file:
        names = [name for name in file.keys() if name.startswith(f"{column}/")]  # noqa: SIM118
        arrays = {name.split("/", 1)[1]: file.get_tensor(name) for name in names}
        return Facts(column, arrays, json.loads(file.metadata()["said"])[column])
