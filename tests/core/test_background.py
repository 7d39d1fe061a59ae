"""Compiling beside the loop."""

from __future__ import annotations

import threading
from itertools import count

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core.engine.background import warm_up
from core.engine.ports import Waiting


def test_the_first_call_happens_on_another_thread_and_only_once() -> None:
    traced_on: list[str] = []
    release = threading.Event()

    def double(x):
        release.wait(10)
        traced_on.append(threading.current_thread().name)
        return 2 * x

    function = jax.jit(double)
    buffer = np.ones(3, np.float32)
    work = warm_up("test double", function, (buffer,))
    assert next(work) is Waiting.COMPILING
    buffer[:] = np.nan  # a sampler's buffer is overwritten meanwhile
    release.set()
    assert all(item is Waiting.COMPILING for item in work)
    assert traced_on == [traced_on[0]]
    assert traced_on[0].startswith("compile")
    np.testing.assert_array_equal(function(np.full(3, 2, np.float32)), np.full(3, 4))
    assert function._cache_size() == 1
    assert list(warm_up("test double", function, (buffer,))) == []


def test_another_shape_compiles_anew() -> None:
    calls = count()

    def f(x):
        next(calls)
        return jnp.sum(x)

    function = jax.jit(f)
    for size in (2, 3, 2):
        list(warm_up("test shapes", function, (np.zeros(size, np.float32),)))
    assert next(calls) == 2


def test_what_the_call_raises_is_raised_here() -> None:
    def bad(x):
        raise ValueError("no such thing")

    with pytest.raises(ValueError, match="no such thing"):
        list(warm_up("test bad", jax.jit(bad), (np.zeros(2, np.float32),)))
