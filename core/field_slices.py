"""Slices through a field as pictures: distances with isolines, the surface as a thick line, and the loss's gradient.

A slice is (n, m); its picture has the first index to the right and the second upwards.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from core import pictures
from core.colour_maps import SIGNED_DARK, colourise_signed

SIDE = 256
LINES = 12
"""Isolines over the range of a slice's values, at round distances."""
ISOLINE_WIDTH, SURFACE_WIDTH = 1.0, 2.6
"""Pixels of the picture."""
ISOLINE_STRENGTH = 0.45
FLAT = 1e-4
"""Lines are left out where the distance changes by less than this share of its steepest change."""
WHITE, BLACK = (255, 255, 255), (0, 0, 0)

AXES = (("x = middle", 0), ("y = middle", 1), ("z = middle", 2))


def slice_sheet(values: np.ndarray, gradient: np.ndarray | None) -> Any:
    """A sheet of three slices of `values` (nx, ny, nz), and below them those of its gradient where there is one."""
    limit = float(np.abs(values).max()) or 1.0
    spacing = isoline_spacing(float(np.ptp(values)))
    rows = [[
        pictures.pane(slice_picture(_middle(values, axis), limit, spacing), f"Field, {title}",
                      f"isolines every {spacing:.2g}", None)
        for title, axis in AXES
    ]]  # fmt: skip
    if gradient is not None:
        size = pictures.robust_range(gradient) or 1.0
        rows.append([
            pictures.pane(gradient_picture(_middle(gradient, axis), _middle(values, axis), size), f"dL/dvalue, {title}",
                          limit=size)
            for title, axis in AXES
        ])  # fmt: skip
    return pictures.stacked([pictures.side_by_side(row) for row in rows])


def isoline_spacing(span: float) -> float:
    """A round distance (1, 2 or 5 times a power of ten) that gives about LINES isolines over `span`."""
    raw = span / LINES or 1.0
    power = 10.0 ** np.floor(np.log10(raw))
    return float(next(power * step for step in (1.0, 2.0, 5.0, 10.0) if power * step >= raw * 0.999))


def slice_picture(
    plane: np.ndarray,
    limit: float,
    spacing: float,
    anchors: tuple[str, ...] = SIGNED_DARK,
    line: tuple[int, int, int] = WHITE,
    side: int = SIDE,
) -> np.ndarray:
    """uint8 [h, w, 3] of one slice (n, m): +-limit in the signed map of `anchors`, isolines every `spacing`, zero thick
    and in the colour `line`."""
    smooth = upright(plane, side)
    picture = colourise_signed(smooth, limit, anchors).astype(np.float32)
    change = _change(smooth)
    lines = ISOLINE_STRENGTH * _stroke(smooth - spacing * np.rint(smooth / spacing), change, ISOLINE_WIDTH)
    contrast = np.where(picture.mean(axis=-1, keepdims=True) < 128, 255.0, 0.0)
    picture += lines[..., None] * (contrast - picture)
    return _with_surface(picture, smooth, change, line)


def gradient_picture(
    gradient: np.ndarray,
    values: np.ndarray,
    limit: float,
    anchors: tuple[str, ...] = SIGNED_DARK,
    line: tuple[int, int, int] = WHITE,
    side: int = SIDE,
) -> np.ndarray:
    """uint8 [h, w, 3] of a slice of the gradient, node by node, with the surface of `values` as a line."""
    picture = colourise_signed(upright(gradient, side, smooth=False), limit, anchors).astype(np.float32)
    smooth = upright(values, side)
    return _with_surface(picture, smooth, _change(smooth), line)


def _middle(grid: np.ndarray, axis: int) -> np.ndarray:
    return np.take(grid, grid.shape[axis] // 2, axis=axis)


def upright(plane: np.ndarray, side: int = SIDE, smooth: bool = True) -> np.ndarray:
    """A slice (n, m) as an image whose longer side is `side` pixels, the second index upwards; its corners are nodes.
    smooth: linear between nodes, else the nearest one."""
    image = np.asarray(plane, np.float32).T[::-1]
    scale = side / max(image.shape)
    for axis in (0, 1):
        n = image.shape[axis]
        place = np.linspace(0, n - 1, max(2, round(n * scale)))
        low = np.minimum(place.astype(int), max(n - 2, 0))
        share = (place - low).astype(np.float32) if smooth else np.float32(0) + (place - low > 0.5)
        share = np.expand_dims(share, 1 - axis)
        first, second = (np.take(image, np.minimum(low + step, n - 1), axis=axis) for step in (0, 1))
        image = first * (1 - share) + second * share if smooth else np.where(share > 0, second, first)
    return image


def _change(image: np.ndarray) -> np.ndarray:
    """How much a value changes from pixel to pixel, at its steepest."""
    down, right = np.gradient(image)
    return np.hypot(down, right)


def _stroke(off: np.ndarray, change: np.ndarray, width: float) -> np.ndarray:
    """Coverage (h, w), 0 to 1, of lines `width` pixels wide where `off` is 0; it changes by `change` a pixel."""
    covered = np.clip(0.5 + 0.5 * width - np.abs(off) / np.maximum(change, 1e-30), 0.0, 1.0)
    return np.where(change > FLAT * float(change.max(initial=0.0)), covered, 0.0)


def _with_surface(
    picture: np.ndarray, smooth: np.ndarray, change: np.ndarray, line: tuple[int, int, int]
) -> np.ndarray:
    covered = _stroke(smooth, change, SURFACE_WIDTH)[..., None]
    return np.rint(picture + covered * (np.asarray(line, np.float32) - picture)).astype(np.uint8)
