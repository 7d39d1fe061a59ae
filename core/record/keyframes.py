"""Which snapshots carry the whole state, so that a fork can go on from them: as many as cost next to nothing."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from core.engine.ports import SessionLike
from core.record.past import Tell

PERIOD_S = 0.1
"""Seconds between two states while a fit runs: ten places a second to go back to are more than a timeline keeps."""

SHARE = 0.04
"""A state that takes long is taken less often, so that it costs at most this share of the time."""

BYTES_PER_SECOND = 8 << 20
"""Most of states that a window is sent: it copies each of them, and a mesh of two million triangles has one of 40 MB."""

LONGEST_S = 10.0
"""Never longer than this: one that the system interrupted (a suspended laptop) says nothing of what the next takes."""


class Keyframes:
    """Asked for every snapshot; at a pause each one gets its state. tell: who keeps the steps' numbers."""

    def __init__(self, clock: Callable[[], float], tell: Tell | None = None) -> None:
        self._clock, self._tell, self._due = clock, tell, -math.inf

    def arrays(self, session: SessionLike, running: bool) -> dict[str, np.ndarray]:
        """{"state": bytes as uint8} where it is due, else nothing."""
        begin = self._clock()
        if running and begin < self._due:
            return {}
        state = np.frombuffer(session.state_bytes(self._tell), np.uint8)
        end = self._clock()
        self._due = end + min(max(PERIOD_S, (end - begin) / SHARE, len(state) / BYTES_PER_SECOND), LONGEST_S)
        return {"state": state}
