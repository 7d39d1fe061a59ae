"""Images as residuals: what every view differs from its target by, and the whole forward-mode Jacobian of that.

Compiled calls give residual planes, and one tangent image for each free number; pooling and the normal equations are
small and done in NumPy, so that no resolution of the residuals compiles anything. What a pose leaves alone comes as
constants from the sampler: object-space positions are planes, never gathered (RtS, Table 1, "pose only").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from core.memory import forgettable
from core.optimization.terms import LOSSES, image_terms
from core.parameters import retract, tangent_shape
from core.problem import Problem, composite_target
from kernels.camera import lens_of
from kernels.types import CameraView


class Unknowns(NamedTuple):
    """The free numbers of a problem, in order. places: parameter -> flat indices in its tangent."""

    places: dict[str, np.ndarray]

    @property
    def count(self) -> int:
        return sum(len(p) for p in self.places.values())

    def spread(self, numbers: Any, values: Mapping[str, Any]) -> dict[str, Any]:
        """Numbers (n,) -> tangents by parameter, zero at what is held."""
        tangents, first = {}, 0
        for name, places in self.places.items():
            shape = tangent_shape(name, values[name])
            flat = jnp.zeros(int(np.prod(shape, dtype=int)), jnp.asarray(numbers).dtype)
            tangents[name] = flat.at[places].set(numbers[first : first + len(places)]).reshape(shape)
            first += len(places)
        return tangents


def unknowns_of(masks: Mapping[str, np.ndarray]) -> Unknowns:
    return Unknowns({name: np.flatnonzero(np.asarray(masks[name]).reshape(-1)) for name in sorted(masks)})


@dataclass(frozen=True)
class Evaluation:
    """A state, seen by all views of a batch.

    loss: the weighted sum at full resolution, as every optimizer reports it. views: each view's share of it.
    residuals: one (H, W) a view and plane, scaled so that the loss is the sum of the means of their squares.
    """

    loss: float
    terms: tuple[float, ...]
    views: tuple[float, ...]
    residuals: tuple[np.ndarray, ...]

    def cost(self, pooling: int) -> float:
        """Of residuals averaged under tents that reach over `pooling` pixels."""
        return float(sum(np.mean(np.square(pooled(r[None], pooling)), dtype=np.float64) for r in self.residuals))

    @property
    def finite(self) -> bool:
        return all(np.isfinite(r).all() for r in self.residuals)


Jacobian = tuple[np.ndarray, ...]
"""(n, H, W) for each residual plane, scaled like it."""


def normal_equations(seen: Evaluation, jacobian: Jacobian, pooling: int) -> tuple[np.ndarray, np.ndarray]:
    """(J^T r (n,), J^T J (n, n)) of pooled residuals, as means over their pixels; float64."""
    gradient, matrix = 0.0, 0.0
    for residual, tangents in zip(seen.residuals, jacobian):
        rows = pooled(np.concatenate([tangents, residual[None]]), pooling).reshape(len(tangents) + 1, -1)
        gram = (rows @ rows.T).astype(np.float64) / rows.shape[1]
        gradient, matrix = gradient + gram[:-1, -1], matrix + gram[:-1, :-1]
    return np.asarray(gradient), np.asarray(matrix)


def pooled(stack: np.ndarray, reach: int) -> np.ndarray:
    """(n, H, W) averaged under tents: blocks of reach / 2 pixels a side, then 1 2 1 over neighbouring blocks.

    Tents overlap, so that what moves out of one moves into the next by as much: the linear model of a step holds over
    some reach / 2 pixels. Blocks side by side have a kink at each of their borders, and lost every other pose by colour.
    """
    if reach == 1:
        return stack
    small = _blocks(stack, reach // 2)
    for axis in (1, 2):
        last = small.shape[axis] - 1
        before, after = (np.clip(np.arange(last + 1) + step, 0, last) for step in (-1, 1))
        small = 0.5 * small + 0.25 * (small.take(before, axis) + small.take(after, axis))
    return small


def _blocks(stack: np.ndarray, factor: int) -> np.ndarray:
    """(n, H, W) averaged over factor x factor pixels; a border that fills no block counts as zeros (no difference)."""
    if factor == 1:
        return stack
    count, height, width = stack.shape
    rows, columns = -(-height // factor), -(-width // factor)
    if (rows * factor, columns * factor) != (height, width):
        stack = np.pad(stack, ((0, 0), (0, rows * factor - height), (0, columns * factor - width)))
    return stack.reshape(count, rows, factor, columns, factor).mean(axis=(2, 4))


# ---------------------------------------------------------------------------------------------- seeing


def evaluate(problem: Problem, values: Mapping[str, Any], batch: Sequence[int], samples: int = 1) -> Evaluation:
    """Residuals of the terms' channels at `values`, every view sampled there.

    samples: renders a side of a sub-pixel grid that are averaged. One sample a pixel leaves a silhouette uncertain by
    a third of a pixel at each of its pixels, which is what the last hundredths of a degree drown in.
    """
    run, host = _compiled(_SEE, _see, problem), _host(problem, values)
    channels, weights = _weights(problem)
    losses, terms, residuals = [], [], []
    for index in batch:
        seen = []
        for view in _shifted(problem.views[index], samples):
            arguments = _arguments(problem, values, host, index, view)
            seen.append(jax.block_until_ready(run(*arguments, problem.targets[index], problem.weights)))
        losses.append(float(np.mean([loss for loss, *_ in seen])))
        terms.append(np.mean([[float(t) for t in each] for _, each, _ in seen], axis=0))
        for channel in channels:
            scale = _scale(weights[channel], len(batch), len(seen[0][2][channel])) / np.float32(len(seen))
            for i in range(len(seen[0][2][channel])):
                residuals.append(scale * sum(np.asarray(differences[channel][i]) for *_, differences in seen))
    means = tuple(float(t) for t in np.mean(terms, axis=0))
    return Evaluation(float(np.mean(losses)), means, tuple(losses), tuple(residuals))


def jacobian_at(problem: Problem, values: Mapping[str, Any], batch: Sequence[int], unknowns: Unknowns) -> Jacobian:
    """The images' derivative by every unknown, in the order of `evaluate`'s residuals; one sample a pixel."""
    places = tuple((name, tuple(p.tolist())) for name, p in unknowns.places.items())
    run = _compiled(_PUSH, lambda p: _push(p, unknowns), problem, places)
    host, (channels, weights), found = _host(problem, values), _weights(problem), []
    for index in batch:
        tangents = jax.block_until_ready(run(*_arguments(problem, values, host, index, problem.views[index])))
        for channel in channels:
            scale = _scale(weights[channel], len(batch), len(tangents[channel]))
            found += [scale * np.asarray(planes) for planes in tangents[channel]]
    return tuple(found)


def _host(problem: Problem, values: Mapping[str, Any]) -> dict[str, Any]:
    return {**problem.constants, **{n: np.asarray(v) for n, v in values.items()}}


def _arguments(problem: Problem, values: Any, host: Any, index: int, view: CameraView) -> tuple:
    """The sampler's buffers serve the next call too, so what is computed from these must be there before it."""
    drawn = problem.sample(host, view)
    return values, problem.constants, drawn, lens_of(view), problem.traced


