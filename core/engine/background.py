"""Compiling beside the loop: the first call of a jitted function, on a thread, while fit and commands go on.

XLA releases the interpreter while it compiles, so one thread is enough. Arguments are copied first: samplers reuse
their buffers for the next step.
"""

from __future__ import annotations

import concurrent.futures
import functools
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import jax
import numpy as np

from core.engine.ports import Waiting

_warm: set[Hashable] = set()
_compiling: dict[Hashable, concurrent.futures.Future] = {}
"""What is on its way: whoever gave it up and asks again waits for the same."""


def warm_up(name: Hashable, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Iterator[Waiting]:
    """Yield until `function` has compiled for arguments of these shapes. name: what else its code depends on.

    Yields nothing where it has been done. Whatever the call raises is raised here.
    """
    key = (name, _signature(arguments))
    if key in _warm:
        return
    future = _compiling.get(key)
    if future is None:
        copied = jax.tree.map(_own, arguments)
        future = _compiling[key] = _executor().submit(lambda: jax.block_until_ready(function(*copied)))
        future.add_done_callback(functools.partial(_ended, key))
    while not future.done():
        yield Waiting.COMPILING
    future.result()


def _ended(key: Hashable, future: concurrent.futures.Future) -> None:
    """What was given up meanwhile is known the next time all the same, and its arguments are let go."""
    if future.exception() is None:
        _warm.add(key)
    _compiling.pop(key, None)


def _own(leaf: Any) -> Any:
    return leaf.copy() if isinstance(leaf, np.ndarray) else leaf


def _signature(arguments: Any) -> Hashable:
    leaves, tree = jax.tree.flatten(arguments)
    return tree, tuple((np.shape(leaf), str(getattr(leaf, "dtype", type(leaf).__name__))) for leaf in leaves)


@functools.cache
def _executor() -> concurrent.futures.ThreadPoolExecutor:
    """One thread: two compilations at once would only take the fit's core as well."""
    return concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="compile")
