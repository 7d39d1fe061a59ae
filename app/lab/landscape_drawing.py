"""How a loss landscape is drawn: the curve or the colours, the present, both slopes.

In two parameters the arrows are steepest descent in the plot's own scale, so that they cross its level lines squarely.
"""

from __future__ import annotations

import numpy as np

from app import numbers
from app.lab.chart import Chart
from app.lab.loss_scale import LossRange, LossScale, painted
from app.theme import FINITE_DIFFERENCES
from app.widgets import current_theme
from core.derivatives.questions import Landscaped

LEVELS = 9
ARROW = 0.22
"""Length of the arrows, as a share of the plot."""


class LandscapeDrawing:
    """Draws on a chart, and tells the colours' scale its range."""

    def __init__(self, chart: Chart, scale: LossScale) -> None:
        self._chart, self._scale = chart, scale

    def draw(self, found: Landscaped, token: str, restarted: tuple[float, float] | None, *, present: bool) -> None:
        """token: of the method's colour. restarted: where a click put the fit since. present: whether to mark both."""
        (self._slice if len(found.question.axes) == 1 else self._plane)(found, token)
        if present:
            self._here(found, restarted)

    def _colours(self, found: Landscaped, token: str) -> tuple[tuple[tuple[float, ...] | None, str], ...]:
        """Both slopes and their colours."""
        theme = current_theme()
        method = theme.run_colour(token)
        return (found.by_reference, theme.run_colour(FINITE_DIFFERENCES)), (found.by_method, method)

    def _slice(self, found: Landscaped, token: str) -> None:
        """The curve, the present, and both slopes as tangents."""
        axis = found.question.axes[0]
        x = np.linspace(axis.low, axis.high, axis.count)
        y = np.asarray(found.loss, float)
        known = np.isfinite(y)
        low, high = (
            (float(y[known].min()), float(y[known].max()))
            if known.any()
            else (0.5 * found.loss_here, 1.5 * found.loss_here)
        )
        self._chart.frame((axis.low, axis.high), (min(low, found.loss_here), max(high, found.loss_here)))
        self._chart.curve(x[known], y[known], current_theme().text2, width=1.75)
        reach = 0.16 * (axis.high - axis.low)
        for slopes, colour in self._colours(found, token):
            if slopes is not None:
                ends = (found.here[0] - reach, found.here[0] + reach)
                values = [found.loss_here + slopes[0] * (end - found.here[0]) for end in ends]
                self._chart.curve(ends, values, colour, width=2.5)

    def _plane(self, found: Landscaped, token: str) -> None:
        """The loss as colour with level lines, the present, and steepest descent by both slopes."""
        a, b = found.question.axes
        x, y = (a.low, a.high), (b.low, b.high)
        self._chart.frame(x, y, margin=0.0)
        filled = filled_in(np.asarray(found.loss, float))
        if np.isfinite(filled).all():
            within = LossRange.of(filled)
            level = within.level(filled)
            self._scale.set_range(within, found.loss_here)
            self._chart.picture(painted(filled, within, current_theme()), x, y)
            if found.fraction >= 1.0:
                self._chart.contours(level, np.quantile(level, np.linspace(0.04, 0.92, LEVELS)), x, y)
        wide, high = a.high - a.low, b.high - b.low
        for slopes, colour in self._colours(found, token):
            if slopes is not None:
                down = np.array([-slopes[0] * wide, -slopes[1] * high])
                down = ARROW * down / max(float(np.linalg.norm(down)), 1e-30)
                tip = (found.here[0] + down[0] * wide, found.here[1] + down[1] * high)
                self._chart.arrow((found.here[0], found.here[1]), tip, colour)

    def _here(self, found: Landscaped, to: tuple[float, float] | None) -> None:
        """Where the fit stood, and where a click has put it since."""
        theme, one = current_theme(), len(found.question.axes) == 1
        x, y = found.here[0], found.loss_here if one else found.here[1]
        self._chart.dot(x, y, theme.text3 if to else theme.accent)
        if to is not None:
            height = to[1]
            if one:
                axis = found.question.axes[0]
                place = int(
                    np.clip(round((to[0] - axis.low) / (axis.high - axis.low) * (axis.count - 1)), 0, axis.count - 1)
                )
                height = float(found.loss[place])
            self._chart.dot(to[0], height, theme.accent)


def words_of(found: Landscaped) -> str:
    """The loss and both slopes where the fit stands."""
    axes = found.question.axes
    parts = [f"it {found.iteration}, loss {numbers.number(found.loss_here)}"]
    for index, axis in enumerate(axes):
        pair = [s[index] if s is not None else None for s in (found.by_method, found.by_reference)]
        by = " and ".join(numbers.number(value, signed=True) for value in pair)
        parts.append(f"dL/d {axis.theta}: {by} (method, finite differences)")
    return ".  ".join(parts)


def filled_in(loss: np.ndarray) -> np.ndarray:
    """Places that are not computed yet take the value of the coarser place before them on the grid."""
    result = loss.copy()
    for stride in (8, 4, 2):
        half = stride // 2
        for axis in range(loss.ndim):
            index = np.arange(loss.shape[axis])
            source = result.take(index - index % stride + 0, axis=axis)
            near = (index % half == 0).reshape([-1 if k == axis else 1 for k in range(loss.ndim)])
            result = np.where(np.isfinite(result) | ~near, result, source)
    for axis in range(loss.ndim):
        for stride in (2, 4, 8):
            index = np.arange(loss.shape[axis])
            source = result.take(index - index % stride, axis=axis)
            result = np.where(np.isfinite(result), result, source)
    return result
