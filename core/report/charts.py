"""Line charts as pictures: several named curves over one quantity, linear or logarithmic axes. Pillow and NumPy only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw

from core.pictures import GROUND, INK, PALE, RUN_COLOURS, font

Curve = tuple[Any, Any]
"""Sequences of x and y of a curve's points; a y that is not finite leaves a gap."""

SPARE = ("#8DD3C7", "#BEBADA", "#FB8072", "#80B1D3", "#FDB462", "#B3DE69")
"""Colours of curves that are no method's (ColorBrewer Set3)."""


@dataclass(frozen=True)
class Axis:
    """title with its unit; logarithmic axes need positive values (others are left out)."""

    title: str
    logarithmic: bool = False

    def scaled(self, values: Sequence[float]) -> np.ndarray:
        numbers = np.asarray(values, np.float64)
        if not self.logarithmic:
            return numbers
        return np.log10(np.where(numbers > 0, numbers, np.nan))

    def ticks(self, low: float, high: float) -> list[tuple[float, str]]:
        """(scaled place, label): 1, 2 and 5 times powers of ten, or even steps of such a size."""
        if not self.logarithmic:
            power = 10.0 ** np.floor(np.log10(max(high - low, 1e-12)))
            step = next(power * m for m in (0.1, 0.2, 0.5, 1.0, 2.0) if (high - low) / (power * m) <= 6)
            marks = step * np.arange(np.ceil(low / step), np.floor(high / step + 1e-9) + 1)
            return [(float(v), f"{v:.4g}") for v in marks]
        marks = [m * 10.0**p for p in range(int(np.floor(low)) - 1, int(np.ceil(high)) + 1) for m in (1, 2, 5)]
        inside = [(float(np.log10(m)), f"{m:,.4g}") for m in marks if low - 1e-9 <= np.log10(m) <= high + 1e-9]
        return inside[:: 1 + len(inside) // 8]


def chart(
    curves: Mapping[str, Curve], title: str, x: Axis, y: Axis, size: tuple[int, int] = (560, 360)
) -> Picture.Image:
    """Curves with their points marked, in their method's colour, named at the right."""
    left, top, right, bottom = 64, 34, size[0] - 150, size[1] - 44
    sheet = Picture.new("RGB", size, GROUND)
    draw = ImageDraw.Draw(sheet)
    draw.text((8, 8), title, INK, font(13, bold=True))
    scaled = {name: (x.scaled(c[0]), y.scaled(c[1])) for name, c in curves.items()}
    (x0, x1), (y0, y1) = (_range([s[axis] for s in scaled.values()]) for axis in (0, 1))
    across = lambda v: left + (v - x0) / (x1 - x0) * (right - left)
    down = lambda v: bottom - (v - y0) / (y1 - y0) * (bottom - top)
    for place, label in y.ticks(y0, y1):
        draw.line([(left, down(place)), (right, down(place))], "#272C32")
        draw.text((left - 8, down(place)), label, PALE, font(11), anchor="rm")
    for place, label in x.ticks(x0, x1):
        draw.line([(across(place), bottom), (across(place), bottom + 4)], PALE)
        draw.text((across(place), bottom + 6), label, PALE, font(11), anchor="ma")
    draw.text(((left + right) / 2, bottom + 24), x.title, PALE, font(11), anchor="ma")
    draw.text((left, top - 4), y.title, PALE, font(11), anchor="lb")
    for i, (name, (xs, ys)) in enumerate(scaled.items()):
        colour = RUN_COLOURS.get(name, SPARE[i % len(SPARE)])
        points = [(float(across(a)), float(down(b))) for a, b in zip(xs, ys) if np.isfinite(a) and np.isfinite(b)]
        if len(points) > 1:
            draw.line(points, colour, width=2)
        for px, py in points if len(points) < 40 else ():
            draw.ellipse([px - 3, py - 3, px + 3, py + 3], fill=colour)
        draw.rectangle([right + 14, top + 20 * i, right + 24, top + 20 * i + 10], fill=colour)
        draw.text((right + 30, top + 20 * i + 5), name, PALE, font(11), anchor="lm")
    return sheet


def _range(arrays: Sequence[np.ndarray]) -> tuple[float, float]:
    """Least and greatest finite value, a little apart."""
    numbers = np.concatenate([np.atleast_1d(a) for a in arrays]) if arrays else np.zeros(1)
    numbers = numbers[np.isfinite(numbers)]
    if not numbers.size:
        return 0.0, 1.0
    low, high = float(numbers.min()), float(numbers.max())
    pad = 0.04 * (high - low) if high > low else 0.5
    return low - pad, high + pad
