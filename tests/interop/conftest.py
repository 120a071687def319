"""The command line, as its own tests have it."""

from tests.cli.conftest import run_elman

__all__ = ["run_elman"]
