"""Encoding to disk: the ids, the counts, the files, and what is refused."""

import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data import ByteTokenizer, CharTokenizer, Corpus, Part, Text, WordTokenizer, encode_corpus
from elman.data import corpus as corpus_module
from elman.data import encode as encode_module
from elman.data import writing as writing_module
from elman.errors import CheckpointError, ConfigError, DataError, ShapeError

KINDS = ["byte", "char", "word"]
LINES = "".join(f"line {i} says: don't — 明月 é{'!' * (i % 3)}\n" for i in range(400))
kinds = pytest.mark.parametrize("kind", KINDS)


def ids_of(corpus):
    return {name: part.ids.tolist() for name, part in corpus.parts.items()}


def texts_of(corpus):
    return {name: corpus.tokenizer.decode(part.ids) for name, part in corpus.parts.items()}


@kinds
def test_a_text_comes_back_in_three_parts(kind, tmp_path):
    corpus = encode_corpus(Text(LINES), tmp_path / "c", tokens=kind)
    assert list(corpus.parts) == ["train", "valid", "test"]
    assert corpus.tokenizer.name == kind
    texts = texts_of(corpus)
    if kind != "word":
        seen = set(texts["train"])
        assert texts["train"] + texts["valid"] + texts["test"] == LINES
        assert seen >= set(LINES)
    for name, part in corpus.parts.items():
        assert (part.name, part.tokens) == (name, part.ids.size)
        if kind == "byte":
            assert part.tokens == part.bytes
        if kind == "char":
            assert part.tokens == part.chars
    parts = corpus.parts.values()
    assert sum(part.bytes for part in parts) == len(LINES.encode())
    assert sum(part.chars for part in parts) == len(LINES)
    sizes = np.array([part.bytes for part in parts]) / len(LINES.encode())
    assert np.abs(sizes - [0.9, 0.05, 0.05]).max() < 0.005


@kinds
def test_the_vocabulary_is_that_of_the_training_part(kind, tmp_path):
    train, valid = "a b a b c\n" * 9, "a z z a 月\n"
    corpus = encode_corpus({"train": Text(train), "valid": Text(valid)}, tmp_path, tokens=kind)
    expected = {"byte": ByteTokenizer, "char": CharTokenizer, "word": WordTokenizer}[kind].from_text(train)
    assert corpus.tokenizer == expected
    assert ids_of(corpus) == {
        "train": expected.encode(train).tolist(),
        "valid": expected.encode(valid).tolist(),
    }
    assert corpus.parts["train"].unknown == 0
    assert corpus.parts["valid"].unknown == (0 if kind == "byte" else 3)


many = st.lists(st.text("ab'明é \n\r\t.<unk>🙂", max_size=30), min_size=1, max_size=4)


@kinds
@given(many, st.integers(1, 20), st.sampled_from(["none", "file", "line", "blank"]), st.booleans())
def test_the_chunk_never_changes_the_corpus(kind, tmp_path_factory, texts, chunk, documents, limited):
    folder = tmp_path_factory.mktemp("chunks")
    sources = [Text("ab ba\n"), *(Text(t) for t in texts if t)]
    options = {"max_vocab": 4} if limited and kind != "byte" else {}
    a, b = (
        encode_corpus(
            {"train": sources}, folder / str(size), tokens=kind, chunk=size, documents=documents, **options
        )
        for size in (chunk, 1 << 20)
    )
    assert ids_of(a) == ids_of(b)
    assert a.tokenizer == b.tokenizer
    for name in ("corpus.json", "tokenizer.json", "train.ids", "train.starts"):
        path = folder / str(chunk) / name
        assert path.exists() == (name != "train.starts" or documents != "none")
        if path.exists():
            assert path.read_bytes() == (folder / str(1 << 20) / name).read_bytes()
    normal = [
        t.replace("\r\n", "\n").replace("\r", "\n") if kind != "byte" else t for t in ["ab ba\n", *texts]
    ]
    assert a.parts["train"].ids.tolist() == [i for t in normal for i in a.tokenizer.encode(t).tolist()]
    assert a.parts["train"].chars == sum(map(len, normal))
    assert a.parts["train"].bytes == sum(len(t.encode()) for t in normal)
    unknown = a.tokenizer.unknown
    assert a.parts["train"].unknown == a.parts["train"].ids.tolist().count(-1 if unknown is None else unknown)


