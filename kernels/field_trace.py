"""Sphere tracing through a trilinear grid, on the host: Numba, plain threads, every ray on its own (deterministic).

Grid values are object units, [ix, iy, iz]; node i lies at origin + i * spacing. The field exists only inside the grid's
box: a ray starts where it enters the box and misses where it leaves it.
"""

from __future__ import annotations

import math

import numpy as np

from kernels.field import FieldSamples, ObjectRays
from kernels.jit import inlined, kernel
from kernels.raster import workers

TILE = 8
"""Side of the tiles of pixels that share the way through empty space, and the rows a thread takes at a time."""

HALF_TILE = np.float32(TILE / 2)

MOST_CONE_STEPS = 64
"""Of a tile's common cone; where it has not ended by then, its rays go on alone."""

STEEPEST = 8.0
"""Steps are divided by the grid's slope, up to this: a steep grid slows the tracing eightfold at most, and what is
stepped over then is still found where the sign has changed."""

OUTLIERS = 1e-3
"""The share of nodes that may be steeper than what steps are divided by: a few bad nodes must not slow every ray."""

BINS = 256
"""Of the histogram of slopes; a distance's slope of 1 falls exactly on a bin's edge."""

FURTHEST = np.float32(4)
"""What a hit within the tolerance is moved on by, at most, in units of its distance (a ray at 76 degrees needs 4)."""

BISECTIONS = 12
"""Halvings (with a secant guess) of the step in which the sign has changed: 1/4096 of a cell is far below a pixel."""


def trace_grid(
    values: np.ndarray,
    origin: np.ndarray,
    spacing: np.ndarray,
    rays: ObjectRays,
    height: int,
    width: int,
    *,
    max_steps: int,
    hit_pixels: float,
    padded: int,
    threads: int | None = None,
) -> FieldSamples:
    """First surface point of every pixel's ray through `values` (nx, ny, nz) float32. `padded`: length of `hits`.

    origin, spacing: (3,) object units. A surface is hit from either side, so an open one (cut by the box) shows its
    inside, as its marching-cubes mesh does.
    """
    distance = np.zeros((height, width), np.float32)
    inside = np.zeros((height, width), np.bool_)
    count = threads or workers.default_workers()
    factor = np.float32(1.0 / max(steep_slope(values, spacing, count), 1.0))
    arguments = (
        values,
        ((rays.origin - origin) / spacing).astype(np.float32),
        (rays.matrix / np.asarray(spacing)[:, None]).astype(np.float32),
        rays.matrix.astype(np.float32),
        np.asarray(spacing, np.float32),
        np.float32(rays.near),
        np.float32(rays.scale),
        np.float32(hit_pixels * rays.pixel),
        factor,
        max_steps,
    )
    workers.share(lambda _, first, end: _trace_rows(*arguments, distance, inside, first, end), height, TILE, count)
    hits, found = compact(distance.reshape(-1), padded)
    return FieldSamples(distance, inside, hits, np.int32(found))


def steep_slope(values: np.ndarray, spacing: np.ndarray, threads: int = 1) -> float:
    """A slope per axis that all but OUTLIERS of the nodes stay below; at most 1 for a distance, at most STEEPEST."""
    inverse = (1.0 / np.asarray(spacing)).astype(np.float32)
    slabs = values.shape[0] - 1
    counts = np.zeros((slabs, BINS + 1), np.int64)
    work = lambda _, first, end: _count_slopes(values, inverse, counts, first, end)
    workers.share(work, slabs, TILE, threads)
    rest = np.cumsum(counts.sum(axis=0)[::-1])[::-1]
    steepest = np.searchsorted(-rest, -OUTLIERS * rest[0], side="right") * (STEEPEST / BINS)
    return float(min(steepest, STEEPEST))


@kernel
def _count_slopes(values, inverse, counts, first, end):
    """Histogram of the largest forward difference of each node, by slab."""
    _, ny, nz = values.shape
    scale = np.float32(BINS / STEEPEST)
    for i in range(first, end):
        for j in range(ny - 1):
            for k in range(nz - 1):
                v = values[i, j, k]
                a = abs(values[i + 1, j, k] - v) * inverse[0]
                b = abs(values[i, j + 1, k] - v) * inverse[1]
                c = abs(values[i, j, k + 1] - v) * inverse[2]
                steepest = max(a, max(b, c)) * scale
                counts[i, int(steepest) if steepest < BINS else BINS] += 1  # BINS also where it is not a number


