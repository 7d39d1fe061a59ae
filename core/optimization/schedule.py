"""What changes as a fit goes on: which views a step sees, the learning rate, and when to stop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.experiment import Experiment, OptimizerSpec, StopSpec


def batch_of(experiment: Experiment, views: int, iteration: int, losses: np.ndarray | None = None) -> list[int]:
    """View indices of one step: all, or `views.batch` of them as `views.order` says.

    losses (views,): each view's when it was last seen, infinite where it never was; for "worst-first".
    """
    size = experiment.views.batch
    if size <= 0 or size >= views:
        return list(range(views))
    start = iteration * size
    if experiment.views.order == "in-order":
        return [position % views for position in range(start, start + size)]
    if experiment.views.order == "worst-first" and losses is not None:
        return sorted(int(i) for i in np.argsort(-losses, kind="stable")[:size])
    chosen = []
    for position in range(start, start + size):
        epoch, place = divmod(position, views)
        order = np.random.default_rng((experiment.seed, epoch)).permutation(views)
        chosen.append(int(order[place]))
    return chosen


STALL_GAIN = 0.01
"""Share of the mean loss that counts as progress."""
STALL_DIVISIONS = 4
"""How often the rate is divided at most (Keselman and Hebert 2022, the authors' code)."""


def learning_rate_at(optimizer: OptimizerSpec, iteration: int, steps: int, losses: Sequence[float] = ()) -> float:
    """The rate at `iteration`: falls exponentially to `decay` of itself at the last step, then stays; and is divided by
    ten where the losses so far have stalled (`stall`)."""
    progress = min(iteration / max(steps - 1, 1), 1.0)
    return optimizer.learning_rate * optimizer.decay**progress * 0.1 ** stalls(losses, optimizer.stall)


def stalls(losses: Sequence[float], patience: int) -> int:
    """How often `patience` steps in a row brought the mean loss less than STALL_GAIN below the best before them."""
    blocks = len(losses) // patience if patience > 0 else 0
    if blocks < 2:
        return 0
    means = np.mean(np.reshape(losses[: blocks * patience], (blocks, patience)), 1)
    best, found = means[0], 0
    for mean in means[1:]:
        found += bool(mean > (1.0 - STALL_GAIN) * best)
        best = min(best, mean)
    return min(found, STALL_DIVISIONS)


def stop_reason(stop: StopSpec, iteration: int, losses: Sequence[float]) -> str | None:
    """Why a fit ends now, in a few words, or None."""
    if iteration >= stop.steps:
        return f"reached {stop.steps} steps"
    if stop.loss > 0 and losses and losses[-1] < stop.loss:
        return f"loss below {stop.loss:g}"
    if stop.stall > 0 and len(losses) > stop.patience:
        before, now = losses[-stop.patience - 1], min(losses[-stop.patience :])
        if now > (1.0 - stop.stall) * before:
            return f"no progress in {stop.patience} steps"
    return None
