"""When the engine leaves a checkpoint for a successor: three times a second, and never at a price that shows."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from core.engine.ports import SaveCheckpoint, SessionLike
from core.experiment import Experiment
from core.record.past import Tell

PERIOD_S = 0.3
"""Seconds between two checkpoints: a killed engine loses at most a second, on a busy machine too, and so does a killed
program, which writes them to disk (app/autosave.py)."""

SHARE = 0.05
"""A checkpoint that takes long is taken less often, so that it costs at most this share of the time."""

LONGEST_S = 10.0
"""Never longer than this."""


class Checkpoints:
    """Saves what changed, when it is due. `save` None: nobody would read it, nothing is done. tell: who keeps the steps'
    numbers (core/record/past.py). worked: seconds that this thread was busy: on a machine that does other things too a
    checkpoint may stand still for a while, and the next one would come that much later times 20."""

    def __init__(
        self,
        save: SaveCheckpoint | None,
        clock: Callable[[], float],
        tell: Tell | None = None,
        worked: Callable[[], float] = time.thread_time,
    ) -> None:
        self._save, self._clock, self._tell, self._worked = save, clock, tell, worked
        self._due = -math.inf
        self._unsaved = False

    def changed(self, *, at_once: bool = False) -> None:
        """The state is no longer the saved one. at_once: it is another problem's, so the saved one is worth nothing."""
        self._unsaved = self._save is not None
        if at_once:
            self._due = -math.inf

    def seconds_left(self) -> float:
        """Seconds until there is something to save; infinite while there is not."""
        return max(0.0, self._due - self._clock()) if self._unsaved else math.inf

    def settle(self, session: SessionLike, experiment: Experiment, iteration: int) -> None:
        """Save now what is not saved: the session is about to be replaced, and may be come back to."""
        if self._unsaved:
            self._due = -math.inf
            self.visit(session, experiment, iteration)

    def visit(self, session: SessionLike, experiment: Experiment, iteration: int) -> None:
        """Save if that is due. What the session raises passes on, and is not tried again until something changes."""
        if self._save is None or self.seconds_left() > 0.0:
            return
        begin = self._worked()
        self._unsaved, self._due = False, self._clock() + PERIOD_S
        self._save(experiment, iteration, session.state_bytes(self._tell))
        self._due = self._clock() + min(max(PERIOD_S, (self._worked() - begin) / SHARE), LONGEST_S)
