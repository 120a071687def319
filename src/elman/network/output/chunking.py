"""How many rows have their logits in memory at once."""

from __future__ import annotations

CHUNK_NUMBERS = 2**19
"""How many logits are in memory at once, where that is enough rows: 2 MiB in float32."""

FEWEST_ROWS = 128
"""Rows of a chunk, at least; or as many as V has. Adding up dV costs the more the fewer they are."""


def chunks_of(rows: int, hidden: int, classes: int, copies: int = 1) -> list[slice]:
    """Cut rows into chunks, as even as can be, of which the logits of so many classes are in memory at once.

    With `copies`, each row stands for so many.
    """
    longest = max(1, max(FEWEST_ROWS, hidden, CHUNK_NUMBERS // max(classes, 1)) // copies)
    chunks = -(-rows // longest)
    return [slice(rows * i // chunks, rows * (i + 1) // chunks) for i in range(chunks)]