def starts_by_hand(texts, documents):
    """Character offsets of document starts, one character at a time."""
    starts, offset = [], 0
    for text in texts:
        lines = text.splitlines(keepends=True)
        begun = blank = False
        for number, line in enumerate(lines):
            first = number == 0
            if documents == "line" or first or (documents == "blank" and blank and begun and line.strip()):
                starts.append(offset)
            begun = begun or bool(line.strip())
            blank = not line.strip()
            offset += len(line)
    return starts


@given(st.lists(st.text("ab \n", min_size=1, max_size=25), min_size=1, max_size=3), st.integers(1, 9))
def test_document_starts_are_those_found_by_hand(tmp_path_factory, texts, chunk):
    texts = ["ab", *texts]
    for kind in ("char", "byte"):
        for documents in ("file", "line", "blank"):
            folder = tmp_path_factory.mktemp("documents")
            sources = {"train": [Text(t) for t in texts]}
            part = encode_corpus(sources, folder, tokens=kind, documents=documents, chunk=chunk).parts[
                "train"
            ]
            assert part.starts.tolist() == starts_by_hand(texts, documents)
            assert part.starts.dtype == np.uint64


@pytest.mark.parametrize(
    ("documents", "starts"), [("file", [0, 12]), ("line", [0, 3, 4, 5, 7, 10, 11, 12]), ("blank", [0, 5, 12])]
)
def test_document_starts_of_words(documents, starts, tmp_path):
    texts = [Text("a b\n\n  \nc\nd e\n \n\n"), Text("x.\n")]
    part = encode_corpus({"train": texts}, tmp_path, tokens="word", documents=documents).parts["train"]
    assert part.tokens == 15  # a b / / / c / d e / / / x . /  with a line end at each stroke
    assert part.starts.tolist() == starts


def test_every_part_begins_a_document(tmp_path):
    corpus = encode_corpus(Text("ab\n" * 100), tmp_path, documents="file")
    assert {name: part.starts.tolist() for name, part in corpus.parts.items()} == {
        "train": [0],
        "valid": [0],
        "test": [0],
    }


@pytest.mark.parametrize("kind", ["char", "word"])
def test_more_than_65536_symbols_take_32_bits(kind, tmp_path):
    letters = [chr(c) for c in range(0x100, 0x20000) if not 0xD800 <= c < 0xE000 and chr(c).isalnum()][
        :70_000
    ]
    symbols = letters if kind == "char" else [f"w{i}" for i in range(70_000)]
    text = ("" if kind == "char" else " ").join(symbols)
    corpus = encode_corpus({"train": Text(text + "\n" + text)}, tmp_path, tokens=kind, chunk=50_000)
    assert corpus.parts["train"].ids.dtype == np.dtype("<u4")
    assert corpus.parts["train"].ids.tolist() == corpus.tokenizer.encode(text + "\n" + text).tolist()
    small = encode_corpus({"train": Text(text)}, tmp_path, tokens=kind, max_vocab=100)
    assert small.parts["train"].ids.dtype == np.dtype("<u2")
    assert small.parts["train"].ids.tolist() == small.tokenizer.encode(text).tolist()
    assert small.parts["train"].unknown == small.parts["train"].tokens - (99 if kind == "char" else 98)


def test_the_type_of_ids_follows_the_vocabulary():
    assert [corpus_module.id_type(k) for k in (2, 65_536, 65_537)] == ["uint16", "uint16", "uint32"]


