"""One pool of plain threads for every nogil kernel of the process, made at first use.

Threads, not OpenMP: a parallel region of `parallel=True` stalls in quanta of about 8 ms when another pool (XLA's) keeps
the cores busy. The calling thread works too, so one worker needs no pool at all.
"""

from __future__ import annotations

import atexit
import os
import queue
import threading
from collections.abc import Callable

MOST_WORKERS = 4
"""Each worker has a private key buffer that must be merged: beyond four the merge eats the gain."""

_tasks: queue.SimpleQueue = queue.SimpleQueue()
_threads: list[threading.Thread] = []
_lock = threading.Lock()


def default_workers() -> int:
    """The cores this process may use, at most MOST_WORKERS."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(usable, MOST_WORKERS))


def run(task: Callable[[int], None], count: int) -> None:
    """Call task(0) .. task(count - 1) at the same time and wait; the first exception is raised here.

    A task must not wait for another one: with several callers they may run one after the other.
    """
    if count > 1:
        _grow(count - 1)
    done: queue.SimpleQueue = queue.SimpleQueue()
    for index in range(1, count):
        _tasks.put((task, index, done))
    error = _attempt(task, 0)
    for _ in range(1, count):
        error = done.get() or error
    if error is not None:
        raise error


def _attempt(task, index) -> BaseException | None:
    try:
        task(index)
    except BaseException as error:
        return error
    return None


def _work() -> None:
    while (item := _tasks.get()) is not None:
        task, index, done = item
        done.put(_attempt(task, index))
        del item, task, done  # an idle thread must not keep a caller's arrays alive


def _grow(count: int) -> None:
    """Have at least `count` threads. Daemons, so that nothing waits for them but `_stop`."""
    with _lock:
        while len(_threads) < count:
            if not _threads:
                atexit.register(_stop)
            thread = threading.Thread(target=_work, name=f"raster-{len(_threads)}", daemon=True)
            thread.start()
            _threads.append(thread)


def _stop() -> None:
    """At exit: let every thread finish its task and end, so that none is inside a kernel when the process is torn down."""
    with _lock:
        for _ in _threads:
            _tasks.put(None)
        for thread in _threads:
            thread.join(timeout=2.0)
        _threads.clear()
