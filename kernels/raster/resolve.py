"""From the workers' key buffers to fragments: merge, clear, and perspective-correct attributes.

Convention: with p = x w, q = y w taken relative to the pixel centre, barycentrics are the 2x2 cofactors of the three
rows (p, q, w), normalised (Olano and Greer 1997): no division by a corner's w, so corners behind the camera are fine.
"""

from __future__ import annotations

import numpy as np
from numba import njit, uint32

from kernels.raster.fixed_point import HALF, ONE
from kernels.raster.reference import SLIVER

_EMPTY = np.int64(0)
_ALL = np.int64(0xFFFFFFFF)


@njit(nogil=True, cache=True, error_model="numpy")
def merge_row(keys, workers, start, stop):
    """Merge pixels start..stop of keys (workers, layers, pixels) into worker 0's buffer and clear the others'."""
    layers = keys.shape[1]
    for worker in range(1, workers):
        if layers == 1:
            for pixel in range(start, stop):
                keys[0, 0, pixel] = max(keys[0, 0, pixel], keys[worker, 0, pixel])
        elif layers == 2:
            for pixel in range(start, stop):
                held, key = keys[0, 0, pixel], keys[worker, 0, pixel]
                second = max(keys[0, 1, pixel], keys[worker, 1, pixel])
                keys[0, 0, pixel] = max(held, key)
                keys[0, 1, pixel] = max(min(held, key), second)
        else:
            for layer in range(layers):
                for pixel in range(start, stop):
                    key = keys[worker, layer, pixel]
                    if key != _EMPTY:
                        for place in range(layers):
                            held = keys[0, place, pixel]
                            keys[0, place, pixel] = max(held, key)
                            key = min(held, key)
        for layer in range(layers):
            keys[worker, layer, start:stop] = _EMPTY


@njit(nogil=True, cache=True, error_model="numpy")
def sliver_bary(i0, i1, i2, screen, inverse, column, row, c0, c1, c2):
    """Barycentrics in [0, 1] of a triangle thinner than the snapping step: from its snapped corners, else clamped."""
    if min(inverse[i0], min(inverse[i1], inverse[i2])) > 0:
        cx, cy = np.int64(column * ONE + HALF), np.int64(row * ONE + HALF)
        x0, y0 = np.float64(screen[i0, 0] - cx), np.float64(screen[i0, 1] - cy)
        x1, y1 = np.float64(screen[i1, 0] - cx), np.float64(screen[i1, 1] - cy)
        x2, y2 = np.float64(screen[i2, 0] - cx), np.float64(screen[i2, 1] - cy)
        c0 = (x1 * y2 - x2 * y1) * inverse[i0]
        c1 = (x2 * y0 - x0 * y2) * inverse[i1]
        c2 = (x0 * y1 - x1 * y0) * inverse[i2]
    else:
        c0 = c0 if c0 > 0.0 and c0 < np.inf else 0.0
        c1 = c1 if c1 > 0.0 and c1 < np.inf else 0.0
        c2 = c2 if c2 > 0.0 and c2 < np.inf else 0.0
    total = (c0 + c1) + c2
    if total == 0.0:
        return 1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0
    return c0 / total, c1 / total, c2 / total


