"""The curves' data: every step of this run and of the runs before it on the same problem. No Qt.

A run is one method's stretch of steps from a start; a change of method or a reset begins the next and keeps the last.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from core.protocol import Scalars

KEPT = 12
"""Runs kept for comparison; more cannot be told apart."""


FULL = 16_384
"""Most points of a curve. Then steps share them, in 2,048 stretches or more: no plot is wider, and the curves of a fit
that runs for days need no more memory than those of one that ran for an hour."""


class Series:
    """A growing curve: int iterations and float values. Values told again replace the last.

    None is lost up to FULL. Then stretches of equally many iterations keep their least and their greatest value, each
    where it was; the first step stays too, and what is newer than the last thinning is whole.
    """

    def __init__(self) -> None:
        self._points = np.empty(256, np.int64), np.empty(256, np.float64)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, iteration: int, value: float) -> None:
        x, y = self._points
        if self._count and x[self._count - 1] == iteration:
            y[self._count - 1] = value
            return
        if self._count == FULL:
            x, y = self._thin()
        elif self._count == len(x):
            x, y = self._points = _longer(x, len(x)), _longer(y, len(y))
        x[self._count], y[self._count] = iteration, value
        self._count += 1

    def _thin(self) -> tuple[np.ndarray, np.ndarray]:
        """Half of the points or fewer stay. The count is told before the points: another thread may look."""
        x, y = self._points
        width = 1
        while x[-1] - x[0] >= width * (FULL // 4):
            width *= 2
        finite = np.flatnonzero(np.isfinite(y))  # others are not drawn
        stretch = (x[finite] - x[0]) // width
        order = np.lexsort((y[finite], stretch))
        least = np.flatnonzero(np.diff(stretch[order], prepend=-1))
        greatest = np.append(least[1:], len(order))[: len(least)] - 1
        kept = np.unique([0, *finite[order[least]], *finite[order[greatest]], FULL - 1])
        self._count = len(kept)
        self._points = _longer(x[kept], FULL - len(kept)), _longer(y[kept], FULL - len(kept))
        return self._points

    @property
    def x(self) -> np.ndarray:
        return self._points[0][: self._count]

    @property
    def y(self) -> np.ndarray:
        return self._points[1][: self._count]

    def copied(self) -> tuple[np.ndarray, np.ndarray]:
        """What is there now, for a thread that looks while another one puts."""
        (x, y), count = self._points, self._count
        return x[:count].copy(), y[:count].copy()

    def until(self, iteration: int | None) -> tuple[list[int], list[float]]:
        """Iterations and values up to an iteration, that one included; None for all."""
        end = None if iteration is None else int(np.searchsorted(self.x, iteration, side="right"))
        return self.x[:end].tolist(), self.y[:end].tolist()

    def at(self, iteration: int) -> float | None:
        """The value at the last step up to `iteration`, None before the first."""
        index = int(np.searchsorted(self.x, iteration, side="right")) - 1
        return float(self.y[index]) if index >= 0 else None

    def exactly(self, iteration: int) -> float | None:
        """The value of this very step, None where it has none."""
        index = int(np.searchsorted(self.x, iteration))
        return float(self.y[index]) if index < self._count and self.x[index] == iteration else None


def _longer(values: np.ndarray, by: int) -> np.ndarray:
    return np.concatenate([values, np.empty(by, values.dtype)])


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

    def told_at(self, lineage: Iterable[tuple[str, int]], iteration: int) -> Scalars | None:
        """Loss and metrics at a step of the last of the runs known by (method, start), oldest first; None before the
        first."""
        found, loss = None, 0.0
        for key in lineage:
            run = next((r for r in reversed(self.runs) if (r.method, r.start) == key), None)
            value = run.loss.at(iteration) if run is not None else None
            found, loss = (run, value) if value is not None else (found, loss)
        if found is None:
            return None
        metrics = {name: series.exactly(iteration) for name, series in found.metrics.items()}
        return Scalars(iteration, loss, metrics={name: v for name, v in metrics.items() if v is not None})

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
