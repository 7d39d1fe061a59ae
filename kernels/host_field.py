"""A signed distance field on the host, in compiled code: a trilinear grid or a table of analytic bodies behind one face.

Object space, distances in object units, float64 in registers. `sample` gives the value and the exact gradient;
`normal` and `bend` a gradient that is continuous in space (a grid's central differences, trilinearly
interpolated: the exact gradient of a trilinear cell jumps at its faces), which weights and shading need.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from kernels.jit import kernel

NORMAL_STEP = 1e-4
"""Object units: central difference of a body's exact gradient in float64, error about 1e-8."""


class HostField(NamedTuple):
    """grid: (nx, ny, nz) float32 values, or one dummy node where `bodies` has rows. slopes: (nx, ny, nz, 3) float32,
    central differences at the nodes. origin, spacing: (3,) float64. bodies: (n, 17) float64 (kernels/bodies.py)."""

    grid: np.ndarray
    slopes: np.ndarray
    origin: np.ndarray
    spacing: np.ndarray
    bodies: np.ndarray
    smoothing: float


def grid_host_field(values: np.ndarray, origin: np.ndarray, spacing: np.ndarray) -> HostField:
    """Of node values (nx, ny, nz). Border slopes are one-sided of second order, as in kernels/field_grid.py."""
    grid = np.ascontiguousarray(values, np.float32)
    each = [np.gradient(grid, float(spacing[axis]), axis=axis, edge_order=2) for axis in range(3)]
    slopes = np.stack(each, axis=-1).astype(np.float32)
    empty = np.zeros((0, 17))
    return HostField(grid, slopes, np.array(origin, np.float64), np.array(spacing, np.float64), empty, 0.0)


def body_host_field(table: np.ndarray, smoothing: float) -> HostField:
    one = np.zeros((1, 1, 1), np.float32)
    return HostField(one, np.zeros((1, 1, 1, 3), np.float32), np.zeros(3), np.ones(3), table, float(smoothing))


def distances(field: HostField, points: np.ndarray) -> np.ndarray:
    """Values (n,) float64 at object points (n, 3); a grid is extended past its box by its border values."""
    found = np.empty(len(points))
    _distances(field, np.ascontiguousarray(points, np.float64), found)
    return found


@kernel
def _distances(field, points, found):
    for i in range(points.shape[0]):
        found[i] = sample(field, points[i, 0], points[i, 1], points[i, 2])[0]


# ------------------------------------------------------------------------------------------------ either


@kernel
def sample(field, x, y, z):
    """(value, gradient x, y, z), exact: a trilinear cell's own, discontinuous at its faces."""
    if field.bodies.shape[0] > 0:
        return _bodies(field, x, y, z)
    return _cell(field, x, y, z)


@kernel
def normal(field, x, y, z):
    """A gradient that is continuous in space."""
    if field.bodies.shape[0] > 0:
        _, gx, gy, gz = _bodies(field, x, y, z)
        return gx, gy, gz
    return _slopes(field, x, y, z)


@kernel
def bend(field, x, y, z, into):
    """`normal` and, into (3, 3), its derivatives: into[i, j] = d normal_i / d x_j."""
    if field.bodies.shape[0] == 0:
        return _slopes_bend(field, x, y, z, into)
    for j in range(3):
        hx, hy, hz = NORMAL_STEP * (j == 0), NORMAL_STEP * (j == 1), NORMAL_STEP * (j == 2)
        _, ax, ay, az = _bodies(field, x + hx, y + hy, z + hz)
        _, bx, by, bz = _bodies(field, x - hx, y - hy, z - hz)
        share = 0.5 / NORMAL_STEP
        into[0, j], into[1, j], into[2, j] = (ax - bx) * share, (ay - by) * share, (az - bz) * share
    _, gx, gy, gz = _bodies(field, x, y, z)
    return gx, gy, gz


# ------------------------------------------------------------------------------------------------ a grid


@kernel
def _place(x, origin, spacing, nodes):
    """Cell and fraction of a coordinate, clamped to the grid; whether it lay inside. Unsigned: indexing by what may be
    negative costs as much as the arithmetic."""
    place = (x - origin) / spacing
    last = nodes - 1.0
    if not place > 0.0:
        return np.uint32(0), 0.0, place >= 0.0
    if place >= last:
        return np.uint32(nodes - 2), 1.0, place <= last
    cell = np.uint32(place)
    return cell, place - cell, True


@kernel
def _cell(field, x, y, z):
    g = field.grid
    i, u, inside_x = _place(x, field.origin[0], field.spacing[0], g.shape[0])
    j, v, inside_y = _place(y, field.origin[1], field.spacing[1], g.shape[1])
    k, w, inside_z = _place(z, field.origin[2], field.spacing[2], g.shape[2])
    z00 = g[i, j, k + 1] - g[i, j, k]
    z01 = g[i, j + 1, k + 1] - g[i, j + 1, k]
    z10 = g[i + 1, j, k + 1] - g[i + 1, j, k]
    z11 = g[i + 1, j + 1, k + 1] - g[i + 1, j + 1, k]
    c00, c01 = g[i, j, k] + z00 * w, g[i, j + 1, k] + z01 * w
    c10, c11 = g[i + 1, j, k] + z10 * w, g[i + 1, j + 1, k] + z11 * w
    low, high = c00 + (c01 - c00) * v, c10 + (c11 - c10) * v
    zl, zh = z00 + (z01 - z00) * v, z10 + (z11 - z10) * v
    y_slope = (c01 - c00) + ((c11 - c10) - (c01 - c00)) * u
    gx = (high - low) / field.spacing[0] if inside_x else 0.0
    gy = y_slope / field.spacing[1] if inside_y else 0.0
    gz = (zl + (zh - zl) * u) / field.spacing[2] if inside_z else 0.0
    return low + (high - low) * u, gx, gy, gz


