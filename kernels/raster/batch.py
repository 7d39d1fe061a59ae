"""Small triangles, `BATCH` at a time: set up in vector registers, then inserted without unpredictable branches.

A triangle is small when at most 4 x 4 pixel centres lie in its box, all on the screen. Its edge functions then fit 32
bits, with the box's first centre as the origin. Convention: fixed_point.py; arithmetic: reference.py.

The scratch arrays are flat, with fields a constant BATCH apart, so that the compiler sees that they do not overlap and
vectorises. Mispredicted branches cost more than arithmetic: hence no nested loops over pixels but a mask of 16 centres.
"""

from __future__ import annotations

import numpy as np
from numba import uint32
from numba.cpython.unsafe.numbers import trailing_zeros

from kernels.jit import inner
from kernels.raster.fill import insert
from kernels.raster.fixed_point import HALF, ONE, SUBPIXEL_BITS

BATCH = 256
"""Triangles set up together: the scratch (35 KB) stays close to the core."""

INTEGERS, REALS = 23, 6
"""Fields of the int32 scratch (0-5 corners, 6 pixel, 7 kind, 8-22 edge functions) and of the float32 scratch."""

SINGLE, BLOCK, OTHER = 0, 1, 2
"""Kinds: one centre to test (and tested), up to 16 centres, and all that is not small."""

_EDGE = 8 * BATCH
_EXTENT = 5 * ONE
_SHIFT = np.int32(SUBPIXEL_BITS)
_ALL = np.int64(0xFFFFFFFF)
_I32 = np.int64(32)
_I = np.int32
_UNIT = np.float32(1)


@inner
def gather(faces, screen, inverse, survivors, first, count, integers, reals):
    """Corners' snapped positions and 1/w of survivors first..first + count."""
    for lane in range(uint32(count)):
        face = survivors[uint32(first + lane)]
        i0, i1, i2 = faces[face, 0], faces[face, 1], faces[face, 2]
        integers[lane], integers[BATCH + lane] = screen[i0, 0], screen[i0, 1]
        integers[2 * BATCH + lane], integers[3 * BATCH + lane] = screen[i1, 0], screen[i1, 1]
        integers[4 * BATCH + lane], integers[5 * BATCH + lane] = screen[i2, 0], screen[i2, 1]
        reals[lane], reals[BATCH + lane], reals[2 * BATCH + lane] = inverse[i0], inverse[i1], inverse[i2]


@inner
def setup(count, width, height, cull_back_faces, survivors, first, integers, reals, found):
    """Kind, edge functions and, in found (BATCH,) int64, the key of the first centre where it is covered (else 0)."""
    for lane in range(uint32(count)):
        x0, y0 = integers[lane], integers[BATCH + lane]
        x1, y1 = integers[2 * BATCH + lane], integers[3 * BATCH + lane]
        x2, y2 = integers[4 * BATCH + lane], integers[5 * BATCH + lane]
        q0, q1, q2 = reals[lane], reals[BATCH + lane], reals[2 * BATCH + lane]
        low_x, high_x = min(x0, min(x1, x2)), max(x0, max(x1, x2))
        low_y, high_y = min(y0, min(y1, y2)), max(y0, max(y1, y2))
        left, top = _I(low_x + _I(HALF - 1)) >> _SHIFT, _I(low_y + _I(HALF - 1)) >> _SHIFT
        right, bottom = _I(high_x + _I(HALF - 1)) >> _SHIFT, _I(high_y + _I(HALF - 1)) >> _SHIFT
        small = (left >= 0) & (top >= 0) & (right <= width) & (bottom <= height)
        small &= (right - left <= 4) & (bottom - top <= 4) & (high_x - low_x < _EXTENT) & (high_y - low_y < _EXTENT)
        small &= (q0 > 0) & (q1 > 0) & (q2 > 0)
        cx, cy = _I(left * ONE + HALF), _I(top * ONE + HALF)
        x0, y0, x1, y1, x2, y2 = _I(x0 - cx), _I(y0 - cy), _I(x1 - cx), _I(y1 - cy), _I(x2 - cx), _I(y2 - cy)
        f0, f1, f2 = _I(x1 * y2 - x2 * y1), _I(x2 * y0 - x0 * y2), _I(x0 * y1 - x1 * y0)
        area = _I(f0 + f1 + f2)
        sign = _I(1) if area > 0 else _I(-1)
        seen = (area < 0) | ((area > 0) & (not cull_back_faces))
        area, f0, f1, f2 = _I(sign * area), _I(sign * f0), _I(sign * f1), _I(sign * f2)
        a0, a1, a2 = _I(sign * (y1 - y2)), _I(sign * (y2 - y0)), _I(sign * (y0 - y1))
        b0, b1, b2 = _I(sign * (x2 - x1)), _I(sign * (x0 - x2)), _I(sign * (x1 - x0))
        t0 = _I(0) if (a0 > 0) | ((a0 == 0) & (b0 > 0)) else _I(1)
        t1 = _I(0) if (a1 > 0) | ((a1 == 0) & (b1 > 0)) else _I(1)
        t2 = _I(0) if (a2 > 0) | ((a2 == 0) & (b2 > 0)) else _I(1)
        scale = _UNIT / np.float32(area)
        r0, r1, r2 = q0 * scale, q1 * scale, q2 * scale
        q = (np.float32(f0) * r0 + np.float32(f1) * r1) + np.float32(f2) * r2
        key = (np.int64(np.float32(q).view(np.int32)) << _I32) | (_ALL - np.int64(survivors[uint32(first + lane)]))
        single = (right - left == 1) & (bottom - top == 1)
        covered = seen & (_I(_I(f0 - t0) | _I(f1 - t1) | _I(f2 - t2)) >= 0)
        kind = _I(SINGLE) if single | (not seen) else _I(BLOCK)
        found[lane] = key if covered & small else np.int64(0)
        integers[6 * BATCH + lane] = _I(top * width + left)
        integers[7 * BATCH + lane] = kind if small else _I(OTHER)
        integers[_EDGE + lane] = _I(f0 - t0)
        integers[_EDGE + BATCH + lane] = _I(f1 - t1)
        integers[_EDGE + 2 * BATCH + lane] = _I(f2 - t2)
        integers[_EDGE + 3 * BATCH + lane] = _I(a0 * ONE)
        integers[_EDGE + 4 * BATCH + lane] = _I(a1 * ONE)
        integers[_EDGE + 5 * BATCH + lane] = _I(a2 * ONE)
        integers[_EDGE + 6 * BATCH + lane] = _I(b0 * ONE)
        integers[_EDGE + 7 * BATCH + lane] = _I(b1 * ONE)
        integers[_EDGE + 8 * BATCH + lane] = _I(b2 * ONE)
        integers[_EDGE + 9 * BATCH + lane] = t0
        integers[_EDGE + 10 * BATCH + lane] = t1
        integers[_EDGE + 11 * BATCH + lane] = t2
        reals[3 * BATCH + lane], reals[4 * BATCH + lane], reals[5 * BATCH + lane] = r0, r1, r2


