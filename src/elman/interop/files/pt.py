"""Reading ``.pt`` and ``.pth`` files of PyTorch: the tensors of a ``torch.save``, and nothing else of it.

Such a file is a ZIP archive of uncompressed members: a pickle, ``data.pkl``, that says which tensors there
are, and a member a storage, with the numbers. The pickle is followed by a machine that runs nothing
(``pickled.py``), and members are read where they lie, once their sizes have been found to fit the file.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.errors import DataError
from elman.interop.files.allowed import ADVICE, View
from elman.interop.files.archive import Archive
from elman.interop.files.listing import BITS, LONGEST_NAME, Listing, Tensor, regular_file
from elman.interop.files.numbers import decoded
from elman.interop.files.opened import is_pickle
from elman.interop.files.pickled import LONGEST, unpickle

DEEPEST = 32
"""Dictionaries within dictionaries, at most."""

MOST_SHARED = 8
"""Times the bytes of the storages that tensors may have together; those that are tied have twice as many."""


class PtFile:
    """The tensors of a PyTorch file, listed; their numbers are read when they are asked for.

    Parameters
    ----------
    path : path-like
        The file.

    Raises
    ------
    DataError
        If it cannot be read, is damaged, or is of another kind than `torch.save` of tensors makes:
        TorchScript, a format older than torch 1.6, or with objects that only a program can rebuild.
    """

    def __init__(self, path: str | Path) -> None:
        self.path, size = regular_file(path)
        with self.path.open("rb") as file:
            first = file.read(16)
        if is_pickle(first):
            raise DataError(
                f"{self.path} is a bare pickle, such as torch wrote before 1.6: load it with torch, and "
                f"{ADVICE}"
            )
        self._archive = Archive(self.path, size)
        self._root, self._order = self._check_members()
        data = self._archive.small(f"{self._root}data.pkl", LONGEST)
        try:
            value = unpickle(data)
        except DataError as error:
            raise DataError(f"{self.path} is refused: {error}") from None
        self._views = _tensors_of(self.path, value)
        self.listing = Listing(
            "PyTorch archive",
            {name: _listed(group, view) for name, (group, view) in self._views.items()},
            {"byteorder": self._order},
        )

    def _check_members(self) -> tuple[str, str]:
        """Return the folder that all is in, and the order of bytes."""
        names = self._archive.names
        pickles = [name for name in names if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(pickles) != 1:
            if {"config.json", "model.weights.h5"} <= set(names):
                raise DataError(f"{self.path} is a file of Keras: elman import keras reads those")
            held = f" but {sorted(names)[0]!r:.60}" if names else ""
            raise DataError(f"{self.path} is not a file of torch.save: its archive has no data.pkl{held}")
        root = pickles[0].removesuffix("data.pkl")
        if f"{root}constants.pkl" in names or any(name.startswith(f"{root}code/") for name in names):
            raise DataError(
                f"{self.path} is a TorchScript archive, a program with its weights: load it with "
                f"torch.jit.load, and {ADVICE}"
            )
        order = "little"
        if f"{root}byteorder" in names:
            order = self._archive.small(f"{root}byteorder", 16).decode("latin-1").strip()
        if order not in ("little", "big"):
            raise DataError(f"{self.path} is damaged: its byteorder is {order!r}")
        return root, order

    def arrays(self, names: Iterable[str]) -> dict[str, NDArray[Any]]:
        """Read tensors, float16 and bfloat16 as float32.

        Parameters
        ----------
        names : iterable of str
            As the listing has them.

        Returns
        -------
        dict of str to ndarray
            float32 or float64, contiguous.

        Raises
        ------
        DataError
            If a tensor is missing, not of floating-point numbers, repeats its numbers (`expand`), or its
            storage is damaged.
        """
        wanted = list(names)
        for name in wanted:
            if name not in self._views:
                raise DataError(f"{self.path} has no {name}")
            self._check(name, self._views[name][1])
        stored = sum(map(self._archive.size_of, {self._member(self._views[name][1]) for name in wanted}))
        shown = sum(self.listing.tensors[name].nbytes for name in wanted)
        if shown > MOST_SHARED * stored:
            raise DataError(
                f"{self.path} makes {shown:,} bytes of weights of the {stored:,} that are there: save "
                "copies of them"
            )
        found, at_hand, data = {}, "", b""
        for name in sorted(wanted, key=lambda name: self._views[name][1].storage.key):
            view = self._views[name][1]
            if self._member(view) != at_hand:  # each storage is read once, however many tensors it has
                at_hand = self._member(view)
                data = self._archive.read(at_hand)
            found[name] = self._array(name, view, data)
        return {name: found[name] for name in wanted}

    def _member(self, view: View) -> str:
        return f"{self._root}data/{view.storage.key}"

    def _check(self, name: str, view: View) -> None:
        storage, member = view.storage, self._member(view)
        expected = storage.numbers * (BITS[storage.dtype] // 8 if storage.dtype else 1)
        if expected != self._archive.size_of(member):
            raise DataError(
                f"{self.path} is damaged: the storage of {name} is to have {expected:,} bytes, and has "
                f"{self._archive.size_of(member):,}"
            )
        count = Tensor(view.dtype, view.shape).size
        if not 0 < count <= storage.numbers:
            raise DataError(
                f"{name} of {self.path} makes {count:,} numbers of the {storage.numbers:,} that are there: "
                "save a copy of it"
            )

    def _array(self, name: str, view: View, data: bytes) -> NDArray[Any]:
        what = f"{name} of {self.path}"
        whole = len(data) - len(data) % (BITS[view.dtype] // 8)  # storages without a type may end anywhere
        flat = decoded(memoryview(data)[:whole], view.dtype, what, self._order)
        # Of an axis of one, the stride says nothing, and can be any number.
        steps = [
            stride * flat.itemsize if n > 1 else 0 for n, stride in zip(view.shape, view.strides, strict=True)
        ]
        seen = np.lib.stride_tricks.as_strided(flat[view.offset :], view.shape, steps, writeable=False)
        return np.array(seen, order="C")


def _listed(group: str, view: View) -> Tensor:
    place = (view.storage.key, view.offset, view.shape, view.strides)
    return Tensor(view.dtype, view.shape, group, place)


def _tensors_of(path: Path, value: Any) -> dict[str, tuple[str, View]]:
    """Return the tensors within dictionaries and lists by their names, joined by dots, and where they stand.

    What is met a second time is left out: a pickle can hold itself.
    """
    found: dict[str, tuple[str, View]] = {}
    seen: set[int] = set()
    waiting: list[tuple[str, int, Any]] = [("", 0, {"tensor": value} if isinstance(value, View) else value)]
    while waiting:
        group, depth, holder = waiting.pop()
        if id(holder) in seen or type(holder) not in (dict, list, tuple):
            continue
        seen.add(id(holder))
        if depth > DEEPEST:
            raise DataError(f"{path} is refused: its dictionaries are more than {DEEPEST} deep")
        inner = []
        for key, item in holder.items() if isinstance(holder, dict) else enumerate(holder):
            name = f"{group}.{key}" if group else str(key)
            if len(name) > LONGEST_NAME:
                raise DataError(f"{path} is refused: it has a name of more than {LONGEST_NAME} characters")
            if isinstance(item, View):
                if name in found:
                    raise DataError(f"{path} is refused: it has two tensors by the name {name!r}")
                found[name] = group, item
            elif item and type(item) in (dict, list, tuple):
                inner.append((name, depth + 1, item))
        waiting += reversed(inner)
    if not found:
        raise DataError(f"{path} holds no tensors: {ADVICE}")
    return found
