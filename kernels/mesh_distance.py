"""Distances from a lattice to triangles, and on which side its nodes lie: what a grid is made of. Host side, Numba.

Node (i, j, k) lies at origin + (i, j, k) * spacing; all in the same units, float64.
"""

from __future__ import annotations

import math

import numpy as np

from kernels.jit import kernel

BAND = 1
"""Cells about a triangle's box whose nodes measure it directly; the rest ask their neighbours' nearest triangles."""

ROUNDS = 2
"""Sweeps in each of the eight diagonal directions: what the second still changes is below a thousandth of a cell."""


def lattice_distance(
    vertices: np.ndarray, faces: np.ndarray, origin: np.ndarray, spacing: np.ndarray, nodes: tuple[int, int, int]
) -> np.ndarray:
    """Unsigned distance (nx, ny, nz) float64 from every node to the nearest triangle.

    Exact near the surface; further away by fast sweeping of nearest triangles (Bridson's SDFGen). vertices (n, 3), faces
    (m, 3), at least one.
    """
    vertices = np.ascontiguousarray(vertices, np.float64)
    faces = np.ascontiguousarray(faces, np.int64)
    distance = np.full(nodes, np.inf)
    nearest = np.full(nodes, -1, np.int64)
    origin, spacing = np.asarray(origin, np.float64), np.asarray(spacing, np.float64)
    _splat(vertices, faces, origin, spacing, distance, nearest)
    for _ in range(ROUNDS):
        for direction in range(8):
            signs = np.array([1 if direction >> axis & 1 else -1 for axis in range(3)])
            _sweep(vertices, faces, origin, spacing, distance, nearest, signs)
    return distance


def lattice_winding(
    vertices: np.ndarray, faces: np.ndarray, origin: np.ndarray, spacing: np.ndarray, nodes: tuple[int, int, int]
) -> np.ndarray:
    """How often a closed surface goes round each node: (nx, ny, nz) int32, 1 inside one that is wound outwards.

    Crossings along the lattice's lines in x, each with the sign of its triangle. An edge is judged alike by both its
    triangles, so a line through an edge or a corner counts once.
    """
    vertices = np.ascontiguousarray(vertices, np.float64)
    crossings = np.zeros((nodes[0] + 1, nodes[1], nodes[2]), np.int32)
    _cross(vertices, np.ascontiguousarray(faces, np.int64), np.asarray(origin, np.float64),
           np.asarray(spacing, np.float64), crossings)  # fmt: skip
    return np.cumsum(crossings[::-1], axis=0)[::-1][1:].astype(np.int32)


@kernel
def _squared(px, py, pz, a, b, c):
    """Squared distance from a point to a triangle (Ericson 2004, section 5.1.5)."""
    abx, aby, abz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    acx, acy, acz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    apx, apy, apz = px - a[0], py - a[1], pz - a[2]
    d1 = abx * apx + aby * apy + abz * apz
    d2 = acx * apx + acy * apy + acz * apz
    v, w = 0.0, 0.0
    if d1 > 0 or d2 > 0:
        bpx, bpy, bpz = px - b[0], py - b[1], pz - b[2]
        d3 = abx * bpx + aby * bpy + abz * bpz
        d4 = acx * bpx + acy * bpy + acz * bpz
        cpx, cpy, cpz = px - c[0], py - c[1], pz - c[2]
        d5 = abx * cpx + aby * cpy + abz * cpz
        d6 = acx * cpx + acy * cpy + acz * cpz
        va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
        if d3 >= 0 and d4 <= d3:
            v = 1.0
        elif vc <= 0 and d1 >= 0 and d3 <= 0:
            v = d1 / (d1 - d3) if d1 != d3 else 0.0
        elif d6 >= 0 and d5 <= d6:
            w = 1.0
        elif vb <= 0 and d2 >= 0 and d6 <= 0:
            w = d2 / (d2 - d6) if d2 != d6 else 0.0
        elif va <= 0 and d4 >= d3 and d5 >= d6:
            w = (d4 - d3) / ((d4 - d3) + (d5 - d6)) if (d4 - d3) + (d5 - d6) != 0 else 0.0
            v = 1 - w
        elif va + vb + vc != 0:
            v, w = vb / (va + vb + vc), vc / (va + vb + vc)
    x, y, z = apx - v * abx - w * acx, apy - v * aby - w * acy, apz - v * abz - w * acz
    return x * x + y * y + z * z


