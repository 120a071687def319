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
    layer_norm: bool = setting(
        False, "Model", "Normalise what goes into each gate over the units, and an LSTM's memory cell."
    )
    connections: str = setting(
        "none", "Model", "Past each layer that is as wide as its input: none, residual or highway.",
        choices=("none", "residual", "highway"),
    )  # fmt: skip
    learn_state: bool = setting(False, "Model", "Learn the state that texts and documents begin with.")
    tied: bool = setting(
        False, "Model", "Use the word vectors as output weights too (needs D = H, or D = P)."
    )
    output: str = setting(
        "full", "Model",
        "Output layer: full; for large vocabularies adaptive, sampled, nce or classes; mixture; or auto, "
        "which chooses.",
        choices=("full", "adaptive", "sampled", "nce", "classes", "mixture", "auto"),
    )  # fmt: skip
    cutoffs: str | None = setting(
        None, "Model", "Words where the head and the clusters of the adaptive output end, such as 2000,10000."
    )
    samples: int | None = setting(
        None, "Model", "Words drawn for a window by the sampled and nce outputs; by default 2048 at most.", 1
    )
    experts: int | None = setting(None, "Model", "Softmaxes of the mixture output; by default 4.", 1)
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
        self._check_depth()
        width = self._output_width()
        if self.tied and self.embedding != width:
            raise ConfigError(
                f"tied needs an embedding as wide as the output of the last layer, not {self.embedding} "
                f"beside {width}; give --embedding {width}"
            )

    def _check_depth(self) -> None:
        """Raise ConfigError if layers have nothing to be normalised, or to be connected."""
        if self.layer_norm and 1 in (self.hidden, self.hidden_last):
            raise ConfigError("layer_norm needs layers of two units or more: one alone is its own mean")
        if self.layer_norm:
            # It loads NumPy, and so only where there is something to say.
            from elman.network.cells import ScanCell, get_cell

            if isinstance(get_cell(self.cell), ScanCell):
                raise ConfigError(
                    f"layer_norm is not there for cell {self.cell}, which has no recurrent products: leave "
                    "it out, or take another cell, such as gru"
                )
        widths = [self.projection or self.hidden] * self.layers
        widths[-1] = self.projection or self.hidden_last or self.hidden
        if self.connections != "none" and "bidirectional" not in self.direction:
            pairs = list(zip([self.embedding, *widths[:-1]], widths, strict=True))
            if all(entering != leaving for entering, leaving in pairs):
                shown = ", ".join(f"{entering} to {leaving}" for entering, leaving in pairs)
                raise ConfigError(
                    f"connections {self.connections} has no effect: no layer is as wide as its input "
                    f"({shown}); give more layers, or an embedding as wide as the first"
                )

    def _output_width(self) -> int:
        """Width of what the last layer gives out."""
        ways = 2 if self.direction.split(",")[-1].strip() == "bidirectional" else 1
        return ways * (self.projection or self.hidden_last or self.hidden)
