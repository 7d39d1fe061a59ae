"""The slow twin of the sampler: NumPy, one triangle at a time over all pixels; ids agree with the fast one exactly.

Convention: see fixed_point.py. The arithmetic that decides who covers a pixel and who is nearer is spelt out here and
repeated operation by operation in the fast kernels:

1. project: float32, ((m0 x + m1 y) + m2 z) + m3 for each row, rows 0 and 1 in sub-pixels; 1/w; round half to even.
2. a triangle with a vertex in front of the near plane or beyond the guard band is clipped in float64 (`clip_polygon`),
   always from the vertex inside to the one outside, so that neighbours cut a shared edge at the same point; its pieces
   are a fan and keep the id.
3. coverage: integer edge functions, top-left rule.
4. order: float32 q = (f0 r0 + f1 r1) + f2 r2 with r_i = (1/w_i) (1 / |area|), larger q first, then the smaller id.
"""

from __future__ import annotations

import numpy as np

from kernels.raster.fixed_point import GUARD, HALF, ONE
from kernels.types import Fragments

SLIVER = -1.0 / 64.0
"""Barycentrics below this come from the snapped triangle: a sliver thinner than the snapping step extrapolates."""


def project(vertices: np.ndarray, pixel_matrix: np.ndarray) -> np.ndarray:
    """Vertices (n, 3) -> (n, 3) float32 homogeneous sub-pixel coordinates (x w, y w, w)."""
    m = (np.asarray(pixel_matrix, np.float64) * np.array([[ONE], [ONE], [1]])).astype(np.float32)
    x, y, z = np.asarray(vertices, np.float32).T
    return np.stack([((row[0] * x + row[1] * y) + row[2] * z) + row[3] for row in m], axis=-1)


def clip_polygon(polygon: list[tuple[np.ndarray, int]], near: float) -> list[tuple[np.ndarray, int]]:
    """Sutherland-Hodgman in float64 against w >= near and the guard band; corners are (homogeneous, corner or -1)."""
    planes = ((0.0, 0.0, 1.0, -near), (1, 0, GUARD, 0), (-1, 0, GUARD, 0), (0, 1, GUARD, 0), (0, -1, GUARD, 0))
    for plane in planes:
        distance = [p[0] * plane[0] + p[1] * plane[1] + p[2] * plane[2] + plane[3] for p, _ in polygon]
        clipped = []
        for i, (corner, d) in enumerate(zip(polygon, distance)):
            j = (i + 1) % len(polygon)
            if d >= 0:
                clipped.append(corner)
            if (d >= 0) != (distance[j] >= 0):
                (a, da), (b, db) = sorted(((corner[0], d), (polygon[j][0], distance[j])), key=lambda end: end[1] < 0)
                clipped.append((a + da / (da - db) * (b - a), -1))
        polygon = clipped
    return polygon


def snapped_pieces(homogeneous: np.ndarray, near: float) -> list[np.ndarray]:
    """One triangle (3, 3) float32 -> its pieces, each (3, 3) float64: snapped x, y and float32 1/w."""
    if not np.isfinite(homogeneous).all():
        return []
    near32 = np.float32(near)
    corners = np.zeros((3, 3))
    inside = np.zeros(3, bool)
    for i, (x, y, w) in enumerate(homogeneous):
        if w >= near32:
            inverse = np.float32(1) / w
            sx, sy = x * inverse, y * inverse
            inside[i] = abs(sx) <= GUARD and abs(sy) <= GUARD
            corners[i] = np.rint(sx), np.rint(sy), inverse
    if inside.all():
        return [corners]
    polygon = clip_polygon([(p.astype(np.float64), i) for i, p in enumerate(homogeneous)], float(near32))
    snapped = []
    for (x, y, w), i in polygon:
        if i >= 0 and inside[i]:
            snapped.append(corners[i])
        else:
            x, y = (min(max(np.rint(value / w), -GUARD), GUARD) for value in (x, y))
            snapped.append(np.array([x, y, np.float32(1.0 / w)]))
    return [np.stack([snapped[0], snapped[i], snapped[i + 1]]) for i in range(1, len(snapped) - 1)]


