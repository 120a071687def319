"""Word vectors as gensim and fastText write them; run with both installed, by hand.

    pip install gensim==4.4.0 fasttext-wheel==0.9.2
    python tests/vectors/make_word_vectors.py

Writes ``tests/vectors/words``: the same vectors in word2vec's text and binary formats and in GloVe's; a
fastText model with its vectors; and in ``expected.json`` what these libraries say each word's vector is.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import fasttext
import numpy as np
from gensim.models import KeyedVectors
from gensim.models.fasttext import load_facebook_model

FOLDER = Path(__file__).parent / "words"
WORDS = ["</s>", "the", "cat", "sat", ".", "naïve", "明月", "don't", "<unk>", "The", "🙂", "a"]
OTHERS = ["cats", "naïvely", "月明", "x", "", "dog"]  # not in the fastText model's list
TEXT = "the cat sat . The naïve cat sat . a 明月 don't the 🙂 <unk> .\n" * 30


def plain() -> dict[str, list[float]]:
    """Write random vectors in the formats that are lists."""
    vectors = KeyedVectors(vector_size=5)
    drawn = np.random.default_rng(0).normal(size=(len(WORDS), 5)).astype(np.float32)
    vectors.add_vectors(WORDS, drawn)
    vectors.save_word2vec_format(str(FOLDER / "word2vec.txt"))
    vectors.save_word2vec_format(str(FOLDER / "word2vec.bin"), binary=True)
    vectors.save_word2vec_format(str(FOLDER / "glove.txt"), write_header=False)
    return {word: drawn[i].tolist() for i, word in enumerate(WORDS)}


def fast() -> dict[str, list[float]]:
    """Train a fastText model, and write it and what it says."""
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "text"
        text.write_text(TEXT, encoding="utf-8")
        model = fasttext.train_unsupervised(
            str(text), dim=5, minn=1, maxn=3, bucket=40, minCount=1, lr=0.5, epoch=5, thread=10
        )
    model.save_model(str(FOLDER / "fasttext.bin"))
    with (FOLDER / "fasttext.vec").open("w", encoding="utf-8") as file:
        file.write(f"{len(model.words)} 5\n")
        for word in model.words:
            file.write(word + " " + "".join(f"{value:.9g} " for value in model[word]) + "\n")
    again = load_facebook_model(str(FOLDER / "fasttext.bin"))  # an independent reader of the same file
    # gensim also takes parts of </s>, which fastText does not.
    for word in ({*model.words} - {"</s>"}) | {"cats", "naïvely"}:
        assert np.allclose(again.wv[word], model[word], atol=1e-6), word
    return {word: model.get_word_vector(word).tolist() for word in (*model.words, *OTHERS)}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    listed = plain()
    said = {"plain": listed, "fasttext": fast(), "others": OTHERS}
    (FOLDER / "expected.json").write_text(json.dumps(said, ensure_ascii=False, indent=0) + "\n", "utf-8")
