"""A machine for pickles of tensors: it follows the opcodes, and runs nothing.

A pickle is a program for a machine with a stack and a memo. The one of Python's library imports and calls
what the program names. This one has the opcodes that dictionaries of tensors need, and in place of calls the
list in ``allowed.py``; all else is refused. The standard library's ``pickletools.genops`` reads the opcodes.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from typing import Any

from elman.errors import DataError
from elman.interop.files.allowed import ADVICE, CALLABLE, MOST_ARGUMENTS, Global, Opaque, named, storage

LONGEST = 32 * 2**20
"""Bytes of the longest pickle that is read."""

MOST_STEPS = 2_000_000
"""Opcodes that are followed: enough for 50,000 tensors with the moments of an optimiser."""

LONGEST_NUMBER = 16
"""Bytes of the longest whole number."""


def unpickle(data: bytes) -> Any:
    """Return what a pickle of tensors holds: dictionaries, lists, plain values and descriptions of tensors.

    Parameters
    ----------
    data : bytes
        The pickle.

    Returns
    -------
    object
        Tensors are :class:`~elman.interop.files.allowed.View`.

    Raises
    ------
    DataError
        If the pickle is damaged, too large, or holds anything but that; the message ends a sentence about
        the file.

    Examples
    --------
    >>> import pickle
    >>> unpickle(pickle.dumps({"epoch": 3}))
    {'epoch': 3}
    >>> unpickle(pickle.dumps(print))
    Traceback (most recent call last):
    elman.errors.DataError: it asks for builtins.print, which is not needed for tensors, and nothing but ...
    """
    if len(data) > LONGEST:
        raise DataError(
            f"its pickle has {len(data):,} bytes, of which at most {LONGEST:,} are read: {ADVICE}"
        )
    machine = _Machine()
    steps = 0
    try:
        for opcode, argument, _ in pickletools.genops(data):
            steps += 1
            if steps > MOST_STEPS:
                raise DataError(f"its pickle has more than {MOST_STEPS:,} steps: {ADVICE}")
            if opcode.name == "STOP":
                return machine.pop()
            step = _STEPS.get(opcode.name)
            if step is None:
                raise DataError(
                    f"its pickle has the opcode {opcode.name}, which tensors do not need: {ADVICE}"
                )
            step(machine, argument)
    except DataError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, OverflowError) as error:
        # genops raises ValueError for what is no pickle; the others are an empty stack and a memo without.
        raise DataError(f"its pickle is damaged ({type(error).__name__} at step {steps:,})") from None
    raise DataError("its pickle has no end")


class _Machine:
    """The stack, the marks in it, and the memo."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def push(self, value: Any) -> None:
        """Put a value on the stack."""
        self.stack.append(value)

    def pop(self) -> Any:
        """Take the last value from the stack; one before the last mark is out of reach."""
        if self.marks and len(self.stack) <= self.marks[-1]:
            raise IndexError
        return self.stack.pop()

    def popped(self, count: int) -> tuple[Any, ...]:
        """Take several values from the stack, in the order in which they were put there."""
        return tuple([self.pop() for _ in range(count)][::-1])

    def since_mark(self) -> list[Any]:
        """Take all values since the last mark from the stack."""
        start = self.marks.pop()
        values = self.stack[start:]
        del self.stack[start:]
        return values


def _mark(m: _Machine, _: Any) -> None:
    m.marks.append(len(m.stack))


def _put(m: _Machine, index: Any) -> None:
    m.memo[index] = m.stack[-1]


def _memoize(m: _Machine, _: Any) -> None:
    m.memo[len(m.memo)] = m.stack[-1]


def _get(m: _Machine, index: Any) -> None:
    m.push(m.memo[index])


def _whole(m: _Machine, value: Any) -> None:
    if abs(value).bit_length() > 8 * LONGEST_NUMBER:
        raise DataError("its pickle has a number of more digits than any tensor has use for")
    m.push(value)


def _tuple(m: _Machine, _: Any) -> None:
    m.push(tuple(m.since_mark()))


def _append(m: _Machine, _: Any) -> None:
    values, item = m.popped(2)
    _list(values).append(item)
    m.push(values)


def _appends(m: _Machine, _: Any) -> None:
    items = m.since_mark()
    _list(m.stack[-1]).extend(items)


