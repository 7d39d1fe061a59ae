"""Where silhouette edges cross between two pixel centres, and how much of each pixel of the pair they cover.

Pairs go from pixel 0 to pixel 1: to the right (axis 0) and down (axis 1); planes lie at pixel 0. The nearer triangle of a
pair owns it. Host side (Numba); what follows the edge is the traced side's business, through points on the surface.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernels.jit import kernel
from kernels.raster import workers
from kernels.raster.arrays import aligned_empty, read_only
from kernels.types import Fragments

TOLERANCE = 0.0625
"""Pixels by which a crossing may lie outside the pair and still count, clamped (nvdiffrast's 1/16): the rasterizer snaps
vertices to a fine grid, so an edge may seem to cross just beyond a pixel centre."""


class AntialiasedPairs(NamedTuple):
    """alpha, slant: (2, H, W) float32, by axis. points: where the edges cross, two layers (one an axis).

    alpha: blend weight, s (1/2 - d) with d the distance from the owner's centre to the crossing and s = 1 where pixel 0
    owns the pair, -1 where pixel 1 does; 0 where nothing is blended. slant: pixels the edge runs along the pair's axis
    for one across. A layer of points is empty where the crossing is clamped, and so cannot move.
    """

    alpha: np.ndarray
    slant: np.ndarray
    points: Fragments


class Neighbours:
    """Vertices across each edge, of the last faces seen: a mesh keeps its faces, so that a fit computes them once."""

    def __init__(self) -> None:
        self._faces: np.ndarray | None = None
        self._opposite = np.empty((0, 3), np.int32)

    def __call__(self, faces: np.ndarray) -> np.ndarray:
        if faces is not self._faces or faces.flags.writeable:
            self._faces, self._opposite = faces, opposite_vertices(faces)
        return self._opposite


def opposite_vertices(faces: np.ndarray) -> np.ndarray:
    """(m, 3) int32: across the edge opposite to each corner of faces (m, 3), the neighbour's third vertex; -1 at a border.

    Where more than two triangles share an edge, each gets one of the others.
    """
    first, second = np.roll(faces, -1, axis=1).reshape(-1), np.roll(faces, -2, axis=1).reshape(-1)
    count = int(faces.max(initial=-1)) + 1
    keys = np.minimum(first, second).astype(np.int64) * count + np.maximum(first, second)
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    same = np.zeros(len(keys) + 1, bool)  # same[i]: entries i - 1 and i lie on one edge
    same[1:-1] = ordered[1:] == ordered[:-1]
    place = np.arange(len(keys))
    partner = np.where(same[1:], place + 1, np.where(same[:-1], place - 1, -1))
    found = np.full(len(keys), -1, np.int32)
    shared = partner >= 0
    found[order[shared]] = faces.reshape(-1)[order[partner[shared]]]
    return found.reshape(-1, 3)


@kernel
def _project(vertices, matrix, vertex, row, column):
    """Homogeneous screen position of a vertex relative to a pixel's centre: (x w, y w, w)."""
    x, y, z = np.float64(vertices[vertex, 0]), np.float64(vertices[vertex, 1]), np.float64(vertices[vertex, 2])
    w = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] * z + matrix[2, 3]
    u = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] * z + matrix[0, 3] - (column + 0.5) * w
    v = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] * z + matrix[1, 3] - (row + 0.5) * w
    return u, v, w


@kernel
def _side(h, j, k, u, v, w):
    """On which side of the plane through the eye and the edge (j, k) a vertex lies: the sign of a determinant."""
    return (
        u * (h[j, 1] * h[k, 2] - h[j, 2] * h[k, 1])
        - v * (h[j, 0] * h[k, 2] - h[j, 2] * h[k, 0])
        + w * (h[j, 0] * h[k, 1] - h[j, 1] * h[k, 0])
    )


@kernel
def _exit(h, near, axis, sign):
    """The edge by which the pair's axis leaves a triangle, seen from its pixel: (corner opposite, share, distance, slant).

    h (3, 3): homogeneous corners; sign: 1 towards pixel 1, -1 towards pixel 0. Corner -1: none.
    """
    corner, share, distance, slant = -1, 0.0, -np.inf, 0.0
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        across_j, across_k = h[j, 1 - axis], h[k, 1 - axis]
        if (across_j >= 0) == (across_k >= 0):
            continue
        t = across_j / (across_j - across_k)
        w = h[j, 2] + t * (h[k, 2] - h[j, 2])
        along_d = sign * (h[k, axis] - h[j, axis])
        along = sign * h[j, axis] + t * along_d
        if w < near or along / w <= distance:
            continue
        corner, share, distance = i, t, along / w
        slant = (along_d - distance * (h[k, 2] - h[j, 2])) / (across_k - across_j)
    return corner, share, distance, slant


