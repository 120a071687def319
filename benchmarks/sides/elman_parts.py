"""Training steps with elman, timed part by part in the first of the workers."""

from __future__ import annotations

from typing import Any

from . import elman_train


class Side(elman_train.Side):
    """As the side it derives from, with the clock of the first worker's model switched on."""

    def __init__(self, s: dict[str, Any]) -> None:
        super().__init__(s)
        self.clock = self.trainer.model.clock
        self.clock.on = True

    def run(self, n: int) -> Any:
        """Take steps; return the seconds and the calls of every part."""
        if not hasattr(self, "clock"):
            return super().run(n)
        self.clock.seconds.clear()
        self.clock.calls.clear()
        super().run(n)
        return {name: [seconds, self.clock.calls[name]] for name, seconds in self.clock.seconds.items()}