@kernel
def _slopes(field, x, y, z):
    s = field.slopes
    i, u, _ = _place(x, field.origin[0], field.spacing[0], s.shape[0])
    j, v, _ = _place(y, field.origin[1], field.spacing[1], s.shape[1])
    k, w, _ = _place(z, field.origin[2], field.spacing[2], s.shape[2])
    gx = gy = gz = 0.0
    for a in range(2):
        across = u if a else 1.0 - u
        for b in range(2):
            share = across * (v if b else 1.0 - v)
            for c in range(2):
                weight = share * (w if c else 1.0 - w)
                gx += weight * s[i + a, j + b, k + c, 0]
                gy += weight * s[i + a, j + b, k + c, 1]
                gz += weight * s[i + a, j + b, k + c, 2]
    return gx, gy, gz


@kernel
def _slopes_bend(field, x, y, z, into):
    s = field.slopes
    i, u, inside_x = _place(x, field.origin[0], field.spacing[0], s.shape[0])
    j, v, inside_y = _place(y, field.origin[1], field.spacing[1], s.shape[1])
    k, w, inside_z = _place(z, field.origin[2], field.spacing[2], s.shape[2])
    into[:] = 0.0
    gx = gy = gz = 0.0
    for a in range(2):
        wide, along_x = (u, 1.0) if a else (1.0 - u, -1.0)
        for b in range(2):
            high, along_y = (v, 1.0) if b else (1.0 - v, -1.0)
            for c in range(2):
                deep, along_z = (w, 1.0) if c else (1.0 - w, -1.0)
                weight = wide * high * deep
                by_x, by_y, by_z = along_x * high * deep, along_y * wide * deep, along_z * wide * high
                for axis in range(3):
                    slope = s[i + a, j + b, k + c, axis]
                    into[axis, 0] += by_x * slope
                    into[axis, 1] += by_y * slope
                    into[axis, 2] += by_z * slope
                gx += weight * s[i + a, j + b, k + c, 0]
                gy += weight * s[i + a, j + b, k + c, 1]
                gz += weight * s[i + a, j + b, k + c, 2]
    for axis in range(3):
        into[axis, 0] *= 1.0 / field.spacing[0] if inside_x else 0.0
        into[axis, 1] *= 1.0 / field.spacing[1] if inside_y else 0.0
        into[axis, 2] *= 1.0 / field.spacing[2] if inside_z else 0.0
    return gx, gy, gz


# ------------------------------------------------------------------------------------------------ bodies


@kernel
def _bodies(field, x, y, z):
    f, gx, gy, gz = _body(field.bodies[0], x, y, z)
    for index in range(1, field.bodies.shape[0]):
        a, ax, ay, az = _body(field.bodies[index], x, y, z)
        if a < f:
            f, gx, gy, gz, a, ax, ay, az = a, ax, ay, az, f, gx, gy, gz
        k = field.smoothing
        if k > 1e-6 and a - f < k:  # the cubic smooth minimum of kernels/bodies.py; `f` is the smaller one
            h = 1.0 - (a - f) / k
            f -= h * h * h * k / 6.0
            share = 0.5 * h * h
            gx, gy, gz = gx + share * (ax - gx), gy + share * (ay - gy), gz + share * (az - gz)
    return f, gx, gy, gz


@kernel
def _body(row, x, y, z):
    mx, my, mz = x - row[1], y - row[2], z - row[3]
    if row[0] == 0.0:
        size = math.sqrt(mx * mx + my * my + mz * mz + 1e-12)
        return size - row[13], mx / size, my / size, mz / size
    px = row[4] * mx + row[7] * my + row[10] * mz
    py = row[5] * mx + row[8] * my + row[11] * mz
    pz = row[6] * mx + row[9] * my + row[12] * mz
    f, gx, gy, gz = _torus(row, px, py, pz) if row[0] == 2.0 else _box(row, px, py, pz)
    return (
        f,
        row[4] * gx + row[5] * gy + row[6] * gz,
        row[7] * gx + row[8] * gy + row[9] * gz,
        row[10] * gx + row[11] * gy + row[12] * gz,
    )


@kernel
def _torus(row, x, y, z):
    ring = math.sqrt(x * x + y * y + 1e-12)
    q = ring - row[13]
    size = math.sqrt(q * q + z * z + 1e-12)
    share = q / (size * ring)
    return size - row[14], share * x, share * y, z / size


@kernel
def _box(row, x, y, z):
    qx, qy, qz = abs(x) - (row[13] - row[16]), abs(y) - (row[14] - row[16]), abs(z) - (row[15] - row[16])
    ox, oy, oz = max(qx, 0.0), max(qy, 0.0), max(qz, 0.0)
    outside = math.sqrt(ox * ox + oy * oy + oz * oz + 1e-12)
    most = max(qx, max(qy, qz))
    gx, gy, gz = ox / outside, oy / outside, oz / outside
    if most < 0.0:
        gx, gy, gz = 1.0 * (qx == most), 1.0 * (qy == most and qx < most), 1.0 * (qz == most and max(qx, qy) < most)
    f = outside + min(most, 0.0) - row[16]
    return f, math.copysign(gx, x), math.copysign(gy, y), math.copysign(gz, z)
