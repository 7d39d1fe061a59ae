"""The problem: a frozen choice of shape, views, targets, method, terms and optimizer, and the state of its fit.

What decides a compilation is `Structure`; everything a slider can change is passed as an array. The step itself is in
core/optimization/gradient_step.py.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from core.errors import RimlightError
from core.experiment import LIVE_TERM_NUMBERS, TermSpec
from core.optimization.optimizers import OPTIMIZERS
from core.optimization.parameterization import IDENTITY, Parameterization
from core.optimization.terms import CLEARANCE, LOSSES, term_numbers
from core.parameters import zero_tangent
from kernels.clearance import clearance
from kernels.settings import split_settings
from kernels.types import CameraView, Image, Method, Shape


class NonFinite(RimlightError):
    """A loss or gradient that is not finite; the state before the step is kept."""


class Vanished(RimlightError):
    """There is no surface any more: nothing to see, to derive or to write."""


@dataclass(frozen=True)
class Structure:
    """All that a compiled step depends on besides array shapes. Two problems with equal structures share code."""

    shape: Shape
    method: Method
    settings: Any
    channels: tuple[str, ...]
    terms: tuple[TermSpec, ...]
    free: frozenset[str]
    optimizer: str

    @property
    def clearance(self) -> bool:
        """Whether a term asks how closely rays pass the surface."""
        return any(LOSSES[t.loss].clearance for t in self.terms)

    def image(self, moved: Mapping[str, Any], samples: ViewSamples, lens: Any, traced: Mapping[str, Any]) -> Image:
        """Traced: what the terms look at, of `moved` (values, constants and what the shape derives from them)."""
        seen = self.method.evaluate(
            self.shape, moved, samples.method, lens, traced, self.settings, self.channels, self.free
        )
        if not self.clearance:
            return seen
        return {**seen, CLEARANCE: (clearance(self.shape, moved, samples.least, lens),)}

    def key(self) -> tuple:
        terms = tuple((t.loss, t.sees, t.levels, t.band) for t in self.terms)
        return (
            *code_key(self.shape, self.method, self.settings),
            self.channels,
            terms,
            self.free,
            self.optimizer,
        )


def code_key(shape: Shape, method: Method, settings: Any) -> tuple:
    """What the compiled code of an evaluation depends on: kinds and static choices, never an instance's arrays."""
    return (type(shape), getattr(shape, "static_key", ()), method.name, split_settings(settings)[1])


class ViewSamples(NamedTuple):
    """method: what the method sampled of a view. least: (H, W) where its rays pass closest (kernels/clearance.py), or
    None where no term asks. Of a step that sees some pixels alone: pixels (p,) int32, row by row, of which all planes
    are made, or only (H, W) bool, outside of which nothing is compared; None for all."""

    method: Any
    least: Any = None
    pixels: Any = None
    only: Any = None


class Target(NamedTuple):
    """What a view should look like: channel -> planes [C][H, W] float32; colour is premultiplied by alpha."""

    planes: Image
    alpha: Any


@dataclass(frozen=True)
class Problem:
    """A fit, ready to step. views and targets are as long as each other; masks say which components are free."""

    shape: Shape
    method: Method
    settings: Any
    views: tuple[CameraView, ...]
    targets: Sequence[Target]
    terms: tuple[TermSpec, ...]
    channels: tuple[str, ...]
    masks: Mapping[str, np.ndarray]
    optimizer: str
    hyper: Mapping[str, Any]
    constants: Mapping[str, Any]
    parameterization: Parameterization = IDENTITY
    rays: int = 0
    """Pixels that a step sees of each view, drawn anew each time; 0 for all."""
    seed: int = 0

    @functools.cached_property
    def free(self) -> frozenset[str]:
        return frozenset(self.masks)

    @functools.cached_property
    def structure(self) -> Structure:
        return Structure(self.shape, self.method, self.settings, self.channels, self.terms, self.free, self.optimizer)

    @functools.cached_property
    def traced(self) -> dict[str, np.float32]:
        return split_settings(self.settings)[0]

    @functools.cached_property
    def weights(self) -> np.ndarray:
        """The terms' numbers that recompile nothing, see term_numbers."""
        return term_numbers(self.terms)

    def stepped_view(self, index: int, iteration: int) -> CameraView:
        """View number `index` as a step sees it: with the pixels that are drawn for it."""
        view = self.views[index]
        count = view.width * view.height
        if not 0 < self.rays < count:
            return view
        rng = np.random.default_rng((self.seed, iteration, index))
        only = np.zeros(count, np.bool_)
        only[rng.choice(count, self.rays, replace=False)] = True
        return dataclasses.replace(view, only=only.reshape(view.height, view.width))

    def sample(self, host: Mapping[str, Any], view: CameraView) -> ViewSamples:
        """Host: all that the terms need to know of what `view` sees of host values (constants included)."""
        samples = self.method.sample(self.shape, host, view, self.settings, self.free, self.channels)
        shape: Any = self.shape
        least = shape.least_along_rays(host, view) if self.structure.clearance else None
        return ViewSamples(samples, least, only=view.only)

    def sample_step(self, host: Mapping[str, Any], index: int, iteration: int) -> ViewSamples:
        """What step `iteration` sees of view `index`: the whole view, or `rays` of its pixels."""
        if not self.method.pixelwise:
            return self.sample(host, self.stepped_view(index, iteration))
        view = self.views[index]
        whole = self.sample(host, view)
        pixels = view.width * view.height
        if not 0 < self.rays < pixels:
            return whole
        drawn = np.random.default_rng((self.seed, iteration, index)).integers(0, pixels, self.rays, np.int32)
        return whole._replace(method=self.method.at_pixels(whole.method, drawn), pixels=drawn)

    def with_setting(self, name: str, value: float) -> Problem:
        """The same problem with one continuous method setting changed: recompiles nothing."""
        return dataclasses.replace(self, settings=dataclasses.replace(self.settings, **{name: value}))


