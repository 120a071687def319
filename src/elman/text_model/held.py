"""What the parts of a text model share."""

from __future__ import annotations

from elman.data import Tokenizer
from elman.network import LanguageModel
from elman.storage.config import TrainConfig
from elman.storage.run import Run


class Held:
    """A network, its tokenizer, and where they came from."""

    def __init__(
        self,
        model: LanguageModel,
        tokenizer: Tokenizer,
        config: TrainConfig | None = None,
        run: Run | None = None,
    ) -> None:
        self.model, self.tokenizer, self.run = model, tokenizer, run
        self.config = config or TrainConfig()


def banned(tokenizer: Tokenizer) -> tuple[int, ...]:
    """Return the ids that are not written unless they are asked for: that of the unknown token."""
    return () if tokenizer.unknown is None else (tokenizer.unknown,)
