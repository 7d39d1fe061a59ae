"""The greedy order of views of SDFDiff (Jiang et al. 2020, section 5.2), one view a step.

It is a function of the losses so far, so that a fit that is taken up again goes on with the same views.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.experiment import Experiment
from core.optimization.schedule import batch_of

UPDATES, MOST_UPDATES = 5, 20
"""Updates of a view whose loss was at most, and above, the mean of all views in the round before."""


class ViewOrder:
    """Which views each step of a fit sees."""

    def __init__(self) -> None:
        self._greedy: GreedyOrder | None = None

    def batch(
        self, experiment: Experiment, iteration: int, view_losses: np.ndarray, losses: Sequence[float]
    ) -> list[int]:
        """View numbers of the step after `losses`, those of all steps so far. view_losses: each view's last one."""
        views = len(view_losses)
        if experiment.views.order != "greedy":
            return batch_of(experiment, views, iteration, view_losses)
        if self._greedy is None or self._greedy.count != views:
            self._greedy = GreedyOrder(views)
        return [self._greedy.view(losses)]


class GreedyOrder:
    """A view is updated 5 times; where its last loss was above the mean of all, until it is below, at most 20 times;
    as soon as an update raises its loss, the next view's turn comes."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._start()

    def _start(self) -> None:
        self._last = [float("inf")] * self.count
        self._mean = float("inf")
        self._view = self._updates = self._seen = 0
        self._eager = False

    def view(self, losses: Sequence[float]) -> int:
        """The view of the next step, after these losses of all steps so far."""
        if len(losses) < self._seen:
            self._start()
        for loss in losses[self._seen :]:
            self._told(loss)
        self._seen = len(losses)
        return self._view

    def _told(self, loss: float) -> None:
        rose = self._updates > 0 and loss > self._last[self._view]
        self._last[self._view] = loss
        self._updates += 1
        enough = self._updates >= (MOST_UPDATES if self._eager else UPDATES)
        if rose or enough or (self._eager and loss < self._mean):
            self._view, self._updates = (self._view + 1) % self.count, 0
            if self._view == 0:
                self._mean = sum(self._last) / self.count
            self._eager = self._last[self._view] > self._mean