@inlined
def _cell(place, nodes):
    """The cell of a grid coordinate, clamped; 0 for NaN, whose cast to an integer could be anything."""
    if not place > 0:
        return np.uint32(0)
    return np.uint32(np.int32(min(place, np.float32(nodes - 2))))


@inlined
def _trilinear(values, x, y, z):
    nx, ny, nz = values.shape
    i, j, k = _cell(x, nx), _cell(y, ny), _cell(z, nz)
    u, v, w = x - np.float32(i), y - np.float32(j), z - np.float32(k)
    a = values[i, j, k] + (values[i, j, k + 1] - values[i, j, k]) * w
    b = values[i, j + 1, k] + (values[i, j + 1, k + 1] - values[i, j + 1, k]) * w
    c = values[i + 1, j, k] + (values[i + 1, j, k + 1] - values[i + 1, j, k]) * w
    d = values[i + 1, j + 1, k] + (values[i + 1, j + 1, k + 1] - values[i + 1, j + 1, k]) * w
    a += (b - a) * v
    c += (d - c) * v
    return a + (c - a) * u


@kernel
def _box(ox, oy, oz, dx, dy, dz, shape):
    """Entry and exit of a ray (grid coordinates) through the box of the nodes; entry > exit where it misses."""
    first, last = np.float32(-1e30), np.float32(1e30)
    for o, d, n in ((ox, dx, shape[0]), (oy, dy, shape[1]), (oz, dz, shape[2])):
        far = np.float32(n - 1)
        if abs(d) < 1e-12:
            if o < 0 or o > far:
                return np.float32(1), np.float32(0)
            continue
        a, b = -o / d, (far - o) / d
        first, last = max(first, min(a, b)), min(last, max(a, b))
    return first, last


@kernel
def _between(values, ox, oy, oz, dx, dy, dz, low, high, at_low, at_high):
    """The zero between two distances along a ray whose values differ in sign: false position, kept in by halving."""
    for step in range(BISECTIONS):
        share = at_low / (at_low - at_high) if step % 2 == 0 else np.float32(0.5)
        t = low + (high - low) * min(max(share, np.float32(0.01)), np.float32(0.99))
        f = _trilinear(values, ox + t * dx, oy + t * dy, oz + t * dz)
        if (f < 0) == (at_low < 0):
            low, at_low = t, f
        else:
            high, at_high = t, f
    return low + (high - low) * at_low / (at_low - at_high) if at_low != at_high else low


@kernel
def _march(values, ox, oy, oz, dx, dy, dz, start, end, slope, factor, max_steps):
    """Distance of the first zero along a ray (grid coordinates per object unit), negated from inside, or 0 for none.

    A ray hits where the field is below slope * t, or has changed its sign.
    """
    t, previous = start, start
    before = np.float32(0)
    for step in range(max_steps):
        last = t >= end
        if last:
            t = end
        f = _trilinear(values, ox + t * dx, oy + t * dy, oz + t * dz)
        if step > 0 and (f < 0) != (before < 0):
            found = _between(values, ox, oy, oz, dx, dy, dz, previous, t, before, f)
            return -found if before < 0 else found
        tolerance = slope * t
        if abs(f) < tolerance:
            drop = abs(before) - abs(f)
            if step > 0 and drop > 0:  # the last step's secant takes up most of what is left
                t += min(abs(f) * (t - previous) / drop, FURTHEST * abs(f))
            return -t if f < 0 else t
        if last:
            return np.float32(0)
        previous, before = t, f
        t += max(abs(f) * factor, np.float32(0.5) * tolerance)
    return np.float32(0)


@inlined
def _direction(matrix, x, y):
    """Unnormalised direction of the ray at pixel position (x, y)."""
    u = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]
    v = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]
    w = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
    return u, v, w


