"""Sphere tracing through a HostField, ray by ray: the plain hard hit test of analytic bodies and of the warp's samples.

Convention: a ray is origin + depth * q with q = matrix @ (x, y, 1), one unit of depth (kernels/field.py ObjectRays).
"""

from __future__ import annotations

import math

import numpy as np

from kernels.field import FieldSamples, ObjectRays
from kernels.field_trace import compact, steep_slope
from kernels.host_field import HostField, sample
from kernels.jit import kernel
from kernels.raster import workers

ROWS = 8
"""Image rows a thread takes at a time."""
MARGIN = 0.2
"""Bodies are traced through the sphere that holds them, and this much more (smooth unions bulge; object units)."""
FURTHEST = 10.0
"""The last steps follow the slope along the ray, to at most so many times the distance that is left."""
REFINEMENTS = 3


def step_factor(field: HostField) -> float:
    """What steps are multiplied by: below 1 where a grid is steeper than a distance. Bodies are distances."""
    if len(field.bodies):
        return 1.0
    return 1.0 / max(steep_slope(field.grid, field.spacing, workers.default_workers()), 1.0)


def reach_of(field: HostField, radius: float) -> np.ndarray:
    """(2, 3) float64, low and high corner of the box that rays are traced in. radius: of the bodies (0 for a grid)."""
    if len(field.bodies):
        return np.array([[-1.0] * 3, [1.0] * 3]) * (radius + MARGIN)
    return np.stack([field.origin, field.origin + field.spacing * (np.array(field.grid.shape) - 1)])


def trace_pixels(
    field: HostField,
    box: np.ndarray,
    rays: ObjectRays,
    height: int,
    width: int,
    *,
    max_steps: int,
    hit_pixels: float,
    padded: int,
) -> FieldSamples:
    """First surface point along the ray of every pixel centre. box: from `reach_of`. Deterministic."""
    found = np.zeros((height, width), np.float32)
    inside = np.zeros((height, width), np.bool_)
    settings = (step_factor(field), max_steps, hit_pixels * rays.pixel)
    work = lambda _, first, end: _trace_rows(
        field, box, rays.origin, rays.matrix, rays.near, rays.scale, settings, found, inside, first, end
    )
    workers.share(work, height, ROWS, workers.default_workers())
    hits, count = compact(found.reshape(-1), padded)
    return FieldSamples(found, inside, hits, np.int32(count))


@kernel
def _trace_rows(field, box, origin, matrix, near, scale, settings, found, inside, first, end):
    for row in range(first, end):
        for column in range(found.shape[1]):
            qx, qy, qz = direction(matrix, column + 0.5, row + 0.5)
            enter, leave, _ = span(box, origin, qx, qy, qz, near)
            depth, _ = march(field, origin, qx, qy, qz, enter, leave, settings)
            found[row, column] = abs(depth) * scale * math.sqrt(qx * qx + qy * qy + qz * qz)
            inside[row, column] = depth < 0.0


@kernel
def direction(matrix, x, y):
    """q of the ray through the pixel position (x, y)."""
    return (
        matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2],
        matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2],
        matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2],
    )


@kernel
def span(box, origin, qx, qy, qz, near):
    """(depth where a ray enters the box, where it leaves, the axis of the face it enters by or -1); empty: 1, 0."""
    first, last, axis = near, 1e30, -1
    for a, q in ((0, qx), (1, qy), (2, qz)):
        if abs(q) < 1e-12:
            if origin[a] < box[0, a] or origin[a] > box[1, a]:
                return 1.0, 0.0, -1
            continue
        one, other = (box[0, a] - origin[a]) / q, (box[1, a] - origin[a]) / q
        if min(one, other) > first:
            first, axis = min(one, other), a
        last = min(last, max(one, other))
    if not first < last:
        return 1.0, 0.0, -1
    return first, last, axis


@kernel
def march(field, origin, qx, qy, qz, start, end, settings):
    """(depth of the first surface point between two depths, negated where it is reached from inside, 0 for none; the
    least distance over depth at which the ray had passed a surface, 1e30 where it passed none).

    settings: (step factor, most steps, tolerance at depth 1, object units). A ray hits where the distance is below the
    tolerance, or has changed its sign; the point is then moved onto the zero along the ray.
    """
    factor, max_steps, tolerance = settings
    passed = 1e30
    if not start < end:
        return 0.0, passed
    length = math.sqrt(qx * qx + qy * qy + qz * qz)
    depth, before, previous = start, 0.0, start
    for step in range(max_steps):
        f, gx, gy, gz = sample(field, origin[0] + depth * qx, origin[1] + depth * qy, origin[2] + depth * qz)
        if step > 0 and (f < 0.0) != (before < 0.0):
            middle = previous + (depth - previous) * before / (before - f)
            return (-middle if before < 0.0 else middle), passed
        if abs(f) < tolerance * depth:
            side = -1.0 if f < 0.0 else 1.0
            for _ in range(REFINEMENTS):
                rate = abs(gx * qx + gy * qy + gz * qz)
                depth += side * f / max(rate, length / FURTHEST)
                f, gx, gy, gz = sample(field, origin[0] + depth * qx, origin[1] + depth * qy, origin[2] + depth * qz)
            return side * depth, passed
        if step > 0 and abs(f) > abs(before):
            passed = min(passed, abs(before) / previous)
        if depth >= end:
            return 0.0, passed
        previous, before = depth, f
        depth = min(depth + max(abs(f) * factor, 0.5 * tolerance * depth) / length, end)
    return 0.0, passed
