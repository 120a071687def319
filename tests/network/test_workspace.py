"""Scratch memory: named blocks that grow, and views built once for a key."""

import numpy as np

from elman.network.workspace import Workspace

F4, F8 = np.dtype("float32"), np.dtype("float64")


def test_one_name_is_one_block_that_only_grows():
    space = Workspace()
    large = space.take("a", (3, 4), F4)
    assert large.shape == (3, 4)
    assert large.dtype == F4
    assert large.flags.c_contiguous
    small = space.take("a", (5,), F4)
    assert np.shares_memory(small, large)
    assert np.shares_memory(space.take("a", (12,), F4), large)
    larger = space.take("a", (13,), F4)
    assert not np.shares_memory(larger, large)
    assert np.shares_memory(space.take("a", (2, 2), F4), larger)


def test_names_and_types_have_memory_of_their_own():
    space = Workspace()
    a = space.take("a", (4,), F4)
    assert not np.shares_memory(a, space.take("b", (4,), F4))
    assert not np.shares_memory(a, Workspace().take("a", (4,), F4))
    wide = space.take("a", (4,), F8)
    assert wide.dtype == F8
    assert not np.shares_memory(a, wide)
    assert space.take("empty", (0, 3), F4).shape == (0, 3)


def test_what_was_built_is_kept_for_its_key_and_the_last_one_alone():
    space, made = Workspace(), []

    def make():
        made.append(object())
        return made[-1]

    first = space.build("tape", (3, 2), make)
    assert space.build("tape", (3, 2), make) is first
    assert space.build("other", (3, 2), make) is not first
    second = space.build("tape", (4, 2), make)
    assert second is not first
    assert space.build("tape", (3, 2), make) not in (first, second)
    assert len(made) == 4
