"""Near-plane and guard-band clipping of the few triangles that need it, in homogeneous coordinates.

Convention: a cut runs from the corner inside to the corner outside, whichever triangle asks, so that two triangles
cut their shared edge at the same point and stay watertight. Corners that need no clipping keep the snapped position
that their unclipped neighbours use.
"""

from __future__ import annotations

import numpy as np

from kernels.jit import inner
from kernels.raster.fixed_point import GUARD

_GUARD = float(GUARD)
MOST_CORNERS = 8
"""A triangle cut by five planes."""


@inner
def plane_distance(point, plane, near):
    """Signed distance, >= 0 inside, of a homogeneous point (x w, y w, w, origin) to plane 0 (near) to 4."""
    if plane == 0:
        return point[2] - near
    axis = (plane - 1) // 2
    sign = 1.0 if plane % 2 == 1 else -1.0
    return sign * point[axis] + _GUARD * point[2]


@inner
def clip_plane(source, count, plane, near, target):
    """One Sutherland-Hodgman step from source (8, 4) to target (8, 4); returns the new number of corners."""
    kept = 0
    for i in range(count):
        j = i + 1 if i + 1 < count else 0
        di, dj = plane_distance(source[i], plane, near), plane_distance(source[j], plane, near)
        if di >= 0.0:
            target[kept] = source[i]
            kept += 1
        if (di >= 0.0) != (dj >= 0.0):
            inside, outside, d_in, d_out = (i, j, di, dj) if di >= 0.0 else (j, i, dj, di)
            t = d_in / (d_in - d_out)
            for axis in range(3):
                target[kept, axis] = source[inside, axis] + t * (source[outside, axis] - source[inside, axis])
            target[kept, 3] = -1.0
            kept += 1
    return kept


@inner
def clip_triangle(corners, vertices, matrix, near, screen, inverse, corner_x, corner_y, corner_q):
    """Clip one triangle; fills snapped corners (8,) int64 and 1/w (8,) float32, returns their number (0: nothing left).

    corners (3,) vertex ids; matrix (3, 4) float32 in sub-pixels; screen and inverse as `transform` left them.
    """
    points = np.empty((MOST_CORNERS, 4), np.float64)
    other = np.empty((MOST_CORNERS, 4), np.float64)
    for i in range(3):
        x, y, z = vertices[corners[i], 0], vertices[corners[i], 1], vertices[corners[i], 2]
        for axis in range(3):
            row = matrix[axis]
            value = ((row[0] * x + row[1] * y) + row[2] * z) + row[3]
            if not np.isfinite(value):
                return 0
            points[i, axis] = value
        points[i, 3] = np.float64(i)
    count = 3
    for plane in range(5):
        count = clip_plane(points, count, plane, np.float64(near), other)
        points, other = other, points
    for i in range(count):
        origin = np.int64(points[i, 3])
        if origin >= 0 and inverse[corners[origin]] > 0:
            corner_x[i], corner_y[i] = screen[corners[origin], 0], screen[corners[origin], 1]
            corner_q[i] = inverse[corners[origin]]
        else:
            w = points[i, 2]
            corner_x[i] = np.int64(min(max(np.rint(points[i, 0] / w), -_GUARD), _GUARD))
            corner_y[i] = np.int64(min(max(np.rint(points[i, 1] / w), -_GUARD), _GUARD))
            corner_q[i] = np.float32(1.0 / w)
    return count
