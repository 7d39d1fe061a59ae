"""One pool of plain threads for every nogil kernel of the process, made at first use.

Threads, not OpenMP: a parallel region of `parallel=True` stalls in quanta of about 8 ms when another pool (XLA's) keeps
the cores busy. Work is handed out in pieces; the calling thread works too, and does not wait for helpers that a busy
machine has not let start: what is left of their share it does itself.
"""

from __future__ import annotations

import atexit
import itertools
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

MOST_WORKERS = 4
"""Each worker has a private key buffer that must be merged: beyond four the merge eats the gain."""


@dataclass(frozen=True, slots=True)
class _Job:
    """tickets: indices of helpers that have not started; who pops one owns it. done: an error or None per helper."""

    task: Callable[[int], None]
    tickets: list[int]
    done: queue.SimpleQueue = field(default_factory=queue.SimpleQueue)


_jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
_threads: list[threading.Thread] = []
_lock = threading.Lock()
_closing = threading.Event()


def default_workers() -> int:
    """The cores this process may use, at most MOST_WORKERS."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(usable, MOST_WORKERS))


def share(work: Callable[[int, int, int], None], total: int, piece: int, count: int) -> None:
    """Call work(worker, start, stop) for all pieces of range(total) by at most `count` workers, numbered from 0.

    Returns when all is done; the first exception is raised here. Which worker gets which piece is up to chance.
    """
    starts = itertools.count(0, piece)  # next() is atomic

    def task(index: int) -> None:
        while (start := next(starts)) < total:
            work(index, start, min(start + piece, total))

    helpers = min(count, -(-total // piece)) - 1
    if helpers < 1:
        task(0)
        return
    _grow(helpers)
    job = _Job(task, list(range(helpers, 0, -1)))
    for _ in range(helpers):
        _jobs.put(job)
    error = _attempt(job, 0)
    while _claim(job) is not None:
        helpers -= 1
    for _ in range(helpers):
        error = job.done.get() or error
    if error is not None:
        raise error


def _attempt(job: _Job, index: int) -> BaseException | None:
    try:
        job.task(index)
    except BaseException as error:
        return error
    return None


def _claim(job: _Job) -> int | None:
    try:
        return job.tickets.pop()
    except IndexError:
        return None


def _work() -> None:
    while (job := _jobs.get()) is not None:
        if (index := _claim(job)) is not None:
            job.done.put(_attempt(job, index))
        del job  # an idle thread must not keep a caller's arrays alive


def _grow(count: int) -> None:
    """Have at least `count` threads, unless the process is ending (a caller then does all the work itself).

    Daemons, so that nothing waits for them but `_stop`.
    """
    with _lock:
        while len(_threads) < count and not _closing.is_set():
            if not _threads:
                atexit.register(_stop)
            thread = threading.Thread(target=_work, name=f"raster-{len(_threads)}", daemon=True)
            thread.start()
            _threads.append(thread)


def _stop() -> None:
    """At exit: let every thread finish its piece and end, so that none is inside a kernel when the process is torn down."""
    _closing.set()
    with _lock:
        for _ in _threads:
            _jobs.put(None)
        for thread in _threads:
            thread.join(timeout=2.0)
        _threads.clear()
