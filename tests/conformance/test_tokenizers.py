"""What every registered tokenizer must do. A new kind is tested here by being registered."""

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data import TOKENIZERS, Text, encode_corpus, load_tokenizer, tokenizer_from_json
from elman.errors import CheckpointError, ElmanError, ShapeError

KINDS = sorted(TOKENIZERS)
TEXT = "To be, or not to be: that is the question.\n床前明月光，疑是地上霜。\nnaïve café — “é” 🙂 don't\n"

kinds = pytest.mark.parametrize("kind", KINDS)
unicode_text = st.text(st.characters(codec="utf-8"), max_size=60)  # every character but lone surrogates
hard_text = st.one_of(
    st.text(max_size=60),  # lone surrogates too
    unicode_text,
    st.text("aB'’ \n\t\r,.\"()<unk>eos明ー。́️\u200d🙂İΣ_9", max_size=60),
)


built = pytest.mark.parametrize("kind", [kind for kind in KINDS if TOKENIZERS[kind].has_builder])


def build(kind, text=TEXT, **options):
    if TOKENIZERS[kind].has_builder:
        return TOKENIZERS[kind].from_text(text, **options)
    like = TOKENIZERS[kind.removeprefix("listed-")].from_text(text)
    # Backwards, so that neither <unk> nor <eos> stands where the other kinds have it.
    return TOKENIZERS[kind]([like.token(i) for i in reversed(range(like.vocab_size))])


@kinds
@given(text=hard_text)
def test_ids_lie_in_the_vocabulary_and_decode_to_the_same_ids(kind, text):
    tokenizer = build(kind, text)
    ids = tokenizer.encode(text)
    assert ids.dtype == np.uint32
    assert ids.ndim == 1
    assert ids.size == 0 or ids.max() < tokenizer.vocab_size
    again = tokenizer.encode(tokenizer.decode(ids))
    if kind != "byte" or not any("\ud800" <= c <= "\udfff" for c in text):  # whose bytes are not UTF-8
        assert again.tolist() == ids.tolist()


@kinds
@given(text=hard_text)
def test_its_own_training_text_has_nothing_unknown(kind, text):
    tokenizer = build(kind, text)
    assert tokenizer.unknown_symbols(text) == []


@kinds
@given(text=hard_text)
def test_a_stream_gives_the_text_of_decode(kind, text):
    tokenizer = build(kind)
    ids = tokenizer.encode(text)
    stream = tokenizer.stream()
    pieces = [stream(i) for i in ids.tolist()]
    assert "".join(pieces) + stream.flush() == tokenizer.decode(ids)
    assert stream.flush() == ""
    assert "".join([stream(i) for i in ids.tolist()]) + stream.flush() == tokenizer.decode(ids)


@kinds
@given(text=hard_text, at=st.integers(0, 20))
def test_a_copy_of_a_stream_goes_on_by_itself(kind, text, at):
    tokenizer = build(kind)
    ids = tokenizer.encode(text).tolist()
    stream = tokenizer.stream()
    before = "".join([stream(i) for i in ids[:at]])
    copy = stream.copy()
    for i in reversed(ids):  # what the original reads meanwhile is nothing to the copy
        stream(i)
    stream.flush()
    assert before + "".join([copy(i) for i in ids[at:]]) + copy.flush() == tokenizer.decode(ids)


@kinds
@given(text=hard_text)
def test_unknown_symbols_are_told_if_and_only_if_ids_are_unknown(kind, text):
    tokenizer = build(kind)
    unknown = tokenizer.unknown_symbols(text)
    assert len(unknown) == len(set(unknown))
    told = bool(unknown) or "<unk>" in text
    found = tokenizer.unknown is not None and bool((tokenizer.encode(text) == tokenizer.unknown).any())
    assert found <= told
    assert bool(unknown) <= found


@kinds
@given(text=hard_text, data=st.data())
def test_pieces_of_a_divided_text_encode_to_the_ids_of_the_whole(kind, text, data):
    tokenizer = build(kind, text)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    parts = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    ids = [i for piece in tokenizer.pieces(parts) for i in tokenizer.encode(piece).tolist()]
    assert "".join(tokenizer.pieces(parts)) == text
    if kind != "byte":  # which is fed bytes, never pieces of text
        assert ids == tokenizer.encode(text).tolist()


@kinds
@given(text=hard_text, data=st.data())
def test_a_text_can_be_cut_where_it_is_said_to_restart(kind, text, data):
    tokenizer = build(kind, text)
    places = {
        "character": range(len(text) + 1),
        "space": [0, *(at + 1 for at, character in enumerate(text) if character in " \n")],
        "piece": np.cumsum([0, *map(len, tokenizer.pieces([text]))]).tolist(),
    }[tokenizer.restarts]
    cut = data.draw(st.sampled_from(list(places)))
    ids = [i for part in (text[:cut], text[cut:]) for i in tokenizer.encode(part).tolist()]
    assert ids == tokenizer.encode(text).tolist()


@kinds
def test_every_id_has_a_text_and_a_piece(kind):
    tokenizer = build(kind)
    texts = [tokenizer.token(i) for i in range(tokenizer.vocab_size)]
    assert all(isinstance(text, str) and text for text in texts)
    assert len(set(texts)) == tokenizer.vocab_size
    if tokenizer.unknown is not None:
        assert texts[tokenizer.unknown] == "<unk>"


