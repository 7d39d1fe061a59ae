"""Culling and coverage: triangles into a worker's private K-buffer of 64-bit keys, bits(1/w) << 32 | ~id, 0 = empty.

Convention: fixed_point.py; the arithmetic is reference.py's, operation by operation (no fast-math: ids must not depend
on the path a triangle takes). Keys are unique and positive, so that keeping the K largest is the same in any order.
"""

from __future__ import annotations

import numpy as np
from numba import uint32

from kernels.jit import inner, kernel
from kernels.raster import batch
from kernels.raster.batch import BATCH
from kernels.raster.clip import MOST_CORNERS, clip_triangle
from kernels.raster.fill import fill

CHUNK = 2048
"""Triangles culled at a time: the list of survivors stays in the first-level cache."""

_LOW = np.uint32(0xFFFF)
_ALL = np.int64(0xFFFFFFFF)


@inner
def cull(faces, cell, start, stop, survivors):
    """List the triangles of start..stop that may cover a pixel centre (see transform.py); returns how many."""
    count = uint32(0)
    for face in range(uint32(start), uint32(stop)):
        c0, c1, c2 = cell[faces[face, 0]], cell[faces[face, 1]], cell[faces[face, 2]]
        differ = uint32((c0 ^ c1) | (c0 ^ c2))
        survivors[count] = face
        count = uint32(count + uint32(((differ & _LOW) != 0) & (differ > _LOW)))
    return count


@inner
def clip_and_fill(faces, vertices, matrix, near, screen, inverse, width, height, cull_back_faces, face, keys):
    """A triangle with a corner nearer than `near`, beyond the guard band or not finite."""
    x, y = np.empty(MOST_CORNERS, np.int64), np.empty(MOST_CORNERS, np.int64)
    q = np.empty(MOST_CORNERS, np.float32)
    low = _ALL - np.int64(face)
    count = clip_triangle(faces[face], vertices, matrix, near, screen, inverse, x, y, q)
    for i in range(1, count - 1):
        j = i + 1
        fill(x[0], y[0], q[0], x[i], y[i], q[i], x[j], y[j], q[j], width, height, low, cull_back_faces, True, keys)


@kernel
def rasterize(
    faces, vertices, matrix, near, screen, inverse, cell, width, height, cull_back_faces, start, stop, keys
):  # fmt: skip
    """Faces start..stop into keys (layers, height * width + PADDING) int64."""
    layers = keys.shape[0]
    survivors = np.empty(CHUNK + 1, np.uint32)
    integers, reals = np.zeros(batch.INTEGERS * BATCH, np.int32), np.zeros(batch.REALS * BATCH, np.float32)
    found, masks = np.empty(BATCH, np.int64), np.empty(BATCH + 1, np.uint32)
    singles, blocks = np.empty(BATCH + 1, np.uint32), np.empty(BATCH + 1, np.uint32)
    others = np.empty(BATCH + 1, np.uint32)
    for chunk in range(start, stop, CHUNK):
        total = cull(faces, cell, chunk, min(chunk + CHUNK, stop), survivors)
        for first in range(0, total, BATCH):
            count = min(BATCH, total - first)
            batch.gather(faces, screen, inverse, survivors, first, count, integers, reals)
            batch.setup(count, width, height, cull_back_faces, survivors, first, integers, reals, found)
            n_single, n_block, n_other = batch.sort_kinds(count, integers, found, singles, blocks, others)
            batch.insert_singles(n_single, singles, integers, found, layers, keys)
            n_block = batch.cover_blocks(n_block, blocks, integers, masks)
            batch.insert_blocks(n_block, blocks, masks, survivors, first, width, integers, reals, layers, keys)
            for j in range(n_other):
                lane = others[j]
                face = survivors[first + lane]
                x0, y0 = np.int64(integers[lane]), np.int64(integers[BATCH + lane])
                x1, y1 = np.int64(integers[2 * BATCH + lane]), np.int64(integers[3 * BATCH + lane])
                x2, y2 = np.int64(integers[4 * BATCH + lane]), np.int64(integers[5 * BATCH + lane])
                q0, q1, q2 = reals[lane], reals[BATCH + lane], reals[2 * BATCH + lane]
                if min(q0, min(q1, q2)) > 0:
                    low = _ALL - np.int64(face)
                    fill(x0, y0, q0, x1, y1, q1, x2, y2, q2, width, height, low, cull_back_faces, False, keys)
                else:
                    clip_and_fill(
                        faces, vertices, matrix, near, screen, inverse, width, height, cull_back_faces, face, keys
                    )
