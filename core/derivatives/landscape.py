"""The loss over one or two parameters, all else as it is: what the optimizer walks on, with the slopes it is told.

An axis is a component of a small parameter, in displayed units and absolute, or any other theta (core/parameters.py),
as an offset from the present. The loss is that of the fit: the method's own forward image, all views, all terms.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from core.derivatives.derive import method_pullback
from core.derivatives.elements import SMALL
from core.derivatives.probe import warm_row
from core.derivatives.questions import Answer, Axis, Landscape, Landscaped
from core.derivatives.reference import as_arrays, hard_image, moved_values, step_for_pixels
from core.engine.background import warm_up
from core.engine.ports import Waiting
from core.inspection import inspect
from core.memory import forgettable
from core.optimization.gradient_step import with_derived
from core.optimization.terms import image_terms, parameter_terms
from core.parameters import display_values, retract, set_small_value, split_name
from core.problem import Problem, composite_target
from kernels.camera import lens_of
from kernels.rotation import quaternion_from_vector, vector_from_quaternion
from kernels.types import Image

if TYPE_CHECKING:
    from core.session import Session

POST_S = 0.25
"""Seconds between two answers while places are filled in."""

ROTATION_TRIAL = 1e-3
"""Degrees: the step of the difference that turns a rotation vector's component into a tangent, in float64."""

_LOSS: dict[tuple, Callable[..., Any]] = forgettable()
_TERMS: dict[tuple, Callable[..., Any]] = forgettable()


# ---------------------------------------------------------------------------------------------- axes


def is_component(theta: str, values: Mapping[str, Any]) -> bool:
    """Whether theta is a number of a small parameter, whose axis is absolute and in displayed units."""
    name = max((n for n in values if theta == n or theta.startswith(f"{n}.")), key=len, default="")
    return bool(name) and np.size(values[name]) <= SMALL and not name.startswith("const.")


def present(theta: str, values: Mapping[str, Any]) -> float:
    """Where the state stands on theta's axis."""
    if not is_component(theta, values):
        return 0.0
    name, index = split_name(theta, values)
    shown = display_values({name: values[name]})[name]
    return float(shown if index is None else shown[index])


def placed_at(theta: str, place: float, values: Mapping[str, Any], direction: Mapping[str, Any]) -> dict[str, Any]:
    """Host values with theta at `place` of its axis. direction: the tangent of theta, for axes of offsets."""
    if is_component(theta, values):
        return set_small_value(values, theta, place)
    return moved_values(values, direction, place)