@njit(nogil=True, cache=True, error_model="numpy")
def resolve_rows(
    faces, vertices, matrix, near, screen, inverse, keys, workers, with_corners,
    face_id, corners, bary, position, inverse_depth, slope, first_row, last_row,
):  # fmt: skip
    """Merge and clear rows first_row..last_row of keys and write their fragments; matrix (3, 4) float64, in pixels."""
    layers, height, width = face_id.shape
    m00, m01, m02, m03 = matrix[0, 0], matrix[0, 1], matrix[0, 2], matrix[0, 3]
    m10, m11, m12, m13 = matrix[1, 0], matrix[1, 1], matrix[1, 2], matrix[1, 3]
    m20, m21, m22, m23 = matrix[2, 0], matrix[2, 1], matrix[2, 2], matrix[2, 3]
    for row in range(uint32(first_row), uint32(last_row)):
        base = uint32(row * width)
        merge_row(keys, workers, base, base + width)
        cy = row + 0.5
        for layer in range(layers):
            for column in range(uint32(width)):
                key = keys[0, layer, base + column]
                if key == _EMPTY:
                    face_id[layer, row, column] = -1
                    inverse_depth[layer, row, column] = 0
                    position[layer, 0, row, column] = 0
                    position[layer, 1, row, column] = 0
                    position[layer, 2, row, column] = 0
                    if layer == 0:
                        slope[0, row, column] = 0
                        slope[1, row, column] = 0
                    if with_corners:
                        for i in range(3):
                            corners[layer, i, row, column] = 0
                            bary[layer, i, row, column] = 0
                    continue
                keys[0, layer, base + column] = _EMPTY
                face = uint32(_ALL - (key & _ALL))
                i0, i1, i2 = faces[face, 0], faces[face, 1], faces[face, 2]
                cx = column + 0.5
                x0, y0, z0 = np.float64(vertices[i0, 0]), np.float64(vertices[i0, 1]), np.float64(vertices[i0, 2])
                x1, y1, z1 = np.float64(vertices[i1, 0]), np.float64(vertices[i1, 1]), np.float64(vertices[i1, 2])
                x2, y2, z2 = np.float64(vertices[i2, 0]), np.float64(vertices[i2, 1]), np.float64(vertices[i2, 2])
                w0 = m20 * x0 + m21 * y0 + m22 * z0 + m23
                w1 = m20 * x1 + m21 * y1 + m22 * z1 + m23
                w2 = m20 * x2 + m21 * y2 + m22 * z2 + m23
                p0 = m00 * x0 + m01 * y0 + m02 * z0 + m03 - cx * w0
                p1 = m00 * x1 + m01 * y1 + m02 * z1 + m03 - cx * w1
                p2 = m00 * x2 + m01 * y2 + m02 * z2 + m03 - cx * w2
                q0 = m10 * x0 + m11 * y0 + m12 * z0 + m13 - cy * w0
                q1 = m10 * x1 + m11 * y1 + m12 * z1 + m13 - cy * w1
                q2 = m10 * x2 + m11 * y2 + m12 * z2 + m13 - cy * w2
                c0, c1, c2 = p1 * q2 - p2 * q1, p2 * q0 - p0 * q2, p0 * q1 - p1 * q0
                if layer == 0:
                    scale = 1.0 / (w0 * c0 + w1 * c1 + w2 * c2)
                    sx = ((q1 * w2 - q2 * w1) + (q2 * w0 - q0 * w2) + (q0 * w1 - q1 * w0)) * scale
                    sy = ((w1 * p2 - w2 * p1) + (w2 * p0 - w0 * p2) + (w0 * p1 - w1 * p0)) * scale
                    finite = abs(sx) + abs(sy) < np.inf
                    slope[0, row, column] = sx if finite else 0.0
                    slope[1, row, column] = sy if finite else 0.0
                total = 1.0 / (c0 + c1 + c2)
                c0, c1, c2 = c0 * total, c1 * total, c2 * total
                if not (min(c0, min(c1, c2)) >= SLIVER):
                    c0, c1, c2 = sliver_bary(i0, i1, i2, screen, inverse, column, row, c0, c1, c2)
                face_id[layer, row, column] = face
                inverse_depth[layer, row, column] = 1.0 / max(c0 * w0 + c1 * w1 + c2 * w2, near)
                position[layer, 0, row, column] = c0 * x0 + c1 * x1 + c2 * x2
                position[layer, 1, row, column] = c0 * y0 + c1 * y1 + c2 * y2
                position[layer, 2, row, column] = c0 * z0 + c1 * z1 + c2 * z2
                if with_corners:
                    bary[layer, 0, row, column] = c0
                    bary[layer, 1, row, column] = c1
                    bary[layer, 2, row, column] = c2
                    corners[layer, 0, row, column] = i0
                    corners[layer, 1, row, column] = i1
                    corners[layer, 2, row, column] = i2
