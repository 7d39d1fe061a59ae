"""Marching cubes on the host: the zero surface of a grid as triangles whose vertices lie on lattice edges.

Values are [ix, iy, iz], negative inside; node i lies at origin + i * spacing. Faces are wound outwards. Each vertex knows
its two lattice nodes, so that what is found here can be evaluated again, differentiably (kernels/isosurface.py).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from kernels.jit import inlined, kernel
from kernels.marching_cubes_table import triangle_table

NEARLY_EQUAL = 0.05
"""Where two nodes' values differ by less than this part of the field's slope times their distance, the surface runs along
their edge and its vertex would move without bound: such samples are dropped from derivatives (Cole et al. 2021, section
3.1.3: one vertex in 400 of a distance; the other corners of its triangles still carry the motion)."""


class Isosurface(NamedTuple):
    """vertices (n, 3) float64, faces (m, 3) int32, ends (2, n) int32: flat indices of each vertex's nodes, the lower
    first; normals (n, 3) float32: central differences at both nodes, mixed as the vertex lies, unit length.
    steady (n,) bool: False between NEARLY_EQUAL values.
    """

    vertices: np.ndarray
    faces: np.ndarray
    ends: np.ndarray
    normals: np.ndarray
    steady: np.ndarray


def extract(values: np.ndarray, origin: np.ndarray, spacing: np.ndarray) -> Isosurface:
    """The zero surface of `values` (nx, ny, nz), in the units of `spacing`; without any vertices where no value has the
    other sign, or where not all are finite.
    """
    values = np.ascontiguousarray(values, np.float32)
    low, high = float(values.min()), float(values.max())
    if not (low < 0 <= high and math.isfinite(low) and math.isfinite(high)):
        return _empty()
    counts, table = triangle_table()
    vertex_count, face_count = _count(values, counts)
    ends = np.empty((2, vertex_count), np.int32)
    faces = np.empty((face_count, 3), np.int32)
    _fill(values, counts, table, ends, faces)
    vertices = np.empty((vertex_count, 3))
    normals = np.empty((vertex_count, 3), np.float32)
    steady = np.empty(vertex_count, np.bool_)
    _place(values, np.asarray(origin, np.float64), np.asarray(spacing, np.float64), ends, vertices, normals, steady)
    return Isosurface(vertices, faces, ends, normals, steady)


def _empty() -> Isosurface:
    none = np.zeros((0, 3), np.float32)
    return Isosurface(np.zeros((0, 3)), np.zeros((0, 3), np.int32), np.zeros((2, 0), np.int32), none, none[:, 0] > 0)


@inlined
def _side(values, i, j, k):
    """Which of the four nodes (i, j), (i + 1, j), (i, j + 1), (i + 1, j + 1) at height k are inside, as bits."""
    bits = 0
    if values[i, j, k] < 0:
        bits |= 1
    if values[i + 1, j, k] < 0:
        bits |= 2
    if values[i, j + 1, k] < 0:
        bits |= 4
    if values[i + 1, j + 1, k] < 0:
        bits |= 8
    return bits


@kernel
def _count(values, counts):
    """How many vertices and triangles the surface has."""
    nx, ny, nz = values.shape
    vertices, faces = 0, 0
    for i in range(nx):
        for j in range(ny):
            ahead, beside = i + 1 < nx, j + 1 < ny
            for k in range(nz):
                inside = values[i, j, k] < 0
                if ahead and (values[i + 1, j, k] < 0) != inside:
                    vertices += 1
                if beside and (values[i, j + 1, k] < 0) != inside:
                    vertices += 1
                if k + 1 < nz and (values[i, j, k + 1] < 0) != inside:
                    vertices += 1
            if ahead and beside:
                below = _side(values, i, j, 0)
                for k in range(nz - 1):
                    above = _side(values, i, j, k + 1)
                    faces += counts[below | above << 4]
                    below = above
    return vertices, faces


@kernel
def _number(values, i, axis_first, axis_last, ids, slot, ends, found):
    """Give the crossed edges that start at the nodes of plane i their numbers; ids[slot, axis, j, k]."""
    nx, ny, nz = values.shape
    steps = (ny * nz, nz, 1)
    for j in range(ny):
        for k in range(nz):
            inside = values[i, j, k] < 0
            start = (i * ny + j) * nz + k
            for axis in range(axis_first, axis_last):
                a, b, c = i + (axis == 0), j + (axis == 1), k + (axis == 2)
                if a < nx and b < ny and c < nz and (values[a, b, c] < 0) != inside:
                    ids[slot, axis, j, k] = found
                    ends[0, found] = start
                    ends[1, found] = start + steps[axis]
                    found += 1
    return found


@kernel
def _fill(values, counts, table, ends, faces):
    """Vertices (their nodes) and triangles, slab by slab along x; ids of two planes of edges are kept."""
    nx, ny, nz = values.shape
    ids = np.zeros((2, 3, ny, nz), np.int32)
    corner = np.zeros(3, np.int32)
    found, face = 0, 0
    found = _number(values, 0, 1, 3, ids, 0, ends, found)
    for i in range(nx - 1):
        here = i % 2
        found = _number(values, i, 0, 1, ids, here, ends, found)
        found = _number(values, i + 1, 1, 3, ids, 1 - here, ends, found)
        for j in range(ny - 1):
            below = _side(values, i, j, 0)
            for k in range(nz - 1):
                above = _side(values, i, j, k + 1)
                case = below | above << 4
                below = above
                for triangle in range(counts[case]):
                    for n in range(3):
                        edge = table[case, triangle, n]
                        axis, low = edge // 4, edge % 4
                        if axis == 0:  # the lower corner's other two coordinates are the bits of `low`
                            corner[n] = ids[here, 0, j + (low & 1), k + (low >> 1)]
                        elif axis == 1:
                            corner[n] = ids[here ^ (low & 1), 1, j, k + (low >> 1)]
                        else:
                            corner[n] = ids[here ^ (low & 1), 2, j + (low >> 1), k]
                    faces[face, 0], faces[face, 1], faces[face, 2] = corner[0], corner[1], corner[2]
                    face += 1


@inlined
def _difference(values, i, j, k, axis):
    """Central difference along an axis per node, one-sided and of second order at the border."""
    di, dj, dk = int(axis == 0), int(axis == 1), int(axis == 2)
    place, last = (i, j, k)[axis], values.shape[axis] - 1
    if place == 0:
        ahead = 4 * values[i + di, j + dj, k + dk] - values[i + 2 * di, j + 2 * dj, k + 2 * dk]
        return 0.5 * (ahead - 3 * values[i, j, k])
    if place == last:
        behind = 4 * values[i - di, j - dj, k - dk] - values[i - 2 * di, j - 2 * dj, k - 2 * dk]
        return 0.5 * (3 * values[i, j, k] - behind)
    return 0.5 * (values[i + di, j + dj, k + dk] - values[i - di, j - dj, k - dk])


@kernel
def _place(values, origin, spacing, ends, vertices, normals, steady):
    """Where each vertex lies, the field's unit gradient there (+z where it vanishes), and whether its values differ."""
    _, ny, nz = values.shape
    flat = values.reshape(-1)
    node = np.zeros((2, 3), np.int64)
    normal = np.zeros(3)
    for n in range(ends.shape[1]):
        for end in range(2):
            start = ends[end, n]
            node[end, 0], node[end, 1], node[end, 2] = start // (ny * nz), start // nz % ny, start % nz
        first, second = np.float64(flat[ends[0, n]]), np.float64(flat[ends[1, n]])
        share = first / (first - second)
        length = 0.0
        for axis in range(3):
            a, b = np.float64(node[0, axis]), np.float64(node[1, axis])
            vertices[n, axis] = origin[axis] + spacing[axis] * (a + (b - a) * share)
            g = (1 - share) * _difference(values, node[0, 0], node[0, 1], node[0, 2], axis)
            g += share * _difference(values, node[1, 0], node[1, 1], node[1, 2], axis)
            normal[axis] = g / spacing[axis]
            length += normal[axis] * normal[axis]
        length = math.sqrt(length)
        between = 0.0
        for axis in range(3):
            between += (node[1, axis] - node[0, axis]) * spacing[axis]
        steady[n] = abs(first - second) > NEARLY_EQUAL * length * between
        for axis in range(3):
            normals[n, axis] = normal[axis] / length if length > 0 else np.float32(axis == 2)