@inner
def sort_kinds(count, integers, found, singles, blocks, others):
    """List the lanes of each kind (covered ones of SINGLE); returns the three counts."""
    n_single, n_block, n_other = uint32(0), uint32(0), uint32(0)
    for lane in range(uint32(count)):
        kind = integers[7 * BATCH + lane]
        singles[n_single] = lane
        n_single += uint32(1) if (kind == SINGLE) & (found[lane] != 0) else uint32(0)
        blocks[n_block] = lane
        n_block += uint32(1) if kind == BLOCK else uint32(0)
        others[n_other] = lane
        n_other += uint32(1) if kind == OTHER else uint32(0)
    return n_single, n_block, n_other


@inner
def insert_singles(count, singles, integers, found, layers, keys):
    for j in range(uint32(count)):
        lane = singles[j]
        insert(keys, layers, uint32(integers[6 * BATCH + lane]), found[lane])


@inner
def cover_blocks(count, blocks, integers, masks):
    """Test 16 centres at once: bit 4 dy + dx of masks[j] says whether blocks[j] covers it. Drops the empty ones."""
    kept = uint32(0)
    for j in range(uint32(count)):
        lane = blocks[j]
        at = uint32(_EDGE + lane)
        e0, e1, e2 = integers[at], integers[at + BATCH], integers[at + 2 * BATCH]
        a0, a1, a2 = integers[at + 3 * BATCH], integers[at + 4 * BATCH], integers[at + 5 * BATCH]
        b0, b1, b2 = integers[at + 6 * BATCH], integers[at + 7 * BATCH], integers[at + 8 * BATCH]
        mask = uint32(0)
        for k in range(uint32(16)):
            dx, dy = _I(k & uint32(3)), _I(k >> uint32(2))
            g0, g1, g2 = _I(e0 + dx * a0 + dy * b0), _I(e1 + dx * a1 + dy * b1), _I(e2 + dx * a2 + dy * b2)
            mask |= (uint32(1) if _I(g0 | g1 | g2) >= 0 else uint32(0)) << k
        blocks[kept] = lane
        masks[kept] = mask
        kept += uint32(1) if mask != 0 else uint32(0)
    return kept


@inner
def insert_blocks(count, blocks, masks, survivors, first, width, integers, reals, layers, keys):
    """Insert every set bit, one a turn: moving on to the next triangle is a selection, not a branch."""
    if count == 0:
        return
    j, mask = uint32(0), masks[0]
    masks[count] = 1
    while j < count:
        lane = blocks[j]
        at = uint32(_EDGE + lane)
        k = _I(trailing_zeros(mask))  # pyright: ignore[reportCallIssue]
        dx, dy = _I(k & 3), _I(k >> 2)
        g0 = _I(integers[at] + dx * integers[at + 3 * BATCH] + dy * integers[at + 6 * BATCH] + integers[at + 9 * BATCH])
        g1 = _I(
            integers[at + BATCH] + dx * integers[at + 4 * BATCH] + dy * integers[at + 7 * BATCH]
            + integers[at + 10 * BATCH]
        )  # fmt: skip
        g2 = _I(
            integers[at + 2 * BATCH] + dx * integers[at + 5 * BATCH] + dy * integers[at + 8 * BATCH]
            + integers[at + 11 * BATCH]
        )  # fmt: skip
        r0, r1, r2 = reals[3 * BATCH + lane], reals[4 * BATCH + lane], reals[5 * BATCH + lane]
        q = (np.float32(g0) * r0 + np.float32(g1) * r1) + np.float32(g2) * r2
        key = (np.int64(np.float32(q).view(np.int32)) << _I32) | (_ALL - np.int64(survivors[uint32(first + lane)]))
        insert(keys, layers, uint32(integers[6 * BATCH + lane] + dy * width + dx), key)
        mask = uint32(mask & uint32(mask - uint32(1)))
        j = uint32(j + uint32(mask == 0))
        mask = mask if mask != 0 else masks[j]