@kinds
def test_a_text_begins_where_a_line_begins(kind):
    tokenizer = build(kind)
    assert tokenizer.start is not None
    assert tokenizer.decode([tokenizer.start]) == "\n"
    assert tokenizer.encode("\n").tolist() == [tokenizer.start]


@kinds
def test_file_round_trip(kind, tmp_path):
    tokenizer = build(kind)
    tokenizer.save(tmp_path / "tokenizer.json")
    loaded = load_tokenizer(tmp_path / "tokenizer.json")
    assert loaded == tokenizer
    assert type(loaded) is type(tokenizer)
    assert loaded.encode(TEXT).tolist() == tokenizer.encode(TEXT).tolist()
    fields = json.loads((tmp_path / "tokenizer.json").read_text(encoding="utf-8"))
    assert (fields["format"], fields["name"]) == (1, kind)


@kinds
@pytest.mark.parametrize("part", [0.0, 0.3, 0.7, 0.99])
def test_a_truncated_file_is_refused(kind, part, tmp_path):
    path = tmp_path / "tokenizer.json"
    build(kind).save(path)
    data = path.read_bytes().rstrip()
    path.write_bytes(data[: int(part * len(data))])
    with pytest.raises(CheckpointError, match=r"not JSON"):
        load_tokenizer(path)


@kinds
def test_a_newer_or_nameless_format_is_refused(kind):
    fields = build(kind).to_json()
    with pytest.raises(CheckpointError, match=r"newer elman .format 2.*upgrade"):
        tokenizer_from_json({**fields, "format": 2})
    for version in (None, "1", 0, True, 1.5):
        with pytest.raises(CheckpointError, match=r"format"):
            tokenizer_from_json({**fields, "format": version})


@kinds
def test_a_missing_field_is_refused(kind):
    fields = build(kind).to_json()
    for name in fields:
        with pytest.raises(CheckpointError):
            tokenizer_from_json({k: v for k, v in fields.items() if k != name})


@kinds
@pytest.mark.parametrize(
    "ids", [[[1]], [0.5], ["a"], [-1], [10**6], 3], ids=["rank", "float", "text", "low", "high", "scalar"]
)
def test_ids_that_are_none_are_refused(kind, ids):
    with pytest.raises(ShapeError):
        build(kind).decode(np.array(ids))


@kinds
@pytest.mark.parametrize("index", [-1, 10**6])
def test_a_token_outside_the_vocabulary_is_refused(kind, index):
    with pytest.raises(ShapeError, match=r"outside the vocabulary"):
        build(kind).token(index)


@kinds
def test_an_empty_text_is_no_tokens(kind):
    tokenizer = build(kind)
    assert tokenizer.encode("").size == 0
    assert tokenizer.decode([]) == ""


@built
@pytest.mark.parametrize("options", [{"min_count": 0}, {"min_count": -3}, {"max_vocab": 1}, {"max_vocab": 0}])
def test_limits_out_of_range_are_refused(kind, options):
    with pytest.raises(ElmanError, match=next(iter(options))):
        build(kind, **options)


@built
@given(lines=st.lists(hard_text, min_size=1, max_size=6), shared=st.integers(1, 4), limited=st.booleans())
def test_a_vocabulary_does_not_depend_on_who_counted_what(kind, lines, shared, limited):
    options = {"max_vocab": 300 if kind == "bpe" else 6} if limited and kind != "byte" else {}
    builders = [TOKENIZERS[kind].builder(**options) for _ in range(shared + 1)]
    if builders[0] is None:  # a vocabulary that is the same for every text
        return
    whole, *some = builders
    lines = [line + "\n" for line in lines]
    whole.learn([["".join(lines)]])
    before = whole.feed("".join(lines))
    tokenizer, table, _ = whole.finish()
    sums, ids = Counter(), []
    for one in some:
        if whole.known is not None:
            one.know(whole.known)
    for number, line in enumerate(lines):
        one = some[number % shared]
        one.clear()  # what it counted before is in the sums
        provisional = one.feed(line)
        symbols, counts = one.counted()
        sums.update(dict(zip(symbols, counts.tolist(), strict=True)))
        ids.append((provisional, symbols))
    chosen = some[-1].choose((symbol, sums[symbol]) for symbol in reversed(list(sums)))
    assert chosen == tokenizer
    found = [int(i) for provisional, symbols in ids for i in some[0].table(chosen, symbols)[provisional]]
    assert found == table[before].tolist() == tokenizer.encode("".join(lines)).tolist()


@kinds
@given(text=unicode_text, chunk=st.integers(1, 12))
def test_a_corpus_holds_the_ids_of_the_text_whatever_the_chunk(kind, text, chunk, tmp_path_factory):
    tokenizer = build(kind)
    whole = tokenizer.encode(text if kind == "byte" else text.replace("\r\n", "\n").replace("\r", "\n"))
    if text.startswith("\ufeff") or not whole.size:
        return
    folder = tmp_path_factory.mktemp("corpus")
    part = encode_corpus({"test": Text(text)}, folder, tokenizer=tokenizer, chunk=chunk).parts["test"]
    assert part.ids.tolist() == whole.tolist()
