"""From large texts to a folder of shards, by many processes, and in bounded memory."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elman.data.corpus import Corpus, id_type
from elman.data.encode import Texts, check_parts, check_settings
from elman.data.feeding import CHUNK
from elman.data.registry import load_tokenizer
from elman.data.shards.context import Context, Report
from elman.data.shards.dealing import Dealing
from elman.data.shards.files import Listed, list_files
from elman.data.shards.index import FORMAT, checksums_of, open_prepared, read_index
from elman.data.shards.plan import Plan, settings_of, stems
from elman.data.shards.pool import Pool
from elman.data.shards.stages import Stages
from elman.data.shards.work import COUNT_TYPE, checksum
from elman.data.shards.workplace import SOURCES, Workplace, cannot_write
from elman.data.sources import items_of
from elman.data.split import DEFAULT_SPLIT, PARTS
from elman.data.tokenize import Tokenizer
from elman.disk.atomic import write_atomic
from elman.errors import ConfigError, DataError


def prepare_corpus(
    sources: Texts | Mapping[str, Texts],
    out_dir: str | Path,
    *,
    shards: int | None = None,
    workers: int = 1,
    tokens: str = "char",
    split: Sequence[float] = DEFAULT_SPLIT,
    max_vocab: int | None = None,
    min_count: int = 1,
    lowercase: bool = False,
    documents: str = "none",
    tokenizer: Tokenizer | None = None,
    chunk: int = CHUNK,
    overwrite: bool = False,
    report: Report = lambda what, done, of: None,
) -> Corpus:
    """Encode texts of any size by many processes to many files, of which readers open those they need.

    The ids, the vocabulary and the documents are those of `encode_corpus` for the same texts, whatever the
    number of shards and workers: shards are cut where their ids do not depend on what stands before, and the
    vocabulary is chosen from the sums of what was counted in each. Memory holds a chunk of the text and the
    symbols of half a million; with bpe tokens one process first reads all of the training part, and has its
    distinct words in memory.

    Work that is interrupted is taken up by the same call, whatever its workers: what is done is known by its
    checksums. Until all is done there is no index, and so nothing that looks finished. Of a finished text the
    same call checks every file, and makes damaged ones anew.

    Parameters
    ----------
    sources : path, sequence of paths, or dict
        Files and folders, as for `encode_corpus`.
    out_dir : str or Path
        Folder to write to, made where it does not exist.
    shards : int, optional
        Files of ids of the training part; the other parts have shards of about the same size. By default one
        for every 128 MiB of its text.
    workers : int
        Processes that encode.
    tokens, split, max_vocab, min_count, lowercase, documents, tokenizer, chunk
        As for `encode_corpus`.
    overwrite : bool
        Begin anew, whatever has been prepared in the folder.
    report : callable, optional
        Told what is being done, how much of it is done, and of how much.

    Returns
    -------
    Corpus

    Raises
    ------
    ConfigError
        Where a setting is wrong; where the folder holds other files, or a text prepared otherwise.
    DataError
        As of `encode_corpus`.
    CheckpointError
        Where another process prepares a text in the folder, or it is damaged beyond going on.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "text.txt").write_text("to be or not to be\\n" * 100)
    ...     corpus = prepare_corpus(f"{folder}/text.txt", f"{folder}/made", tokens="word", shards=4)
    ...     corpus.parts["train"].tokens, corpus.tokenizer.decode(corpus.parts["train"].ids[203:209])
    (630, 'to be or not to be')
    """
    if workers < 1 or (shards is not None and shards < 1):
        name, value = ("workers", workers) if workers < 1 else ("shards", shards)
        raise ConfigError(f"{name} is {value}: give at least 1")
    kind = check_settings(tokens, documents, tokenizer, max_vocab, min_count, lowercase, chunk)
    builder = None
    if tokenizer is None:
        builder = kind.builder(max_vocab=max_vocab, min_count=min_count, lowercase=lowercase)
    sources = _listed(sources)
    fractions = check_parts(sources, split, tokenizer is not None)
    if workers > 1 and not kind.__module__.startswith("elman."):
        raise ConfigError(f"{kind.name} tokens are known to this process alone: leave workers at 1")
    separate = isinstance(sources, Mapping)
    plan = Plan(
        settings_of(
            tokenizer, None if separate else fractions, shards, tokens=kind.name, max_vocab=max_vocab,
            min_count=min_count, lowercase=lowercase, documents=documents,
        ),
        tuple(_files(sources)),
    )  # fmt: skip
    place = Workplace(Path(out_dir))
    try:
        with place.claimed(), Pool(workers) as pool:
            context = Context(place, plan, kind, fractions, chunk, pool, report)
            if overwrite:
                place.clear()
            if not _complete(context):
                if builder is None:
                    context.choose(tokenizer or kind())
                _prepare(context, sources)
    except OSError as error:
        raise cannot_write(place.out, error) from None
    return open_prepared(place.out)


def _listed(sources: Texts | Mapping[str, Texts]) -> Texts | Mapping[str, Texts]:
    """The same, to be gone through more than once."""
    if isinstance(sources, Mapping):
        return {part: items_of(given) for part, given in sources.items()}
    return items_of(sources)


def _files(sources: Texts | Mapping[str, Texts]) -> list[Listed]:
    if isinstance(sources, Mapping):
        return [file for part in PARTS if part in sources for file in list_files(sources[part], part)]
    return list_files(sources)


def _complete(context: Context) -> bool:
    """Say whether all is done; where it is not, make the folder ready to begin, or to go on."""
    place, plan = context.place, context.plan
    kept = place.plan()
    if kept is None:
        made = [path.name for path in place.made()]
        if made:
            raise ConfigError(
                f"{place.out} holds {min(made)}, but neither a prepared text nor the beginning of one: "
                "give a new folder, or --overwrite to replace it"
            )
        _begin(context)
        return False
    other, finished = plan.other_settings(kept), place.finished
    changed = None if other else plan.changed_file(kept)
    if other is not None or (changed is not None and finished):
        what = "a text" if finished else "the beginning of a text"
        raise ConfigError(
            f"{place.out} holds {what} that was prepared "
            f"{other or f'before {changed} changed'}: give --overwrite to replace it, or another --out"
        )
    if changed is not None:
        context.report(f"{changed} has changed since it was begun, so beginning anew", 0, 0)
        _begin(context)
        return False
    if not finished:
        context.recall()
        return False
    return _whole(context)


def _begin(context: Context) -> None:
    context.place.clear()
    context.place.begin(context.plan)


def _whole(context: Context) -> bool:
    """Say whether all files of a finished text are right; where not, take the index away, to go on."""
    place = context.place
    fields = read_index(place.out)
    checksums = list(checksums_of(fields).items())
    orders = [{"sha256": {str(place.out / name): checksum}} for name, checksum in checksums]
    bad = {
        checksums[number][0]
        for number, answer in context.work("checking", "verify", orders) if any(answer["found"].values())
    }  # fmt: skip
    if not bad:
        shutil.rmtree(place.work, ignore_errors=True)  # of one that was killed at its very end
        return True
    place.begin(context.plan)
    place.write("ranges.json", json.loads((place.out / SOURCES).read_bytes()).get("ranges"))
    if "tokenizer.json" not in bad:
        context.choose(load_tokenizer(place.out / "tokenizer.json"))
        for part, shards in fields["parts"].items():
            for stem, record in zip(stems(part, len(shards)), shards, strict=True):
                if not bad & record["sha256"].keys():
                    place.write(f"{stem}.json", record)
    place.unfinish()
    return False


def _prepare(context: Context, sources: Texts | Mapping[str, Texts]) -> None:
    """Do what is left to do."""
    stages = Stages(context, Dealing(context))
    stages.look()
    stages.encode()
    stages.choose()
    stages.finish()
    counts = stages.count()
    now = Plan(context.plan.settings, tuple(_files(sources)))
    if now.other_settings(context.plan):
        raise DataError(
            "files were added or removed while the text was prepared: run the same command when it is "
            "complete, with --overwrite"
        )
    changed = now.changed_file(context.plan)
    if changed is not None:
        raise DataError(f"{changed} changed while it was prepared: run the same command when it is complete")
    _publish(context, stages, counts)


def _publish(context: Context, stages: Stages, counts: NDArray[np.int64] | None) -> None:
    """Write the index, which makes of the files a text."""
    place, tokenizer = context.place, context.chosen
    assert tokenizer is not None
    write_atomic(place.out / "tokenizer.json", tokenizer.to_bytes())
    checksums = {"tokenizer.json": checksum(place.out / "tokenizer.json")}
    if counts is not None:
        write_atomic(place.out / "train.counts", counts.astype(COUNT_TYPE).tobytes())
        checksums["train.counts"] = checksum(place.out / "train.counts")
    index = {
        "format": FORMAT,
        "tokens": tokenizer.name,
        "vocab_size": tokenizer.vocab_size,
        "dtype": id_type(tokenizer.vocab_size),
        "documents": context.documents,
        "notes": list(tokenizer.notes),
        "sha256": checksums,
        "given": context.plan.settings["tokenizer"] is not None,
        "parts": {part: [stages.records[stem] for stem in some] for part, some in stages.stems.items()},
    }
    place.finish(index, {"plan": context.plan.to_json(), "ranges": stages.ranges})
