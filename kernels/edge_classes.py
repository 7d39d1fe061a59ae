"""The paper's rules for EdgeGrad's pixel pairs (Pidhorskyi et al. 2024, Sec. 4.3 and 4.4): who overhangs whom.

Two pixels with different triangles form an edge. Each pixel's centre is tested against the other's triangle: inside
just one, the triangle that is NOT continued there hangs over the other; inside both, they intersect; inside neither,
they are taken for neighbours on one surface. Host side; pairs go to the right (axis 0) and down (axis 1).
"""

from __future__ import annotations

import numpy as np

from kernels.jit import kernel
from kernels.raster import workers
from kernels.raster.arrays import aligned_empty, read_only

NO_EDGE, OWN, FOLLOWING, CROSSING = 0, 1, 2, 3
"""Nothing moves the edge; the pixel's fragment does; the next pixel's does; both do, by intersecting."""


@kernel
def _inside(vertices, faces, matrix, face, row, column):
    """Whether the centre of a pixel lies in a triangle, from homogeneous edge functions (Olano and Greer 1997)."""
    u, v = np.empty(3), np.empty(3)
    for i in range(3):
        x, y, z = vertices[faces[face, i]]
        w = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] * z + matrix[2, 3]
        u[i] = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] * z + matrix[0, 3] - (column + 0.5) * w
        v[i] = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] * z + matrix[1, 3] - (row + 0.5) * w
    c0, c1, c2 = u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]
    return (c0 >= 0 and c1 >= 0 and c2 >= 0) or (c0 <= 0 and c1 <= 0 and c2 <= 0)


@kernel
def _classify_rows(vertices, faces, matrix, face_id, out, first_row, last_row):
    height, width = face_id.shape
    for row in range(first_row, last_row):
        for column in range(width):
            for axis in range(2):
                next_row, next_column = row + axis, column + 1 - axis
                out[axis, row, column] = NO_EDGE
                if next_row >= height or next_column >= width:
                    continue
                a, b = face_id[row, column], face_id[next_row, next_column]
                if a == b:
                    continue
                if a < 0 or b < 0:
                    out[axis, row, column] = OWN if b < 0 else FOLLOWING
                    continue
                a_in_b = _inside(vertices, faces, matrix, b, row, column)
                b_in_a = _inside(vertices, faces, matrix, a, next_row, next_column)
                if a_in_b and b_in_a:
                    out[axis, row, column] = CROSSING
                elif a_in_b:
                    out[axis, row, column] = OWN
                elif b_in_a:
                    out[axis, row, column] = FOLLOWING


def classify_pairs(
    vertices: np.ndarray, faces: np.ndarray, pixel_matrix: np.ndarray, face_id: np.ndarray
) -> np.ndarray:
    """Classes (2, H, W) int8 of the pairs of a front layer's face_id (H, W).

    vertices (n, 3), faces (m, 3) and pixel_matrix (3, 4) are what was sampled (object space to pixels).
    """
    vertices, faces = read_only(vertices, np.float32), read_only(faces, np.int32)
    matrix, face_id = read_only(pixel_matrix, np.float64), read_only(face_id, np.int32)
    height, width = face_id.shape
    out = aligned_empty((2, height, width), np.int8)

    def work(worker: int, start: int, stop: int) -> None:
        _classify_rows(vertices, faces, matrix, face_id, out, start, stop)

    workers.share(work, height, max(1, 16_384 // width), workers.default_workers())
    return out
