"""The curves' data: every step of this run and of the runs before it on the same problem. No Qt.

A run is one method's stretch of steps from a start; a change of method or a reset begins the next and keeps the last.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from core.protocol import Scalars

KEPT = 12
"""Runs kept for comparison; more cannot be told apart."""


class Series:
    """A growing curve: int iterations and float values, none lost. Values told again replace the last."""

    def __init__(self) -> None:
        self._x = np.empty(256, np.int64)
        self._y = np.empty(256, np.float64)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, iteration: int, value: float) -> None:
        if self._count and self._x[self._count - 1] == iteration:
            self._y[self._count - 1] = value
            return
        if self._count == len(self._x):
            self._x = np.concatenate([self._x, np.empty_like(self._x)])
            self._y = np.concatenate([self._y, np.empty_like(self._y)])
        self._x[self._count], self._y[self._count] = iteration, value
        self._count += 1

    @property
    def x(self) -> np.ndarray:
        return self._x[: self._count]

    @property
    def y(self) -> np.ndarray:
        return self._y[: self._count]

    def copied(self) -> tuple[np.ndarray, np.ndarray]:
        """What is there now, for a thread that looks while another one puts."""
        count = self._count
        return self._x[:count].copy(), self._y[:count].copy()

    def until(self, iteration: int) -> np.ndarray:
        """The values up to an iteration, that one included."""
        return self.y[: int(np.searchsorted(self.x, iteration, side="right"))]

    def at(self, iteration: int) -> float | None:
        """The value at the last step up to `iteration`, None before the first."""
        index = int(np.searchsorted(self.x, iteration, side="right")) - 1
        return float(self.y[index]) if index >= 0 else None


class Run:
    """One stretch of steps by one method. start: the iteration it began at. pinned: kept whatever else is opened."""

    def __init__(self, method: str, start: int = 0) -> None:
        self.method, self.start = method, start
        self.title, self.pinned = "", False
        self.loss = Series()
        self.metrics: dict[str, Series] = {}

    def put(self, scalars: Scalars) -> None:
        self.loss.put(scalars.iteration, scalars.loss)
        for name, value in scalars.metrics.items():
            self.metrics.setdefault(name, Series()).put(scalars.iteration, value)

    @property
    def last(self) -> int:
        """The last iteration told, `start` before the first."""
        return int(self.loss.x[-1]) if len(self.loss) else self.start


class RunBook:
    """All runs on the problem at hand, oldest first; the last is the current one."""

    def __init__(self, runs: Iterable[Run] = ()) -> None:
        self.runs = list(runs)

    @property
    def current(self) -> Run | None:
        return self.runs[-1] if self.runs else None

    def clear(self) -> None:
        """Another problem: only pinned runs stay beside it."""
        self.runs = self.pinned()

    def loss_at(self, lineage: Iterable[tuple[str, int]], iteration: int) -> float | None:
        """The loss at a step of the last of the runs known by (method, start), oldest first; None before the first."""
        found = None
        for key in lineage:
            run = next((r for r in reversed(self.runs) if (r.method, r.start) == key), None)
            value = run.loss.at(iteration) if run is not None else None
            found = found if value is None else value
        return found

    def pinned(self) -> list[Run]:
        return [run for run in self.runs if run.pinned and len(run.loss)]

    def forget_others(self) -> None:
        """Only the current run and pinned ones stay."""
        self.runs = [run for run in self.runs if run.pinned or run is self.current]

    def begin(self, method: str, start: int = 0, title: str = "") -> Run:
        """A new current run. A run that took no step yet is replaced, not kept. title: of its experiment."""
        run = Run(method, start)
        run.title = title
        kept = [r for r in self.runs if len(r.loss)]
        while len(kept) >= KEPT:
            kept.remove(next((r for r in kept if not r.pinned), kept[0]))
        self.runs = [*kept, run]
        return run

    def put(self, batch: Iterable[Scalars]) -> None:
        """Add steps; one that lies before the current run's last step begins a new run (a reset)."""
        for scalars in batch:
            run = self.current
            if run is None or scalars.iteration < run.last:
                run = self.begin(run.method if run else "", max(0, scalars.iteration - 1), run.title if run else "")
            run.put(scalars)
