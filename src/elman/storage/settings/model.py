"""Settings of the network."""

from __future__ import annotations

from dataclasses import dataclass

from elman.errors import ConfigError
from elman.storage.settings.declare import setting


@dataclass
class ModelSettings:
    """What the network is made of, and how it begins."""

    cell: str = setting(
        "lstm", "Model",
        "Recurrent cell: rnn, rnn-relu, lstm, lstm-peephole, lstm-coupled, gru, gru-before, mgu, indrnn, "
        "mingru, minlstm or sru, or one with other activations, written as the guide to models has it.",
    )  # fmt: skip
    embedding: int = setting(64, "Model", "Width of the word vectors, D.", 1)
    hidden: int = setting(128, "Model", "Width of every layer, H.", 1)
    hidden_last: int | None = setting(None, "Model", "Width of the last layer, where it is not H.", 1)
    layers: int = setting(2, "Model", "Number of recurrent layers, L.", 1)
    projection: int | None = setting(
        None, "Model", "Width of every layer's output, P, where it is not H (rnn and lstm kinds).", 1
    )
    direction: str = setting(
        "forward", "Model", "Way over a sequence; imported models may have others.", flag=False
    )
    tied: bool = setting(
        False, "Model", "Use the word vectors as output weights too (needs D = H, or D = P)."
    )
    init: str = setting(
        "uniform", "Model", "Initial weights: uniform or glorot.", choices=("uniform", "glorot")
    )
    init_recurrent: str | None = setting(
        None, "Model", "Initial recurrent weights W: uniform, glorot, orthogonal or identity.",
        choices=("uniform", "glorot", "orthogonal", "identity"),
    )  # fmt: skip
    init_scale: float | None = setting(
        None, "Model", "Let every parameter begin uniform within this of zero, word vectors and biases too.",
        0, above=0,
    )  # fmt: skip
    forget_bias: float = setting(1.0, "Model", "Initial bias of the forget gate of an LSTM or minLSTM.")
    dtype: str = setting("float32", "Model", "float32 or float64.", choices=("float32", "float64"))

    def check_model(self) -> None:
        """Raise ConfigError for the first of these settings that contradicts another."""
        if self.init_scale is not None:
            for name in ("init", "init_recurrent"):
                if getattr(self, name) != getattr(ModelSettings, name):
                    raise ConfigError(
                        f"{name} ({getattr(self, name)}) has no effect with init_scale, the range of all "
                        "parameters: leave one of them out"
                    )
        if self.hidden_last and (self.layers == 1 or self.projection):
            raise ConfigError(
                "hidden_last is the width of the last of several layers without projection: leave it out, "
                "and give hidden or projection"
            )
        width = self._output_width()
        if self.tied and self.embedding != width:
            raise ConfigError(
                f"tied needs an embedding as wide as the output of the last layer, not {self.embedding} "
                f"beside {width}; give --embedding {width}"
            )

    def _output_width(self) -> int:
        """Width of what the last layer gives out."""
        ways = 2 if self.direction.split(",")[-1].strip() == "bidirectional" else 1
        return ways * (self.projection or self.hidden_last or self.hidden)
