"""What the BLAS below NumPy is good at."""

from __future__ import annotations

from functools import lru_cache

UNPACKED = 100**3
"""OpenBLAS multiplies without packing where rows x inner x columns is at most this."""

UNPACKED_KERNELS = ("SkylakeX", "Cooperlake", "Sapphirerapids")
"""Those of its kernels that do so, in single precision and in double."""


@lru_cache(maxsize=1)
def unpacked_limit() -> int:
    """Return the largest rows x inner x columns that is multiplied without packing; 0 if there is none.

    A product of a few rows with a large matrix is mostly spent on packing the matrix. Cut into pieces
    below this limit it is not packed, and runs up to twice as fast.
    """
    from threadpoolctl import threadpool_info

    kernels = {library.get("architecture") for library in threadpool_info()}
    return UNPACKED if kernels & set(UNPACKED_KERNELS) else 0
