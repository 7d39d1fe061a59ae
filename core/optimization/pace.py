"""How fast a fit goes."""

from __future__ import annotations

import time
from collections import deque

STEPS = 20
"""The last ones, over which is averaged."""


class Pace:
    """Steps a second, by when the last ones ended."""

    def __init__(self) -> None:
        self._ended: deque[float] = deque(maxlen=STEPS)

    def note(self) -> None:
        """A step has ended."""
        self._ended.append(time.perf_counter())

    @property
    def steps_per_second(self) -> float:
        """0 before there are two."""
        span = self._ended[-1] - self._ended[0] if self._ended else 0.0
        return (len(self._ended) - 1) / span if span > 0 else 0.0
