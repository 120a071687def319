"""The examples import one another from their folder, and so do these tests."""

import sys

from .running import EXAMPLES

sys.path.insert(0, str(EXAMPLES))
