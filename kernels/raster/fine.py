"""Culling and coverage: triangles into a worker's private K-buffer of 64-bit keys, bits(1/w) << 32 | ~id, 0 = empty.

Convention: fixed_point.py; the arithmetic is reference.py's, operation by operation (no fast-math: ids must not depend
on the path a triangle takes). Keys are unique and positive, so that keeping the K largest is the same in any order.
"""

from __future__ import annotations

import numpy as np
from numba import njit, uint32

from kernels.raster.clip import clip_triangle
from kernels.raster.fixed_point import HALF, ONE, SUBPIXEL_BITS

CHUNK = 2048
"""Triangles culled at a time: the survivors' list stays in the first-level cache."""

_ZERO, _UNIT = np.float32(0), np.float32(1)
_LOW = np.uint32(0xFFFF)
_SMALL = np.int32(2 * ONE)
_WIDE = 16
_I32 = np.int64(32)
_ALL = np.int64(0xFFFFFFFF)


@njit(nogil=True, cache=True, error_model="numpy")
def cull(faces, cell, start, stop, survivors):
    """List the triangles of start..stop that may cover a pixel centre; returns how many."""
    count = uint32(0)
    for face in range(uint32(start), uint32(stop)):
        c0, c1, c2 = cell[faces[face, 0]], cell[faces[face, 1]], cell[faces[face, 2]]
        differ = uint32((c0 ^ c1) | (c0 ^ c2))
        survivors[count] = face
        count = uint32(count + uint32(((differ & _LOW) != 0) & (differ > _LOW)))
    return count


@njit(nogil=True, cache=True, error_model="numpy")
def insert(keys, layers, pixel, key):
    """Put a key among the `layers` largest of its pixel."""
    for layer in range(layers):
        held = keys[layer, pixel]
        keys[layer, pixel] = max(held, key)
        key = min(held, key)


@njit(nogil=True, cache=True, error_model="numpy")
def insert_unique(keys, layers, pixel, key):
    """As insert, but a triangle already there keeps its nearer piece (the pieces of a clipped triangle share an id)."""
    for layer in range(layers):
        held = keys[layer, pixel]
        if held != 0 and (held & _ALL) == (key & _ALL):
            if key > held:
                for upper in range(layer, 0, -1):
                    keys[upper, pixel] = keys[upper - 1, pixel]
                keys[0, pixel] = 0
                insert(keys, layers, pixel, key)
            return
    insert(keys, layers, pixel, key)


@njit(nogil=True, cache=True, error_model="numpy")
def fill_small(x0, y0, q0, x1, y1, q1, x2, y2, q2, column, row, width, low, cull_back_faces, layers, keys):
    """A triangle under two pixels wide and high that may cover one centre only: 32-bit edge functions."""
    cx, cy = np.int32(column * ONE + HALF), np.int32(row * ONE + HALF)
    x0, y0, x1, y1, x2, y2 = x0 - cx, y0 - cy, x1 - cx, y1 - cy, x2 - cx, y2 - cy
    f0, f1, f2 = np.int32(x1 * y2 - x2 * y1), np.int32(x2 * y0 - x0 * y2), np.int32(x0 * y1 - x1 * y0)
    area = np.int32(f0 + f1 + f2)
    if area == 0 or (cull_back_faces and area > 0):
        return
    if area < 0:
        f0, f1, f2, area = np.int32(-f0), np.int32(-f2), np.int32(-f1), np.int32(-area)
        x1, x2, y1, y2, q1, q2 = x2, x1, y2, y1, q2, q1
    t0 = np.int32(not ((y1 > y2) | ((y1 == y2) & (x2 > x1))))
    t1 = np.int32(not ((y2 > y0) | ((y2 == y0) & (x0 > x2))))
    t2 = np.int32(not ((y0 > y1) | ((y0 == y1) & (x1 > x0))))
    if (f0 < t0) | (f1 < t1) | (f2 < t2):
        return
    scale = _UNIT / np.float32(area)
    q = (np.float32(f0) * (q0 * scale) + np.float32(f1) * (q1 * scale)) + np.float32(f2) * (q2 * scale)
    key = (np.int64(np.float32(q).view(np.int32)) << _I32) | low
    pixel = uint32(row * width + column)
    held = keys[0, pixel]
    keys[0, pixel] = max(held, key)
    if layers == 2:
        keys[1, pixel] = max(keys[1, pixel], min(held, key))
    elif layers > 2:
        key = min(held, key)
        for layer in range(1, layers):
            held = keys[layer, pixel]
            keys[layer, pixel] = max(held, key)
            key = min(held, key)


