"""A ``tokenizer.json`` that others made."""

import json

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from elman.data import (
    BpeTokenizer,
    CharTokenizer,
    Text,
    encode_corpus,
    foreign,
    hugging,
    read_tokenizer,
    trial,
)
from elman.errors import ConfigError, DataError

TEXT = ["the low lower lowest of all", "to be, or not to be", "naïve café 明月 🙂"] * 9
LIMITS = {"vocab_size": 300, "show_progress": False}


def gpt2():
    """As GPT-2's: byte-level, blank lines in one token, a special token."""
    own = tokenizers.Tokenizer(models.BPE())
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    own.decoder = decoders.ByteLevel()
    own.post_processor = tokenizers.processors.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, **LIMITS)
    own.train_from_iterator([*TEXT, *(["a \n\n\n b"] * 50)], trainer)
    return own


def bert():
    """As BERT's: lower case without accents, white space dropped."""
    own = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    own.normalizer = normalizers.BertNormalizer(lowercase=True)
    own.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    own.decoder = decoders.WordPiece()
    own.train_from_iterator(TEXT, trainers.WordPieceTrainer(special_tokens=["[UNK]", "[CLS]"], **LIMITS))
    own.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A", special_tokens=[("[CLS]", 1)]
    )
    own.enable_padding(length=99)
    own.enable_truncation(2)
    return own


def unigram():
    """As T5's: unigram, the space before a word a mark of its own."""
    own = tokenizers.Tokenizer(models.Unigram())
    own.normalizer = normalizers.NFKC()
    own.pre_tokenizer = pre_tokenizers.Metaspace()
    own.decoder = decoders.Metaspace()
    own.train_from_iterator(
        TEXT, trainers.UnigramTrainer(special_tokens=["<unk>"], unk_token="<unk>", **LIMITS)
    )
    return own


def llama():
    """As Llama 2's: BPE of characters, bytes for those that are not in the vocabulary."""
    bytes_ = {f"<0x{byte:02X}>": byte + 1 for byte in range(256)}
    letters = {letter: 257 + i for i, letter in enumerate("▁abcdefghijklmnopqrstuvwxyz")}
    vocab = {"<unk>": 0, **bytes_, **letters, "lo": 284, "low": 285}
    merges = [("l", "o"), ("lo", "w")]
    own = tokenizers.Tokenizer(
        models.BPE(vocab, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True, dropout=0.5)
    )
    own.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    own.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return own


def word_level():
    """A list of words, one of which stands for all others."""
    own = tokenizers.Tokenizer(models.WordLevel({"the": 0, "<unk>": 7, "low": 2}, unk_token="<unk>"))
    own.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return own


KINDS = {maker.__name__: maker() for maker in (gpt2, bert, unigram, llama, word_level)}
kinds = pytest.mark.parametrize("kind", KINDS)


def of(kind):
    return BpeTokenizer(json.loads(KINDS[kind].to_str()))


@kinds
@given(text=st.one_of(st.text(st.characters(codec="utf-8"), max_size=60), st.sampled_from(TEXT)))
def test_ids_are_those_of_the_library_and_a_stream_gives_the_text_of_decode(kind, text):
    own, found = KINDS[kind], of(kind)
    ids = found.encode(text)
    if kind not in ("bert", "llama"):  # which were cut off, and drawn by chance
        assert ids.tolist() == own.encode(text, add_special_tokens=False).ids
    assert found.encode(text).tolist() == ids.tolist()
    stream = found.stream()
    pieces = [stream(i) for i in ids.tolist()]
    assert "".join(pieces) + stream.flush() == found.decode(ids)
    if kind == "gpt2":
        assert found.decode(ids) == text


@pytest.mark.parametrize("kind", ["unigram", "bert", "llama"])
def test_decoding_is_that_of_the_library(kind):
    found, own = of(kind), KINDS[kind]
    for text in ("the low lower", "to be", "naïve 明月 🙂 of"):
        ids = found.encode(text).tolist()
        assert found.decode(ids) == own.decode(ids, skip_special_tokens=False)


