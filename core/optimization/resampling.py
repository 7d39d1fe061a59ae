"""Pictures at another size: each new pixel is the mean of what it covers, so that energy and silhouettes keep their place.

Planes are (height, width); linear light goes in and out.
"""

from __future__ import annotations

import numpy as np


def resized(plane: np.ndarray, height: int, width: int) -> np.ndarray:
    """(h, w) -> (height, width) float32 by exact area overlap; enlarging repeats."""
    if plane.shape == (height, width):
        return plane
    rows, columns = overlap(plane.shape[0], height), overlap(plane.shape[1], width)
    return np.ascontiguousarray(rows @ plane @ columns.T, np.float32)


def overlap(old: int, new: int) -> np.ndarray:
    """(new, old): the share of each old pixel in the mean that makes a new one; rows sum to 1."""
    edges = np.linspace(0.0, old, new + 1)
    low, high = edges[:-1, None], edges[1:, None]
    cells = np.arange(old)[None, :]
    return np.clip(np.minimum(high, cells + 1) - np.maximum(low, cells), 0.0, None) / (old / new)


def same_aspect(size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two (width, height) are one picture at two sizes: a side may be half a pixel off."""
    scale = other[0] / size[0]
    return abs(size[1] * scale - other[1]) <= max(0.5, 0.5 * scale)
