"""One step of gradient descent: sampled on the host, evaluated, differentiated and updated in compiled code.

Sampling happens outside differentiation; one compiled call a view evaluates and differentiates, one more updates. What decides a
compilation is `Structure`; everything that a slider can change is passed as an array.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from core.memory import forgettable
from core.optimization.optimizers import OPTIMIZERS
from core.optimization.parameterization import IDENTITY
from core.optimization.terms import LOSSES, image_terms, parameter_terms
from core.parameters import retract, tangent_shape, zero_tangent
from core.problem import (
    NonFinite,
    Problem,
    State,
    StepReport,
    Structure,
    composite_target,
    host_values,
    seen_only,
    target_at,
)
from kernels.camera import lens_of


class _Compiled(NamedTuple):
    """accumulate: a view's share. finish: gather, move and place in one call, where the host has nothing to do between."""

    accumulate: Callable[..., Any]
    finish: Callable[..., Any]
    gather: Callable[..., Any]
    move: Callable[..., Any]
    place: Callable[..., Any]
    prepare: Callable[..., Any] | None


def gradient_step(
    problem: Problem, state: State, batch: Sequence[int], learning_rate: float
) -> tuple[State, StepReport]:
    """One iteration over the views `batch`: sample, evaluate, differentiate, update (core/optimization/stepping.py chooses it).

    Raises NonFinite, naming parameter or view and the iteration, with `state` untouched.
    """
    compiled = _compile(problem.structure.key(), problem.structure)
    host = host_values(problem, state)
    weights, masks = problem.weights, problem.masks
    derived = compiled.prepare(state.values, problem.constants) if compiled.prepare else {}
    total, sums = _nothing(problem, state, derived), [np.zeros(())]
    for index in batch:
        view = problem.views[index]
        samples = problem.sample_step(host, index, state.iteration)
        total = compiled.accumulate(
            total,
            state.values,
            derived,
            problem.constants,
            masks,
            samples,
            lens_of(view),
            problem.targets[index],
            weights,
            problem.traced,
        )
        sums.append(total[0])
    share = np.float32(1.0 / len(batch))
    hyper = {**problem.hyper, "learning_rate": np.float32(learning_rate)}
    chart = problem.parameterization
    gathered = (state.values, total, problem.constants, masks, weights, share)
    if chart is IDENTITY:
        gradient, numbers, moved, whole, optimizer = compiled.finish(*gathered, state.optimizer, hyper)
        numbers = _finite(np.asarray(numbers), gradient, state, batch)
    else:
        gradient, numbers = compiled.gather(*gathered)
        numbers = _finite(np.asarray(numbers), gradient, state, batch)
        delta, optimizer = compiled.move(chart.pull(gradient), state.optimizer, hyper)
        moved, whole = compiled.place({n: state.values[n] for n in delta}, chart.push(delta), masks)
    if not whole:
        raise NonFinite(
            f"iteration {state.iteration}: a step of length {learning_rate:g} leads to numbers that are not finite; "
            "the state before it is kept. Lower the learning rate."
        )
    each = tuple(float(d) for d in np.diff([float(s) for s in sums]))
    report = StepReport(float(numbers[1]), tuple(float(n) for n in numbers[2:]), gradient, each)
    return State({**state.values, **moved}, optimizer, state.iteration + 1), report


def _nothing(problem: Problem, state: State, derived: Any) -> Any:
    """The sum over no views: starting from it, one compilation serves the first view and the others."""
    dtype = state.values["background"].dtype
    each = [np.zeros((), dtype) for _ in problem.terms]
    tangent = {n: np.zeros(tangent_shape(n, state.values[n]), dtype) for n in problem.free}
    return np.zeros((), dtype), each, (tangent, {n: np.zeros(d.shape, dtype) for n, d in derived.items()})


def _finite(numbers: np.ndarray, gradient: Mapping[str, Any], state: State, batch: Sequence[int]) -> np.ndarray:
    """The numbers of a step, [finite or not, loss, each term]. Raises NonFinite."""
    if numbers[0]:
        return numbers
    loss = float(numbers[1])
    where = f"iteration {state.iteration}, view{'s' if len(batch) > 1 else ''} {', '.join(str(i) for i in batch)}"
    bad = [name for name, g in gradient.items() if not np.all(np.isfinite(np.asarray(g)))]
    what = f"the gradient of {', '.join(bad)}" if bad else f"the loss ({loss})"
    raise NonFinite(
        f"{where}: {what} is not finite; the state before this step is kept. "
        "Lower the learning rate, or look at the vertex gradients."
    )