@njit(nogil=True, cache=True, error_model="numpy")
def span(first, last, edge, step, threshold):
    """Shrink columns first..last (exclusive) of a row to where edge + k step >= threshold, at most 2 too many a side."""
    if step > 0:
        return max(first, np.int64((threshold - edge) / step) - 1), last
    if step < 0:
        return first, min(last, np.int64((edge - threshold) / -step) + 2)
    return first, (last if edge >= threshold else first)


@njit(nogil=True, cache=True, error_model="numpy")
def fill(x0, y0, q0, x1, y1, q1, x2, y2, q2, width, height, low, cull_back_faces, unique, layers, keys):
    """Any snapped triangle within the guard band: edge functions in float64, which are exact (fixed_point.GUARD)."""
    area = np.int64(x1 - x0) * np.int64(y2 - y0) - np.int64(x2 - x0) * np.int64(y1 - y0)
    if area == 0 or (cull_back_faces and area > 0):
        return
    if area < 0:
        x1, x2, y1, y2, q1, q2, area = x2, x1, y2, y1, q2, q1, -area
    left = max((min(x0, x1, x2) + HALF - 1) >> SUBPIXEL_BITS, 0)
    right = min((max(x0, x1, x2) + HALF - 1) >> SUBPIXEL_BITS, width)
    top = max((min(y0, y1, y2) + HALF - 1) >> SUBPIXEL_BITS, 0)
    bottom = min((max(y0, y1, y2) + HALF - 1) >> SUBPIXEL_BITS, height)
    if left >= right:
        return
    a0, a1, a2 = np.float64(y1 - y2), np.float64(y2 - y0), np.float64(y0 - y1)
    b0, b1, b2 = np.float64(x2 - x1), np.float64(x0 - x2), np.float64(x1 - x0)
    t0 = 0.0 if a0 > 0 or (a0 == 0 and b0 > 0) else 1.0
    t1 = 0.0 if a1 > 0 or (a1 == 0 and b1 > 0) else 1.0
    t2 = 0.0 if a2 > 0 or (a2 == 0 and b2 > 0) else 1.0
    cx = np.float64(left * ONE + HALF)
    scale = _UNIT / np.float32(area)
    r0, r1, r2 = q0 * scale, q1 * scale, q2 * scale
    s0, s1, s2 = a0 * ONE, a1 * ONE, a2 * ONE
    for row in range(top, bottom):
        cy = np.float64(row * ONE + HALF)
        e0 = a0 * (cx - x1) + b0 * (cy - y1)
        e1 = a1 * (cx - x2) + b1 * (cy - y2)
        e2 = a2 * (cx - x0) + b2 * (cy - y0)
        first, last = np.int64(0), np.int64(right - left)
        if last > _WIDE:
            first, last = span(first, last, e0, s0, t0)
            first, last = span(first, last, e1, s1, t1)
            first, last = span(first, last, e2, s2, t2)
        base = np.int64(row * width + left)
        if unique:
            for k in range(first, last):
                f0, f1, f2 = e0 + k * s0, e1 + k * s1, e2 + k * s2
                if f0 >= t0 and f1 >= t1 and f2 >= t2:
                    q = (np.float32(f0) * r0 + np.float32(f1) * r1) + np.float32(f2) * r2
                    insert_unique(keys, layers, base + k, (np.int64(np.float32(q).view(np.int32)) << _I32) | low)
        elif layers == 1:
            for k in range(first, last):
                f0, f1, f2 = e0 + k * s0, e1 + k * s1, e2 + k * s2
                q = (np.float32(f0) * r0 + np.float32(f1) * r1) + np.float32(f2) * r2
                key = (np.int64(np.float32(q).view(np.int32)) << _I32) | low
                key = key if (f0 >= t0) & (f1 >= t1) & (f2 >= t2) else np.int64(0)
                keys[0, base + k] = max(keys[0, base + k], key)
        else:
            for k in range(first, last):
                f0, f1, f2 = e0 + k * s0, e1 + k * s1, e2 + k * s2
                q = (np.float32(f0) * r0 + np.float32(f1) * r1) + np.float32(f2) * r2
                key = (np.int64(np.float32(q).view(np.int32)) << _I32) | low
                key = key if (f0 >= t0) & (f1 >= t1) & (f2 >= t2) else np.int64(0)
                held = keys[0, base + k]
                keys[0, base + k] = max(held, key)
                key = min(held, key)
                held = keys[1, base + k]
                keys[1, base + k] = max(held, key)
                key = min(held, key)
                for layer in range(2, layers):
                    held = keys[layer, base + k]
                    keys[layer, base + k] = max(held, key)
                    key = min(held, key)


