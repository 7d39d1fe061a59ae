"""Forward images: one view of a state as the method sees it, with the loss's own derivative by every pixel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np

from core.engine.background import warm_up
from core.engine.ports import Waiting
from core.memory import forgettable
from core.optimization.gradient_step import compiled_steps, with_derived
from core.optimization.terms import image_terms
from core.problem import Problem, State, code_key, composite_target, host_values
from kernels.camera import lens_of
from kernels.settings import split_settings
from kernels.types import SURFACES, CameraView, Image, Method, Shape


@dataclass(frozen=True)
class Rendered:
    """A scene to look at or to differentiate: host `values` with the shape's constants, one view, channels, method and
    settings."""

    shape: Shape
    method: Method
    settings: Any
    values: Mapping[str, Any]
    view: CameraView
    channels: tuple[str, ...]


class Inspection(NamedTuple):
    """One view of a state: the method's own image, the target over its background, dL/dI, the samples behind it."""

    image: Image
    target: Image
    loss_gradient: Image
    samples: Any


_INSPECT: dict[tuple, Callable[..., Any]] = forgettable()
_FORWARD: dict[tuple, Callable[..., Any]] = forgettable()


def inspect(problem: Problem, state: State, index: int) -> Inspection:
    """The method's forward image of view `index`, with the derivative of the loss by each of its pixels."""
    key = problem.structure.key()
    if key not in _INSPECT:
        s = problem.structure

        def run(values, constants, samples, lens, target, weights, traced):
            image = s.image({**constants, **values}, samples, lens, traced)
            planes = composite_target(target, values["background"])
            gradient = jax.grad(lambda i: image_terms(s.terms, weights, i, planes)[0])(image)
            return image, planes, gradient

        _INSPECT[key] = jax.jit(run)
    host = host_values(problem, state)
    view = problem.views[index]
    samples = problem.sample(host, view)
    image, target, gradient = _INSPECT[key](
        with_derived(problem, state.values), problem.constants, samples, lens_of(view), problem.targets[index],
        problem.weights, problem.traced,
    )  # fmt: skip
    return Inspection(image, target, gradient, samples.method)


def forward(scene: Rendered) -> Image:
    """The method's forward image of a scene, nothing free: NumPy planes."""
    function, arguments, _ = _forwarding(scene)
    return {name: tuple(np.asarray(p) for p in planes) for name, planes in function(*arguments).items()}


def warm_forward(scene: Rendered) -> Iterator[Waiting]:
    """Compile what `forward` calls, beside whatever else goes on; nothing where that has been done."""
    function, arguments, key = _forwarding(scene)
    yield from warm_up(("forward", key), function, arguments)


def _forwarding(scene: Rendered) -> tuple[Callable[..., Any], tuple, tuple]:
    shape, method, settings, values, channels = scene.shape, scene.method, scene.settings, scene.values, scene.channels
    key = (*code_key(shape, method, settings), channels)
    nothing: frozenset[str] = frozenset()
    if key not in _FORWARD:

        def run(values, samples, lens, traced):
            return method.evaluate(shape, values, samples, lens, traced, settings, channels, nothing)

        _FORWARD[key] = jax.jit(run)
    samples = method.sample(shape, values, scene.view, settings, nothing, channels)
    # Nothing is free: a surface's vertices and colours are in the samples already, and must not be copied again.
    sampled = method.face_of(shape, settings) in SURFACES
    kept = {"values", *getattr(shape, "needed", ())}
    needed = {n: v for n, v in values.items() if not sampled or np.size(v) <= 32 or n in kept}
    return _FORWARD[key], (needed, samples, lens_of(scene.view), split_settings(settings)[0]), key


def compiled_count() -> int:
    """How many compilations the step and its viewers hold: tests assert that sliders and views add none."""
    return compiled_steps() + sum(f._cache_size() for f in (*_INSPECT.values(), *_FORWARD.values()))
