"""Byte-level BPE that is built from a text."""

import builtins
import json
import os
import subprocess
import sys
import unicodedata

import numpy as np
import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from elman.data import BpeTokenizer, Text, encode_corpus, load_tokenizer, segments
from elman.data.bpe_training import PATTERN
from elman.errors import ConfigError, DataError, ElmanError

TEXT = (
    "To be, or not to be: that is the question. Whether 'tis nobler, I don't know.\n\n"
    "  def f(x):\n\treturn x + 12345\n"
    + "床前明月光，疑是地上霜。举头望明月，低头思故乡。\n"
    + "naïve café 🙂🙂👩\u200d💻 e\u0301\n"
) * 20
BPE = BpeTokenizer.from_text(TEXT, max_vocab=600)

texts = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=80),
    st.text("ab don't'’ \n\t\r\x00\x1c\x85\u2028é\u0301明月，🙂\u200d\ufe0f1９_-", max_size=80),
    st.lists(
        st.sampled_from(["the ", " question", "\r\n", "\n", "  ", "明月", "🙂", "'t", "\x00", "12"])
    ).map("".join),
)


@given(text=texts)
def test_a_text_comes_back_to_the_letter(text):
    assert BPE.decode(BPE.encode(text)) == text


@given(text=texts)
def test_it_is_what_hugging_face_makes_of_its_file(text):
    own = tokenizers.Tokenizer.from_str(json.dumps(BPE.to_json()["tokenizer"]))
    ids = own.encode(text, add_special_tokens=False).ids
    assert BPE.encode(text).tolist() == ids
    assert own.decode(ids, skip_special_tokens=False) == text


@given(text=texts)
def test_a_line_end_is_a_token_of_its_own(text):
    ids = BPE.encode(text)
    assert int((ids == BPE.line_end).sum()) == text.count("\n")
    assert BPE.start == BPE.line_end