@kernel
def _blend_rows(
    vertices, faces, opposite, matrix, near, face_id, inverse_depth, alpha, slant, ids, corners, bary, position,
    inverse, first_row, last_row,
):  # fmt: skip
    height, width = face_id.shape
    h = np.empty((3, 3))
    for axis in range(2):
        for row in range(first_row, last_row):
            for column in range(width):
                alpha[axis, row, column] = slant[axis, row, column] = inverse[axis, row, column] = 0
                ids[axis, row, column] = -1
                corners[axis, :, row, column] = 0
                bary[axis, :, row, column] = position[axis, :, row, column] = 0
                next_row, next_column = row + axis, column + 1 - axis
                if next_row >= height or next_column >= width:
                    continue
                if face_id[row, column] == face_id[next_row, next_column]:
                    continue
                first = inverse_depth[row, column] >= inverse_depth[next_row, next_column]
                sign = 1.0 if first else -1.0
                own_row, own_column = (row, column) if first else (next_row, next_column)
                face = face_id[own_row, own_column]
                for i in range(3):
                    h[i, 0], h[i, 1], h[i, 2] = _project(vertices, matrix, faces[face, i], own_row, own_column)
                corner, share, distance, lean = _exit(h, near, axis, sign)
                if corner < 0 or abs(lean) > 1 or not (-TOLERANCE < distance < 1 + TOLERANCE):
                    continue
                j, k, other = (corner + 1) % 3, (corner + 2) % 3, opposite[face, corner]
                if other >= 0:
                    u, v, w = _project(vertices, matrix, other, own_row, own_column)
                    own = _side(h, j, k, h[corner, 0], h[corner, 1], h[corner, 2])
                    if own * _side(h, j, k, u, v, w) <= 0:
                        continue  # the neighbour lies on the other side: the surface goes on
                alpha[axis, row, column] = sign * (0.5 - min(max(distance, 0.0), 1.0))
                if 0 < distance < 1:
                    slant[axis, row, column] = sign * lean
                    ids[axis, row, column] = face
                    inverse[axis, row, column] = 1 / (h[j, 2] + share * (h[k, 2] - h[j, 2]))
                    bary[axis, j, row, column], bary[axis, k, row, column] = 1 - share, share
                    for i in range(3):
                        corners[axis, i, row, column] = faces[face, i]
                        position[axis, i, row, column] = (1 - share) * vertices[faces[face, j], i] + share * vertices[
                            faces[face, k], i
                        ]


def antialiased_pairs(
    vertices: np.ndarray,
    faces: np.ndarray,
    opposite: np.ndarray,
    pixel_matrix: np.ndarray,
    near: float,
    fragments: Fragments,
) -> AntialiasedPairs:
    """Pairs of the front layer of `fragments`, sampled from vertices (n, 3) and faces (m, 3) by pixel_matrix (3, 4).

    opposite: from `opposite_vertices`. An edge blends where it is a silhouette or a border of the owner's triangle and
    rather crosses the pair than runs along it (slant at most 1), so that of two axes one blends.
    """
    vertices, faces = read_only(vertices, np.float32), read_only(faces, np.int32)
    opposite, matrix = read_only(opposite, np.int32), read_only(pixel_matrix, np.float64)
    face_id = read_only(fragments.face_id[0], np.int32)
    inverse_depth = read_only(fragments.inverse_depth[0], np.float32)
    height, width = face_id.shape
    alpha, slant, inverse = (aligned_empty((2, height, width), np.float32) for _ in range(3))
    ids, corners = aligned_empty((2, height, width), np.int32), aligned_empty((2, 3, height, width), np.int32)
    bary, position = (aligned_empty((2, 3, height, width), np.float32) for _ in range(2))

    def work(worker: int, start: int, stop: int) -> None:
        _blend_rows(
            vertices, faces, opposite, matrix, near, face_id, inverse_depth, alpha, slant, ids, corners, bary, position,
            inverse, start, stop,
        )  # fmt: skip

    workers.share(work, height, max(1, 16_384 // width), workers.default_workers())
    return AntialiasedPairs(alpha, slant, Fragments(ids, corners, bary, position, inverse, None))