def _set_item(m: _Machine, _: Any) -> None:
    target, key, value = m.popped(3)
    _dict(target)[_key(key)] = value
    m.push(target)


def _set_items(m: _Machine, _: Any) -> None:
    items = m.since_mark()
    target = _dict(m.stack[-1])
    for key, value in zip(items[::2], items[1::2], strict=True):
        target[_key(key)] = value


def _dict_since(m: _Machine, _: Any) -> None:
    items = m.since_mark()
    m.push({_key(key): value for key, value in zip(items[::2], items[1::2], strict=True)})


def _global(m: _Machine, argument: Any) -> None:
    module, _, name = argument.partition(" ")
    m.push(named(module, name))


def _stack_global(m: _Machine, _: Any) -> None:
    module, name = m.popped(2)
    if type(module) is not str or type(name) is not str:
        raise TypeError
    m.push(named(module, name))


def _reduce(m: _Machine, _: Any) -> None:
    function, arguments = m.popped(2)
    if not isinstance(function, Global) or function not in CALLABLE or type(arguments) is not tuple:
        raise DataError(f"its pickle calls what is no function of tensors: {ADVICE}")
    if len(arguments) > MOST_ARGUMENTS:
        raise DataError(f"its pickle calls {function} with {len(arguments):,} arguments: {ADVICE}")
    try:
        m.push(CALLABLE[function](*arguments))
    except DataError as error:
        raise DataError(f"its pickle has {error}") from None


def _build(m: _Machine, _: Any) -> None:
    target, state = m.popped(2)
    # A state_dict carries the versions of its modules as an attribute, which is of no use here.
    if type(target) is not dict or type(state) is not dict:
        raise DataError(f"its pickle sets the state of an object: {ADVICE}")
    m.push(target)


def _persistent(m: _Machine, _: Any) -> None:
    try:
        m.push(storage(m.pop()))
    except DataError as error:
        raise DataError(f"its pickle has {error}") from None


def _list(value: Any) -> list[Any]:
    if type(value) is not list:
        raise TypeError
    return value


def _dict(value: Any) -> dict[Any, Any]:
    if type(value) is not dict:
        raise TypeError
    return value


def _key(value: Any) -> Any:
    # Of tuples within tuples, a few hundred bytes take for ever to hash.
    if type(value) not in (str, int, float, bool, type(None)):
        raise DataError(f"its pickle has a dictionary whose keys are not names or numbers: {ADVICE}")
    return value


def _pushing(make: Callable[[], Any]) -> Callable[[_Machine, Any], None]:
    return lambda m, _: m.push(make())


def _nothing(m: _Machine, _: Any) -> None:
    pass


def _push(m: _Machine, value: Any) -> None:
    m.push(value)


_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    **dict.fromkeys(("PROTO", "FRAME"), _nothing),
    "MARK": _mark,
    "POP": lambda m, _: (m.pop(), None)[1],
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), _put),
    "MEMOIZE": _memoize,
    **dict.fromkeys(("BINGET", "LONG_BINGET"), _get),
    "NONE": _pushing(lambda: None),
    "NEWTRUE": _pushing(lambda: True),
    "NEWFALSE": _pushing(lambda: False),
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "LONG1"), _whole),
    **dict.fromkeys(("BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"), _push),
    **dict.fromkeys(("BINBYTES", "SHORT_BINBYTES"), _pushing(lambda: Opaque("bytes"))),
    "EMPTY_TUPLE": _pushing(tuple),
    "EMPTY_LIST": _pushing(list),
    "EMPTY_DICT": _pushing(dict),
    "EMPTY_SET": _pushing(lambda: Opaque("set")),
    "TUPLE": _tuple,
    "TUPLE1": lambda m, _: m.push(m.popped(1)),
    "TUPLE2": lambda m, _: m.push(m.popped(2)),
    "TUPLE3": lambda m, _: m.push(m.popped(3)),
    "LIST": lambda m, _: m.push(m.since_mark()),
    "DICT": _dict_since,
    "APPEND": _append,
    "APPENDS": _appends,
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "REDUCE": _reduce,
    "BUILD": _build,
    "BINPERSID": _persistent,
}
"""What each opcode does. One that is not here is refused."""