@kernel
def _splat(vertices, faces, origin, spacing, distance, nearest):
    low, high = np.zeros(3, np.int64), np.zeros(3, np.int64)
    for face in range(faces.shape[0]):
        a, b, c = vertices[faces[face, 0]], vertices[faces[face, 1]], vertices[faces[face, 2]]
        for axis in range(3):
            least, most = min(a[axis], b[axis], c[axis]), max(a[axis], b[axis], c[axis])
            low[axis] = max(0, math.floor((least - origin[axis]) / spacing[axis]) - BAND)
            high[axis] = min(distance.shape[axis] - 1, math.ceil((most - origin[axis]) / spacing[axis]) + BAND)
        for i in range(low[0], high[0] + 1):
            x = origin[0] + i * spacing[0]
            for j in range(low[1], high[1] + 1):
                y = origin[1] + j * spacing[1]
                for k in range(low[2], high[2] + 1):
                    found = math.sqrt(_squared(x, y, origin[2] + k * spacing[2], a, b, c))
                    if found < distance[i, j, k]:
                        distance[i, j, k] = found
                        nearest[i, j, k] = face


@kernel
def _sweep(vertices, faces, origin, spacing, distance, nearest, signs):
    """Each node asks the seven neighbours it comes after for their nearest triangles, where those can be nearer."""
    nx, ny, nz = distance.shape
    reach = np.zeros(8)
    for step in range(1, 8):
        for axis in range(3):
            reach[step] += (spacing[axis] * (step >> axis & 1)) ** 2
        reach[step] = math.sqrt(reach[step])
    for di in range(nx):
        i = di if signs[0] > 0 else nx - 1 - di
        x = origin[0] + i * spacing[0]
        for dj in range(ny):
            j = dj if signs[1] > 0 else ny - 1 - dj
            y = origin[1] + j * spacing[1]
            for dk in range(nz):
                k = dk if signs[2] > 0 else nz - 1 - dk
                z = origin[2] + k * spacing[2]
                for step in range(1, 8):
                    a = i - signs[0] * (step & 1)
                    b = j - signs[1] * (step >> 1 & 1)
                    c = k - signs[2] * (step >> 2 & 1)
                    if a < 0 or b < 0 or c < 0 or a >= nx or b >= ny or c >= nz:
                        continue
                    face = nearest[a, b, c]
                    if face < 0 or face == nearest[i, j, k] or distance[a, b, c] - reach[step] >= distance[i, j, k]:
                        continue
                    found = math.sqrt(
                        _squared(x, y, z, vertices[faces[face, 0]], vertices[faces[face, 1]], vertices[faces[face, 2]])
                    )
                    if found < distance[i, j, k]:
                        distance[i, j, k] = found
                        nearest[i, j, k] = face


@kernel
def _left(vertices, first, second, y, z):
    """Whether (y, z) lies to the left of the directed edge, seen along x; the reverse edge always says the opposite."""
    a, b = (first, second) if first < second else (second, first)
    p, q = vertices[a], vertices[b]
    left = (q[1] - p[1]) * (z - p[2]) - (q[2] - p[2]) * (y - p[1]) >= 0
    return left if first < second else not left


@kernel
def _cross(vertices, faces, origin, spacing, crossings):
    """Adds each triangle's signed crossing of each line to the cell it lies in."""
    last, ny, nz = crossings.shape[0] - 1, crossings.shape[1], crossings.shape[2]
    for face in range(faces.shape[0]):
        f0, f1, f2 = faces[face, 0], faces[face, 1], faces[face, 2]
        a, b, c = vertices[f0], vertices[f1], vertices[f2]
        normal = (b[1] - a[1]) * (c[2] - a[2]) - (b[2] - a[2]) * (c[1] - a[1])
        first = max(0, math.ceil((min(a[1], b[1], c[1]) - origin[1]) / spacing[1]))
        end = min(ny - 1, math.floor((max(a[1], b[1], c[1]) - origin[1]) / spacing[1]))
        low = max(0, math.ceil((min(a[2], b[2], c[2]) - origin[2]) / spacing[2]))
        high = min(nz - 1, math.floor((max(a[2], b[2], c[2]) - origin[2]) / spacing[2]))
        for j in range(first, end + 1):
            y = origin[1] + j * spacing[1]
            for k in range(low, high + 1):
                z = origin[2] + k * spacing[2]
                side = _left(vertices, f0, f1, y, z)
                if side != _left(vertices, f1, f2, y, z) or side != _left(vertices, f2, f0, y, z):
                    continue
                depth = a[0]
                if normal != 0:
                    slope_y = (b[2] - a[2]) * (c[0] - a[0]) - (b[0] - a[0]) * (c[2] - a[2])
                    slope_z = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
                    depth -= (slope_y * (y - a[1]) + slope_z * (z - a[2])) / normal
                cell = math.ceil((depth - origin[0]) / spacing[0])
                crossings[min(max(cell, 0), last), j, k] += 1 if side else -1
