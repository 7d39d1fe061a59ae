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


def learning_rate_at(optimizer: OptimizerSpec, iteration: int, steps: int) -> float:
    """The rate at `iteration`: falls exponentially to `decay` of itself at the last step, then stays."""
    progress = min(iteration / max(steps - 1, 1), 1.0)
    return optimizer.learning_rate * optimizer.decay**progress


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
