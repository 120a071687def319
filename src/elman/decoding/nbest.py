"""Lists of the n best hypotheses of a recogniser or a translator, read from their files."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from elman.data import Line, SourceLike, read_lines
from elman.errors import ConfigError, DataError


class Candidate(NamedTuple):
    """A hypothesis as a list has it.

    Attributes
    ----------
    id : str
        What it is a hypothesis for: a sentence, an utterance.
    text : str
        Its words.
    score : float
        The score it was given; 0 where the list has none.
    """

    id: str
    text: str
    score: float


def read_nbest(
    files: Sequence[SourceLike], form: str = "auto", scores: Sequence[SourceLike] = ()
) -> list[Candidate]:
    r"""Read the candidates of n-best lists.

    Parameters
    ----------
    files : sequence of path, Text, or "-"
        What to read. The candidates of an id need not stand together, nor in one file.
    form : str
        ``moses``: ``id ||| text ||| features ||| score``, of which the last two, or the features, may be left
        out. ``tsv``: ``id``, ``score`` and ``text`` with a tab between; a first line with these words is no
        candidate. ``jsonl``: an object a line, with ``id``, ``text`` and ``score``, which may be left out.
        ``espnet``: ``id text``, a file for each rank. ``kaldi``: ``id-N text``, where N is the rank.
        ``auto``: one of the first three, told from the first line.
    scores : sequence of path, Text, or "-"
        For the forms ``espnet`` and ``kaldi``: a file of ``id score`` for each of `files`, in any order.

    Returns
    -------
    list of Candidate
        As they come. Lines of white space alone are passed over.

    Raises
    ------
    DataError
        If a line is malformed or a score no finite number, with the number of the line; if there is no
        candidate, or a file cannot be read.
    ConfigError
        If there is no such form, or `scores` do not fit it.

    Examples
    --------
    >>> from elman.data import Text
    >>> from elman.decoding import read_nbest
    >>> read_nbest([Text("7 ||| the cat ||| LM= -2.5 ||| -1.25\n7 ||| a cat ||| LM= -3 ||| -1.5")])[1]
    Candidate(id='7', text='a cat', score=-1.5)
    """
    if form not in ("auto", *FORMS):
        raise ConfigError(f"unknown format {form!r}: give auto, {', '.join(FORMS)}")
    if scores and form not in KEYED:
        raise ConfigError(
            f"scores in files of their own go with the formats {' and '.join(KEYED)}: leave them out"
        )
    if scores and len(scores) != len(files):
        raise ConfigError(
            f"{len(scores)} files of scores were given for {len(files)} of texts: give one for each"
        )
    found: list[Candidate] = []
    for index, file in enumerate(files):
        lines = _lines(file)
        if form in KEYED:
            found += _keyed(lines, scores[index] if scores else None, ranked=form == "kaldi")
        else:
            found += _whole(lines, form)
    if not found:
        raise DataError("there is no candidate in what was given: give an n-best list")
    return found


def _lines(file: SourceLike) -> Iterator[Line]:
    return (line for line in read_lines(file) if line.text.strip())


def _whole(lines: Iterator[Line], form: str) -> Iterator[Candidate]:
    """Yield the candidates of lines that say all there is to say."""
    parse = FORMS.get(form)
    for line in lines:
        if parse is None:
            parse = _told(line)
        if parse is _tsv and line.number == 1 and line.text.split("\t") == ["id", "score", "text"]:
            continue
        yield parse(line)


def _told(line: Line) -> Callable[[Line], Candidate]:
    """Return what reads a list with this first line."""
    if line.text.lstrip().startswith("{"):
        return _json
    if "|||" in line.text:
        return _moses
    if line.text.count("\t") >= 2:
        return _tsv
    raise _malformed(line, "its format cannot be told: say which with the format (--format)")


def _moses(line: Line) -> Candidate:
    fields = [field.strip() for field in line.text.split("|||")]
    if len(fields) < 2:
        raise _malformed(line, "expected id ||| text ||| features ||| score")
    if len(fields) == 2:
        return Candidate(_id(line, fields[0]), fields[1], 0.0)
    return Candidate(_id(line, fields[0]), fields[1], _number(line, fields[3 if len(fields) > 3 else 2]))


def _tsv(line: Line) -> Candidate:
    fields = line.text.split("\t", 2)
    if len(fields) != 3:
        raise _malformed(line, "expected id, score and text, with a tab between")
    return Candidate(_id(line, fields[0]), fields[2].strip(), _number(line, fields[1]))


def _json(line: Line) -> Candidate:
    try:
        fields = json.loads(line.text)
    except (ValueError, RecursionError) as error:
        raise _malformed(line, f"it is not JSON ({error})") from None
    if not isinstance(fields, dict) or not isinstance(fields.get("text"), str):
        raise _malformed(line, 'expected an object such as {"id": "7", "text": "the cat", "score": -1.25}')
    name, value = fields.get("id"), fields.get("score", 0.0)
    if isinstance(name, bool) or not isinstance(name, (str, int)):
        raise _malformed(line, f"its id is {name!r:.40}: expected a string or a whole number")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _malformed(line, f"its score is {value!r:.40}: expected a number")
    return Candidate(_id(line, str(name)), fields["text"], _number(line, value))


def _keyed(lines: Iterable[Line], scores: SourceLike | None, *, ranked: bool) -> Iterator[Candidate]:
    """Yield the candidates of lines that begin with a key; their scores are looked up."""
    known = None if scores is None else _scores(scores)
    for line in lines:
        key, *text = line.text.split(None, 1)
        if known is not None and key not in known:
            raise _malformed(line, f"the scores have no {key!r:.60}")
        name = key
        if ranked:
            name, _, rank = key.rpartition("-")
            if not (name and rank.isascii() and rank.isdigit()):
                raise _malformed(line, f"{key!r:.60} does not end in a dash and the rank")
        yield Candidate(name, "".join(text).strip(), 0.0 if known is None else known[key])


def _scores(file: SourceLike) -> dict[str, float]:
    known: dict[str, float] = {}
    for line in _lines(file):
        fields = line.text.split(None, 1)
        if len(fields) != 2:
            raise _malformed(line, "expected a key and a score")
        if fields[0] in known:
            raise _malformed(line, f"it has a second score for {fields[0]!r:.60}")
        known[fields[0]] = _number(line, _TENSOR.sub(r"\1", fields[1].strip()))
    return known


_TENSOR = re.compile(r"^tensor\(([^,()]*).*\)$")
"""How PyTorch writes a number, and ESPnet so its scores."""

FORMS: dict[str, Callable[[Line], Candidate] | None] = {
    "moses": _moses, "tsv": _tsv, "jsonl": _json, "espnet": None, "kaldi": None,
}  # fmt: skip
KEYED = ("espnet", "kaldi")


def _id(line: Line, name: str) -> str:
    if not name.strip():
        raise _malformed(line, "it has no id")
    return name.strip()


def _number(line: Line, value: Any) -> float:
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise _malformed(line, f"its score is {value!r:.40}: expected a number") from None
    if not math.isfinite(number):
        raise _malformed(line, f"its score is {value!r:.40}: expected a finite number")
    return number


def _malformed(line: Line, why: str) -> DataError:
    return DataError(f"{line.source}, line {line.number}: {why}")
