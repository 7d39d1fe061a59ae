"""Loss curves as SVG: the same picture as core.pictures.curve, in lines that stay sharp at any size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

WIDTH, HEIGHT = 720, 320
LEFT, TOP, RIGHT, BOTTOM = 64, 40, 704, 288
INK, PALE, LINE = "#1A1D21", "#4C555F", "#DFE3E7"
COLOURS = ("#0072B2", "#9A6300", "#A8457F", "#00795A", "#C24A00", "#6B737D")


def curves_svg(series: Mapping[str, Sequence[float]], title: str) -> str:
    """Curves over iterations on a logarithmic scale, with a legend. Values that are not positive are left out."""
    values = {n: np.log10(np.where(np.asarray(v) > 0, v, np.nan)) for n, v in series.items() if len(v)}
    finite = [v[np.isfinite(v)] for v in values.values()]
    low = np.floor(min((v.min() for v in finite if v.size), default=-1.0))
    high = max(np.ceil(max((v.max() for v in finite if v.size), default=0.0)), low + 1)
    longest = max((len(v) for v in values.values()), default=1)
    place_y = lambda v: BOTTOM - (v - low) / (high - low) * (BOTTOM - TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="Inter, sans-serif" font-size="11" fill="{PALE}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#FFFFFF"/>',
        f'<text x="16" y="22" font-size="13" font-weight="600" fill="{INK}">{escape(title)}</text>',
    ]
    every = max(1, int(np.ceil((high - low) / 5)))
    for power in range(int(low), int(high) + 1, every):
        y = place_y(power)
        parts.append(f'<line x1="{LEFT}" x2="{RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{LINE}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">1e{power}</text>')
    for i, (name, v) in enumerate(values.items()):
        colour = COLOURS[i % len(COLOURS)]
        x = LEFT + np.arange(len(v)) / max(longest - 1, 1) * (RIGHT - LEFT)
        points = " ".join(f"{a:.1f},{place_y(b):.1f}" for a, b in zip(x, v) if np.isfinite(b))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts.append(f'<text x="{RIGHT - 140}" y="{TOP + 14 * i}" fill="{colour}">{escape(name)}</text>')
    parts.append(f'<text x="{LEFT}" y="{BOTTOM + 18}">0</text>')
    parts.append(f'<text x="{RIGHT}" y="{BOTTOM + 18}" text-anchor="end">iteration {longest}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
