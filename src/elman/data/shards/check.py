"""Whether the files of a prepared text are what they were when it was made."""

from pathlib import Path

from elman.data.shards.index import checksums_of, read_index
from elman.data.shards.pool import Pool


def check_corpus(folder: str | Path, *, workers: int = 1) -> dict[str, str]:
    """Read every file of a prepared text, and hold it to its checksum.

    Parameters
    ----------
    folder : str or Path
        What `prepare_corpus` made.
    workers : int
        Processes that read.

    Returns
    -------
    dict of str to str
        Of each damaged file, by its name, what is wrong with it; empty where all is well.

    Raises
    ------
    CheckpointError
        Where the folder or its index is missing or damaged.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from elman.data.shards import prepare_corpus
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "text.txt").write_text("to be or not to be\\n" * 100)
    ...     _ = prepare_corpus(f"{folder}/text.txt", f"{folder}/made", shards=2)
    ...     before = check_corpus(f"{folder}/made")
    ...     with Path(folder, "made", "train-00001-of-00002.ids").open("r+b") as file:
    ...         _ = file.write(b"x")
    ...     before, check_corpus(f"{folder}/made")
    ({}, {'train-00001-of-00002.ids': 'has another checksum'})
    """
    folder = Path(folder)
    checksums = list(checksums_of(read_index(folder)).items())
    orders = [{"sha256": {str(folder / name): checksum}} for name, checksum in checksums]
    with Pool(workers) as pool:
        answers = dict(pool.run("verify", orders))
    found = [next(iter(answers[number]["found"].values())) for number in range(len(orders))]
    return {name: bad for (name, _), bad in zip(checksums, found, strict=True) if bad is not None}
