"""Names for the arrays that pass between the rooms."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating[Any]]
"""An array of float32 or float64."""

Ints: TypeAlias = NDArray[np.integer[Any]]
"""An array of token ids, of any integer type."""

Params: TypeAlias = dict[str, Floats]
"""The flat dictionary with dotted names: parameters, gradients, moments."""
