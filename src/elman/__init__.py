"""Recurrent networks on NumPy that you can read, check and ship."""

__version__ = "0.1.0"
