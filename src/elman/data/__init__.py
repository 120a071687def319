"""Data: tokenizers, corpora on disk, and the windows cut from them."""
