"""The index of a prepared text, read with suspicion."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data import Corpus, Stream
from elman.data.shards import check_corpus, index_checksum, open_prepared, prepare_corpus
from elman.errors import CheckpointError, ElmanError
from tests.small import sentences

from .conftest import OPTIONS, files_in


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    (folder / "a.txt").write_text(sentences(60).replace(".\n", ".\n\n"))
    prepare_corpus(folder / "a.txt", folder / "out", **OPTIONS)
    return files_in(folder / "out")


@pytest.fixture
def out(made, tmp_path):
    """A prepared text, this test's own."""
    for name, data in made.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def change(out, fields):
    (out / "index.json").write_text(json.dumps(fields))


@pytest.fixture
def index(made):
    return json.loads(made["index.json"])


def test_it_is_opened_without_touching_a_shard(out, made):
    for name in made:
        if name.endswith((".ids", ".starts")):
            (out / name).unlink()
    corpus = Corpus.open(out)
    assert corpus.folder == out
    assert not corpus.given
    assert corpus.parts["train"].tokens == sum(
        shard["tokens"] for shard in json.loads(made["index.json"])["parts"]["train"]
    )
    corpus.parts["train"].release()
    with pytest.raises(CheckpointError, match=r"cannot read .*train-00000-of-00003.ids .*elman data check"):
        Stream(corpus.parts["train"], 2, 3)
    with pytest.raises(CheckpointError, match=r"cannot read .*test-00000-of-00001.ids"):
        corpus.parts["test"].require(0, 1)


def test_a_shard_that_is_short_is_refused_when_it_is_opened(out):
    path = out / "train-00002-of-00003.ids"
    path.write_bytes(path.read_bytes()[:-2])
    part = open_prepared(out).parts["train"]
    Stream(part, 3, 4, rows=slice(0, 1)).window_at(0, 4)
    with pytest.raises(CheckpointError, match=r"train-00002-of-00003.ids has [\d,]+ bytes where [\d,]+ were"):
        Stream(part, 3, 4)


def test_an_id_that_no_vocabulary_has_names_what_to_do(out):
    path = out / "train-00000-of-00003.ids"
    with path.open("r+b") as file:
        file.write(b"\xff\xff")
    stream = Stream(open_prepared(out).parts["train"], 3, 4)
    with pytest.raises(
        CheckpointError, match=r"train-\*.ids in .* is damaged: it holds token id 65535.* check"
    ):
        stream.window_at(0, 4)
    assert check_corpus(out) == {path.name: "has another checksum"}


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("format", 2, "made by a newer elman .format 2; this one reads up to 1.: upgrade elman"),
        ("format", "1", "has format '1' where 1 was expected: prepare the text again"),
        ("format", True, "has format True"),
        (
            "dtype",
            "float64",
            "is damaged .it names a type or documents unknown here.: prepare the text",
        ),
        ("documents", "page", "is damaged .it names a type or documents"),
        ("vocab_size", "7", "is damaged .its vocabulary"),
        ("vocab_size", 7, "ids of 7 tokens but a tokenizer of"),
        ("notes", [3], "is damaged .its vocabulary or its notes"),
        ("parts", {}, "is damaged .it names no parts"),
        ("parts", {"dev": [{}]}, "is damaged .it names no parts, or one unknown"),
        ("parts", {"train": []}, "is damaged .it names no parts"),
        ("parts", None, "is damaged"),
        ("sha256", {}, "is damaged .it has checksums of other files"),
        ("sha256", {"tokenizer.json": 3, "train.counts": "x"}, "is damaged .a checksum is no text"),
        ("tokens", None, "is damaged .its vocabulary"),
        ("given", 1, "is damaged .it does not say whether its tokenizer was given"),
    ],
)
def test_a_changed_index_is_refused(out, index, name, value, says):
    change(out, {**index, name: value})
    with pytest.raises(CheckpointError, match=says):
        open_prepared(out)


