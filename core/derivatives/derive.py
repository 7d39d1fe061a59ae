"""Derivative images dI/dtheta: the method's, by a forward-mode pass, and the reference's, by finite differences.

theta is any direction in tangent space (core/parameters.py); a derivative is per unit of theta (radians for rotations
and the field of view, e-folds for the scale), signed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from core.derivatives.reference import as_arrays, hard_image, hard_image_slices, last, moved_values, step_for_pixels
from core.engine.background import warm_up
from core.engine.ports import Waiting
from core.inspection import Rendered, forward, warm_forward
from core.memory import forgettable
from core.parameters import group_of, retract, tangent_shape
from core.problem import code_key
from kernels.camera import lens_of
from kernels.settings import split_settings

SILHOUETTE_PIXELS = 1
"""Silhouette pixels are those within this many pixels of a jump of the reference's coverage or identity."""


@dataclass(frozen=True)
class Numbers:
    """How two derivative images agree; everything relative to the reference's Euclidean norm."""

    relative_l2: float
    cosine: float
    silhouette_relative_l2: float
    total_gradient_relative_error: float


_JVP: dict[tuple, Callable[..., Any]] = forgettable()
_VJP: dict[tuple, Callable[..., Any]] = forgettable()


def _evaluator(scene: Rendered, free: frozenset[str]) -> Callable[..., Any]:
    shape, method, settings, channels = scene.shape, scene.method, scene.settings, scene.channels
    prepare = getattr(shape, "prepare", None)

    def run(delta, values, samples, lens, traced):
        moved = retract(values, delta)
        if prepare is not None:
            moved = {**moved, **prepare(moved, channels, free)}
        return method.evaluate(shape, moved, samples, lens, traced, settings, channels, free)

    return run


def method_derivative(scene: Rendered, direction: Mapping[str, Any]) -> tuple[dict, dict]:
    """Forward mode: (image, dI/dtheta), each channel -> [H, W, C] float32, for the tangent `direction`.

    Names of one group (pose and field of view; lights and colours; ...) share a compilation.
    """
    function, arguments, _ = _pushforward(scene, direction)
    image, tangent = function(*arguments)
    return as_arrays(image), as_arrays(tangent)


def warm_derivative(scene: Rendered, direction: Mapping[str, Any]) -> Iterator[Waiting]:
    """Compile what `method_derivative` calls, beside whatever else goes on; nothing where that has been done."""
    function, arguments, key = _pushforward(scene, direction)
    yield from warm_up(("push", key), function, arguments)


def _pushforward(scene: Rendered, direction: Mapping[str, Any]) -> tuple[Callable[..., Any], tuple, tuple]:
    free = group_of(next(iter(direction)), scene.values) | frozenset(direction)
    key = (*code_key(scene.shape, scene.method, scene.settings), scene.channels, free)
    if key not in _JVP:
        run = _evaluator(scene, free)

        def push(direction, values, samples, lens, traced):
            zero = jax.tree.map(lambda d: d * 0, direction)
            return jax.jvp(lambda d: run(d, values, samples, lens, traced), (zero,), (direction,))

        _JVP[key] = jax.jit(push)
    full = {n: np.zeros(tangent_shape(n, scene.values[n]), np.float32) for n in free}
    full.update({n: np.asarray(d, np.float32) for n, d in direction.items()})
    return _JVP[key], (full, scene.values, *_sampled(scene, free)), key


