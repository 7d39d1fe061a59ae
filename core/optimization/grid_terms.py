"""Terms on a grid's values: the eikonal term and the Laplacian of SDFDiff (Jiang et al. 2020, eqs. 2 to 4).

`band` is in cells: only nodes nearer to the surface than that count; 0 takes the whole grid. Both are means over the
nodes that count, without a unit, so that weights mean the same at every resolution.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp


def eikonal(values: Mapping[str, Any], band: float) -> Any:
    """Mean of (|grad f| - 1)^2: how far the values are from distances. Forward differences, one for each cell."""
    grid, spacing = values["values"], values["const.spacing"]
    squared = sum(jnp.square(_ahead(grid, axis) / spacing[axis]) for axis in range(3))
    positive = squared > 1e-12
    length = jnp.where(positive, jnp.sqrt(jnp.where(positive, squared, 1.0)), 0.0)
    return _mean(jnp.square(length - 1.0), grid[:-1, :-1, :-1], spacing, band)


def grid_laplacian(values: Mapping[str, Any], band: float) -> Any:
    """Mean of (h lap f)^2 at inner nodes, h the spacing: bends of the field; 0 for a plane."""
    grid, spacing = values["values"], values["const.spacing"]
    least = jnp.min(spacing)
    total: Any = 0.0
    for axis in range(3):
        total = total + _second(grid, axis) * (least / jnp.square(spacing[axis]))
    return _mean(jnp.square(total), grid[1:-1, 1:-1, 1:-1], spacing, band)


def _ahead(grid: Any, axis: int) -> Any:
    """Forward differences along an axis, for the nodes that have a neighbour ahead on all three."""
    base = tuple(slice(None, -1) for _ in range(3))
    ahead = tuple(slice(1, None) if a == axis else slice(None, -1) for a in range(3))
    return grid[ahead] - grid[base]


def _second(grid: Any, axis: int) -> Any:
    ends = {-1: slice(None, -2), 0: slice(1, -1), 1: slice(2, None)}
    at = lambda step: grid[tuple(ends[step if a == axis else 0] for a in range(3))]
    return at(-1) - 2.0 * at(0) + at(1)


def _mean(error: Any, distance: Any, spacing: Any, band: float) -> Any:
    if band <= 0:
        return jnp.mean(error)
    near = jax.lax.stop_gradient(jnp.abs(distance) <= band * jnp.min(spacing)).astype(error.dtype)
    return jnp.sum(near * error) / jnp.maximum(jnp.sum(near), 1.0)