@pytest.mark.parametrize(
    ("kind", "unknown", "start", "line_end", "symbols"),
    [
        ("gpt2", None, "\n", None, []),
        ("bert", "[UNK]", None, None, ["Ω"]),
        ("unigram", "<unk>", None, None, ["Ω"]),
        ("llama", None, None, None, []),
        ("word_level", "<unk>", None, None, ["aΩ"]),
    ],
)
def test_what_is_special_in_it(kind, unknown, start, line_end, symbols):
    found = of(kind)
    assert (found.unknown if unknown is None else found.token(found.unknown)) == unknown
    assert (found.start if start is None else found.token(found.start)) == start
    assert found.line_end == line_end
    assert found.unknown_symbols("the aΩ low") == symbols or kind == "bert"
    if kind == "word_level":
        assert found.symbols("the aΩ low") == ["the", "aΩ", "low"]


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("gpt2", []),
        ("bert", ["before it cuts it (BertNormalizer)", "' a' becomes 'a'", "no token for"]),
        ("unigram", ["(NFKC)", "becomes", "no token for a line end"]),
        ("llama", ["(Prepend, Replace)", "no token for a line end"]),
        ("word_level", ["becomes '<unk> <unk>'", "no token for a line end"]),
    ],
)
def test_what_it_does_not_give_back_is_said(kind, says):
    notes = of(kind).notes
    assert len(notes) == len(says)
    assert all(part in note for part, note in zip(says, notes, strict=True))


def test_tokens_that_were_added_are_text_and_not_letters_that_stand_for_bytes():
    own = tokenizers.Tokenizer.from_str(KINDS["gpt2"].to_str())
    own.add_tokens(["é", "<é>"])
    found = BpeTokenizer(json.loads(own.to_str()))
    ids = found.encode("café <é>")
    assert found.decode(ids) == "café <é>"
    assert {"é", "<é>"} <= {found.token(int(i)) for i in ids}


def test_a_stream_looks_back_at_few_tokens(monkeypatch):
    found, most = of("unigram"), 0
    decode = hugging.Backend.decode

    def counted(self, ids):
        nonlocal most
        most = max(most, len(ids))
        return decode(self, ids)

    monkeypatch.setattr(hugging.Backend, "decode", counted)
    stream = found.stream()
    for index in found.encode(" ".join(TEXT)).tolist():
        stream(index)
    assert 0 < most < 20


def test_ids_without_a_token_are_there_and_have_names():
    found = of("word_level")
    assert found.vocab_size == 8
    assert [found.token(i) for i in (0, 1, 7)] == ["the", "<no token 1>", "<unk>"]


@pytest.mark.parametrize("kind", ["gpt2", "bert"])
def test_from_a_file_and_through_a_run_it_is_the_same(kind, tmp_path):
    path = tmp_path / "tokenizer.json"
    KINDS[kind].save(str(path))
    found = read_tokenizer(path)
    assert found == of(kind)
    found.save(path)
    assert read_tokenizer(path) == found
    corpus = encode_corpus({"test": Text("the low\nlower\n" * 9)}, tmp_path / "out", tokenizer=found)
    assert corpus.tokenizer == found
    assert corpus.notes == found.notes


def test_documents_by_lines_need_a_token_of_the_line_end(tmp_path):
    with pytest.raises(ConfigError, match=r"documents line .* no line ends"):
        encode_corpus({"test": Text("a\nb\n")}, tmp_path, tokenizer=of("gpt2"), documents="line")


