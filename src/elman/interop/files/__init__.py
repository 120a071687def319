"""Files of named tensors: what they list, the numbers in them, and what model these could be.

Nothing of a file is trusted: sizes, places and names are checked before memory is asked for, and nothing in
it is ever run.
"""
