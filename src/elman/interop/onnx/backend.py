"""ONNX models run on elman: the standard interface of a backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnx.backend.base
import onnx.defs

from elman.errors import ConfigError, ElmanError, ShapeError
from elman.interop.onnx.checks import OPSETS, check_node, known_opset, read_node
from elman.interop.onnx.graph import MAX_BYTES, Graph, made_ready, run_node
from elman.interop.onnx.operators.node import Room, Value


class Prepared(onnx.backend.base.BackendRep):  # type: ignore[misc,unused-ignore]
    """A model made ready by ``Backend.prepare``, to be run as often as wanted.

    Parameters
    ----------
    graph : Graph
        The checked model.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        names = [port.name for port in graph.outputs]
        self._outputs: Any = onnx.backend.base.namedtupledict("Outputs", names)

    def __repr__(self) -> str:
        inputs = [port.name for port in self.graph.inputs if port.name not in self.graph.constants]
        outputs = [port.name for port in self.graph.outputs]
        return f"Prepared({_listed(inputs)} -> {_listed(outputs)}, nodes={len(self.graph.steps)})"

    def run(self, inputs: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Return the outputs of the model.

        Parameters
        ----------
        inputs : sequence or mapping of array_like
            In the order of the model's inputs, or by their names. Inputs that have a value in the model may
            be left out.
        **kwargs
            The interface has them; none is known.

        Returns
        -------
        tuple of ndarray
            In the order of the model's outputs; a named tuple whose fields are also found by their names.

        Raises
        ------
        ShapeError
            If an input is missing, unknown, or not of the type and shape the model declares, or inputs do not
            fit one another.
        DataError
            If the values of the run would hold more than ``max_bytes``.
        ConfigError
            If another argument is given.
        """
        if kwargs:
            raise ConfigError(f"run takes no option {next(iter(kwargs))!r}")
        graph = self.graph
        values = graph.run(inputs if isinstance(inputs, Mapping) else self._by_name(inputs))
        results: tuple[Any, ...] = self._outputs(*values)
        return results

    def _by_name(self, inputs: Any) -> dict[str, Any]:
        if isinstance(inputs, np.ndarray) or not isinstance(inputs, Sequence):
            raise ShapeError(f"inputs are a list or a dict of arrays, not {type(inputs).__name__}")
        names = [port.name for port in self.graph.inputs]
        needed = [name for name in names if name not in self.graph.constants]
        for order in (needed, names):
            if len(order) == len(inputs):
                return dict(zip(order, inputs, strict=True))
        raise ShapeError(
            f"the model has {len(needed)} inputs ({', '.join(needed):.200}), and {len(inputs)} were given"
        )


def _listed(names: Sequence[str]) -> str:
    shown = [f"{name!r:.60}" for name in names[:6]] + ["..."] * (len(names) > 6)
    return f"[{', '.join(shown)}]"


class Backend(onnx.backend.base.Backend):  # type: ignore[misc,unused-ignore]
    """Runs ONNX models of recurrent and plain operators on NumPy.

    ``RNN``, ``LSTM`` and ``GRU`` run on the layers and cells that :class:`elman.LanguageModel` trains. A
    model is checked once, in :meth:`prepare`: what it has that is not run is an error there, which names it.
    The guide lists the operators and versions.

    Examples
    --------
    >>> import numpy as np, onnx
    >>> from elman.interop.onnx import Backend
    >>> node = onnx.helper.make_node("RNN", ["X", "W", "R"], ["", "Y_h"], hidden_size=2)
    >>> X, W, R = np.ones((3, 1, 4), "f"), np.full((1, 2, 4), 0.1, "f"), np.full((1, 2, 2), 0.1, "f")
    >>> _, last = Backend.run_node(node, [X, W, R])
    >>> last.round(3)
    array([[[0.453, 0.453]]], dtype=float32)
    """

    @classmethod
    def prepare(cls, model: onnx.ModelProto, device: str = "CPU", **kwargs: Any) -> Prepared:
        """Check a model and make it ready.

        Parameters
        ----------
        model : onnx.ModelProto
            Such as :func:`load_model` reads.
        device : str
            ``CPU``; there is no other.
        **kwargs
            ``max_bytes``: what the values computed in a run may hold at once; 2 GiB if not given. A result
            that would go beyond is refused before it is made.

        Returns
        -------
        Prepared
            With the method ``run``.

        Raises
        ------
        ConfigError
            If the model is sound, and has an operator, a type or an opset that is not run.
        DataError
            If it is not valid ONNX.
        """
        max_bytes = kwargs.pop("max_bytes", MAX_BYTES)
        if kwargs:
            raise ConfigError(f"prepare takes no option {next(iter(kwargs))!r}: it takes max_bytes")
        _check_device(device)
        return Prepared(Graph(model, max_bytes))

    @classmethod
    def run_model(
        cls, model: onnx.ModelProto, inputs: Any, device: str = "CPU", **kwargs: Any
    ) -> tuple[Any, ...]:
        """Prepare a model and run it once.

        Parameters
        ----------
        model : onnx.ModelProto
            As for :meth:`prepare`.
        inputs : sequence or mapping of array_like
            As for :meth:`Prepared.run`.
        device, **kwargs
            As for :meth:`prepare`.

        Returns
        -------
        tuple of ndarray
            As from :meth:`Prepared.run`.
        """
        return cls.prepare(model, device, **kwargs).run(inputs)

    @classmethod
    def run_node(
        cls,
        node: onnx.NodeProto,
        inputs: Any,
        device: str = "CPU",
        outputs_info: Sequence[tuple[np.dtype[Any], tuple[int, ...]]] | None = None,
        **kwargs: Any,
    ) -> tuple[Any, ...]:
        """Run a single node.

        Parameters
        ----------
        node : onnx.NodeProto
            The node.
        inputs : sequence of array_like
            One for each input that the node names.
        device : str
            ``CPU``; there is no other.
        outputs_info : sequence, optional
            Not read: types and shapes follow from the inputs.
        **kwargs
            ``opset_version``: which version of the operator is meant; the newest known if not given.
            ``max_bytes``: as for :meth:`prepare`.

        Returns
        -------
        tuple of ndarray
            One for each output of the node; None where it leaves out the name.

        Raises
        ------
        ConfigError, DataError, ShapeError
            As for :meth:`prepare` and :meth:`Prepared.run`.
        """
        opset = known_opset(kwargs.pop("opset_version", min(OPSETS[1], onnx.defs.onnx_opset_version())))
        room = Room(kwargs.pop("max_bytes", MAX_BYTES))
        if kwargs:
            raise ConfigError(f"run_node takes no option {next(iter(kwargs))!r}")
        _check_device(device)
        read = read_node(node, opset)
        check_node(node, opset)
        run = made_ready(read)
        named = [name for name in read.inputs if name]
        if isinstance(inputs, Mapping) or len(inputs) != len(named):
            raise ShapeError(
                f"{read.label} reads {len(named)} inputs ({', '.join(named):.200}): give a list of them"
            )
        given = iter(inputs)
        values: list[Value | None] = [np.asarray(next(given)) if name else None for name in read.inputs]
        with np.errstate(all="ignore"):
            results = run_node(read, run, values, room)
        return tuple(value for value, _ in zip(results, read.outputs, strict=False))

    @classmethod
    def supports_device(cls, device: str) -> bool:
        """Tell whether models can be run there: on the CPU alone.

        Parameters
        ----------
        device : str
            Such as ``CPU`` or ``CPU:0``.

        Returns
        -------
        bool
        """
        return isinstance(device, str) and device.split(":")[0] == "CPU"

    @classmethod
    def is_compatible(cls, model: onnx.ModelProto, device: str = "CPU", **kwargs: Any) -> bool:
        """Tell whether :meth:`prepare` takes a model.

        Parameters
        ----------
        model, device, **kwargs
            As for :meth:`prepare`.

        Returns
        -------
        bool
        """
        try:
            cls.prepare(model, device, **kwargs)
        except ElmanError:
            return False
        return True


def _check_device(device: str) -> None:
    if not Backend.supports_device(device):
        raise ConfigError(f"there is no device {device!r}: elman runs models on the CPU")