@pytest.mark.parametrize("content", ["", "[]", "3", "null", "{}", "{", '{"format": 1}'])
def test_an_index_that_is_none_is_refused(out, content):
    (out / "index.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"index.json"):
        open_prepared(out)
    with pytest.raises(CheckpointError, match=r"index.json"):
        check_corpus(out)


def places(fields, path=()):
    """Every place in a JSON value, as a path of keys."""
    yield path
    pairs = enumerate(fields) if isinstance(fields, list) else ()
    children = fields.items() if isinstance(fields, dict) else pairs
    for key, value in children:
        yield from places(value, (*path, key))


numbers = st.one_of(st.integers(-3, 9), st.integers(2**52, 2**70))
junk = st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=3), st.just([]), st.just({}))


@settings(max_examples=60)
@given(st.data())
def test_whatever_is_changed_in_it_ends_in_an_error_of_ours(made, tmp_path_factory, data):
    fields = json.loads(made["index.json"])
    path = data.draw(st.sampled_from([p for p in places(fields) if p]))
    changed = copy.deepcopy(fields)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = data.draw(junk)
    out = tmp_path_factory.mktemp("changed")
    for name, content in made.items():
        (out / name).write_bytes(content)
    change(out, changed)
    try:
        corpus = open_prepared(out)
        for part in corpus.parts.values():
            if part.tokens > 1:
                Stream(part, 1, 1).window_at(0, 1)
        check_corpus(out)
    except ElmanError:
        pass


def test_the_checksum_of_the_index_is_one_of_all(out, made, tmp_path_factory):
    before = index_checksum(out)
    folder = tmp_path_factory.mktemp("again")
    (folder / "a.txt").write_text(sentences(60).replace(".\n", ".\n\n").replace("cat", "cow", 1))
    prepare_corpus(folder / "a.txt", folder / "out", **OPTIONS)
    assert index_checksum(folder / "out") != before
    assert files_in(folder / "out").keys() == made.keys()


def test_the_index_is_of_the_text_wherever_it_lies(tmp_path):
    found, ends = set(), sentences(60).count("\n")
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("\ufeff" + sentences(60), newline="\r\n")
        out = tmp_path / f"{name}.out"
        assert prepare_corpus(tmp_path / name, out, **OPTIONS).notes == (
            f"{tmp_path / name}: dropped the byte-order mark at its beginning",
            f"{tmp_path / name}: wrote {ends} line ends with carriage returns as line feeds",
        )
        found.add(index_checksum(out))
        (out / "sources.json").unlink()
        assert open_prepared(out).notes[0].startswith("file 1 of the text: dropped")
    assert len(found) == 1


@pytest.mark.parametrize("name", ["tokenizer.json", "train.counts"])
def test_files_that_are_read_whole_are_held_to_their_checksums(out, made, name):
    (out / name).write_bytes(made[name].replace(b"cat", b"cow") + b"\n")
    with pytest.raises(CheckpointError, match=rf"{name} has another checksum: elman data check .* makes it"):
        open_prepared(out)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("absent", "no such folder: elman data prepare FILES --out"),
        ("empty", "it holds no prepared text: make one by elman data prepare FILES"),
        ("file", "there is no such folder"),
        ("begun", "has not come to its end: run the same elman data prepare again"),
        ("folder", "cannot read .*index.json: Is a directory"),
    ],
)
def test_folders_without_an_index(tmp_path, kind, says):
    folder = tmp_path / "text"
    if kind == "file":
        folder.touch()
    elif kind != "absent":
        (folder / {"begun": ".preparing", "folder": "index.json"}.get(kind, "")).mkdir(parents=True)
    for function in (open_prepared, check_corpus, index_checksum):
        with pytest.raises(CheckpointError, match=says) as caught:
            function(folder)
        assert "not JSON" not in str(caught.value)  # there is nothing that could be
