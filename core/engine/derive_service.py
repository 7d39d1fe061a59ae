"""Derivative images between the steps of a fit, a slice of work at a time.

While a fit runs, the pane's images start anew every PERIOD_S seconds and get the share of time that lets them end
within TARGET_S; cheap ones take next to nothing from the fit, costly ones up to MAX_SHARE of it. While it is paused
they are served at once. Arrays that are ready stay and go into every snapshot, stamped with their own iteration.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from typing import Protocol

import numpy as np

from core.engine.ports import Waiting
from core.protocol import Agreement, Derive

PERIOD_S = 0.4
"""Seconds between two starts while a fit runs: a pane that changes more often than this reads as flicker."""

TARGET_S = 0.75
"""Seconds within which a set of images should be ready while a fit runs: once a second, with room for slow steps."""

MIN_SHARE, MAX_SHARE = 0.2, 0.8
"""Bounds of the time share: never so little that a first image drags, never so much that the fit stands still."""

MAX_CREDIT_S = 0.1
"""Bounds what a slow step may save up and a slow slice (the first compiles) may owe."""

WITHOUT_THETA = ("vertex_gradient", "arrow_vertices", "arrows")
"""Arrays that come with the images and say the same whatever theta is: they stay until the new ones are there."""

BEFORE_EDIT = -1
"""The stamp of an array that shows the state before an edit by hand."""

Result = tuple[dict[str, np.ndarray], Agreement | None]


class Derivable(Protocol):
    def derive_begin(self, request: Derive, view: int) -> Iterator[Result | Waiting | None]: ...


class DeriveService:
    """What the derivative panes ask for, the work on it, and what is ready. One request at a time: the last."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._request = Derive(theta=None)
        self._work: Iterator[Result | Waiting | None] | None = None
        self._iteration = 0
        self.waiting = False
        """Whether the work waits for a compilation: asking again at once is no use."""
        self.clear()

    def clear(self) -> None:
        """Forget work and images (the request stays): another problem, another view."""
        self._drop_work()
        self.served = False
        """Whether a whole set was ready since: the first may have to be compiled."""
        self.arrays: dict[str, np.ndarray] = {}
        self.stamps: dict[str, int] = {}
        self._stale, self._failed = True, False
        self._started = -PERIOD_S
        self._cost = self._last_cost = self._credit = 0.0

    def ask(self, request: Derive) -> None:
        """Serve `request` from now on. Images of another theta go at once; other settings replace them when ready."""
        if request == self._request and not self._failed:
            return
        if request.theta != self._request.theta:
            kept = {name: (self.arrays[name], self.stamps[name]) for name in WITHOUT_THETA if name in self.arrays}
            self.clear()
            if request.theta is not None:
                self.arrays = {name: array for name, (array, _) in kept.items()}
                self.stamps = {name: stamp for name, (_, stamp) in kept.items()}
        elif not request.reference:
            for name in ("reference", "disagreement"):
                self.arrays.pop(name, None)
                self.stamps.pop(name, None)
        if not request.own:
            self.arrays.pop("own_difference", None)
            self.stamps.pop("own_difference", None)
        self._drop_work()
        self._request = request
        self._stale, self._failed = True, False
        self._started = -PERIOD_S

    @property
    def theta(self) -> str | None:
        return self._request.theta

    @property
    def preparing(self) -> bool:
        """Whether something compiles, or may since no whole set was ready yet."""
        return self.theta is not None and not self._failed and (self.waiting or not self.served)

    def give_up(self) -> None:
        """What is ready stays; nothing more is tried until another request, view or problem."""
        self._drop_work()
        self._failed = True

    def moved(self, *, edited: bool = False) -> None:
        """The state changed: by a step, or by hand. Work that has begun ends first, so that dragging starves nobody."""
        self._stale = True
        if edited:
            self.stamps = dict.fromkeys(self.stamps, BEFORE_EDIT)
            self._iteration = BEFORE_EDIT

    def earn(self, seconds: float) -> None:
        """A step took `seconds`: what the images may spend in return."""
        share = min(MAX_SHARE, max(MIN_SHARE, max(self._cost, self._last_cost) / TARGET_S))
        self._credit = min(MAX_CREDIT_S, self._credit + seconds * share / (1 - share))

    def due(self, running: bool) -> bool:
        """Whether `serve` has something to do now."""
        if self._request.theta is None or self._failed:
            return False
        if not running:
            return self._work is not None or self._stale
        if self._work is None and (not self._stale or self._clock() - self._started < PERIOD_S):
            return False
        return self._credit > 0

    def serve(
        self, session: Derivable, view: int, iteration: int, running: bool, interrupted: Callable[[], bool]
    ) -> Result | None:
        """Work until something is ready, which is kept and returned, or time is spent, or `interrupted`.

        Whatever the session raises passes on, and nothing more is tried until another request, view or problem.
        """
        while True:
            begin = self._clock()
            try:
                if self._work is None:
                    self._started, self._cost, self._stale, self._iteration = begin, 0.0, False, iteration
                    self._work = iter(session.derive_begin(self._request, view))
                result = next(self._work)
            except StopIteration:
                self._work, self._last_cost, self.served = None, self._cost, True
                return None
            except Exception:
                self._work, self._failed = None, True
                raise
            spent = self._clock() - begin
            self._cost += spent
            self._credit = max(-MAX_CREDIT_S, self._credit - spent)
            self.waiting = isinstance(result, Waiting)
            if isinstance(result, Waiting):
                return None
            if result is not None:
                self.arrays |= result[0]
                self.stamps |= dict.fromkeys(result[0], self._iteration)
                return result
            if interrupted() or (running and self._credit <= 0):
                return None

    def _drop_work(self) -> None:
        if isinstance(self._work, Generator):
            self._work.close()
        self._work, self.waiting = None, False
