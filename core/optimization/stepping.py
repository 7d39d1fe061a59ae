"""One iteration of a fit, by whatever its optimizer needs: a gradient, or residuals with their Jacobian."""

from __future__ import annotations

from collections.abc import Sequence

from core.optimization.gradient_step import gradient_step
from core.optimization.levenberg_marquardt import least_squares_step
from core.optimization.optimizers import OPTIMIZERS
from core.problem import Problem, State, StepReport


def step(problem: Problem, state: State, batch: Sequence[int], learning_rate: float) -> tuple[State, StepReport]:
    """The only update there is: `state` after one iteration over the views `batch`, and what is to be said of it.

    learning_rate: for optimizers that follow a gradient. Raises NonFinite with `state` untouched.
    """
    if OPTIMIZERS[problem.optimizer].least_squares:
        return least_squares_step(problem, state, batch)
    return gradient_step(problem, state, batch, learning_rate)
