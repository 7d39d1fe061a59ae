"""Coverage of triangles of any size within the guard band, a run of pixels of one row at a time.

Convention: fixed_point.py; arithmetic: reference.py. Edge functions are kept in float64, where they are exact, and a
run is tested 16 pixels at a time without branches: an uncovered pixel is offered key 0, which changes nothing. The last
16 may reach past the image's end, so key buffers carry `PADDING` spare pixels.
"""

from __future__ import annotations

import numpy as np
from numba import uint64

from kernels.jit import inline, inner
from kernels.raster.fixed_point import HALF, ONE, SUBPIXEL_BITS

LANES = 16
"""Sixteen is what LLVM turns into vector code here; with 8 it unrolls scalars and takes twice as long."""

PADDING = LANES

_I32 = np.int64(32)
_ALL = np.int64(0xFFFFFFFF)
_UNIT = np.float32(1)
_FAR = float(1 << 30)


@inner
def insert(keys, layers, pixel, key):
    """Put a key among the `layers` largest of its pixel."""
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


@inner
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


@inline
def limits(first, last, edge, step, threshold):
    """Shrink a run to where edge + k step >= threshold, as floats, up to two pixels too long."""
    if step > 0:
        first = max(first, (threshold - edge) / step)
    elif step < 0:
        last = min(last, (threshold - edge) / step + 2.0)
    return first, last


@inline
def run_vector(nearest, second, layers, base, first, last, e0, e1, e2, s0, s1, s2, t0, t1, t2, r0, r1, r2, low):
    """Pixels first..last of a row into one or two layers; e: edges at pixel 0, s: steps, t: thresholds, r: 1/w."""
    for start in range(first, last, LANES):
        at = uint64(base + start)
        for i in range(LANES):
            k = np.float64(start + i)
            f0, f1, f2 = e0 + k * s0, e1 + k * s1, e2 + k * s2
            q = (np.float32(f0) * r0 + np.float32(f1) * r1) + np.float32(f2) * r2
            key = (np.int64(np.float32(q).view(np.int32)) << _I32) | low
            key = key if (f0 >= t0) & (f1 >= t1) & (f2 >= t2) & (start + i < last) else np.int64(0)
            pixel = at + uint64(i)
            held = nearest[pixel]
            nearest[pixel] = max(held, key)
            if layers == 2:
                second[pixel] = max(second[pixel], min(held, key))


@inner
def run_scalar(keys, layers, unique, base, first, last, e0, e1, e2, s0, s1, s2, t0, t1, t2, r0, r1, r2, low):
    """As run_vector, for any number of layers, and for pieces of a clipped triangle (unique)."""
    for k in range(first, last):
        f0, f1, f2 = e0 + k * s0, e1 + k * s1, e2 + k * s2
        if (f0 >= t0) & (f1 >= t1) & (f2 >= t2):
            q = (np.float32(f0) * r0 + np.float32(f1) * r1) + np.float32(f2) * r2
            key = (np.int64(np.float32(q).view(np.int32)) << _I32) | low
            if unique:
                insert_unique(keys, layers, base + k, key)
            else:
                insert(keys, layers, base + k, key)


@inner
def fill(x0, y0, q0, x1, y1, q1, x2, y2, q2, width, height, low, cull_back_faces, unique, keys):
    """One triangle into keys (layers, pixels + PADDING): snapped corners int64, 1/w float32, low = ~id in 32 bits."""
    area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
    if area == 0 or (cull_back_faces and area > 0):
        return
    left = max((min(x0, min(x1, x2)) + HALF - 1) >> SUBPIXEL_BITS, 0)
    right = min((max(x0, max(x1, x2)) + HALF - 1) >> SUBPIXEL_BITS, width)
    top = max((min(y0, min(y1, y2)) + HALF - 1) >> SUBPIXEL_BITS, 0)
    bottom = min((max(y0, max(y1, y2)) + HALF - 1) >> SUBPIXEL_BITS, height)
    if left >= right:
        return
    sign = 1.0 if area > 0 else -1.0
    a0, a1, a2 = sign * (y1 - y2), sign * (y2 - y0), sign * (y0 - y1)
    b0, b1, b2 = sign * (x2 - x1), sign * (x0 - x2), sign * (x1 - x0)
    t0 = 0.0 if a0 > 0 or (a0 == 0 and b0 > 0) else 1.0
    t1 = 0.0 if a1 > 0 or (a1 == 0 and b1 > 0) else 1.0
    t2 = 0.0 if a2 > 0 or (a2 == 0 and b2 > 0) else 1.0
    scale = _UNIT / np.float32(abs(area))
    r0, r1, r2 = q0 * scale, q1 * scale, q2 * scale
    s0, s1, s2 = a0 * ONE, a1 * ONE, a2 * ONE
    cx = left * ONE + HALF
    layers = keys.shape[0]
    nearest, second = keys[0], keys[min(1, layers - 1)]
    for row in range(top, bottom):
        cy = row * ONE + HALF
        e0 = a0 * (cx - x1) + b0 * (cy - y1)
        e1 = a1 * (cx - x2) + b1 * (cy - y2)
        e2 = a2 * (cx - x0) + b2 * (cy - y0)
        first, last = np.int64(0), np.int64(right - left)
        if last > LANES:
            begin, end = limits(0.0, _FAR, e0, s0, t0)
            begin, end = limits(begin, end, e1, s1, t1)
            begin, end = limits(begin, end, e2, s2, t2)
            first, last = np.int64(min(begin, _FAR)), min(last, np.int64(max(end, 0.0)))
        base = np.int64(row * width + left)
        if layers <= 2 and not unique:
            run_vector(nearest, second, layers, base, first, last, e0, e1, e2, s0, s1, s2, t0, t1, t2, r0, r1, r2, low)
        else:
            run_scalar(keys, layers, unique, base, first, last, e0, e1, e2, s0, s1, s2, t0, t1, t2, r0, r1, r2, low)
