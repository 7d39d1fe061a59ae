"""What each term of the loss alone asks for: its own gradient, weighted as in the loss, so that they add up to it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from core.optimization.gradient_step import gradient_step
from core.problem import Problem, State


def term_gradient(problem: Problem, state: State, batch: Sequence[int], index: int) -> dict[str, Any]:
    """The gradient of term `index` alone over the views `batch`, by parameter. Recompiles nothing; moves nothing."""
    terms = tuple(t if i == index else dataclasses.replace(t, weight=0.0) for i, t in enumerate(problem.terms))
    _, report = gradient_step(dataclasses.replace(problem, terms=terms), state, batch, 0.0)
    return report.gradient
