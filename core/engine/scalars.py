"""The numbers of the steps: when they are told, and when with the metrics, which take time."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from core import protocol
from core.engine.ports import SessionLike
from core.protocol import Event

METRICS_S = 1.0
"""Seconds between two computations of the metrics while a fit runs."""

RATE_SMOOTHING_S = 0.5
"""Time constant of the displayed steps a second."""


class ScalarsTelling:
    """Posts each step's numbers, now and then with the metrics, and at a pause the last ones again with them.

    fail: told of an error in the metrics, after which the numbers go without.
    """

    def __init__(
        self, post: Callable[[Event], None], fail: Callable[[Exception, str], None], clock: Callable[[], float]
    ) -> None:
        self._post, self._fail, self._clock = post, fail, clock
        self._last: protocol.Scalars | None = None
        self._metrics_at: float | None = None
        self._rate = Rate()

    @property
    def waiting(self) -> bool:
        """Whether a step has not been told with its metrics."""
        return self._last is not None

    def forget(self) -> None:
        """The last step is of a state that is gone."""
        self._last = None

    def begin(self) -> None:
        """A run begins."""
        self._metrics_at = self._clock() + METRICS_S
        self._rate = Rate()

    def step(self, session: SessionLike, scalars: protocol.Scalars) -> None:
        """Post a step's numbers, with the metrics where their time has come."""
        now = self._clock()
        scalars = dataclasses.replace(scalars, steps_per_second=self._rate.step(now))
        self._last = scalars
        if self._metrics_at is not None and now >= self._metrics_at:
            scalars = self._with_metrics(session, scalars)
            self._metrics_at = self._clock() + METRICS_S
        self._post(scalars)

    def at_rest(self, session: SessionLike) -> None:
        """Tell the last step again, with the metrics of where the fit stands."""
        if self._last is not None:
            last, self._last = self._last, None
            self._post(self._with_metrics(session, last))

    def _with_metrics(self, session: SessionLike, scalars: protocol.Scalars) -> protocol.Scalars:
        try:
            return dataclasses.replace(scalars, metrics={**scalars.metrics, **session.metrics()})
        except Exception as error:
            self._fail(error, "The metrics failed")
            return scalars


class Rate:
    """Steps a second, smoothed over RATE_SMOOTHING_S."""

    def __init__(self) -> None:
        self._before: float | None = None
        self._seconds = 0.0

    def step(self, now: float) -> float:
        """A step ended at `now`, seconds. 0 for the first."""
        before, self._before = self._before, now
        if before is None:
            return 0.0
        seconds = max(now - before, 1e-6)
        weight = 1.0 if self._seconds == 0.0 else min(1.0, seconds / RATE_SMOOTHING_S)
        self._seconds += weight * (seconds - self._seconds)
        return 1.0 / self._seconds