FIELDS = json.loads(KINDS["gpt2"].to_str())


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty|is not JSON"),
        (b"{", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "its JSON is not an object"),
        (b"{}", "there is no model with a vocabulary"),
        (b'{"model": {"type": "BPE"}}', "there is no model with a vocabulary"),
        (b'{"model": {"type": "RNN", "vocab": {}}}', "of type 'RNN'"),
        (b'{"model": {"type": "BPE", "vocab": [], "merges": []}}', "vocabulary is empty"),
        (b'{"model": {"type": "BPE", "vocab": {}, "merges": []}}', "vocabulary is empty"),
        (b'{"model": {"type": "BPE", "vocab": {"a": 4294967295}, "merges": []}}', "which cannot be"),
        (b'{"model": {"type": "BPE", "vocab": {"a": -1}, "merges": []}}', "which cannot be"),
        (b'{"model": {"type": "BPE", "vocab": {"a": "b"}, "merges": []}}', "which cannot be"),
        (b'{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["a", "x"]]}}', "tokenizers says"),
        (b'{"model": {"type": "WordLevel", "vocab": {"a": 0}}}', "tokenizers says"),
        (b'{"model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "u"}}', "Missing"),
        (
            b'{"model": {"type": "WordLevel", "vocab": {"a": 0, "b": 1}, "unk_token": "a"}, '
            b'"added_tokens": [{"id": 0, "content": "b"}]}',
            "one has two",
        ),
        (b'{"model": {"type": "WordLevel", "vocab": {"a": 0, "b": 0}, "unk_token": "a"}}', "have one id"),
        (b'{"model": {"type": "Unigram", "vocab": [{}]}}', "which cannot be"),
        (b'{"model": {"type": "Unigram", "vocab": {"a": 0}}}', "tokenizers says"),
        (b'{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}, "added_tokens": [3]}', "cannot be"),
        (b'{"format": 1, "name": "bpe"}', "there is no model"),
        (b'{"format": 2, "name": "bpe", "tokenizer": {"model": {"vocab": {"a": 0}, "merges": []}}}', "newer"),
    ],
)  # fmt: skip
def test_files_that_are_refused(data, says, tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(data)
    with pytest.raises(DataError, match=says):
        read_tokenizer(path)


def changed(**parts):
    return {**FIELDS, **parts}


def split_at(regex):
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}


@pytest.mark.parametrize(
    "fields",
    [
        changed(pre_tokenizer=split_at("(a|a)+$")),
        changed(pre_tokenizer=split_at("(")),
        changed(pre_tokenizer={"type": "Nothing"}),
        changed(normalizer={"type": "Precompiled", "precompiled_charsmap": "AAAAAAAA"}),
        changed(decoder={"type": "ByteLevel"}, added_tokens=[{"id": "x"}]),
    ],
    ids=["panic", "regex", "kind", "charsmap", "added"],
)  # fmt: skip
def test_what_the_library_fails_on_ends_in_one_line(fields, tmp_path, capfd):
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(fields), "utf-8")
    with pytest.raises(DataError, match=r"is no tokenizer: ") as caught:
        read_tokenizer(path)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_a_panic_within_is_an_error_of_ours(capfd):
    found = BpeTokenizer(changed(pre_tokenizer=split_at("(a|a)+$")))
    with pytest.raises(DataError, match=r"tokenizers failed within: .*limit"):
        found.encode("a" * 40 + "b")


def test_a_library_that_does_not_end_is_stopped(monkeypatch, tmp_path):
    monkeypatch.setattr(foreign, "SECONDS", 0.01)
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(FIELDS), "utf-8")
    with pytest.raises(DataError, match=r"kept tokenizers busy"):
        read_tokenizer(path)


def test_a_file_that_is_too_large_is_not_read(monkeypatch, tmp_path):
    monkeypatch.setattr(foreign, "LARGEST", 99)
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(FIELDS), "utf-8")
    with pytest.raises(DataError, match=r"give a tokenizer.json of at most 99 bytes"):
        read_tokenizer(path)
    with pytest.raises(DataError, match=r"is no regular file"):
        read_tokenizer(tmp_path)
    with pytest.raises(DataError, match=r"there is no file"):
        read_tokenizer(tmp_path / "none.json")


def test_a_tokenizer_of_another_kind_is_refused(tmp_path):
    CharTokenizer.from_text("abc").save(tmp_path / "tokenizer.json")
    with pytest.raises(ConfigError, match=r"a tokenizer of 'char' tokens, not of bpe tokens"):
        read_tokenizer(tmp_path / "tokenizer.json")


def test_the_texts_of_the_trial_are_hard():
    joined = "".join(trial.TEXTS)
    for character in "\n\t\r\x00明🙂\u200d\ufeff\u0301 ":
        assert character in joined
