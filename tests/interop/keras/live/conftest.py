"""These tests ask Keras itself, and are left out where it is not installed."""

from __future__ import annotations

import os
from importlib.util import find_spec

os.environ.setdefault("KERAS_BACKEND", "torch")

collect_ignore_glob = [] if find_spec("keras") and find_spec("torch") else ["test_*.py", "models.py"]
