"""Where a function given at the nodes of a grid has a value: marching squares over all cells at once. No Qt.

Convention: places are in cells, node (i, j) at (i, j). W. E. Lorensen and H. E. Cline, "Marching cubes", 1987, in the plane.
"""

from __future__ import annotations

import numpy as np

_CORNERS = np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
"""Of a cell, in turn; edge k runs from corner k to the next."""


def level_lines(values: np.ndarray, level: float) -> np.ndarray:
    """values (n, m) -> segments (k, 2, 2): of each its two ends (x, y)."""
    below = values < level
    whole = sum(below[i : i + len(values) - 1, j : j + values.shape[1] - 1].astype(np.int8) for i, j in _CORNERS)
    cells = np.argwhere((whole > 0) & (whole < 4))
    corners = np.stack([values[cells[:, 0] + i, cells[:, 1] + j] for i, j in _CORNERS]) - level
    following = np.roll(corners, -1, axis=0)
    crossed = (corners < 0) != (following < 0)
    share = np.where(crossed, corners / np.where(crossed, corners - following, 1.0), 0.0)
    steps = np.roll(_CORNERS, -1, axis=0) - _CORNERS
    places = cells + _CORNERS[:, None] + share[..., None] * steps[:, None]
    saddle = crossed.all(axis=0)
    once, twice = np.flatnonzero(~saddle), np.flatnonzero(saddle)
    edges = np.argsort(~crossed[:, once], axis=0, kind="stable")[:2]
    found = [places[edges, once].transpose(1, 0, 2)]
    # Where the middle is on the first corner's side, the second and the fourth are cut off, else the first and third.
    same = (corners[:, twice].mean(axis=0) < 0) == (corners[0, twice] < 0)
    for first, second in (((0, 1), (0, 3)), ((2, 3), (1, 2))):
        edges = np.where(same, np.array(first)[:, None], np.array(second)[:, None])
        found.append(places[edges, twice].transpose(1, 0, 2))
    return np.concatenate(found)
