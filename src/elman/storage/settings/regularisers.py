"""Settings of what keeps a model from learning its text by heart."""

from __future__ import annotations

from dataclasses import dataclass

from elman.errors import ConfigError
from elman.storage.settings.declare import setting


@dataclass
class RegulariserSettings:
    """What is dropped, held back or decayed while training."""

    dropout: float = setting(
        0.0, "Regularisers", "Dropout on the output of each layer while training.", 0, below=1
    )
    dropout_between: float | None = setting(
        None, "Regularisers", "That of all layers but the last; by default dropout.", 0, below=1
    )
    dropout_input: float = setting(0.0, "Regularisers", "Dropout on the word vectors.", 0, below=1)
    dropout_embedding: float = setting(
        0.0, "Regularisers", "Rate at which whole words are dropped, for a window.", 0, below=1
    )
    dropout_weights: float = setting(
        0.0, "Regularisers", "Rate at which recurrent weights W are dropped, for a window.", 0, below=1
    )
    variational: bool = setting(
        False, "Regularisers", "Drop the same units at every step of a window (outputs, word vectors)."
    )
    zoneout: float = setting(
        0.0, "Regularisers", "Rate at which units of h keep their value at a step.", 0, below=1
    )
    zoneout_cell: float = setting(
        0.0, "Regularisers", "Rate at which units of c keep their value (lstm kinds).", 0, below=1
    )
    activation_reg: float = setting(
        0.0, "Regularisers", "Penalty on the mean square of the last layer's output.", 0
    )
    temporal_reg: float = setting(
        0.0, "Regularisers", "Penalty on the mean square of its change from step to step.", 0
    )
    weight_decay: float | None = setting(
        None, "Regularisers", "Weight decay: so much of each parameter is added to its gradient, or by adamw "
        "taken off apart from it; by default 0.01 with adamw, 0 with others.", 0,
    )  # fmt: skip

    def check_regularisers(self, cell: str, layers: int) -> None:
        """Raise ConfigError for the first of these settings that has no effect.

        Parameters
        ----------
        cell : str
            The cell of the network.
        layers : int
            Its depth.
        """
        if self.dropout_between is not None and layers == 1:
            raise ConfigError(
                f"dropout_between ({self.dropout_between}) has no effect with layers 1: leave it out, or "
                "give dropout, which the last layer has"
            )
        if self.variational and not (self.dropout or self.dropout_between or self.dropout_input):
            raise ConfigError(
                "variational has no effect where nothing is dropped: give dropout, dropout_between or "
                "dropout_input, or leave it out"
            )
        if self.zoneout_cell:
            # It loads NumPy, and so only where there is something to say.
            from elman.network.cells import get_cell

            if len(get_cell(cell).state_type._fields) == 1:
                raise ConfigError(
                    f"zoneout_cell ({self.zoneout_cell}) has no effect with cell {cell}, which has no "
                    "memory: leave it out, or give zoneout, which holds h"
                )
