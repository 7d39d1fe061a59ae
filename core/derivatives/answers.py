"""Answers to the lab's questions (core/derivatives/questions.py) from a session's current state. One generator a kind.

Each yields None between slices of work and answers as they become ready, so that steps and commands come between.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from core.derivatives import probe
from core.derivatives.derive import method_derivative, warm_derivative
from core.derivatives.field_slicing import field_slice
from core.derivatives.landscape import landscape
from core.derivatives.questions import (
    Answer,
    Checked,
    FieldSlice,
    Landscape,
    Measure,
    Measured,
    MeshCheck,
    Probe,
    Probed,
    Question,
    Sweep,
    Thumbnails,
    Unanswered,
    WarpLook,
    WarpLooked,
    Why,
)
from core.derivatives.reference import as_arrays
from core.derivatives.step_sweep import sweep
from core.derivatives.warp_looking import points_kept, warp_field, warped_pixels, weights_along
from core.derivatives.why_zero import Counted, explain, gather
from core.derivatives.window_truth import layers_at
from core.engine.ports import Waiting
from core.experiment import TermSpec
from core.inspection import Inspection, Rendered, inspect
from core.optimization.terms import LOSSES
from core.surfaces.defects import Defect, find_defects
from core.targets.thumbnails import thumbnails_of

if TYPE_CHECKING:
    from core.session import Session


def answer(session: Session, question: Question) -> Iterator[Answer | Waiting | None]:
    """The work on a question. Raises RimlightError where it names something that is not there."""
    if isinstance(question, Probe):
        return _probe(session, question)
    if isinstance(question, Sweep):
        return sweep(session, question)
    if isinstance(question, Landscape):
        return landscape(session, question)
    if isinstance(question, WarpLook):
        return _look(session, question)
    if isinstance(question, FieldSlice):
        return field_slice(session, question)
    if isinstance(question, MeshCheck):
        return _check(session, question)
    if isinstance(question, Measure):
        return iter([Measured(question, session.state.iteration, session.metrics())])
    if isinstance(question, Thumbnails):
        return thumbnails_of(session.scene, question)
    raise TypeError(type(question).__name__)


def _look(session: Session, question: WarpLook) -> Iterator[Answer | Waiting | None]:
    """Where the fit's own method is not the warp there is nothing of it to look at."""
    scene, iteration = session.rendered(question.view), session.state.iteration
    if scene.method.name != "warp" or not hasattr(scene.shape, "host_field"):
        yield Unanswered(question)
        return
    x, y = (min(max(p, 0), side - 1) for p, side in zip(question.pixel, (scene.view.width, scene.view.height)))
    ray = weights_along(scene, x + 0.5, y + 0.5)
    yield None
    traced, kept = points_kept(scene)
    yield None
    near = warped_pixels(scene)
    yield None
    motion = warp_field(scene, session.direction(question.theta)) if question.theta else None
    along = (ray.depth, ray.distance, ray.weight, ray.chosen)
    yield WarpLooked(question, iteration, *along, traced, kept, near, motion)


def _check(session: Session, question: MeshCheck) -> Iterator[Answer | Waiting | None]:
    """Findings as they come; a shape whose display mesh only stands for something else has none."""
    shape, iteration = session.problem.shape, session.state.iteration
    vertices, faces = shape.display_mesh(session.host())
    if hasattr(shape, "surface_mesh") or len(faces) == 0:
        yield Unanswered(question)
        return
    found: list[Defect] = []
    for finding in find_defects(np.array(vertices), np.array(faces)):
        found.append(finding)
        yield None
    yield Checked(
        question,
        iteration,
        tuple((f.title, len(f.ids)) for f in found),
        {f.title: f.ids for f in found},
        {f.title: f.kind for f in found},
    )


def _probe(session: Session, question: Probe) -> Iterator[Answer | Waiting | None]:
    begin = time.perf_counter()
    scene, channel, iteration = session.rendered(question.view), session.primary_channel(), session.state.iteration
    seen = inspect(session.problem, session.state, question.view)
    render = as_arrays(seen.image)[channel]
    x, y = (min(max(p, 0), side - 1) for p, side in zip(question.pixel, (render.shape[1], render.shape[0])))
    weights = probe.channel_weights(question.channel, render.shape[2], channel)
    name = probe.bulk_name(scene.shape, scene.values)
    small = probe.small_components(scene.values, question.theta, session.experiment.parameters.free)
    direction = session.direction(question.theta) if question.theta is not None else {}
    # One pass by all of them: compiling one is what a slow method's answer mostly waits for.
    names = frozenset({name} if name else ()) | small | frozenset(direction)
    if names:
        yield from probe.warm_row(scene, names)
    row = probe.pixel_row(scene, (x, y), channel, weights, names) if names else {}
    painted = probe.painted_row(scene.shape, scene.values, name, row[name]) if name else None
    found = probe.movers(name, row[name], question.count) if name else ()
    rows = {n: row[n] for n in small}
    layers = layers_at(scene.shape, scene.values, scene.view, (x, y))
    by_theta = why = None
    if question.theta is not None:
        yield from warm_derivative(scene, direction)
        by_theta, why = _about_theta(session, question.theta, direction, scene, (x, y), row, weights, seen)
    yield Probed(
        question=question,
        iteration=iteration,
        value=float(render[y, x] @ weights),
        parameter=name,
        painted=painted,
        movers=found,
        layers=layers,
        by_theta=by_theta,
        components=probe.listed(rows, scene.values),
        why=why,
        milliseconds=1e3 * (time.perf_counter() - begin),
    )


def left_out(
    terms: Sequence[TermSpec], image: Mapping[str, np.ndarray], target: Mapping[str, np.ndarray]
) -> np.ndarray:
    """(H, W) bool: pixels that the loss masks after the render. IDR's mask loss leaves those out that hit inside the mask
    (core/optimization/terms.py, idr_mask); they count all the same where another loss sees the picture. image, target: as_arrays."""
    seeing = [term for term in terms if LOSSES[term.loss].sees]
    plane = next(iter(image.values())).shape[:2]
    if not seeing or not all(LOSSES[term.loss].clearance for term in seeing):
        return np.zeros(plane, bool)
    return (image["silhouette"][..., 0] > 0.5) & (target["silhouette"][..., 0] > 0.5)


def _about_theta(
    session: Session,
    theta: str,
    direction: dict[str, np.ndarray],
    scene: Rendered,
    pixel: tuple[int, int],
    row: Mapping[str, np.ndarray],
    weights: np.ndarray,
    seen: Inspection,
) -> tuple[tuple[float, float], Why]:
    """dI/dtheta at the pixel in both modes, and why it is zero where it is. row: probe.pixel_row by all of `direction`."""
    channel = session.primary_channel()
    image = method_derivative(scene, direction)[1][channel]
    reverse = sum(float(np.vdot(row[n].astype(np.float64), d)) for n, d in direction.items())
    gradient = np.concatenate(list(as_arrays(seen.loss_gradient).values()), axis=-1)
    masks = session.problem.masks
    free = any(n in masks and bool(np.any(masks[n] * d)) for n, d in direction.items())
    masked = left_out(session.experiment.terms, as_arrays(seen.image), as_arrays(seen.target))
    loss = Counted(np.abs(gradient).max(axis=-1), masked, free)
    evidence = gather(scene, theta, direction, pixel, channel, image, loss)
    return (float(image[pixel[1], pixel[0]] @ weights), reverse), explain(evidence)
