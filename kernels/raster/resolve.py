"""From the workers' key buffers to fragments: merge, clear, and perspective-correct attributes.

Convention: with p = x w, q = y w taken relative to the pixel centre, barycentrics are the 2x2 cofactors of the three
rows (p, q, w), normalised (Olano and Greer 1997): no division by a corner's w, so corners behind the camera are fine.

Pixels are taken in blocks of `LANES`: gather, compute (vectorised: the lanes of one flat scratch lie a constant distance
apart, so that the compiler sees they do not overlap), copy out plane by plane. Writing all planes a pixel at a time is
three times as slow: they lie a multiple of 4 KiB apart and fight for cache lines.
"""

from __future__ import annotations

import numpy as np
from numba import uint32

from kernels.jit import inner, kernel
from kernels.raster.fixed_point import HALF, ONE
from kernels.raster.reference import SLIVER

LANES = 64
_EMPTY = np.int64(0)
_ALL = np.int64(0xFFFFFFFF)
_I32 = np.int64(32)
_SLIVER = SLIVER


@inner
def merge_row(keys, start, stop):
    """Merge pixels start..stop of keys (workers, layers, pixels) into worker 0's buffer and clear the others'."""
    workers, layers = keys.shape[0], keys.shape[1]
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


@inner
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


@inner
def gather(faces, vertices, keys, pixel, count, ids, points):
    """Face and corner ids (4 x LANES) and corner positions (9 x LANES) of pixels pixel..pixel + count; clears keys.

    Returns how many are covered. One loop for each step of the chain key, face, corners: more of the loads, which miss
    the cache, are then under way at once.
    """
    found = 0
    for lane in range(uint32(count)):
        key = keys[uint32(pixel + lane)]
        keys[uint32(pixel + lane)] = _EMPTY
        ids[lane] = _ALL - (key & _ALL) if key != _EMPTY else np.int64(-1)
        found += key != _EMPTY
    if found == 0:
        return found
    for lane in range(uint32(count)):
        face = uint32(ids[lane])
        if ids[lane] >= 0:
            ids[LANES + lane] = faces[face, 0]
            ids[2 * LANES + lane] = faces[face, 1]
            ids[3 * LANES + lane] = faces[face, 2]
        else:
            ids[LANES + lane] = 0
            ids[2 * LANES + lane] = 0
            ids[3 * LANES + lane] = 0
    for i in range(3):
        for lane in range(uint32(count)):
            vertex = uint32(ids[(1 + i) * LANES + lane])
            points[(3 * i + 0) * LANES + lane] = vertices[vertex, 0]
            points[(3 * i + 1) * LANES + lane] = vertices[vertex, 1]
            points[(3 * i + 2) * LANES + lane] = vertices[vertex, 2]
    return found


@inner
def compute(matrix, near, column, row, ids, points, reals):
    """reals (9 x LANES): bary, position, 1/w, slope of 1/w, 0 where not covered; pixels from `column`; float64 inside.

    Returns whether a lane needs `mend_slivers`.
    """
    cy, most, bad = row + 0.5, 1.0 / near, 0
    m00, m01, m02, m03 = matrix[0, 0], matrix[0, 1], matrix[0, 2], matrix[0, 3]
    m10, m11, m12, m13 = matrix[1, 0], matrix[1, 1], matrix[1, 2], matrix[1, 3]
    m20, m21, m22, m23 = matrix[2, 0], matrix[2, 1], matrix[2, 2], matrix[2, 3]
    for lane in range(uint32(LANES)):
        cx = column + lane + 0.5
        seen = ids[lane] >= 0
        x0, y0, z0 = points[lane], points[LANES + lane], points[2 * LANES + lane]
        x1, y1, z1 = points[3 * LANES + lane], points[4 * LANES + lane], points[5 * LANES + lane]
        x2, y2, z2 = points[6 * LANES + lane], points[7 * LANES + lane], points[8 * LANES + lane]
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
        # 1/w = sx x + sy y + c solves the three rows (p, q, w) . (sx, sy, c) = 1: Cramer's rule.
        scale = 1.0 / (w0 * c0 + w1 * c1 + w2 * c2)
        sx = ((q1 * w2 - q2 * w1) + (q2 * w0 - q0 * w2) + (q0 * w1 - q1 * w0)) * scale
        sy = ((w1 * p2 - w2 * p1) + (w2 * p0 - w0 * p2) + (w0 * p1 - w1 * p0)) * scale
        area = c0 + c1 + c2
        total, inverse = 1.0 / area, area * scale
        c0, c1, c2 = c0 * total, c1 * total, c2 * total
        bad |= seen & (not ((c0 >= _SLIVER) & (c1 >= _SLIVER) & (c2 >= _SLIVER)))
        inverse = inverse if (inverse > 0.0) & (inverse < most) else most
        finite = seen & (abs(sx) + abs(sy) < np.inf)
        reals[lane] = c0 if seen else 0.0
        reals[LANES + lane] = c1 if seen else 0.0
        reals[2 * LANES + lane] = c2 if seen else 0.0
        reals[3 * LANES + lane] = c0 * x0 + c1 * x1 + c2 * x2 if seen else 0.0
        reals[4 * LANES + lane] = c0 * y0 + c1 * y1 + c2 * y2 if seen else 0.0
        reals[5 * LANES + lane] = c0 * z0 + c1 * z1 + c2 * z2 if seen else 0.0
        reals[6 * LANES + lane] = inverse if seen else 0.0
        reals[7 * LANES + lane] = sx if finite else 0.0
        reals[8 * LANES + lane] = sy if finite else 0.0
    return bad != 0