def _scale(weight: float, views: int, planes: int) -> np.float32:
    return np.float32(np.sqrt(weight / (views * planes)))


def _shifted(view: CameraView, samples: int) -> list[CameraView]:
    """`view`, displaced to the centres of samples x samples cells of a pixel."""
    places = [0.5 - (i + 0.5) / samples for i in range(samples)]
    return [replace(view, shift=(view.shift[0] + x, view.shift[1] + y)) for y in places for x in places]


def _weights(problem: Problem) -> tuple[tuple[str, ...], dict[str, float]]:
    """Channels that a term of positive weight sees, and the sum of those weights."""
    weights: dict[str, float] = {}
    for term in problem.terms:
        if LOSSES[term.loss].sees and term.weight > 0:
            weights[term.sees] = weights.get(term.sees, 0.0) + term.weight
    return tuple(weights), weights


# ---------------------------------------------------------------------------------------------- compiled

_SEE: dict[tuple, Callable[..., Any]] = forgettable()
_PUSH: dict[tuple, Callable[..., Any]] = forgettable()


def _compiled(
    cache: dict[tuple, Callable[..., Any]], make: Callable[[Problem], Any], problem: Problem, more: tuple = ()
) -> Callable[..., Any]:
    key = (*problem.structure.key(), more)
    if key not in cache:
        cache[key] = make(problem)
    return cache[key]


def _image(problem: Problem) -> Callable[..., Any]:
    """delta, values, ... -> image; traced."""
    s = problem.structure
    prepare = getattr(s.shape, "prepare", None)

    def image(delta, values, constants, samples, lens, traced):
        moved = {**constants, **retract(values, delta)}
        if prepare is not None:
            moved |= prepare(moved, s.channels, s.free)
        return s.image(moved, samples, lens, traced)

    return image


def _see(problem: Problem) -> Callable[..., Any]:
    image, s = _image(problem), problem.structure

    def run(values, constants, samples, lens, traced, target, weights):
        seen = image({}, values, constants, samples, lens, traced)
        goal = composite_target(target, values["background"])
        loss, each = image_terms(s.terms, weights, seen, goal)
        return loss, each, {c: tuple(a - b for a, b in zip(seen[c], goal[c])) for c in s.channels}

    return jax.jit(run)


def _push(problem: Problem, unknowns: Unknowns) -> Callable[..., Any]:
    """Forward mode: as many passes as there are unknowns, where reverse mode would need one a pixel."""
    image = _image(problem)

    def run(values, constants, samples, lens, traced):
        one = lambda numbers: image(unknowns.spread(numbers, values), values, constants, samples, lens, traced)
        zero = jnp.zeros(unknowns.count, jnp.float32)
        return jax.lax.map(lambda e: jax.jvp(one, (zero,), (e,))[1], jnp.eye(unknowns.count, dtype=jnp.float32))

    return jax.jit(run)
