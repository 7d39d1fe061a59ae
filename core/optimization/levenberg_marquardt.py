"""Levenberg-Marquardt on average-pooled images (Marquardt 1963; RtS, Sec. 4): few unknowns, few iterations.

Silhouette residuals are zero but for thin lines, and so are their derivatives: unless they are averaged over large
parts of the image first, two lines that do not overlap know nothing of each other. The parts are overlapping tents
(core/optimization/least_squares.py), which shrink as the fit closes in. An iteration is one Jacobian and one trial,
kept or not; residuals are evaluated anew only where the renders that are averaged change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from core.errors import RimlightError
from core.experiment import TermSpec
from core.optimization.least_squares import (
    Evaluation,
    Jacobian,
    Unknowns,
    evaluate,
    jacobian_at,
    normal_equations,
    unknowns_of,
)
from core.parameters import retract
from core.problem import NonFinite, Problem, State, StepReport

LEVELS = ((64, False), (32, False), (16, False), (8, False), (4, True), (1, True))
"""Reach in pixels of the tents that residuals are averaged under, in turn, and whether renders at sub-pixel shifts are
averaged too. Measured at 256 x 256, 30 degrees and 0.2 off, 40 starts each: below 0.05 degree within 12 iterations are
all poses from four silhouettes (median 4) and from one (6), and 39 from one colour picture (7), where blocks side by
side found 12 of 20. Starting at 32 loses one of ten from one silhouette; without sub-pixel shifts it ends at 0.08."""

SOLVED, STUCK, MOST_TRIES = 0.8, 0.03, 6
"""The next level follows a step that took this share of the cost away (the model holds there), or less than STUCK, or
so many steps. Own choice: waiting for 0.9 costs an iteration, going on at once loses 3 starts of 10."""

ACCEPTED, REJECTED = 0.3, 5.0
"""Factors of the damping after a step that lowered the cost, and after one that did not."""

LEAST_DAMPING, MOST_DAMPING = 1e-6, 1e6

STILL = 2
"""Steps in a row without STUCK's share at the last level that end a fit."""

MOST_UNKNOWNS = 64
"""Free numbers at most: each costs a tangent image a view and iteration."""


def check(terms: Sequence[TermSpec], masks: Mapping[str, np.ndarray]) -> None:
    """Raise RimlightError where there are too many unknowns, or terms that are no sums of squares."""
    count = unknowns_of(masks).count
    if count > MOST_UNKNOWNS:
        raise RimlightError(
            f"optimizer: levenberg-marquardt moves at most {MOST_UNKNOWNS} numbers, and {count:,} are free; "
            "free fewer, or use adam"
        )
    for i, term in enumerate(terms):
        if term.loss != "l2" and term.weight > 0:
            raise RimlightError(
                f"term[{i}].loss: levenberg-marquardt needs sums of squares, and {term.loss} is none; use l2, or adam"
            )


class _Memo(NamedTuple):
    values: Any
    problem: Problem
    batch: tuple[int, ...]
    samples: int
    evaluation: Evaluation
    jacobian: Jacobian | None


_memo: list[_Memo] = []
"""What the last step ended in, evaluated. Found again by identity; anything else is evaluated anew."""


