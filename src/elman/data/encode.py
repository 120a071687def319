"""From text to a corpus on disk, in one pass and bounded memory."""

import contextlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeAlias

from elman.data.builder import Builder
from elman.data.corpus import DOCUMENTS, FORMAT, Corpus, id_type
from elman.data.feeding import CHUNK, feed, texts_of
from elman.data.registry import tokenizer_kind
from elman.data.sources import Source, SourceLike, notes_of, open_sources
from elman.data.split import DEFAULT_SPLIT, PARTS, Segment, check_split, split_by_fractions, whole
from elman.data.tokenize import Tokenizer
from elman.data.writing import PartWriter
from elman.errors import ConfigError, DataError

Texts: TypeAlias = SourceLike | Iterable[SourceLike]
"""What `encode_corpus` reads as one text: a path, a `Text`, or several of them."""


def encode_corpus(
    sources: Texts | Mapping[str, Texts],
    out_dir: str | Path,
    *,
    tokens: str = "char",
    split: Sequence[float] = DEFAULT_SPLIT,
    max_vocab: int | None = None,
    min_count: int = 1,
    lowercase: bool = False,
    documents: str = "none",
    tokenizer: Tokenizer | None = None,
    chunk: int = CHUNK,
) -> Corpus:
    """Encode a text of any size to files of token ids.

    The text is read once. The vocabulary comes from the training part alone: its symbols get provisional
    ids as they appear and their final ones when the part has ended; the other parts are encoded with the
    vocabulary so made. With bpe tokens the training part is read once before, to learn the merges. Sources
    are encoded one after the other, and no token spans two of them. Memory holds a chunk of the text, and
    with words and parts of words the distinct words. An encoding that is broken off leaves nothing that
    looks complete.

    Parameters
    ----------
    sources : path, Text, sequence of them, or dict
        What to read (see `open_sources`), as one text to be split; or, under ``"train"``, ``"valid"`` and
        ``"test"``, a text for each part, of which the last two may be left out.
    out_dir : str or Path
        Folder to write to, made where it does not exist. A corpus in it is replaced.
    tokens : str
        Kind of tokenizer: ``"char"``, ``"byte"``, ``"word"``, ``"space"`` or ``"bpe"``.
    split : sequence of 3 floats
        Fractions of the bytes for training, validation and test, contiguous and in this order. A part of
        fraction 0 is left out. Each cut is moved forward to the next character, with words and parts of
        words to the next line.
    max_vocab, min_count, lowercase
        As for `Tokenizer.builder`.
    documents : {"none", "file", "line", "blank"}
        What counts as a document: nothing, each source, each line, or what blank lines separate. A part and a
        source always start one.
    tokenizer : Tokenizer, optional
        Encode with this one, as for the evaluation of a model on a new text. ``"train"`` may then be left
        out.
    chunk : int
        Bytes read at a time: for speed and memory, never for the result.

    Returns
    -------
    Corpus

    Raises
    ------
    ConfigError
        Where a setting is unknown, out of range or contradicts another, or the folder holds a text that
        `prepare_corpus` made.
    DataError
        Where a text cannot be read, is not UTF-8, is empty or too short to split, has fewer than two distinct
        symbols, or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from elman.data import Text
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     corpus = encode_corpus(Text("to be or not to be\\n" * 100), folder, tokens="word")
    ...     {name: part.tokens for name, part in corpus.parts.items()}
    {'train': 630, 'valid': 35, 'test': 35}
    """
    kind = check_settings(tokens, documents, tokenizer, max_vocab, min_count, lowercase, chunk)
    maker = tokenizer or kind.builder(max_vocab=max_vocab, min_count=min_count, lowercase=lowercase) or kind()
    out_dir = Path(out_dir)
    if (out_dir / "index.json").exists():  # which readers go by first
        raise ConfigError(f"{out_dir} holds a prepared text: give another folder")
    with ExitStack() as stack:
        staging = stack.enter_context(_staging(out_dir))
        plan = _plan(sources, split, kind, tokenizer is not None, staging, stack)
        encoder = _Encoder(kind, maker, documents, chunk)
        parts = {
            name: encoder.part(staging, name, segments, must_vary=name == "train" and tokenizer is None)
            for name, segments in plan.items()
        }
        assert isinstance(
            encoder.maker, Tokenizer
        )  # since a training part came first, or a tokenizer was given
        fields = {
            "format": FORMAT,
            "tokens": kind.name,
            "vocab_size": encoder.maker.vocab_size,
            "dtype": id_type(encoder.maker.vocab_size),
            "documents": documents,
            "notes": [*encoder.maker.notes, *_notes(plan)],
            "parts": parts,
        }
        encoder.maker.save(staging / "tokenizer.json")
        (staging / "corpus.json").write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")
        _publish(staging, out_dir)
    return Corpus.open(out_dir)