@pytest.mark.parametrize("split", [(0.8, 0.2, 0), (1, 0, 0), (0.5, 0, 0.5)])
def test_a_part_of_fraction_zero_is_absent(split, tmp_path):
    corpus = encode_corpus(Text(LINES), tmp_path, split=split)
    assert list(corpus.parts) == [n for n, f in zip(["train", "valid", "test"], split, strict=True) if f]


def test_a_text_is_encoded_with_a_given_tokenizer(tmp_path):
    words = WordTokenizer.from_text("a b\n")
    for sources, split in [({"test": Text("b z b\n")}, (0.9, 0.05, 0.05)), (Text("b z b\n"), (0, 0, 1))]:
        corpus = encode_corpus(sources, tmp_path, tokenizer=words, split=split)
        assert ids_of(corpus) == {"test": words.encode("b z b\n").tolist()}
        assert corpus.parts["test"].unknown == 1
        assert corpus.tokenizer == words
    one = encode_corpus({"test": Text("b")}, tmp_path, tokenizer=words)  # a single symbol can be scored
    assert ids_of(one) == {"test": words.encode("b").tolist()}


def test_what_was_changed_is_noted(tmp_path):
    (tmp_path / "dos.txt").write_bytes("\ufeffab\r\ncd\r\n".encode() * 1)
    corpus = encode_corpus({"train": tmp_path / "dos.txt"}, tmp_path / "c")
    assert texts_of(corpus) == {"train": "ab\ncd\n"}
    assert [note.split("dos.txt: ")[1] for note in corpus.notes] == [
        "dropped the byte-order mark at its beginning",
        "wrote 2 line ends with carriage returns as line feeds",
    ]
    raw = encode_corpus({"train": tmp_path / "dos.txt"}, tmp_path / "c", tokens="byte")
    assert texts_of(raw) == {"train": "\ufeffab\r\ncd\r\n"}
    assert raw.notes == ()


def test_bytes_that_are_not_utf8_are_bytes(tmp_path):
    (tmp_path / "b.bin").write_bytes(bytes(range(256)))
    with pytest.raises(DataError, match=r"b.bin is not UTF-8 at byte 128: .*--tokens byte"):
        encode_corpus(tmp_path / "b.bin", tmp_path / "c")
    corpus = encode_corpus({"train": tmp_path / "b.bin"}, tmp_path / "c", tokens="byte")
    assert corpus.parts["train"].ids.tolist() == list(range(256))


def test_open_gives_what_encode_gave(tmp_path):
    made = encode_corpus(Text(LINES), tmp_path, documents="line")
    opened = Corpus.open(str(tmp_path))
    assert ids_of(opened) == ids_of(made)
    assert opened.tokenizer == made.tokenizer
    assert (opened.documents, opened.notes, opened.folder) == ("line", (), tmp_path)
    for name, part in opened.parts.items():
        assert part.starts.tolist() == made.parts[name].starts.tolist()
        assert (part.chars, part.bytes, part.unknown) == tuple(
            getattr(made.parts[name], field) for field in ("chars", "bytes", "unknown")
        )


def test_ids_on_disk_cannot_be_changed_and_survive_release(tmp_path):
    part = encode_corpus(Text(LINES), tmp_path, documents="line").parts["train"]
    before = part.ids.copy()
    part.release()
    assert np.array_equal(part.ids, before)
    for array in (part.ids, part.starts):
        with pytest.raises(ValueError, match=r"read-only"):
            array[0] = 1


