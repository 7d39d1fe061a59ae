"""Small signed distance grids and their scenes, for the tests of the field face."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.experiment import PoseSpec, SceneSpec
from core.parameters import scene_values
from core.shapes.sdf_grid import SdfGrid

HALF = 1.1
COLOUR = (0.8, 0.5, 0.3)


def lattice(nodes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points (n, n, n, 3) of a cube of half side HALF, origin and spacing (3,)."""
    axis = np.linspace(-HALF, HALF, nodes)
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)
    return points, np.full(3, -HALF), np.full(3, axis[1] - axis[0])


def ball(nodes: int = 24, radius: float = 0.8) -> SdfGrid:
    points, origin, spacing = lattice(nodes)
    return SdfGrid(np.linalg.norm(points, axis=-1) - radius, origin, spacing, COLOUR)


def lumpy(nodes: int = 24) -> SdfGrid:
    """A torus with bumps: curved everywhere, without symmetry, with a hole; close to a distance."""
    points, origin, spacing = lattice(nodes)
    x, y, z = np.moveaxis(points, -1, 0)
    ring = np.hypot(np.hypot(x, y) - 0.62, z) - 0.3
    return SdfGrid(ring + 0.03 * np.sin(4 * x + 1) * np.sin(5 * y) * np.cos(3 * z), origin, spacing, COLOUR)


def grid_scene(grid: SdfGrid, pose: PoseSpec = PoseSpec(), fov: float = 40.0) -> dict[str, Any]:
    """Values and constants of a grid in the default scene."""
    spec = SceneSpec(background=(0.1, 0.15, 0.2))
    return {**scene_values(spec, pose, fov), **grid.parameters(), **grid.constants()}