@kernel
def _spread(matrix, x, y):
    """Largest distance between the unit directions at a tile's middle (x, y) and at its corners."""
    u, v, w = _direction(matrix, x, y)
    length = math.sqrt(u * u + v * v + w * w)
    most = np.float32(0)
    for corner in range(4):
        sx, sy = np.float32(corner % 2 * TILE) - HALF_TILE, np.float32(corner // 2 * TILE) - HALF_TILE
        a, b, c = _direction(matrix, x + sx, y + sy)
        other = math.sqrt(a * a + b * b + c * c)
        du, dv, dw = a / other - u / length, b / other - v / length, c / other - w / length
        most = max(most, math.sqrt(du * du + dv * dv + dw * dw))
    return most


@kernel
def _clear(values, origin, grid_matrix, matrix, spacing, factor, x, y):
    """How far every ray of the tile about (x, y) goes through empty space: a cone traced along the middle ray.

    A ball of the field's value about a point of the middle ray is empty; outside the box, of radius
    sqrt(gap^2 + f^2) with f the value at the box's nearest point. It ends half a cell from where it could touch.
    """
    u, v, w = _direction(matrix, x, y)
    inverse = np.float32(1.0 / math.sqrt(u * u + v * v + w * w))
    dx, dy, dz = _direction(grid_matrix, x, y)
    spread = np.float32(_spread(matrix, x, y))
    nx, ny, nz = values.shape
    least = np.float32(0.5) * min(spacing[0], min(spacing[1], spacing[2]))
    t = np.float32(0)
    for _ in range(MOST_CONE_STEPS):
        a, b, c = origin[0] + t * inverse * dx, origin[1] + t * inverse * dy, origin[2] + t * inverse * dz
        i = min(max(a, np.float32(0)), np.float32(nx - 1))
        j = min(max(b, np.float32(0)), np.float32(ny - 1))
        k = min(max(c, np.float32(0)), np.float32(nz - 1))
        ga, gb, gc = (a - i) * spacing[0], (b - j) * spacing[1], (c - k) * spacing[2]
        f = _trilinear(values, i, j, k) * factor
        step = (math.sqrt(ga * ga + gb * gb + gc * gc + f * f) - spread * t) / (np.float32(1) + spread)
        if not step > least:
            break
        t += np.float32(step)
    return t


@kernel
def _trace_rows(
    values, origin, grid_matrix, matrix, spacing, near, scale, pixel, factor, max_steps, out, inside, first, end
):
    width = out.shape[1]
    ox, oy, oz = origin[0], origin[1], origin[2]
    for left in range(0, width, TILE):
        middle = np.float32(left) + HALF_TILE
        clear = _clear(values, origin, grid_matrix, matrix, spacing, factor, middle, np.float32(first) + HALF_TILE)
        for row in range(first, end):
            y = np.float32(row) + np.float32(0.5)
            for column in range(left, min(left + TILE, width)):
                x = np.float32(column) + np.float32(0.5)
                u, v, w = _direction(matrix, x, y)
                length = math.sqrt(u * u + v * v + w * w)
                inverse = np.float32(1) / length
                dx, dy, dz = _direction(grid_matrix, x, y)
                dx, dy, dz = dx * inverse, dy * inverse, dz * inverse
                enter, leave = _box(ox, oy, oz, dx, dy, dz, values.shape)
                enter = max(enter, max(clear, near * length))
                if enter < leave:
                    slope = pixel * inverse
                    t = _march(values, ox, oy, oz, dx, dy, dz, enter, leave, slope, factor, max_steps)
                    out[row, column] = abs(t) * scale
                    inside[row, column] = t < 0


@kernel
def compact(distance, padded):
    """(indices (padded,) int32 of all pixels, those with distance > 0 first, the rest after; how many are first)."""
    hits = np.zeros(padded, np.int32)
    found = 0
    for pixel in range(distance.shape[0]):
        if distance[pixel] > 0:
            hits[found] = pixel
            found += 1
    rest = found
    for pixel in range(distance.shape[0]):
        if not distance[pixel] > 0:
            hits[rest] = pixel
            rest += 1
    return hits, found
