"""Network: cells, layers, stacks, outputs and the language model. It knows nothing of text or files."""

from elman.network.cells import CELLS, Cell, get_cell, register_cell
from elman.network.model import LanguageModel, ModelState
from elman.network.truncation import Truncation

__all__ = ["CELLS", "Cell", "LanguageModel", "ModelState", "Truncation", "get_cell", "register_cell"]