def method_pullback(scene: Rendered, names: frozenset[str], cotangent: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Reverse mode: J^T w for a cotangent image, channel -> [H, W, C], by every parameter of `names`."""
    function, arguments, _ = _pullback(scene, names, cotangent)
    return {n: np.asarray(g) for n, g in function(*arguments).items()}


def warm_pullback(scene: Rendered, names: frozenset[str], cotangent: Mapping[str, np.ndarray]) -> Iterator[Waiting]:
    """As warm_derivative, for `method_pullback`."""
    function, arguments, key = _pullback(scene, names, cotangent)
    yield from warm_up(("pull", key), function, arguments)


def _pullback(
    scene: Rendered, names: frozenset[str], cotangent: Mapping[str, np.ndarray]
) -> tuple[Callable[..., Any], tuple, tuple]:
    key = (*code_key(scene.shape, scene.method, scene.settings), scene.channels, names)
    if key not in _VJP:
        run = _evaluator(scene, names)

        def pull(cotangent, zero, values, samples, lens, traced):
            _, back = jax.vjp(lambda d: run(d, values, samples, lens, traced), zero)
            return back(cotangent)[0]

        _VJP[key] = jax.jit(pull)
    zero = {n: np.zeros(tangent_shape(n, scene.values[n]), np.float32) for n in names}
    planes = {c: tuple(cotangent[c][..., i] for i in range(cotangent[c].shape[-1])) for c in scene.channels}
    return _VJP[key], (planes, zero, scene.values, *_sampled(scene, names)), key


def _sampled(scene: Rendered, free: frozenset[str]) -> tuple[Any, Any, Any]:
    samples = scene.method.sample(scene.shape, scene.values, scene.view, scene.settings, free, scene.channels)
    return samples, lens_of(scene.view), split_settings(scene.settings)[0]


def reference_derivative_slices(
    scene: Rendered, direction: Mapping[str, Any], step_pixels: float, supersampling: int
) -> Iterator[tuple[dict, dict, float] | None]:
    """Central difference of the hard image, in slices: None between renders, at last (image, dI/dtheta, step).

    The step moves the fastest visible point by `step_pixels`; image is the mean of the two displaced renders, which is
    the reference's own picture to second order.
    """
    seen_by = (scene.method, scene.settings)
    h = step_for_pixels(scene.shape, scene.values, scene.view, direction, step_pixels)
    sides: list[dict[str, np.ndarray]] = []
    for sign in (1.0, -1.0):
        values = moved_values(scene.values, direction, sign * h)
        for part in hard_image_slices(scene.shape, values, scene.view, scene.channels, supersampling, seen_by):
            if part is None:
                yield None
            else:
                sides.append(part)
    derivative = {c: (sides[0][c] - sides[1][c]) / np.float32(2 * h) for c in scene.channels}
    image = {c: 0.5 * (sides[0][c] + sides[1][c]) for c in scene.channels}
    yield image, derivative, h


def reference_derivative(
    scene: Rendered, direction: Mapping[str, Any], step_pixels: float = 0.25, supersampling: int = 8
) -> tuple[dict, dict, float]:
    """(image, dI/dtheta, step in units of theta) of the box-filtered hard render by central differences."""
    return last(reference_derivative_slices(scene, direction, step_pixels, supersampling))


def warm_own(scene: Rendered) -> Iterator[Waiting]:
    """As warm_derivative, for `own_difference`."""
    yield from warm_forward(scene)


def own_difference(scene: Rendered, direction: Mapping[str, Any], amount: float) -> dict[str, np.ndarray]:
    """Central difference of the method's OWN forward image: what is left against it is a bug, not a bias."""
    sides = [
        as_arrays(forward(replace(scene, values=moved)))
        for moved in (moved_values(scene.values, direction, s * amount) for s in (1.0, -1.0))
    ]
    return {c: (sides[0][c] - sides[1][c]) / np.float32(2 * amount) for c in scene.channels}


def silhouette_pixels(coverage: np.ndarray) -> np.ndarray:
    """Pixels (H, W) bool next to a jump of `coverage` (H, W): partly covered ones and their neighbours."""
    jump = (coverage > 0.001) & (coverage < 0.999)
    for axis in (0, 1):
        step = np.abs(np.diff(coverage, axis=axis)) > 0.5
        lower = [slice(None), slice(None)]
        upper = [slice(None), slice(None)]
        lower[axis], upper[axis] = slice(0, -1), slice(1, None)
        jump[tuple(lower)] |= step
        jump[tuple(upper)] |= step
    grown = jump.copy()
    for axis in (0, 1):
        for shift in (-SILHOUETTE_PIXELS, SILHOUETTE_PIXELS):
            grown |= np.roll(jump, shift, axis)
    return grown


def coverage_of(scene: Rendered, image: Mapping[str, np.ndarray]) -> np.ndarray:
    """Silhouette (H, W) of a reference image: its own where it has one, else a hard render's."""
    if "silhouette" not in image:
        image = hard_image(scene.shape, scene.values, scene.view, ("silhouette",), 1)
    return image["silhouette"][..., 0]


def agreement(
    method: np.ndarray, reference: np.ndarray, silhouette: np.ndarray, cotangent: np.ndarray | None
) -> Numbers:
    """Compare derivative images [H, W, C]. silhouette: (H, W) bool. cotangent: dL/dI for the total gradient."""
    a, b = method.astype(np.float64), reference.astype(np.float64)
    total = float("nan")
    if cotangent is not None:
        truth = float((cotangent * b).sum())
        total = abs(float((cotangent * a).sum()) - truth) / abs(truth) if truth else float("nan")
    edge = silhouette[..., None] & np.ones_like(b, bool)
    return Numbers(
        relative_l2=relative_error(a, b),
        cosine=cosine(a, b),
        silhouette_relative_l2=relative_error(a[edge], b[edge]),
        total_gradient_relative_error=total,
    )


def relative_error(a: np.ndarray, b: np.ndarray) -> float:
    """|a - b| / |b|, Euclidean; NaN where b is zero and a is not, 0 where both are."""
    norm = float(np.linalg.norm(b))
    gap = float(np.linalg.norm(a - b))
    return gap / norm if norm > 0 else (0.0 if gap == 0 else float("nan"))


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine of the angle between two arrays; 0 where one is zero or only rounding beside the other."""
    first, second = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    if min(first, second) <= 1e-5 * max(first, second):
        return 0.0
    return float(np.vdot(a, b)) / (first * second)


def milliseconds(call: Callable[[], Any]) -> tuple[Any, float]:
    """A call's result and how long it took."""
    start = time.perf_counter()
    result = call()
    return result, 1e3 * (time.perf_counter() - start)
