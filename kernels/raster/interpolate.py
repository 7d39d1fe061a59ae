"""Vertex attributes at fragments, for attributes that a step holds constant, and vertex normals. Host side.

Convention: attributes are (n, channels) float32 per vertex; the result is planes, (layers, channels, height, width),
0 where no surface is.
"""

from __future__ import annotations

import numpy as np
from numba import uint32

from kernels.jit import kernel
from kernels.raster import workers
from kernels.raster.arrays import aligned_empty, read_only
from kernels.types import Fragments


@kernel
def interpolate_rows(attributes, face_id, corners, bary, out, first_row, last_row):
    """out[k, c, y, x] = sum_i bary[k, i, y, x] attributes[corners[k, i, y, x], c] for rows first_row..last_row."""
    layers, _, width = face_id.shape
    channels = attributes.shape[1]
    for layer in range(layers):
        for row in range(uint32(first_row), uint32(last_row)):
            for column in range(uint32(width)):
                if face_id[layer, row, column] < 0:
                    for channel in range(channels):
                        out[layer, channel, row, column] = 0
                    continue
                i0 = uint32(corners[layer, 0, row, column])
                i1 = uint32(corners[layer, 1, row, column])
                i2 = uint32(corners[layer, 2, row, column])
                b0, b1, b2 = bary[layer, 0, row, column], bary[layer, 1, row, column], bary[layer, 2, row, column]
                for channel in range(channels):
                    out[layer, channel, row, column] = (
                        b0 * attributes[i0, channel] + b1 * attributes[i1, channel] + b2 * attributes[i2, channel]
                    )


def interpolate(attributes: np.ndarray, fragments: Fragments, out: np.ndarray | None = None) -> np.ndarray:
    """Attributes (n, C) at fragments with corners -> (K, C, H, W) float32; `out` is filled in place and returned."""
    attributes = read_only(attributes, np.float32)
    layers, height, width = fragments.face_id.shape
    if out is None:
        out = aligned_empty((layers, attributes.shape[1], height, width), np.float32)
    face_id, corners = read_only(fragments.face_id, np.int32), read_only(fragments.corners, np.int32)
    bary = read_only(fragments.bary, np.float32)

    def work(_worker, start, stop):
        interpolate_rows(attributes, face_id, corners, bary, out, start, stop)

    rows = max(1, 16_384 // (layers * width))
    workers.share(work, height, rows, workers.default_workers())
    return out


@kernel
def _add_face_normals(vertices, faces, normals):
    for face in range(faces.shape[0]):
        i0, i1, i2 = faces[face, 0], faces[face, 1], faces[face, 2]
        x0, y0, z0 = vertices[i0, 0], vertices[i0, 1], vertices[i0, 2]
        ax, ay, az = vertices[i1, 0] - x0, vertices[i1, 1] - y0, vertices[i1, 2] - z0
        bx, by, bz = vertices[i2, 0] - x0, vertices[i2, 1] - y0, vertices[i2, 2] - z0
        nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        for i in (i0, i1, i2):
            normals[i, 0] += nx
            normals[i, 1] += ny
            normals[i, 2] += nz


@kernel
def _normalise(normals):
    for i in range(normals.shape[0]):
        x, y, z = np.float64(normals[i, 0]), np.float64(normals[i, 1]), np.float64(normals[i, 2])
        length = np.sqrt(x * x + y * y + z * z)
        if length > 0.0 and length < np.inf:
            normals[i, 0], normals[i, 1], normals[i, 2] = x / length, y / length, z / length
        else:
            normals[i, 0], normals[i, 1], normals[i, 2] = 0.0, 0.0, 1.0


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Area-weighted unit normals (n, 3) float32 of vertices (n, 3) and faces (m, 3), counter-clockwise outwards.

    A vertex without a face, or whose faces cancel out, gets +z.
    """
    vertices, faces = read_only(vertices, np.float32), read_only(faces, np.int32)
    normals = np.zeros(vertices.shape, np.float32)
    _add_face_normals(vertices, faces.view(np.uint32), normals)
    _normalise(normals)
    return normals