@inner
def mend_slivers(matrix, near, screen, inverse, column, row, count, ids, points, reals):
    """Recompute the lanes whose barycentrics extrapolate (or are not finite)."""
    for lane in range(uint32(count)):
        c0, c1, c2 = reals[lane], reals[LANES + lane], reals[2 * LANES + lane]
        if ids[lane] < 0 or (c0 >= _SLIVER and c1 >= _SLIVER and c2 >= _SLIVER):
            continue
        i0, i1, i2 = ids[LANES + lane], ids[2 * LANES + lane], ids[3 * LANES + lane]
        b0, b1, b2 = sliver_bary(i0, i1, i2, screen, inverse, column + lane, row, c0, c1, c2)
        reals[lane], reals[LANES + lane], reals[2 * LANES + lane] = b0, b1, b2
        depth = matrix[2, 3]
        for i in range(3):
            x = (
                b0 * points[i * LANES + lane]
                + b1 * points[(3 + i) * LANES + lane]
                + b2 * points[(6 + i) * LANES + lane]
            )
            reals[(3 + i) * LANES + lane] = x
            depth += matrix[2, i] * x
        reals[6 * LANES + lane] = 1.0 / max(depth, near)


@inner
def copy_out(source, lane, plane, row, column, count):
    """Lanes from `lane` on to a run of pixels of one row of a plane."""
    for i in range(uint32(count)):
        plane[row, uint32(column + i)] = source[uint32(lane + i)]


@inner
def copy_keys(keys, start, face_id, inverse_depth):
    """A row of keys to face ids and to 1/w as it was compared, and clear them; key 0 gives -1 and 0."""
    for column in range(uint32(len(face_id))):
        key = keys[uint32(start + column)]
        keys[uint32(start + column)] = _EMPTY
        face_id[column] = np.int32(~key)
        inverse_depth[column] = np.int32(key >> _I32).view(np.float32)


@kernel
def resolve_rows(
    faces, vertices, matrix, near, screen, inverse, keys, with_corners, with_positions, with_slopes,
    face_id, corners, bary, position, inverse_depth, slope, first_row, last_row,
):  # fmt: skip
    """Merge and clear rows first_row..last_row of keys and write their fragments; matrix (3, 4) float64, in pixels."""
    layers, _, width = face_id.shape
    ids, reals = np.zeros(4 * LANES, np.int32), np.zeros(9 * LANES, np.float32)
    points = np.zeros(9 * LANES, np.float64)
    for row in range(first_row, last_row):
        base = row * width
        merge_row(keys, base, base + width)
        for layer in range(layers):
            sloping = with_slopes and layer == 0
            if not (with_corners or with_positions or sloping):
                copy_keys(keys[0, layer], base, face_id[layer, row], inverse_depth[layer, row])
                continue
            for column in range(0, width, LANES):
                count = min(LANES, width - column)
                if gather(faces, vertices, keys[0, layer], base + column, count, ids, points) == 0:
                    ids[LANES:] = 0
                    reals[:] = 0
                elif compute(matrix, near, column, row, ids, points, reals):
                    mend_slivers(matrix, near, screen, inverse, column, row, count, ids, points, reals)
                copy_out(ids, 0, face_id[layer], row, column, count)
                copy_out(reals, 6 * LANES, inverse_depth[layer], row, column, count)
                for i in range(3):
                    if with_positions:
                        copy_out(reals, (3 + i) * LANES, position[layer, i], row, column, count)
                    if with_corners:
                        copy_out(reals, i * LANES, bary[layer, i], row, column, count)
                        copy_out(ids, (1 + i) * LANES, corners[layer, i], row, column, count)
                if sloping:
                    copy_out(reals, 7 * LANES, slope[0], row, column, count)
                    copy_out(reals, 8 * LANES, slope[1], row, column, count)
