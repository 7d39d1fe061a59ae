"""The step sweep: one theta's finite differences over many steps, and how the method's derivative compares with each.

Small steps drown in rounding and in the count of samples that change (noise), large ones are no derivative any more
(truncation); in between the difference stands still, and there it is the truth.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from core.derivatives.derive import (
    agreement,
    coverage_of,
    method_derivative,
    own_difference,
    reference_derivative_slices,
    relative_error,
    silhouette_pixels,
    warm_derivative,
    warm_own,
)
from core.derivatives.questions import Answer, Sweep, SweepPoint, Swept
from core.engine.ports import Waiting

if TYPE_CHECKING:
    from core.session import Session


def sweep(session: Session, question: Sweep) -> Iterator[Answer | Waiting | None]:
    """Points from the smallest step on; each answer holds all that are ready."""
    scene, channel, iteration = session.rendered(question.view), session.primary_channel(), session.state.iteration
    direction = session.direction(question.theta)
    yield from warm_derivative(scene, direction)
    yield from warm_own(scene)
    tangent = method_derivative(scene, direction)[1][channel]
    points: list[SweepPoint] = []
    before: np.ndarray | None = None
    steps = sorted(question.steps)
    for place, step in enumerate(steps):
        slices = reference_derivative_slices(scene, direction, step, question.supersampling)
        result = next(slices)
        while result is None:
            yield None
            result = next(slices)
        image, derivative, amount = result
        truth = derivative[channel]
        numbers = agreement(tangent, truth, silhouette_pixels(coverage_of(scene, image)), None)
        own = own_difference(scene, direction, amount)[channel]
        points.append(
            SweepPoint(
                step=step,
                amount=float(amount),
                error=numbers.relative_l2,
                silhouette_error=numbers.silhouette_relative_l2,
                cosine=numbers.cosine,
                change=float("nan") if before is None else relative_error(truth, before),
                size=float(np.linalg.norm(truth)),
                own=relative_error(tangent, own),
            )
        )
        before = truth
        yield Swept(question, iteration, tuple(points), best_step(points), (place + 1) / len(steps))


def best_step(points: list[SweepPoint]) -> float | None:
    """The step in the middle of the calmest stretch: where the change to both its neighbours is least; None before
    there are three."""
    calm = [
        (max(here.change, after.change), here.step)
        for here, after in itertools.pairwise(points)
        if np.isfinite(here.change) and np.isfinite(after.change)
    ]
    return min(calm)[1] if calm else None