def test_a_corpus_is_replaced_whole(tmp_path):
    encode_corpus(Text(LINES), tmp_path, documents="line")
    encode_corpus({"train": Text("ab")}, tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["corpus.json", "tokenizer.json", "train.ids"]


def test_files_are_little_endian_and_raw(tmp_path):
    encode_corpus({"train": Text("bab")}, tmp_path, documents="file")
    assert (tmp_path / "train.ids").read_bytes() == b"\2\0\1\0\2\0"
    assert (tmp_path / "train.starts").read_bytes() == bytes(8)


def test_an_encoding_that_is_broken_off_leaves_the_old_corpus(tmp_path, monkeypatch):
    encode_corpus({"train": Text("abab")}, tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    (tmp_path / ".encoding").mkdir()  # as a killed process leaves it
    (tmp_path / ".encoding" / "train.uint16").write_bytes(b"x")

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(encode_module, "_publish", interrupt)
    with pytest.raises(KeyboardInterrupt):
        encode_corpus(Text(LINES), tmp_path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
    with pytest.raises(DataError):
        encode_corpus(Text("aaaa"), tmp_path / "new" / "folder")
    assert not (tmp_path / "new" / "folder").exists()


def test_a_kill_between_two_renames_looks_incomplete(tmp_path, monkeypatch):
    encode_corpus({"train": Text("abab")}, tmp_path)
    renames = []
    original = type(tmp_path).replace

    def die_at_second(self, target):
        renames.append(target)
        if len([r for r in renames if r.parent == tmp_path]) == 2:
            raise KeyboardInterrupt
        return original(self, target)

    monkeypatch.setattr(type(tmp_path), "replace", die_at_second)
    with pytest.raises(KeyboardInterrupt):
        encode_corpus({"train": Text("cdcd")}, tmp_path)
    with pytest.raises(CheckpointError, match=r"corpus.json is missing"):
        Corpus.open(tmp_path)


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing_module.PartWriter, "add", full)
    with pytest.raises(DataError, match=r"cannot write the encoded text to .*: No space left on device"):
        encode_corpus(Text(LINES), tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot write the encoded text"):
        encode_corpus(Text(LINES), tmp_path / "file")


@pytest.mark.parametrize("name", ["corpus.json", "tokenizer.json", "train.ids", "valid.ids", "test.starts"])
@pytest.mark.parametrize("damage", ["missing", "empty", "half", "longer"])
def test_a_damaged_corpus_is_refused(name, damage, tmp_path):
    encode_corpus(Text(LINES), tmp_path, documents="line")
    path = tmp_path / name
    data = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes({"empty": b"", "half": data[: len(data) // 2], "longer": data + b"xx"}[damage])
    with pytest.raises(CheckpointError, match=name.replace(".", r"\.")):
        Corpus.open(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "newer elman .format 2"),
        ({"format": None}, "format None"),
        ({"format": True}, "format True"),
        ({"dtype": "float64"}, "unknown here"),
        ({"dtype": "uint32"}, r"bytes where"),
        ({"vocab_size": 7}, "ids of 7 tokens but a tokenizer of"),
        ({"parts": {"extra": {}}}, "unknown here"),
        ({"parts": {"train": {}}}, "damaged"),
        ({"parts": None}, "damaged"),
        ({"parts": {"train": {"tokens": "many"}}}, "damaged"),
        ({"notes": 3}, "damaged"),
    ],
)
def test_a_changed_description_is_refused(change, message, tmp_path):
    encode_corpus(Text(LINES), tmp_path)
    path = tmp_path / "corpus.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(CheckpointError, match=message):
        Corpus.open(tmp_path)


@pytest.mark.parametrize("content", ["[]", "3", "null", "{}"])
def test_a_description_that_is_none_is_refused(content, tmp_path):
    (tmp_path / "corpus.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"format None"):
        Corpus.open(tmp_path)


def test_a_folder_that_is_no_corpus_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"corpus.json is missing"):
        Corpus.open(tmp_path)
    (tmp_path / "corpus.json").mkdir()
    with pytest.raises(CheckpointError, match=r"cannot read .*corpus.json"):
        Corpus.open(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tokens": "bpe2"}, "unknown tokens 'bpe2': give one of bpe, byte, char, space, word"),
        ({"documents": "page"}, "unknown documents 'page': give one of none, file, line, blank"),
        ({"chunk": 0}, "chunk is 0"),
        ({"split": (0.9, 0.2, 0.1)}, "sums to 1.2"),
        ({"split": (0, 0.5, 0.5)}, "no training part"),
        ({"min_count": 0}, "min_count is 0"),
        ({"max_vocab": -1}, "max_vocab is -1"),
        ({"tokens": "byte", "max_vocab": 10}, "byte tokens have no max_vocab"),
        ({"tokens": "char", "lowercase": True}, "lowercase"),
        ({"tokenizer": ByteTokenizer(), "max_vocab": 9}, "together with settings"),
        ({"tokenizer": ByteTokenizer(), "tokens": "word"}, "together with settings"),
    ],
)
def test_settings_that_are_none_are_refused(options, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        encode_corpus(Text(LINES), tmp_path / "c", **options)
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("sources", "options", "message"),
    [
        ({"train": Text("ab"), "dev": Text("ab")}, {}, "train, and valid and test"),
        ({}, {}, "train, and valid and test"),
        ({"valid": Text("ab")}, {}, "no training part"),
        ({"train": Text("ab")}, {"split": (0.8, 0.1, 0.1)}, "one or the other"),
    ],
)
def test_parts_that_are_none_are_refused(sources, options, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        encode_corpus(sources, tmp_path, **options)


@pytest.mark.parametrize(
    ("kind", "text", "options", "message"),
    [
        ("char", "a" * 20, {}, r"every character token of the training text is 'a'"),
        ("byte", "\n" * 20, {}, r"every byte token of the training text is '\\n'"),
        ("word", "the " * 20, {}, "every word token of the training text is 'the'"),
        ("word", "a b c " * 20, {"min_count": 1000}, "every word token of the training text is '<unk>'"),
        ("word", " \t" * 20, {}, "the train part of <text> has no tokens"),
        ("char", "", {}, "<text> is empty"),
        ("char", "ab", {}, "would have no text"),
    ],
)
def test_a_text_that_teaches_nothing_is_refused(kind, text, options, message, tmp_path):
    with pytest.raises(DataError, match=message):
        encode_corpus(Text(text), tmp_path, tokens=kind, **options)


@pytest.mark.parametrize("kind", ["char", "byte", "word", "bpe"])
def test_memory_does_not_grow_with_the_text(kind, tmp_path):
    block = "".join(f"the word {i % 997} of many\n" for i in range(4000))
    path = tmp_path / "text"
    peaks = []
    for copies in (4, 4, 24):  # the first run fills caches
        with path.open("w") as file:
            for _ in range(copies):
                file.write(block)
        tracemalloc.start()
        encode_corpus(path, tmp_path / "c", tokens=kind, documents="line", chunk=1 << 15)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert path.stat().st_size > 2_000_000
    assert peaks[2] < 1.1 * peaks[1]
    assert peaks[2] < 10_000_000


def test_memory_does_not_grow_with_a_word(tmp_path):
    path = tmp_path / "text"
    path.write_text("x" * 4_000_000)
    tracemalloc.start()
    corpus = encode_corpus({"train": [path, Text("y")]}, tmp_path / "c", tokens="word", chunk=1 << 15)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert corpus.parts["train"].tokens == -(-4_000_000 // 65_536) + 1
    assert peak < 3_000_000


def test_a_part_can_be_made_of_ids():
    part = Part.from_ids(np.array([3, 1, 2]), starts=[0, 2], name="valid")
    assert (part.name, part.tokens, part.chars, part.bytes, part.unknown) == ("valid", 3, 3, 3, 0)
    assert part.starts.tolist() == [0, 2]
    part.release()
    for ids in ([[1]], [0.5], "abc", [], 3):
        with pytest.raises(ShapeError, match=r"give integers"):
            Part.from_ids(ids)
    for starts in ([1, 1], [2, 1], [3], [-1], [[0]]):
        with pytest.raises(ShapeError, match=r"ascending offsets"):
            Part.from_ids([1, 2, 3], starts=starts)
