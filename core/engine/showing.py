"""When a snapshot is due, and what goes into it: the session's picture, derivative images and the timeline's keyframes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

from core.engine.derive_service import DeriveService
from core.engine.ports import SessionLike, SnapshotSink
from core.record.keyframes import Keyframes
from core.record.past import Tell

FRAME_S = 1 / 30
"""Shortest time between two snapshots of a running fit: what software GL can draw."""

SHOW_SHARE = 0.2
"""Most of a running fit's time that snapshots may take."""

UNTAKEN_S = 0.02
"""Longest wait while a snapshot waits for the last one to be taken, where the sink cannot end the wait itself."""


class Showing:
    """Posts snapshots to a sink, each with the newest derivative images, as often as it takes them."""

    def __init__(
        self,
        sink: SnapshotSink | None,
        derive: DeriveService,
        clock: Callable[[], float],
        tell: Tell | None = None,
    ) -> None:
        """tell: who keeps the steps' numbers (core/record/past.py)."""
        self._sink, self._derive, self._clock = sink, derive, clock
        self._keyframes = Keyframes(clock, tell)
        self._dirty = self._topology_due = False
        self._next = -math.inf

    def changed(self, *, topology: bool = False) -> None:
        """There is something new to show; topology: the triangles are others too."""
        self._dirty = True
        self._topology_due |= topology

    def patience(self) -> float:
        """Seconds until something can be shown while the fit rests."""
        if not self._dirty or self._sink is None:
            return math.inf
        return 0.0 if self._sink.wanted() else UNTAKEN_S

    def show(self, session: SessionLike, view: int, generation: int, *, running: bool, first: bool = False) -> None:
        """Build and post a snapshot, if there is something new and the last was taken. Raises what building it raises.

        first: of a new problem, so it does not wait; one that was not taken is of a problem that is gone.
        """
        begin = self._clock()
        if self._sink is None or not self._dirty:
            return
        if not first and (not self._sink.wanted() or (running and begin < self._next)):
            return
        self._dirty = False
        snapshot = session.snapshot(view, include_topology=self._topology_due)
        snapshot = dataclasses.replace(
            snapshot,
            arrays={**self._derive.arrays, **snapshot.arrays, **self._keyframes.arrays(session, running=running)},
            stamps={**self._derive.stamps, **snapshot.stamps},
            theta=self._derive.theta,
            generation=generation,
        )
        self._sink.post_snapshot(snapshot)
        self._topology_due = False
        end = self._clock()
        self._next = max(begin + FRAME_S, end + (end - begin) * (1 / SHOW_SHARE - 1))
