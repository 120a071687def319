"""The examples, imported and run as a learner runs them."""

import os
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"
ALONE = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def run(script: Path, warnings: str = "error") -> subprocess.CompletedProcess[str]:
    """Run a script with nothing but what is installed."""
    command = [sys.executable, "-W", warnings, str(script)]
    return subprocess.run(command, env=ALONE, capture_output=True, text=True, timeout=60, check=False)