_CACHE: dict[tuple, _Compiled] = forgettable()


def _compile(key: tuple, structure: Structure) -> _Compiled:
    if key not in _CACHE:
        _CACHE[key] = _build(structure)
    return _CACHE[key]


def _build(structure: Structure) -> _Compiled:
    shape, channels, terms, free = structure.shape, structure.channels, structure.terms, structure.free
    update = OPTIMIZERS[structure.optimizer].update
    shape_prepare = getattr(shape, "prepare", None)

    def view_loss(delta, derived, values, constants, samples, lens, target, weights, traced):
        moved = {**constants, **retract(values, delta), **derived}
        image = structure.image(moved, samples, lens, traced)
        goal = composite_target(target_at(target, samples.pixels), moved["background"])
        if samples.only is None:
            return image_terms(terms, weights, image, goal)
        share = jnp.mean(samples.only.astype(moved["background"].dtype))
        loss, each = image_terms(terms, weights, *seen_only(image, goal, samples.only))
        return loss / share, [value / share for value in each]

    def accumulate(total, values, derived, constants, masks, samples, lens, target, weights, traced):
        zero = zero_tangent(values, free)
        (loss, each), gradient = jax.value_and_grad(view_loss, argnums=(0, 1), has_aux=True)(
            zero, derived, values, constants, samples, lens, target, weights, traced
        )
        return jax.tree.map(jnp.add, total, (loss, each, gradient))

    def derive_values(delta, values, constants):
        assert shape_prepare is not None
        return shape_prepare({**constants, **retract(values, delta)}, channels, free)

    def gather(values, total, constants, masks, weights, share):
        zero = zero_tangent(values, free)
        loss, each, (gradient, derived_gradient) = jax.tree.map(lambda x: x * share, total)
        if derived_gradient:
            _, pull = jax.vjp(lambda d: derive_values(d, values, constants), zero)
            gradient = jax.tree.map(jnp.add, gradient, pull(derived_gradient)[0])

        def regularise(delta):
            return parameter_terms(terms, weights, {**constants, **retract(values, delta)}, shape)

        if any(not LOSSES[term.loss].sees for term in terms):
            (extra, extra_each), extra_gradient = jax.value_and_grad(regularise, has_aux=True)(zero)
            loss, each = loss + extra, [a + b for a, b in zip(each, extra_each)]
            gradient = jax.tree.map(jnp.add, gradient, extra_gradient)
        gradient = jax.tree.map(jnp.multiply, gradient, dict(masks))
        ok = jnp.isfinite(loss)
        for leaf in jax.tree.leaves(gradient):
            ok = ok & jnp.all(jnp.isfinite(leaf))
        return gradient, jnp.stack([ok.astype(loss.dtype), loss, *each])

    def place(values, delta, masks):
        moved = retract(values, jax.tree.map(lambda d, m: d * m, delta, dict(masks)))
        whole = functools.reduce(jnp.logical_and, [jnp.all(jnp.isfinite(v)) for v in moved.values()])
        return moved, whole

    def finish(values, total, constants, masks, weights, share, optimizer, hyper):
        gradient, numbers = gather(values, total, constants, masks, weights, share)
        delta, optimizer = update(gradient, optimizer, hyper)
        return gradient, numbers, *place({n: values[n] for n in delta}, delta, masks), optimizer

    has_prepare = shape_prepare is not None
    prepare = jax.jit(lambda values, constants: derive_values({}, values, constants)) if has_prepare else None
    jit = jax.jit
    return _Compiled(jit(accumulate), jit(finish), jit(gather), jit(update), jit(place), prepare)


def with_derived(problem: Problem, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values plus what the shape derives from them once a step (smooth normals), where it does."""
    compiled = _compile(problem.structure.key(), problem.structure)
    derived = compiled.prepare(values, problem.constants) if compiled.prepare else {}
    return {**values, **derived}


def compiled_steps() -> int:
    """How many compilations the steps hold."""
    return sum(f._cache_size() for compiled in _CACHE.values() for f in compiled if f is not None)
