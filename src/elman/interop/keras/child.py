"""``python -m elman.interop.keras.child FILE``: arrays of an HDF5 file, as safetensors on stdout.

HDF5 is a large library in C, and a damaged file can crash it, or keep it busy for ever. So it runs in a
process of its own, which may use a bounded amount of time and memory, and whose end is not its caller's.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from elman.interop.keras.names import REFUSED

BASE = 1 << 30  # bytes of memory beside those that the file's size gives: Python, NumPy and HDF5 themselves


def limit(size: int, seconds: int) -> None:
    """Let this process have no more than that time, and memory and output for a file of that many bytes."""
    try:
        import resource
    except ImportError:  # as on Windows, where the caller's clock is the one limit
        return
    limits = {
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_FSIZE: 2 * size + (16 << 20),  # bfloat16 becomes float32
        resource.RLIMIT_CORE: 0,
        getattr(resource, "RLIMIT_AS", resource.RLIMIT_DATA): BASE + 8 * size,
    }
    for kind, most in limits.items():
        # A lower limit that is set already stays; some systems refuse to set some.
        with contextlib.suppress(ValueError, OSError):
            _, hard = resource.getrlimit(kind)
            resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def main(path: str, seconds: int) -> int:
    """Write the arrays of the file at path, or say why not."""
    limit(Path(path).stat().st_size, seconds)
    from safetensors.numpy import save

    from elman.errors import DataError
    from elman.interop.keras.stored import arrays

    try:
        sys.stdout.buffer.write(save(arrays(path)))
        sys.stdout.buffer.flush()
    except DataError as error:
        print(error, file=sys.stderr)
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
