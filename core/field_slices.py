"""Slices through a grid's field as pictures: values with isolines, the surface as a thick line, and the loss's gradient.

Slices lie in the middle of each axis. Pictures have x (or y) to the right and the later axis upwards.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from core import pictures
from core.colour_maps import colourise_signed

SIDE = 256
LINES = 12
"""Isolines over the range of a slice's values, at round distances."""

AXES = (("x = middle", 0), ("y = middle", 1), ("z = middle", 2))


def slice_sheet(values: np.ndarray, gradient: np.ndarray | None) -> Any:
    """A sheet of three slices of `values` (nx, ny, nz), and below them those of its gradient where there is one."""
    limit = float(np.abs(values).max()) or 1.0
    spacing = isoline_spacing(values)
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


def isoline_spacing(values: np.ndarray) -> float:
    """A round distance (1, 2 or 5 times a power of ten) that gives about LINES isolines."""
    raw = float(np.ptp(values)) / LINES or 1.0
    power = 10.0 ** np.floor(np.log10(raw))
    return float(next(power * step for step in (1.0, 2.0, 5.0, 10.0) if power * step >= raw * 0.999))


def slice_picture(plane: np.ndarray, limit: float, spacing: float) -> np.ndarray:
    """uint8 [h, w, 3] of one slice (n, m), +-limit in the signed map, isolines every `spacing`, zero drawn thick."""
    smooth = _upright(plane)
    picture = colourise_signed(smooth, limit).copy()
    picture[_jumps(np.floor(smooth / spacing))] = picture[_jumps(np.floor(smooth / spacing))] // 2
    picture[_thick(_jumps(smooth < 0))] = 255
    return picture


def gradient_picture(gradient: np.ndarray, values: np.ndarray, limit: float) -> np.ndarray:
    """uint8 [h, w, 3] of a slice of the gradient, node by node, with the surface as a line."""
    picture = colourise_signed(_upright(gradient, order=0), limit).copy()
    picture[_jumps(_upright(values) < 0)] = 255
    return picture


def _middle(grid: np.ndarray, axis: int) -> np.ndarray:
    return np.take(grid, grid.shape[axis] // 2, axis=axis)


def _upright(plane: np.ndarray, order: int = 1) -> np.ndarray:
    """A slice (n, m) as an image whose longer side is SIDE pixels, the second index upwards."""
    from scipy.ndimage import map_coordinates

    image = plane.T[::-1].astype(np.float64)
    scale = SIDE / max(image.shape)
    places = [np.linspace(0, n - 1, max(2, round(n * scale))) for n in image.shape]
    return map_coordinates(image, np.meshgrid(*places, indexing="ij"), order=order, mode="nearest")


def _jumps(image: np.ndarray) -> np.ndarray:
    """Pixels that differ from their right or lower neighbour."""
    found = np.zeros(image.shape, bool)
    found[:, :-1] |= image[:, :-1] != image[:, 1:]
    found[:-1] |= image[:-1] != image[1:]
    return found


def _thick(mask: np.ndarray) -> np.ndarray:
    wider = mask.copy()
    wider[:, 1:] |= mask[:, :-1]
    wider[1:] |= mask[:-1]
    return wider