def check_settings(
    tokens: str,
    documents: str,
    tokenizer: Tokenizer | None,
    max_vocab: int | None,
    min_count: int,
    lowercase: bool,
    chunk: int,
) -> type[Tokenizer]:
    """The kind of tokenizer, or a `ConfigError` where a setting of `encode_corpus` is wrong."""
    if documents not in DOCUMENTS:
        raise ConfigError(f"unknown documents {documents!r}: give one of {', '.join(DOCUMENTS)}")
    if chunk < 1:
        raise ConfigError(f"chunk is {chunk}: give at least 1 byte")
    if tokenizer is None:
        return tokenizer_kind(tokens)
    if documents in ("line", "blank") and not tokenizer.shows_lines:
        raise ConfigError(
            f"documents {documents} goes by line ends, but with this tokenizer no line ends in a token of "
            "its own: choose documents none or file"
        )
    if tokens not in ("char", tokenizer.name) or max_vocab is not None or min_count != 1 or lowercase:
        raise ConfigError(
            "a tokenizer was given together with settings that make one: "
            "leave out tokens, max_vocab, min_count and lowercase"
        )
    return type(tokenizer)


@contextlib.contextmanager
def _staging(out_dir: Path) -> Iterator[Path]:
    """A folder in `out_dir` for unfinished files, empty at first and gone at the end."""
    folder = out_dir / ".encoding"
    new = not out_dir.exists()
    try:
        shutil.rmtree(folder, ignore_errors=True)  # what a killed process left
        folder.mkdir(parents=True)
        yield folder
    except OSError as error:
        raise DataError(f"cannot write the encoded text to {out_dir}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if new:
            with contextlib.suppress(OSError):  # not empty: the encoding has succeeded
                out_dir.rmdir()


def check_parts(
    sources: Texts | Mapping[str, Texts], split: Sequence[float], has_tokenizer: bool
) -> tuple[float, float, float]:
    """The fractions of the parts, or a `ConfigError` where they are none, or no vocabulary comes of them.

    Parameters
    ----------
    sources, split
        As for `encode_corpus`.
    has_tokenizer : bool
        Whether a tokenizer was given.
    """
    fractions = check_split(split)
    if isinstance(sources, Mapping):
        unknown = sorted(set(sources) - set(PARTS))
        if unknown or not sources:
            raise ConfigError(
                f"sources has the parts {sorted(sources)}: give train, and valid and test if you like"
            )
        if fractions != DEFAULT_SPLIT:
            raise ConfigError("separate texts and a split were given: give one or the other")
        names = list(sources)
    else:
        names = [name for name, fraction in zip(PARTS, fractions, strict=True) if fraction]
    if "train" not in names and not has_tokenizer:
        raise ConfigError(
            "there is no training part, from which the vocabulary comes: give one, or a tokenizer"
        )
    return fractions


def _plan(
    sources: Texts | Mapping[str, Texts],
    split: Sequence[float],
    kind: type[Tokenizer],
    has_tokenizer: bool,
    spool: Path,
    stack: ExitStack,
) -> dict[str, list[Segment]]:
    """Which segments make which part."""
    fractions = check_parts(sources, split, has_tokenizer)
    if isinstance(sources, Mapping):
        return whole(
            {name: stack.enter_context(open_sources(given, spool)) for name, given in sources.items()}
        )
    return split_by_fractions(stack.enter_context(open_sources(sources, spool)), fractions, kind.cut_at)


def _notes(plan: Mapping[str, Sequence[Segment]]) -> list[str]:
    read: dict[int, Source] = {id(s.source): s.source for segments in plan.values() for s in segments}
    return [
        note
        for source in read.values()
        for note in notes_of(source.name, source.dropped_mark, source.changed_ends)
    ]


def _publish(staging: Path, out_dir: Path) -> None:
    """Move the files to their place. Without ``corpus.json`` they are nothing: it goes first, comes last."""
    (out_dir / "corpus.json").unlink(missing_ok=True)
    for name in PARTS:
        for suffix in (".ids", ".starts"):
            (out_dir / (name + suffix)).unlink(missing_ok=True)
    for path in sorted(staging.iterdir(), key=lambda path: path.name == "corpus.json"):
        path.replace(out_dir / path.name)


class _Encoder:
    """Encodes part after part. Until the training part has ended, `maker` builds the vocabulary."""

    def __init__(self, kind: type[Tokenizer], maker: Builder | Tokenizer, documents: str, chunk: int) -> None:
        self.maker = maker
        self._kind, self._documents, self._chunk = kind, documents, chunk

    def part(self, staging: Path, name: str, segments: Sequence[Segment], must_vary: bool) -> dict[str, Any]:
        """Encode one part; return what ``corpus.json`` says about it."""
        if isinstance(self.maker, Builder) and self.maker.learns:
            self.maker.learn(texts_of(segment, self._chunk) for segment in segments)
            for segment in segments:
                segment.source.forget()
        known = self.maker if isinstance(self.maker, Tokenizer) else None
        with PartWriter(staging, name, self._documents, known) as writer:
            for segment in segments:
                writer.begin_source()
                feed(segment, self.maker, writer, self._kind.reads_bytes, self._chunk)
            if writer.tokens and isinstance(self.maker, Builder):
                self.maker, table, counts = self.maker.finish()
                writer.renumber(self.maker, table, counts)
            summary = writer.summary(segments)
        assert isinstance(self.maker, Tokenizer)  # as there were tokens
        if must_vary and writer.low == writer.high:
            raise all_one(self.maker, writer.low)
        return summary


def all_one(tokenizer: Tokenizer, token: int) -> DataError:
    """The error for a training text of one kind of token."""
    return DataError(
        f"every {tokenizer.unit} token of the training text is {tokenizer.token(token)!r}, "
        "so there is nothing to predict: give a text with at least two kinds of token "
        "(a large min_count or a small max_vocab also leaves too few)"
    )
