"""What is wrong with a triangle mesh as it stands in a fit: flipped, degenerate and crossing triangles, duplicate
vertices, open and crowded edges. Each as a count and as the ids to mark.

Vertices (n, 3) in any unit, faces (m, 3). NumPy alone; a mesh of 20,000 triangles takes about a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from core.io.topology import degenerate_faces, find_edges, merge_equal
from core.metrics import flipped_faces

MOST_CROSSED = 120_000
"""Triangles above which crossings are not looked for: it would take tens of seconds."""

CHUNK = 200_000
"""Pairs of triangles that are tested at once: 100 MB."""

CELL = 1.5
"""Side of a search cell in mean edge lengths: smaller ones list a triangle often, larger ones hold too many."""


@dataclass(frozen=True)
class Finding:
    """One kind of defect. kind: what `ids` are: "face" (k,), "edge" vertex pairs (k, 2), "vertex" (k,)."""

    title: str
    kind: str
    ids: np.ndarray


def find_defects(vertices: np.ndarray, faces: np.ndarray) -> Iterator[Finding | None]:
    """Findings one after the other, None between slices of longer work."""
    points = np.asarray(vertices, np.float64)
    yield Finding("Flipped triangles", "face", np.flatnonzero(flipped_faces(points, faces)))
    yield Finding("Degenerate triangles", "face", np.flatnonzero(degenerate_faces(points, faces)))
    if len(faces) <= MOST_CROSSED:
        crossed = np.zeros(len(faces), bool)
        for pairs in _chunks(candidate_pairs(points, faces)):
            hit = crossing(points[faces[pairs[:, 0]]], points[faces[pairs[:, 1]]])
            crossed[pairs[hit].ravel()] = True
            yield None
        yield Finding("Crossing triangles", "face", np.flatnonzero(crossed))
    first, place = merge_equal(points)
    copies = np.flatnonzero(np.bincount(place, minlength=len(first))[place] > 1)
    yield Finding("Duplicate vertices", "vertex", copies)
    edges = find_edges(faces)
    for title, wrong in (("Open edges", edges.count == 1), ("Edges of three and more", edges.count > 2)):
        yield Finding(title, "edge", _edge_vertices(faces, edges.start[wrong]))


def _edge_vertices(faces: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Vertex pairs (k, 2) of rows of find_edges' order, which sorts by lower and higher vertex."""
    tail, head = faces.reshape(-1).astype(np.int64), np.roll(faces, -1, axis=1).reshape(-1).astype(np.int64)
    key = np.minimum(tail, head) * (int(faces.max(initial=0)) + 1) + np.maximum(tail, head)
    chosen = np.argsort(key, kind="stable")[rows]
    return np.stack([tail[chosen], head[chosen]], axis=1)


def _chunks(pairs: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(pairs), CHUNK):
        yield pairs[start : start + CHUNK]


def candidate_pairs(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Pairs of triangles (p, 2) that share no vertex and whose boxes overlap."""
    corners = points[faces]
    low, high = corners.min(axis=1), corners.max(axis=1)
    side = CELL * max(float(np.linalg.norm(corners[:, 0] - corners[:, 1], axis=1).mean()), 1e-12)
    first, last = np.floor(low / side).astype(np.int64), np.floor(high / side).astype(np.int64)
    spans = np.minimum(last - first + 1, 64)
    listed = spans.prod(axis=1)
    face = np.repeat(np.arange(len(faces)), listed)
    offset = np.arange(len(face)) - np.repeat(np.cumsum(listed) - listed, listed)
    span = spans[face]
    cell = first[face] + np.stack(
        [offset % span[:, 0], offset // span[:, 0] % span[:, 1], offset // (span[:, 0] * span[:, 1])], axis=1
    )
    key = (cell[:, 0] * 73856093) ^ (cell[:, 1] * 19349663) ^ (cell[:, 2] * 83492791)  # Teschner et al. 2003
    order = np.argsort(key, kind="stable")
    face, key = face[order], key[order]
    pairs = []
    for step in range(1, len(face)):
        same = key[step:] == key[:-step]
        if not same.any():
            break
        pairs.append(np.stack([face[:-step][same], face[step:][same]], axis=1))
    if not pairs:
        return np.zeros((0, 2), np.int64)
    found = np.sort(np.concatenate(pairs), axis=1)
    found = np.unique(found[found[:, 0] != found[:, 1]], axis=0)
    a, b = found.T
    apart = (low[a] > high[b]).any(axis=1) | (low[b] > high[a]).any(axis=1)
    shared = (faces[a][:, :, None] == faces[b][:, None, :]).any(axis=(1, 2))
    touching = (points[faces[a]][:, :, None] == points[faces[b]][:, None]).all(axis=-1).any(axis=(1, 2))
    return found[~(apart | shared | touching)]


def crossing(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Whether triangles (p, 3, 3) cross: an edge of either passes through the other (Moeller and Trumbore 1997).

    Triangles in one plane are not counted as crossing.
    """
    hit = np.zeros(len(first), bool)
    for edges, triangle in ((first, second), (second, first)):
        for k in range(3):
            hit |= _passes(edges[:, k], edges[:, (k + 1) % 3], triangle)
    return hit


def _passes(start: np.ndarray, end: np.ndarray, triangle: np.ndarray) -> np.ndarray:
    """Whether each segment goes through its triangle."""
    direction = end - start
    a, b, c = (triangle[:, i] for i in range(3))
    u, v = b - a, c - a
    normal = np.cross(direction, v)
    determinant = np.einsum("ij,ij->i", u, normal)
    size = np.linalg.norm(u, axis=1) * np.linalg.norm(v, axis=1) * np.linalg.norm(direction, axis=1)
    tilted = np.abs(determinant) > 1e-12 * size
    inverse = 1.0 / np.where(tilted, determinant, 1.0)
    offset = start - a
    s = np.einsum("ij,ij->i", offset, normal) * inverse
    across = np.cross(offset, u)
    t = np.einsum("ij,ij->i", direction, across) * inverse
    along = np.einsum("ij,ij->i", v, across) * inverse
    return tilted & (s >= 0) & (t >= 0) & (s + t <= 1) & (along >= 0) & (along <= 1)
