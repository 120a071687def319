"""Reading HDF5 in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

import elman
from elman.errors import DataError, ElmanError
from elman.interop.keras.names import REFUSED

SECONDS = 60  # for a file of up to a gigabyte; a large one gets more


def read_h5(path: Path, source: str | Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of an HDF5 file by their full names, such as ``layers/lstm/cell/vars/0``.

    Parameters
    ----------
    path : Path
        The file.
    source : str or path-like
        What to call it in messages.

    Raises
    ------
    ElmanError
        If h5py is not installed.
    DataError
        If the file is refused, or HDF5 crashed on it or did not come to an end.
    """
    if find_spec("h5py") is None:
        raise ElmanError(f"{source} holds HDF5, which h5py reads: install it with pip install 'elman[keras]'")
    seconds = SECONDS * (1 + (path.stat().st_size >> 30))
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as said:
        try:
            done = _run(path, seconds, out, said)
        except subprocess.TimeoutExpired:
            raise DataError(f"{source} kept HDF5 busy for {seconds} seconds: it is damaged") from None
        if done == REFUSED:
            raise DataError(f"{source} cannot be read: {_line(said)}")
        if done:
            raise DataError(f"HDF5 failed on {source} ({_ending(done)}): it is damaged")
        out.seek(0)
        try:
            return load(out.read())
        except (SafetensorError, ValueError, KeyError) as error:  # as if the disk were full
            raise DataError(f"what HDF5 read of {source} did not arrive: {error}") from None


def _run(path: Path, seconds: int, out: IO[bytes], said: IO[bytes]) -> int:
    here = str(Path(elman.__file__).parents[1])
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")])),
        "HDF5_PLUGIN_PRELOAD": "::",  # load no code that a file's filters ask for
        "HDF5_USE_FILE_LOCKING": "FALSE",  # some disks cannot lock, and nothing is written
        "OPENBLAS_NUM_THREADS": "1",  # each thread reserves memory
    }
    # -P: modules in the working directory, which may have come with the file, are not imported.
    command = [sys.executable, "-P", "-m", "elman.interop.keras.child", str(path), str(seconds)]
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=said,
        env=environment,
        timeout=seconds,
        check=False,
    ).returncode


def _line(said: IO[bytes]) -> str:
    said.seek(0)
    lines = said.read(4000).decode(errors="replace").strip().splitlines()
    return "".join(c if c.isprintable() else "?" for c in lines[-1][:500]) if lines else "no reason given"


def _ending(status: int) -> str:
    if status < 0:
        try:
            return signal.Signals(-status).name
        except ValueError:
            return f"signal {-status}"
    return f"status {status}"
