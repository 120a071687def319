"""What needs PyTorch is left out where that is not installed; stored vectors cover the same."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("torch") else ["test_live*.py", "modules.py"]