@given(text=st.one_of(texts, st.text("ab c\n明。", min_size=40, max_size=120)), data=st.data())
def test_parts_are_the_same_however_the_text_is_cut_and_give_its_ids(text, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    given_in = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(segments, "SEGMENT", 12)
        patched.setattr(segments, "AROUND", 6)
        parts = list(BPE.pieces(given_in))
        assert parts == list(BPE.pieces([text]))
        assert "".join(parts) == text
        assert all(len(part) <= 24 for part in parts)
        ids = [i for part in parts for i in BPE.encode(part).tolist()]
        assert ids == BPE.encode(text).tolist()
        assert BPE.decode(ids) == text


@given(
    words=st.lists(st.sampled_from(["the", "question", "don't", "12", "明月", "x"]), min_size=9, max_size=40)
)
def test_a_long_text_has_the_ids_that_it_has_in_one_piece(words):
    text = " ".join(words)
    whole = BPE.encode(text).tolist()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(segments, "SEGMENT", 16)
        patched.setattr(segments, "AROUND", 14)
        assert len(list(BPE.pieces([text]))) > 1 or len(text) <= 32
        assert BPE.encode(text).tolist() == whole


def test_a_text_without_any_place_to_cut_is_read_in_bounded_memory():
    text = "a" * (5 * segments.SEGMENT)
    parts = list(BPE.pieces([text]))
    assert {len(part) for part in parts[:-1]} == {segments.SEGMENT}
    assert BPE.decode(BPE.encode(text)) == text


def test_ids_are_by_descending_count():
    counts = np.bincount(BPE.encode(TEXT), minlength=BPE.vocab_size)
    assert (np.diff(counts) <= 0).all()
    assert counts[0] > 0


def test_a_corpus_has_the_ids_of_the_text(tmp_path):
    corpus = encode_corpus(
        Text(TEXT), tmp_path, tokens="bpe", max_vocab=380, split=(0.8, 0.1, 0.1), chunk=100
    )
    assert corpus.tokenizer.vocab_size == 380
    text = ""
    for part in corpus.parts.values():
        own = corpus.tokenizer.decode(part.ids)
        assert (part.chars, part.bytes, part.unknown) == (len(own), len(own.encode()), 0)
        assert corpus.tokenizer.encode(own).tolist() == part.ids.tolist()
        text += own
    assert text == TEXT
    assert corpus.notes == ()


def test_the_training_part_alone_makes_the_vocabulary(tmp_path):
    parts = {"train": Text("abc abc\n" * 9), "valid": Text("xyz xyz\n" * 99)}
    corpus = encode_corpus(parts, tmp_path, tokens="bpe", max_vocab=300)
    assert corpus.tokenizer == BpeTokenizer.from_text("abc abc\n" * 9, max_vocab=300)


def test_what_was_changed_in_a_text_that_is_read_twice_is_noted_once(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes(b"\xef\xbb\xbf" + b"a b c\r\n" * 50)
    notes = encode_corpus(path, tmp_path / "out", tokens="bpe", max_vocab=260).notes
    assert [note.split(": ")[1] for note in notes] == [
        "dropped the byte-order mark at its beginning",
        "wrote 50 line ends with carriage returns as line feeds",
    ]


@pytest.mark.parametrize("documents", ["line", "blank"])
def test_documents_begin_where_those_of_characters_do(documents, tmp_path):
    text = "one\n\ntwo\nthree\n \nfour\n"
    found = []
    for tokens in ("char", "bpe"):
        folder = tmp_path / tokens
        split = (1.0, 0, 0)
        corpus = encode_corpus(Text(text), folder, tokens=tokens, split=split, documents=documents)
        part = corpus.parts["train"]
        found.append([len(corpus.tokenizer.decode(part.ids[: int(start)])) for start in part.starts])
    assert found[0] == found[1]


def test_tokens_of_one_file_are_the_same_in_any_process(tmp_path):
    script = (
        "import sys, hashlib, elman.data as d\n"
        "made = d.BpeTokenizer.from_text(sys.stdin.read(), max_vocab=600).to_bytes()\n"
        "print(hashlib.sha256(made).hexdigest())"
    )
    done = {
        subprocess.run(
            [sys.executable, "-c", script], input=TEXT.encode(), capture_output=True, check=True,
            env={**os.environ, "RAYON_NUM_THREADS": threads, "PYTHONIOENCODING": "utf-8"},
        ).stdout
        for threads in ("1", "3")
    }  # fmt: skip
    assert len(done) == 1
    again = BpeTokenizer.from_text(TEXT, max_vocab=600)
    assert again.to_bytes() == BPE.to_bytes()


def test_the_file_of_another_machine_is_the_same_tokenizer(tmp_path):
    BPE.save(tmp_path / "tokenizer.json")
    found = load_tokenizer(tmp_path / "tokenizer.json")
    assert found == BPE
    assert found.encode(TEXT).tolist() == BPE.encode(TEXT).tolist()


def test_a_stream_gives_characters_when_they_are_whole():
    raw = BpeTokenizer.from_text("abc\n")
    ids = raw.encode("é🙂")
    stream = raw.stream()
    assert [stream(i) for i in ids.tolist()] == ["", "é", "", "", "", "🙂"]
    stream(int(ids[2]))
    assert stream.flush() == "\ufffd"


def test_the_text_of_a_token():
    assert BPE.token(int(BPE.encode("\n")[0])) == "\n"
    raw = BpeTokenizer.from_text("abc\n")
    assert [raw.token(i) for i in raw.encode("é").tolist()] == ["<0xC3>", "<0xA9>"]


def test_lone_surrogates_are_read_as_replacement_characters():
    assert BPE.decode(BPE.encode("a\ud800b\udfff")) == "a\ufffdb\ufffd"


def test_a_word_takes_its_space_and_its_apostrophe_with_it():
    split = tokenizers.pre_tokenizers.Split(tokenizers.Regex(PATTERN), "isolated")
    pieces = ["I", " don't", " \t", " know", " l’été", "\n", "\n", " ", " x", "=", "12", "ab", " é"]
    assert [piece for piece, _ in split.pre_tokenize_str("".join(pieces))] == pieces
    assert unicodedata.category("\u0301") == "Mn"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"max_vocab": 255}, "max_vocab is 255: give at least 256"),
        ({"min_count": 0}, "min_count is 0"),
        ({"lowercase": True}, "lowercase is an option of word tokens"),
    ],
)
def test_options_that_are_refused(options, says):
    with pytest.raises(ConfigError, match=says):
        BpeTokenizer.builder(**options)


def test_rare_pairs_become_no_token():
    assert BpeTokenizer.from_text("abab\n", max_vocab=300, min_count=3).vocab_size == 256
    assert BpeTokenizer.from_text("abab\n", max_vocab=300, min_count=2).vocab_size == 257
    assert BpeTokenizer.from_text("abab\n", max_vocab=300).vocab_size == 258
    assert BpeTokenizer.from_text(TEXT).vocab_size < 8000


def test_without_the_package_it_says_what_to_install(monkeypatch, tmp_path):
    BPE.save(tmp_path / "tokenizer.json")
    real = builtins.__import__

    def without(name, *rest):
        if name == "tokenizers":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.delitem(sys.modules, "tokenizers")
    monkeypatch.setattr(builtins, "__import__", without)
    for ask in (lambda: BpeTokenizer.from_text("a"), lambda: load_tokenizer(tmp_path / "tokenizer.json")):
        with pytest.raises(ElmanError, match=r"pip install 'elman\[bpe\]'"):
            ask()


def test_other_tokens_do_without_the_package():
    script = (
        "import sys, elman.data as d\n"
        "[d.TOKENIZERS[kind].from_text('a b c') for kind in ('char', 'byte', 'word')]\n"
        "assert 'tokenizers' not in sys.modules, 'imported'"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_an_error_of_the_text_stays_what_it_is():
    def texts():
        yield "abc"
        raise DataError("the file became shorter")

    with pytest.raises(DataError, match=r"^the file became shorter$"):
        BpeTokenizer.builder().learn([texts()])
