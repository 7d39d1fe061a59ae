"""The fit that Compare interrupts: put aside when runs are entered, gone on with when they are left.

Convention: it comes back where the experiment is again what it was; one that was edited meanwhile starts anew.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.replay import BYTES, Replay
from app.runs import RunBook
from core.experiment import Experiment
from core.protocol import Restore


@dataclass(frozen=True)
class Aside:
    """What belongs to the fit of `experiment`, which has no lanes."""

    experiment: Experiment
    runs: RunBook
    replay: Replay

    def timeline_beside(self) -> Replay:
        """A timeline for the runs; both together hold what one may."""
        self.replay.thin_to(BYTES * 3 // 4)
        return Replay(limit=BYTES - self.replay.bytes())

    def restoring(self) -> Restore | None:
        """What has the engine go on where the fit stood; None where nothing of it was stored."""
        frame = self.replay.resumable()
        if frame is None or frame.state is None:
            return None
        return Restore(self.experiment, frame.state.whole().tobytes(), frame.iteration)
