"""Compiling beside the loop: what is given up ends unseen, is there the next time, and leaves nothing behind."""

from __future__ import annotations

import threading
import time

import jax.numpy as jnp
import numpy as np
import pytest

from core.engine import background
from core.engine.background import warm_up


def wait_for_the_end(key_count: int) -> None:
    end = time.monotonic() + 30.0
    while len(background._compiling) > key_count and time.monotonic() < end:
        time.sleep(0.005)
    assert len(background._compiling) == key_count


def test_what_is_given_up_is_compiled_once_and_let_go() -> None:
    may_end, calls = threading.Event(), []

    def function(x):  # type: ignore[no-untyped-def]
        calls.append(np.shape(x))
        assert may_end.wait(30.0)
        return jnp.sum(x)

    before = len(background._compiling)
    values = np.arange(4.0)
    given_up = warm_up("given up", function, (values,))
    next(given_up)
    given_up.close()
    assert len(background._compiling) == before + 1
    again = warm_up("given up", function, (values,))
    next(again)
    again.close()
    may_end.set()
    wait_for_the_end(before)
    assert list(warm_up("given up", function, (values,))) == []
    assert calls == [(4,)]
    list(warm_up("given up", function, (np.arange(5.0),)))
    assert calls == [(4,), (5,)]


def test_what_fails_is_raised_where_it_is_waited_for_and_tried_again() -> None:
    before, calls = len(background._compiling), []

    def function(x):  # type: ignore[no-untyped-def]
        calls.append(x)
        raise ValueError("no such thing")

    for count in (1, 2):
        with pytest.raises(ValueError, match="no such thing"):
            list(warm_up("fails", function, (1.0,)))
        wait_for_the_end(before)
        assert len(calls) == count