def axis_tangent(theta: str, values: Mapping[str, Any], direction: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The tangent of theta's axis at the present, per displayed unit."""
    if not is_component(theta, values):
        return {n: np.asarray(d, np.float32) for n, d in direction.items()}
    name, index = split_name(theta, values)
    tangent = np.asarray(direction[name], np.float32)
    if name == "pose.rotation":
        start = np.asarray(values[name], np.float64)
        vector = np.degrees(vector_from_quaternion(start))
        vector[index] += ROTATION_TRIAL
        turned = quaternion_from_vector(np.radians(vector))
        back = start * np.array([1.0, -1.0, -1.0, -1.0])
        step = np.asarray(vector_from_quaternion(_product(turned, back)))
        return {name: (step / ROTATION_TRIAL).astype(np.float32)}
    if name == "pose.scale":
        return {name: tangent / np.float32(values[name])}
    if name == "camera.fov":
        return {name: tangent * np.float32(np.radians(1.0))}
    return {name: tangent}


def _product(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Quaternions (w, x, y, z), float64: kernels' own product works in JAX's single precision."""
    w, v = p[0] * q[0] - p[1:] @ q[1:], p[0] * q[1:] + q[0] * p[1:] + np.cross(p[1:], q[1:])
    return np.array([w, *v])


# ---------------------------------------------------------------------------------------------- the loss


def loss_at(problem: Problem, values: Mapping[str, Any]) -> float:
    """The fit's loss at host `values` (constants included): the mean over views, and the regularisers."""
    function, derived = _loss(problem, values)
    total = sum(float(function(*_of_view(problem, values, derived, i))) for i in range(len(problem.views)))
    return total / len(problem.views) + _regularisers(problem, values)


def warm_loss(problem: Problem, values: Mapping[str, Any]) -> Iterator[Waiting]:
    """Compile what `loss_at` calls, beside whatever else goes on; nothing where that has been done."""
    function, derived = _loss(problem, values)
    for index in _one_of_each_size(problem):
        yield from warm_up(("loss", problem.structure.key()), function, _of_view(problem, values, derived, index))


def _one_of_each_size(problem: Problem) -> list[int]:
    """Views whose pictures have different sizes: each is compiled for."""
    return list({(view.width, view.height): index for index, view in enumerate(problem.views)}.values())


def _of_view(problem: Problem, values: Mapping[str, Any], derived: Mapping[str, Any], index: int) -> tuple[Any, ...]:
    """What `_loss`'s function takes, for one view."""
    view = problem.views[index]
    samples, target = problem.sample(values, view), problem.targets[index]
    return derived, problem.constants, samples, lens_of(view), target, problem.weights, problem.traced


def _loss(problem: Problem, values: Mapping[str, Any]) -> tuple[Callable[..., Any], dict[str, Any]]:
    """The loss of one view, jitted, and the derived values that it takes."""
    key = problem.structure.key()
    if key not in _LOSS:
        s = problem.structure

        def run(values, constants, samples, lens, target, weights, traced):
            image = s.image({**constants, **values}, samples, lens, traced)
            return image_terms(s.terms, weights, image, composite_target(target, values["background"]))[0]

        _LOSS[key] = jax.jit(run)
    own = {n: v for n, v in values.items() if n not in problem.constants}
    return _LOSS[key], with_derived(problem, {n: jnp.asarray(v) for n, v in own.items()})


def _terms_at(problem: Problem, values: Mapping[str, Any]) -> Any:
    return parameter_terms(problem.terms, problem.weights, values, problem.shape)[0]


def _regularisers(problem: Problem, values: Mapping[str, Any]) -> float:
    return float(_terms_at(problem, {n: jnp.asarray(v) for n, v in values.items()}))


def hard_loss(problem: Problem, values: Mapping[str, Any], supersampling: int) -> float:
    """The same loss of the box-filtered hard render."""
    key = problem.structure.key()
    if key not in _TERMS:
        terms = problem.terms

        def run(image: Image, target: Any, background: Any, weights: Any) -> Any:
            return image_terms(terms, weights, image, composite_target(target, background))[0]

        _TERMS[key] = jax.jit(run)
    total = 0.0
    for index, view in enumerate(problem.views):
        arrays = hard_image(problem.shape, values, view, problem.channels, supersampling)
        planes = {c: tuple(np.ascontiguousarray(a[..., i]) for i in range(a.shape[-1])) for c, a in arrays.items()}
        total += float(_TERMS[key](planes, problem.targets[index], jnp.asarray(values["background"]), problem.weights))
    return total / len(problem.views) + _regularisers(problem, values)


def method_slopes(session: Session, tangents: list[dict[str, np.ndarray]]) -> tuple[float, ...]:
    """d loss / d axis by the method, as the optimizer is told it (but for masks), by reverse mode over all views."""
    problem, values, names = session.problem, session.host(), _pulled_names(session, tangents)
    slopes = np.zeros(len(tangents))
    for index in range(len(problem.views)):
        cotangent = as_arrays(inspect(problem, session.state, index).loss_gradient)
        pulled = method_pullback(session.rendered(index), names, cotangent)
        slopes += [sum(float(np.vdot(pulled[n].astype(np.float64), d)) for n, d in t.items()) for t in tangents]
    slopes /= len(problem.views)
    return tuple(float(s + _regulariser_slope(problem, values, t)) for s, t in zip(slopes, tangents))


def warm_slopes(session: Session, tangents: list[dict[str, np.ndarray]]) -> Iterator[Waiting]:
    """Compile what `method_slopes` calls, beside whatever else goes on; nothing where that has been done."""
    names = _pulled_names(session, tangents)
    for index in _one_of_each_size(session.problem):
        yield from warm_row(session.rendered(index), names)


def _pulled_names(session: Session, tangents: list[dict[str, np.ndarray]]) -> frozenset[str]:
    return frozenset(session.problem.free | {n for tangent in tangents for n in tangent})


def _regulariser_slope(problem: Problem, values: Mapping[str, Any], tangent: Mapping[str, np.ndarray]) -> float:
    """The regularisers' part, which only the vertices have."""
    if "vertices" not in tangent:
        return 0.0
    device = {n: jnp.asarray(v) for n, v in values.items()}
    push = {n: jnp.asarray(t) for n, t in tangent.items()}
    value = lambda delta: _terms_at(problem, retract(device, delta))
    return float(jax.jvp(value, (jax.tree.map(jnp.zeros_like, push),), (push,))[1])


# ---------------------------------------------------------------------------------------------- the work


def landscape(session: Session, question: Landscape) -> Iterator[Answer | Waiting | None]:
    """Slopes first, then the places from coarse to fine; answers as they fill in."""
    problem, values, iteration = session.problem, session.host(), session.state.iteration
    directions = [session.direction(axis.theta) for axis in question.axes]
    tangents = [axis_tangent(a.theta, values, d) for a, d in zip(question.axes, directions)]
    here = tuple(present(axis.theta, values) for axis in question.axes)
    grid = [np.linspace(axis.low, axis.high, axis.count) for axis in question.axes]
    loss = np.full([axis.count for axis in question.axes], np.nan, np.float32)
    yield from warm_loss(problem, values)
    loss_here = loss_at(problem, values)
    yield None
    yield from warm_slopes(session, tangents)
    by_method = method_slopes(session, tangents)
    by_reference: tuple[float, ...] | None = None
    order, last = coarse_to_fine(loss.shape), time.monotonic()
    said = lambda done: Landscaped(
        question, iteration, loss.copy(), here, loss_here, by_method, by_reference, done / len(order)
    )
    yield said(0)
    slopes: list[float] = []
    for tangent in tangents:
        slopes.append((yield from _reference_slope(problem, values, tangent, question)))
    by_reference = tuple(slopes)
    for done, place in enumerate(order, start=1):
        moved: dict[str, Any] = dict(values)
        for axis, direction, points, index in zip(question.axes, directions, grid, place):
            moved = placed_at(axis.theta, float(points[index]), moved, direction)
        loss[place] = loss_at(problem, moved)
        late = time.monotonic() - last > POST_S
        yield said(done) if late or done == len(order) else None
        last = time.monotonic() if late else last


def _reference_slope(
    problem: Problem, values: Mapping[str, Any], tangent: Mapping[str, np.ndarray], question: Landscape
) -> Generator[None, None, float]:
    """Central difference of the hard loss, whose step moves no view's silhouette by more than the question says."""
    step = min(step_for_pixels(problem.shape, values, v, tangent, question.step_pixels) for v in problem.views)
    sides = []
    for sign in (1.0, -1.0):
        sides.append(hard_loss(problem, moved_values(values, tangent, sign * step), question.supersampling))
        yield None
    return (sides[0] - sides[1]) / (2 * step)


def coarse_to_fine(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Every index of an array once: those on a grid of 8, then of 4, 2, 1."""
    order: dict[tuple[int, ...], None] = {}
    for stride in (8, 4, 2, 1):
        for index in np.ndindex(*(-(-side // stride) for side in shape)):
            order.setdefault(tuple(i * stride for i in index))
    return list(order)


__all__ = ["Axis", "coarse_to_fine", "hard_loss", "landscape", "loss_at", "method_slopes", "present"]
