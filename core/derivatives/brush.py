"""A brush on a grid: the nodes around one move together, so that a hand can raise or lower the surface there.

"values.near.I.J.K" is that theta: one unit of it moves a surface through node (I, J, K) outwards by one unit, and fades
within a few nodes. A single node's value ("values.I.J.K") makes a dent too sharp for the grid to hold.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from core.errors import RimlightError

PREFIX = "values.near."
WIDTH = 2.0
"""Nodes: standard deviation of the Gaussian bump. Trilinear values follow it to a few percent; half the width would not."""
REACH = 3.0
"""Deviations beyond which nothing moves."""


def brush_direction(theta: str, values: Mapping[str, Any]) -> np.ndarray | None:
    """The tangent of the grid's values (nx, ny, nz) that `theta` means, None where it is no brush. Raises where the node
    does not exist. Distances are negative inside, so that outwards means lower values."""
    if not theta.startswith(PREFIX):
        return None
    grid = values.get("values")
    found = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", theta.removeprefix(PREFIX))
    shape = np.shape(grid) if grid is not None else ()
    if found is None or len(shape) != 3 or any(int(i) >= n for i, n in zip(found.groups(), shape)):
        raise RimlightError(
            f"parameter {theta!r}: expected '{PREFIX}I.J.K' with a node of a grid of {shape or 'no'} nodes"
        )
    squared = sum(
        (((np.arange(n) - int(i)) / WIDTH) ** 2).reshape([-1 if k == axis else 1 for k in range(3)])
        for axis, (i, n) in enumerate(zip(found.groups(), shape))
    )
    return np.where(squared <= REACH**2, -np.exp(-0.5 * squared), 0.0).astype(np.float32)


def brush_at(place: np.ndarray, lattice: Mapping[str, Any]) -> str:
    """The brush nearest to a point (3,), object space. lattice: origin, spacing, shape, as a grid's facts have it."""
    node = (np.asarray(place, float) - np.asarray(lattice["origin"], float)) / np.asarray(lattice["spacing"], float)
    i, j, k = (int(np.clip(round(float(n)), 0, count - 1)) for n, count in zip(node, lattice["shape"]))
    return f"{PREFIX}{i}.{j}.{k}"