def set_live(problem: Problem, path: str, value: float) -> Problem | None:
    """The problem with a number changed while it runs ("method.NAME", "optimizer.NAME", "term.INDEX.weight" or
    "term.INDEX.sharpness").

    None where `path` is none of the problem's own numbers. Recompiles nothing.
    """
    kind, _, rest = path.partition(".")
    if kind == "method" and rest in problem.traced:
        return problem.with_setting(rest, float(value))
    if kind == "optimizer" and rest in problem.hyper:
        hyper = {**problem.hyper, rest: type(problem.hyper[rest])(value)}
        return dataclasses.replace(problem, hyper=hyper)
    index, _, name = rest.partition(".")
    if kind == "term" and name in LIVE_TERM_NUMBERS and index.isdigit() and int(index) < len(problem.terms):
        terms = list(problem.terms)
        terms[int(index)] = dataclasses.replace(terms[int(index)], **{name: float(value)})
        return dataclasses.replace(problem, terms=tuple(terms))
    return None


class State(NamedTuple):
    """What a step changes. values: the parameters (no constants). iteration counts finished steps."""

    values: dict[str, Any]
    optimizer: Any
    iteration: int


class StepReport(NamedTuple):
    """loss: weighted total. terms: each term unweighted. gradient: tangent pytree on the device. views: the weighted
    image loss of each view of the batch."""

    loss: float
    terms: tuple[float, ...]
    gradient: dict[str, Any]
    views: tuple[float, ...] = ()
    metrics: Mapping[str, float] = {}
    """The optimizer's own: damping."""
    done: str = ""
    """Why there is nothing more to gain, where the optimizer knows."""


def initial_state(problem: Problem, values: Mapping[str, Any]) -> State:
    """State before the first step, with arrays on the device."""
    values = {name: jnp.asarray(value) for name, value in values.items()}
    tangent = zero_tangent(values, problem.free)
    return State(values, OPTIMIZERS[problem.optimizer].init(tangent), 0)


def host_values(problem: Problem, state: State) -> dict[str, Any]:
    """Values and constants as NumPy arrays, for samplers and readouts."""
    return {**problem.constants, **{n: np.asarray(v) for n, v in state.values.items()}}


def target_at(target: Target, pixels: Any) -> Target:
    """A target's `pixels` (p,) as an image of one row; the whole target for None."""
    if pixels is None:
        return target
    return jax.tree.map(lambda plane: plane.reshape(-1)[pixels][None], target)


def composite_target(target: Target, background: Any) -> Image:
    """Target planes over the render's own background (which is not differentiated here)."""
    planes = dict(target.planes)
    if "colour" in planes:
        back = jax.lax.stop_gradient(background)
        rest = 1.0 - target.alpha
        planes["colour"] = tuple(plane + rest * back[i] for i, plane in enumerate(planes["colour"]))
    return planes


def seen_only(image: Image, target: Image, only: Any) -> tuple[Image, Image]:
    """Image and target with the pixels that the loss does not look at made equal: covered in both, which IDR's masks
    pass over too, and of the target's colour."""
    goal = dict(target)
    if "silhouette" in goal:
        goal["silhouette"] = (jnp.where(only, goal["silhouette"][0], 1.0),)
    same = lambda name: tuple(jnp.where(only, a, b) for a, b in zip(image[name], goal[name]))
    return {name: same(name) if name in goal else image[name] for name in image}, goal
