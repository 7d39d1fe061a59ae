"""Which vertex lies under the pointer, and where a dragged one goes. NumPy, no Qt.

Points are world (n, 3); pixels are logical, y down. A vertex that the surface hides is not picked: among those near
the pointer only the nearest layer counts.
"""

from __future__ import annotations

import numpy as np

from app.viewport.camera import Eye

REACH = 14.0
"""Pixels around the pointer in which a vertex is picked."""

LAYER = 0.06
"""World units behind the nearest candidate that still count as the same layer."""


def pick_vertex(
    points: np.ndarray, normals: np.ndarray, eye: Eye, at: tuple[float, float], size: tuple[float, float]
) -> int | None:
    """The visible vertex nearest to pixel `at` in a picture of `size`, or None within REACH."""
    if len(points) == 0:
        return None
    pixels, depth = eye.project(points, *size)
    distance = np.hypot(pixels[:, 0] - at[0], pixels[:, 1] - at[1])
    facing = np.einsum("ij,ij->i", normals, eye.position - points) > 0
    near = (distance <= REACH) & (depth > 0.01) & (facing | ~facing[distance <= REACH].any())
    if not near.any():
        return None
    front = near & (depth <= depth[near].min() + LAYER)
    chosen = np.flatnonzero(front)
    return int(chosen[np.argmin(distance[chosen])])


def moved_in_plane(point: np.ndarray, eye: Eye, to: tuple[float, float], size: tuple[float, float]) -> np.ndarray:
    """Where a world point (3,) goes when it is dragged to pixel `to`: parallel to the screen, at its own depth."""
    matrix = eye.projection @ eye.view
    clip = matrix @ np.append(point, 1.0)
    wanted = np.array([2 * to[0] / size[0] - 1, 1 - 2 * to[1] / size[1]]) * clip[3]
    back = np.linalg.inv(matrix) @ np.array([wanted[0], wanted[1], clip[2], clip[3]])
    return back[:3] / back[3]
