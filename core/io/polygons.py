"""Cutting polygons into triangles that cover them and nothing else: convex ones as fans, others by ear cutting.

Polygons come flat: `counts` corners each, their vertex indices one after the other in `corners`.
"""

from __future__ import annotations

import mapbox_earcut
import numpy as np


def triangulate(counts: np.ndarray, corners: np.ndarray, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Polygons (every count at least 3) -> triangles, in the order of the polygons.

    counts: (p,) ints. corners: (sum of counts,) vertex indices. positions: (n, 3) float64.
    Returns triangles (m, 3) int64 as places in `corners` (so that corner attributes can follow), and owner (m,)
    int64, the polygon of each. The winding of the polygon is kept.
    """
    counts = np.asarray(counts, dtype=np.int64)
    starts = np.cumsum(counts) - counts
    if np.all(counts == 3):
        return np.arange(3 * len(counts), dtype=np.int64).reshape(-1, 3), np.arange(len(counts), dtype=np.int64)
    pieces, owners = [], []
    triangles = np.flatnonzero(counts == 3)
    pieces.append(starts[triangles, None] + np.arange(3))
    owners.append(triangles)
    quads = np.flatnonzero(counts == 4)
    if len(quads):
        pieces.append(_cut_quads(starts[quads], corners, positions))
        owners.append(np.repeat(quads, 2))
    for polygon in np.flatnonzero(counts > 4):
        start, count = starts[polygon], counts[polygon]
        local = _cut_polygon(positions[corners[start : start + count]])
        pieces.append(start + local)
        owners.append(np.full(len(local), polygon))
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    return np.concatenate(pieces)[order].astype(np.int64), owner[order].astype(np.int64)


def _cut_quads(starts: np.ndarray, corners: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Two triangles a quad: the diagonal 0-2, except where only 1-3 lies inside (an arrowhead)."""
    places = starts[:, None] + np.arange(4)
    a, b, c, d = (positions[corners[places[:, i]]] for i in range(4))
    normal = np.cross(c - a, d - b)  # Newell's normal of a quad
    inside = (_dot(np.cross(b - a, c - a), normal) >= 0) & (_dot(np.cross(c - a, d - a), normal) >= 0)
    other = (_dot(np.cross(c - b, d - b), normal) >= 0) & (_dot(np.cross(d - b, a - b), normal) >= 0)
    first, second = np.array([[0, 1, 2], [0, 2, 3]]), np.array([[1, 2, 3], [1, 3, 0]])
    local = np.where((~inside & other)[:, None, None], second, first)
    return np.take_along_axis(places[:, None, :], local, axis=2).reshape(-1, 3)


def _cut_polygon(points: np.ndarray) -> np.ndarray:
    """One polygon (k, 3), k > 4 -> triangles (k - 2 or fewer, 3), places in the polygon."""
    count = len(points)
    fan = np.stack([np.zeros(count - 2, int), np.arange(1, count - 1), np.arange(2, count)], axis=1)
    points = points - points.mean(axis=0)
    following = np.roll(points, -1, axis=0)
    normal = np.cross(points, following).sum(axis=0)  # Newell: twice the vector area
    length = np.linalg.norm(normal)
    if not length > 0:
        return fan  # no area: its triangles will be dropped as degenerate
    normal = normal / length
    along = following[np.argmax(_dot(following - points, following - points))] - points.mean(axis=0)
    along = along - (along @ normal) * normal
    if not np.linalg.norm(along) > 0:
        return fan
    along = along / np.linalg.norm(along)
    flat = np.stack([points @ along, points @ np.cross(normal, along)], axis=1)
    edges = np.roll(flat, -1, axis=0) - flat
    if np.all(_turn(edges, np.roll(edges, -1, axis=0)) >= 0) and _turns_once(edges):
        return fan
    cut = mapbox_earcut.triangulate_float64(flat, np.array([count], np.uint32)).reshape(-1, 3).astype(int)
    if not len(cut):
        return fan
    backwards = _turn(flat[cut[:, 1]] - flat[cut[:, 0]], flat[cut[:, 2]] - flat[cut[:, 0]]) < 0
    cut[backwards] = cut[backwards][:, ::-1]
    return cut


def _turns_once(edges: np.ndarray) -> bool:
    """Whether the edges of a polygon that only turns left go round once (a pentagram goes round twice)."""
    angles = np.arctan2(edges[:, 1], edges[:, 0])
    turned = np.mod(np.roll(angles, -1) - angles, 2 * np.pi).sum()
    return bool(turned < 3 * np.pi)


def _turn(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("ij,ij->i", a, b)
