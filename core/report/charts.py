"""Line charts as pictures: several named curves over one quantity, linear or logarithmic axes. Pillow and NumPy only."""

from __future__ import annotations

import itertools
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


FEWEST = 3
"""Labels of a logarithmic axis at 1, 2 and 5; where there are fewer, it has them at every digit."""
DASH = 9.0
"""Pixels from one stroke of a broken line to the next."""


@dataclass(frozen=True)
class Axis:
    """title with its unit; logarithmic axes need positive values (others are left out). marks: where its labels stand,
    instead of at round numbers."""

    title: str
    logarithmic: bool = False
    marks: tuple[float, ...] = ()

    def scaled(self, values: Sequence[float]) -> np.ndarray:
        numbers = np.asarray(values, np.float64)
        if not self.logarithmic:
            return numbers
        return np.log10(np.where(numbers > 0, numbers, np.nan))

    def ticks(self, low: float, high: float) -> list[tuple[float, str]]:
        """(scaled place, label): 1, 2 and 5 times powers of ten, or even steps of such a size."""
        if self.marks:
            return [(float(place), f"{m:,.4g}") for place, m in zip(self.scaled(self.marks), self.marks)]
        if not self.logarithmic:
            power = 10.0 ** np.floor(np.log10(max(high - low, 1e-12)))
            step = next(power * m for m in (0.1, 0.2, 0.5, 1.0, 2.0) if (high - low) / (power * m) <= 6)
            marks = step * np.arange(np.ceil(low / step), np.floor(high / step + 1e-9) + 1)
            return [(float(v), f"{v + 0.0:.4g}") for v in marks]
        inside: list[tuple[float, str]] = []
        for parts in ((1, 2, 5), range(1, 10)):
            marks = [m * 10.0**p for p in range(int(np.floor(low)) - 1, int(np.ceil(high)) + 1) for m in parts]
            shown = [m for m in marks if low - 1e-9 <= np.log10(m) <= high + 1e-9]
            inside = [(float(np.log10(m)), f"{m:,.0f}" if m >= 1 else f"{m:.3g}") for m in shown]
            if len(inside) >= FEWEST:
                break
        return inside[:: 1 + len(inside) // 7]


def chart(
    curves: Mapping[str, Curve], title: str, x: Axis, y: Axis, size: tuple[int, int] = (560, 360)
) -> Picture.Image:
    """Curves with their points marked, named at the right, in their method's colour; broken where the name says more than
    the method ("edge-grad without crossings")."""
    sheet = Picture.new("RGB", size, GROUND)
    draw = ImageDraw.Draw(sheet)
    widest = max((draw.textlength(name, font(11)) for name in curves), default=0.0)
    left, top, right, bottom = 64, 48, size[0] - round(max(widest, 40.0)) - 45, size[1] - 44
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
    draw.text((left, top - 6), y.title, PALE, font(11), anchor="lb")
    for i, (name, (xs, ys)) in enumerate(scaled.items()):
        colour, broken = _look(name, i)
        points = [(float(across(a)), float(down(b))) for a, b in zip(xs, ys) if np.isfinite(a) and np.isfinite(b)]
        _line(draw, points, colour, broken)
        for px, py in points if len(points) < 40 else ():
            draw.ellipse([px - 3, py - 3, px + 3, py + 3], fill=GROUND if broken else colour, outline=colour)
        key = top + 20 * i + 6
        _line(draw, [(right + 12, key), (right + 27, key)], colour, broken)
        draw.text((right + 33, key), name, PALE, font(11), anchor="lm")
    return sheet


def _look(name: str, which: int) -> tuple[str, bool]:
    """(colour, whether the line is broken) of the curve `name`, the `which`-th."""
    method = next((m for m in RUN_COLOURS if name == m or name.startswith(f"{m} ")), None)
    return (SPARE[which % len(SPARE)], False) if method is None else (RUN_COLOURS[method], name != method)


def _line(draw: ImageDraw.ImageDraw, points: Sequence[tuple[float, float]], colour: str, broken: bool) -> None:
    for (ax, ay), (bx, by) in itertools.pairwise(points):
        parts = max(1, round(float(np.hypot(bx - ax, by - ay)) / DASH)) if broken else 1
        at = [(ax + (bx - ax) * t, ay + (by - ay) * t) for t in np.linspace(0.0, 1.0, 2 * parts if broken else 2)]
        for start, end in zip(at[::2], at[1::2]):
            draw.line([start, end], colour, width=2)


def _range(arrays: Sequence[np.ndarray]) -> tuple[float, float]:
    """Least and greatest finite value, a little apart."""
    numbers = np.concatenate([np.atleast_1d(a) for a in arrays]) if arrays else np.zeros(1)
    numbers = numbers[np.isfinite(numbers)]
    if not numbers.size:
        return 0.0, 1.0
    low, high = float(numbers.min()), float(numbers.max())
    pad = 0.04 * (high - low) if high > low else 0.5
    return low - pad, high + pad