def cover(piece: np.ndarray, width: int, height: int, cull_back_faces: bool) -> np.ndarray:
    """Sort key q (height, width) float32 of one snapped piece, 0 where it does not cover the pixel."""
    x, y = piece[:, 0].astype(np.int64), piece[:, 1].astype(np.int64)
    q = piece[:, 2].astype(np.float32)
    area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    if area == 0 or (cull_back_faces and area > 0):  # y is down: counter-clockwise to the eye is negative
        return np.zeros((height, width), np.float32)
    sign = 1 if area > 0 else -1
    cx = np.arange(width, dtype=np.int64)[None, :] * ONE + HALF
    cy = np.arange(height, dtype=np.int64)[:, None] * ONE + HALF
    inside = np.ones((height, width), bool)
    value = np.zeros((height, width), np.float32)
    scale = np.float32(1) / np.float32(abs(area))
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        a, b = sign * (y[j] - y[k]), sign * (x[k] - x[j])
        edge = a * (cx - x[j]) + b * (cy - y[j])
        inside &= (edge > 0) | ((edge == 0) & (a > 0 or (a == 0 and b > 0)))
        value = value + edge.astype(np.float32) * (q[i] * scale)
    return np.where(inside, value, np.float32(0))


def rasterize_reference(
    vertices: np.ndarray,
    faces: np.ndarray,
    pixel_matrix: np.ndarray,
    width: int,
    height: int,
    layers: int,
    near: float = 0.05,
    cull_back_faces: bool = False,
) -> Fragments:
    """What the sampler must return, slowly. Arguments as `kernels.raster.sampler.Rasterizer`."""
    homogeneous = project(vertices, pixel_matrix)
    candidates: list[list[tuple[float, int]]] = [[] for _ in range(width * height)]
    for face, corners in enumerate(np.asarray(faces)):
        pieces = snapped_pieces(homogeneous[corners], near)
        if not pieces:
            continue
        key = np.max([cover(piece, width, height, cull_back_faces) for piece in pieces], axis=0).ravel()
        for pixel in np.flatnonzero(key):
            candidates[pixel].append((-float(key[pixel]), face))
    fragments = Fragments(
        np.full((layers, height, width), -1, np.int32),
        np.zeros((layers, 3, height, width), np.int32),
        np.zeros((layers, 3, height, width), np.float32),
        np.zeros((layers, 3, height, width), np.float32),
        np.zeros((layers, height, width), np.float32),
        np.zeros((2, height, width), np.float32),
    )
    for pixel, found in enumerate(candidates):
        row, column = divmod(pixel, width)
        for layer, (_, face) in enumerate(sorted(found)[:layers]):
            fragments.face_id[layer, row, column] = face
            _resolve(fragments, layer, row, column, vertices, faces[face], pixel_matrix, homogeneous[faces[face]], near)
    return fragments


def _resolve(fragments, layer, row, column, vertices, corners, pixel_matrix, homogeneous, near) -> None:
    """Barycentrics, position, 1/w and slope of one fragment, float64: 1/w is affine on the screen, a x + b y + c."""
    points = np.asarray(vertices, np.float64)[corners]
    clip = points @ np.asarray(pixel_matrix, np.float64)[:, :3].T + np.asarray(pixel_matrix, np.float64)[:, 3]
    relative = clip - clip[:, 2:] * np.array([column + 0.5, row + 0.5, 0.0])
    cofactors = np.array([np.linalg.det(np.delete(relative[:, :2], i, 0)) * (-1) ** i for i in range(3)])
    with np.errstate(all="ignore"):
        bary = cofactors / cofactors.sum()
        plane = np.cross(np.roll(relative, -1, 0), np.roll(relative, -2, 0)).sum(0) / (cofactors @ clip[:, 2])
    if not (bary.min() >= SLIVER):
        bary = _sliver_bary(homogeneous, bary, row, column, near)
    fragments.corners[layer, :, row, column] = corners
    fragments.bary[layer, :, row, column] = bary
    fragments.position[layer, :, row, column] = bary @ points
    fragments.inverse_depth[layer, row, column] = 1.0 / max(bary @ clip[:, 2], near)
    if layer == 0 and np.isfinite(plane).all():
        fragments.slope[:, row, column] = plane[:2]


def _sliver_bary(homogeneous, bary, row, column, near) -> np.ndarray:
    """Barycentrics in [0, 1] of a triangle thinner than the snapping step: from its snapped corners, else clamped."""
    screen = homogeneous[:, :2] / homogeneous[:, 2:]
    if (homogeneous[:, 2] >= np.float32(near)).all() and (np.abs(screen) <= GUARD).all():
        x, y, inverse = snapped_pieces(homogeneous, near)[0].T
        x, y = x - (column * ONE + HALF), y - (row * ONE + HALF)
        weights = np.array([x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]]) * inverse
        if weights.sum() != 0:
            return weights / weights.sum()
    weights = np.maximum(np.nan_to_num(bary, posinf=0.0, neginf=0.0), 0.0)
    return weights / weights.sum() if weights.sum() > 0 else np.full(3, 1.0 / 3.0)