def least_squares_step(problem: Problem, state: State, batch: Sequence[int]) -> tuple[State, StepReport]:
    """One trial: solve (J^T J + damping diag) d = -J^T r, evaluate at the freshly sampled new state, keep the better.

    Raises NonFinite with `state` untouched.
    """
    unknowns = unknowns_of(problem.masks)
    level, tried, still = (int(state.optimizer[n]) for n in ("level", "tried", "still"))
    level = max(level, _first_level(problem))
    damping = float(state.optimizer["damping"]) or float(problem.hyper["damping"])
    pooling, samples = _level(problem, level)
    now, jacobian = _seen(problem, state.values, tuple(batch), unknowns, samples)
    if not (now.finite and all(np.isfinite(j).all() for j in jacobian)):
        raise NonFinite(
            f"iteration {state.iteration}: an image or its derivative is not finite; the state is kept. "
            "Look at the derivative images, or free fewer parameters."
        )
    gradient, matrix = normal_equations(now, jacobian, pooling)
    delta = _solved(matrix, gradient, damping, float(problem.hyper["longest_step"]))
    trial = _moved(state.values, unknowns.spread(jnp.asarray(delta, jnp.float32), state.values))
    then, cost = evaluate(problem, trial, batch, samples), now.cost(pooling)
    gain = (cost - then.cost(pooling)) / max(cost, 1e-30) if then.finite else -1.0
    values, kept = (trial, then) if gain > 0 else (state.values, now)
    _memo[:] = [_Memo(values, problem, tuple(batch), samples, kept, None if gain > 0 else jacobian)]

    still = still + 1 if gain < STUCK and level == len(LEVELS) - 1 else 0
    following, tried = level, tried + 1
    if level < len(LEVELS) - 1 and (gain > SOLVED or gain < STUCK or tried >= MOST_TRIES):
        following, tried = level + 1, 0
    factor = ACCEPTED if gain > 0 else REJECTED
    next_damping = min(max(damping * factor, LEAST_DAMPING), MOST_DAMPING)
    if following != level:
        next_damping = min(next_damping, float(problem.hyper["damping"]))  # what was refused was the old tents' model
    optimizer = {
        "damping": jnp.float32(next_damping),
        "level": jnp.int32(following),
        "tried": jnp.int32(tried),
        "still": jnp.int32(still),
    }
    slope = 2.0 * normal_equations(now, jacobian, 1)[0]  # of the loss, where the step began
    tangents = unknowns.spread(jnp.asarray(slope, jnp.float32), state.values)
    report = StepReport(
        kept.loss,
        kept.terms,
        tangents,
        kept.views,
        {"damping": damping, "pooling": float(pooling)},
        "converged" if still >= STILL else "",
    )
    return State(values, optimizer, state.iteration + 1), report


def _level(problem: Problem, level: int) -> tuple[int, int]:
    """(pooling, renders a side) of a level, on this problem's images."""
    pooling, fine = LEVELS[level]
    return pooling, int(problem.hyper["samples"]) if fine else 1


def _first_level(problem: Problem) -> int:
    """The first level whose tents reach no farther than asked for, and of which 4 fit side by side."""
    side = min(min(view.width, view.height) for view in problem.views)
    largest = min(int(problem.hyper["pooling"]), max(side // 4, 1))
    return next(i for i, (pooling, _) in enumerate(LEVELS) if pooling <= largest)


def _seen(
    problem: Problem, values: Mapping[str, Any], batch: tuple[int, ...], unknowns: Unknowns, samples: int
) -> tuple[Evaluation, Jacobian]:
    """Residuals and Jacobian at `values`, as far as the last step has not left them."""
    seen = jacobian = None
    for memo in _memo:
        if memo.values is values and memo.problem is problem and memo.batch == batch:
            seen, jacobian = memo.evaluation if memo.samples == samples else None, memo.jacobian
    return seen or evaluate(problem, values, batch, samples), jacobian or jacobian_at(problem, values, batch, unknowns)


def _solved(matrix: np.ndarray, gradient: np.ndarray, damping: float, longest: float) -> np.ndarray:
    """The damped step, none of its numbers larger than `longest`. What nothing depends on stays where it is."""
    scale = np.sqrt(np.diag(matrix))
    scale = np.where(scale > 1e-12 * max(scale.max(), 1e-30), scale, np.inf)
    normal = matrix / np.outer(scale, scale)  # unit diagonal: damping is relative to it
    step = -np.linalg.solve(normal + (damping + 1e-9) * np.eye(len(scale)) + np.diag(np.isinf(scale)), gradient / scale)
    step = step / scale
    return step / max(1.0, float(np.abs(step).max()) / longest)


def _moved(values: Mapping[str, Any], tangents: Mapping[str, Any]) -> dict[str, Any]:
    return {**values, **retract({n: values[n] for n in tangents}, tangents)}