@njit(nogil=True, cache=True, error_model="numpy")
def rasterize(
    faces, vertices, matrix, near, screen, inverse, cell, width, height, cull_back_faces, start, stop, survivors, keys
):
    """Faces start..stop into keys (layers, height * width) int64."""
    layers = keys.shape[0]
    for chunk in range(start, stop, CHUNK):
        count = cull(faces, cell, chunk, min(chunk + CHUNK, stop), survivors)
        for j in range(count):
            face = uint32(survivors[j])
            i0, i1, i2 = faces[face, 0], faces[face, 1], faces[face, 2]
            q0, q1, q2 = inverse[i0], inverse[i1], inverse[i2]
            low = _ALL - np.int64(face)
            if min(q0, min(q1, q2)) <= _ZERO:
                clip_and_fill(
                    faces, vertices, matrix, near, screen, inverse, width, height, cull_back_faces, face, keys
                )
                continue
            x0, y0, x1, y1, x2, y2 = (
                screen[i0, 0],
                screen[i0, 1],
                screen[i1, 0],
                screen[i1, 1],
                screen[i2, 0],
                screen[i2, 1],
            )
            low_x, high_x = min(x0, min(x1, x2)), max(x0, max(x1, x2))
            low_y, high_y = min(y0, min(y1, y2)), max(y0, max(y1, y2))
            column = (low_x + np.int32(HALF - 1)) >> np.int32(SUBPIXEL_BITS)
            row = (low_y + np.int32(HALF - 1)) >> np.int32(SUBPIXEL_BITS)
            next_column = (high_x + np.int32(HALF - 1)) >> np.int32(SUBPIXEL_BITS)
            next_row = (high_y + np.int32(HALF - 1)) >> np.int32(SUBPIXEL_BITS)
            single = (next_column == column + 1) & (next_row == row + 1) & (column >= 0) & (row >= 0)
            if single & (max(high_x - low_x, high_y - low_y) < _SMALL):
                fill_small(x0, y0, q0, x1, y1, q1, x2, y2, q2, column, row, width, low, cull_back_faces, layers, keys)
            else:
                fill(
                    np.int64(x0), np.int64(y0), q0, np.int64(x1), np.int64(y1), q1, np.int64(x2), np.int64(y2), q2,
                    width, height, low, cull_back_faces, False, layers, keys,
                )  # fmt: skip


@njit(nogil=True, cache=True, error_model="numpy")
def clip_and_fill(faces, vertices, matrix, near, screen, inverse, width, height, cull_back_faces, face, keys):
    """A triangle with a corner nearer than `near`, beyond the guard band or not finite."""
    corner_x = np.empty(8, np.int64)
    corner_y = np.empty(8, np.int64)
    corner_q = np.empty(8, np.float32)
    count = clip_triangle(faces[face], vertices, matrix, near, screen, inverse, corner_x, corner_y, corner_q)
    for i in range(1, count - 1):
        fill(
            corner_x[0], corner_y[0], corner_q[0], corner_x[i], corner_y[i], corner_q[i],
            corner_x[i + 1], corner_y[i + 1], corner_q[i + 1],
            width, height, _ALL - np.int64(face), cull_back_faces, True, keys.shape[0], keys,
        )  # fmt: skip
