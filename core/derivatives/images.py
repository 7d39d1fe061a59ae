"""The derivative images of a fit's state that the panes show, worked out in slices between steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np

from core import protocol
from core.derivatives.derive import (
    agreement,
    coverage_of,
    method_derivative,
    method_pullback,
    milliseconds,
    own_difference,
    reference_derivative_slices,
    silhouette_pixels,
    warm_derivative,
    warm_own,
    warm_pullback,
)
from core.derivatives.reference import as_arrays, step_for_pixels
from core.engine.ports import Waiting
from core.inspection import Rendered, inspect
from core.label_colours import as_shown
from core.looking import gradient_arrays
from core.problem import Problem, State

Part = tuple[dict[str, np.ndarray], protocol.Agreement | None]
"""Arrays by pane, and at last the numbers by which method and reference agree."""


class Derivable(Protocol):
    """What is asked of a fit (core/session.py)."""

    problem: Problem
    state: State

    def rendered(self, view: int) -> Rendered: ...

    def primary_channel(self) -> str: ...

    def direction(self, theta: str) -> Mapping[str, Any]: ...


def derivative_images(fit: Derivable, request: protocol.Derive, view: int) -> Iterator[Part | Waiting | None]:
    """Derivative images in slices: None between slices, Waiting while one compiles; results as they become ready.

    First ({"derivative"}, None) and ({"vertex_gradient", ...}, None), then, with a reference, ({"reference",
    "disagreement"}, Agreement). All belong to the state at the first slice.
    """
    if request.theta is None:
        return
    scene, iteration, channel = fit.rendered(view), fit.state.iteration, fit.primary_channel()
    direction = fit.direction(request.theta)
    yield from warm_derivative(scene, direction)
    (_, tangent), forward_ms = milliseconds(lambda: method_derivative(scene, direction))
    yield {"derivative": as_shown(channel, tangent[channel])}, None
    gradient = as_arrays(inspect(fit.problem, fit.state, view).loss_gradient)
    if "vertices" in scene.values:
        # Where vertices are not free, the overlay still shows how the loss would move them in this view.
        yield from warm_pullback(scene, frozenset({"vertices"}), gradient)
        pulled = method_pullback(scene, frozenset({"vertices"}), gradient)["vertices"]
        yield gradient_arrays(pulled), None
    if request.own:
        yield from warm_own(scene)
        step = step_for_pixels(scene.shape, scene.values, scene.view, direction, request.step_pixels)
        own = own_difference(scene, direction, step)[channel]
        yield {"own_difference": as_shown(channel, own)}, None
    if not request.reference:
        return
    slices = reference_derivative_slices(scene, direction, request.step_pixels, request.supersampling)
    result, reference_ms = None, 0.0
    while result is None:
        result, spent = milliseconds(lambda: next(slices))
        reference_ms += spent  # fit steps may run between slices, and are not counted
        yield None
    truth_image, truth, step = result
    coverage = coverage_of(scene, truth_image)
    numbers = agreement(tangent[channel], truth[channel], silhouette_pixels(coverage), gradient[channel])
    shown, gap = (as_shown(channel, image) for image in (truth[channel], tangent[channel] - truth[channel]))
    yield (
        {"reference": shown, "disagreement": gap},
        protocol.Agreement(
            iteration=iteration,
            method=fit.problem.method.name,
            parameter=request.theta,
            view=view,
            step_pixels=request.step_pixels,
            supersampling=request.supersampling,
            forward_ms=forward_ms,
            reference_ms=reference_ms,
            step=float(step),
            **dataclasses.asdict(numbers),
        ),
    )
