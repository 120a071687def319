"""The sides of a comparison: each is built in a process of its own by ``python -m sides NAME SETTINGS``."""
