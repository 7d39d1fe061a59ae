"""Iterative closest point, point-to-point and point-to-plane: the classic baseline for pose from a depth image.

Besl and McKay 1992; Chen and Medioni 1992. Every point of the depth image looks for its nearest point on the model, so
that what the camera does not see pulls at nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import KDTree

from kernels.camera import world_to_pixel
from kernels.rotation import quaternion_from_vector, quaternion_matrix
from kernels.types import CameraView

ITERATIONS = 100
SETTLED = 1e-7
"""Relative change of the root mean square distance that ends the search (Open3D's default is 1e-6)."""


@dataclass(frozen=True)
class Registered:
    """rotation (3, 3) and translation (3,) of the model; error: root mean square distance of the pairs."""

    rotation: np.ndarray
    translation: np.ndarray
    error: float
    iterations: int


def depth_points(depth: np.ndarray, mask: np.ndarray, fov: float, view: CameraView) -> np.ndarray:
    """World points (n, 3) of the pixels of `mask`; depth (h, w) along the view axis, fov vertical in radians."""
    rows, columns = np.nonzero(mask > 0.5)
    z = depth[rows, columns].astype(np.float64)
    matrix = world_to_pixel(fov, view)
    pixels = np.stack([(columns + 0.5) * z, (rows + 0.5) * z, z], 1)
    return np.linalg.solve(matrix[:, :3], (pixels - matrix[:, 3]).T).T


def icp(
    seen: np.ndarray,
    model: np.ndarray,
    normals: np.ndarray | None,
    rotation: np.ndarray,
    translation: np.ndarray,
    reach: float = np.inf,
) -> Registered:
    """Move the model (m, 3), object space, onto the seen world points (n, 3), from a first pose.

    normals: (m, 3) for point-to-plane, None for point-to-point. Pairs farther apart than `reach` are left out.
    """
    tree = KDTree(model)
    rotation, translation = np.array(rotation, np.float64), np.array(translation, np.float64)
    error = np.inf
    for step in range(ITERATIONS):
        local = (seen - translation) @ rotation
        distance, index = (np.asarray(a) for a in tree.query(local, distance_upper_bound=reach))
        paired = np.isfinite(distance)
        if paired.sum() < 6:
            return Registered(rotation, translation, float(error), step)
        now = float(np.sqrt(np.mean(distance[paired] ** 2)))
        if abs(error - now) <= SETTLED * max(now, 1e-12):
            break
        error = now
        turn, shift = _solve(local[paired], model[index[paired]], None if normals is None else normals[index[paired]])
        # The model moves by the inverse of what would bring the points to it.
        rotation, translation = rotation @ turn.T, translation - rotation @ turn.T @ shift
    return Registered(rotation, translation, float(error), step + 1)


def _solve(points: np.ndarray, targets: np.ndarray, normals: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """The rotation and translation that bring points (n, 3) closest to their targets, or to the planes through them."""
    if normals is None:
        a, b = points.mean(0), targets.mean(0)
        u, _, vt = np.linalg.svd((points - a).T @ (targets - b))
        flip = np.diag([1.0, 1.0, np.sign(np.linalg.det(vt.T @ u.T))])
        turn = vt.T @ flip @ u.T
        return turn, b - turn @ a
    rows = np.concatenate([np.cross(points, normals), normals], 1)
    gap = np.einsum("ni,ni->n", targets - points, normals)
    solution: Any = np.linalg.lstsq(rows, gap, rcond=None)[0]
    return np.asarray(quaternion_matrix(quaternion_from_vector(solution[:3]))), solution[3:]
