"""A graph as it grows."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import helper, numpy_helper


class GraphBuilder:
    """Nodes, constants, inputs and outputs, as they are added."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []
        self._whole: dict[str, str] = {}

    def constant(self, name: str, array: Any) -> str:
        """Store an array; return its name."""
        self.constants.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def whole(self, numbers: int | list[int]) -> str:
        """Store an index, axes or a shape, each once; return the name."""
        key = f"int64.{numbers}".replace(" ", "")
        if key not in self._whole:
            self._whole[key] = self.constant(key, np.array(numbers, np.int64))
        return self._whole[key]

    def node(self, kind: str, inputs: list[str], outputs: list[str] | str, **attributes: Any) -> str:
        """Add a node, named after its first output; return that."""
        names = [outputs] if isinstance(outputs, str) else outputs
        self.nodes.append(helper.make_node(kind, inputs, names, name=f"{kind}:{names[0]}", **attributes))
        return names[0]

    def declare(self, where: list[Any], name: str, kind: int, *shape: int | str) -> None:
        """Declare an input or output of the graph."""
        where.append(helper.make_tensor_value_info(name, kind, shape))
