"""The registry of cells. A cell is one small file here; being registered, it is tested."""

from __future__ import annotations

from difflib import get_close_matches

from elman.errors import ConfigError
from elman.network.cells.base import Cell, HiddenState, State
from elman.network.cells.gru import GRU
from elman.network.cells.gru_before import GRUBefore
from elman.network.cells.indrnn import IndRNN
from elman.network.cells.lstm import LSTM, LSTMState
from elman.network.cells.lstm_coupled import CoupledLSTM
from elman.network.cells.lstm_peephole import PeepholeLSTM
from elman.network.cells.mgu import MGU
from elman.network.cells.mingru import MinGRU
from elman.network.cells.minlstm import MinLSTM
from elman.network.cells.rnn import RNN, ReluRNN
from elman.network.cells.scanned import ScanCell
from elman.network.cells.sru import SRU
from elman.network.cells.variants import parse

__all__ = [
    "CELLS",
    "GRU",
    "LSTM",
    "MGU",
    "RNN",
    "SRU",
    "Cell",
    "CoupledLSTM",
    "GRUBefore",
    "HiddenState",
    "IndRNN",
    "LSTMState",
    "MinGRU",
    "MinLSTM",
    "PeepholeLSTM",
    "ReluRNN",
    "ScanCell",
    "State",
    "get_cell",
    "register_cell",
]

CELLS: dict[str, Cell] = {}


def register_cell(cell: Cell) -> Cell:
    """Add a cell to the registry under its name.

    Parameters
    ----------
    cell : Cell
        An instance; cells hold no data of their own.

    Returns
    -------
    Cell
        The same cell.

    Raises
    ------
    ConfigError
        If it is not an instance of a cell, a cell of that name exists already, or its last product is both
        gated and staged.

    Examples
    --------
    >>> import elman
    >>> class Leaky(elman.network.cells.RNN):
    ...     '''h = tanh(x U + h W + b), under another name.'''
    ...
    ...     name = "my-rnn"
    >>> elman.register_cell(Leaky()).name
    'my-rnn'
    >>> elman.LanguageModel(vocab_size=5, cell="my-rnn", embedding=3, hidden=4, layers=1).cell
    'my-rnn'
    >>> _ = elman.network.cells.CELLS.pop("my-rnn")
    """
    if not isinstance(cell, Cell):
        raise ConfigError(f"a cell is registered as an instance, such as MyCell(), not as {cell!r:.60}")
    if cell.name in CELLS:
        raise ConfigError(f"a cell named {cell.name!r} is registered already; give yours another name")
    if cell.gated and cell.staged:
        raise ConfigError(
            f"the last product of {cell.name!r} cannot be gated and staged: it is of h, or of what waits"
        )
    CELLS[cell.name] = cell
    return cell


def get_cell(name: str) -> Cell:
    """Return the registered cell of that name, or the one that a name with activations describes.

    Parameters
    ----------
    name : str
        Such as ``"lstm"``, or ``"lstm[hard-sigmoid,tanh,tanh]"`` (:mod:`elman.network.cells.variants`).

    Returns
    -------
    Cell
        The instance that was registered; with activations, one that equals any other of that name.

    Raises
    ------
    ConfigError
        If there is none; the message names those there are, and the nearest.

    Examples
    --------
    >>> from elman.network import get_cell
    >>> get_cell("gru").gates
    3
    >>> get_cell("lstm[;coupled]").name
    'lstm-coupled'
    >>> get_cell("ltsm")
    Traceback (most recent call last):
        ...
    elman.errors.ConfigError: unknown cell 'ltsm': expected one of ...; did you mean 'lstm'?
    """
    if isinstance(name, str) and name not in CELLS and "[" in name:
        return parse(name)
    if not isinstance(name, str) or name not in CELLS:
        near = get_close_matches(str(name), CELLS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ConfigError(f"unknown cell {name!r}: expected one of {', '.join(sorted(CELLS))}{hint}")
    return CELLS[name]


for _cell in (
    RNN(), ReluRNN(), LSTM(), PeepholeLSTM(), CoupledLSTM(), GRU(), GRUBefore(), MGU(), IndRNN(), MinGRU(),
    MinLSTM(), SRU(),
):  # fmt: skip
    register_cell(_cell)
