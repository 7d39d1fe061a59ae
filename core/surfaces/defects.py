"""What is wrong with a triangle mesh as it stands in a fit, as ids to mark: the places that core/surfaces/health.py counts,
and those that make every edge a silhouette (duplicate vertices, open and crowded edges).

Vertices (n, 3) in any unit, faces (m, 3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from core.io.topology import degenerate_faces, find_edges, merge_equal
from core.metrics import flipped_faces
from kernels.mesh_intersections import self_intersections


@dataclass(frozen=True)
class Defect:
    """One kind of defect. kind: what `ids` are: "face" (k,), "edge" vertex pairs (k, 2), "vertex" (k,)."""

    title: str
    kind: str
    ids: np.ndarray


def find_defects(vertices: np.ndarray, faces: np.ndarray) -> Iterator[Defect]:
    """Defects of one kind after the other."""
    points = np.asarray(vertices, np.float64)
    yield Defect("Flipped triangles", "face", np.flatnonzero(flipped_faces(points, faces)))
    yield Defect("Degenerate triangles", "face", np.flatnonzero(degenerate_faces(points, faces)))
    yield Defect("Crossing triangles", "face", np.flatnonzero(self_intersections(vertices, faces)))
    first, place = merge_equal(points)
    copies = np.flatnonzero(np.bincount(place, minlength=len(first))[place] > 1)
    yield Defect("Duplicate vertices", "vertex", copies)
    edges = find_edges(faces)
    for title, wrong in (("Open edges", edges.count == 1), ("Edges of three and more", edges.count > 2)):
        yield Defect(title, "edge", _edge_vertices(faces, edges.start[wrong]))


def _edge_vertices(faces: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Vertex pairs (k, 2) of rows of find_edges' order, which sorts by lower and higher vertex."""
    tail, head = faces.reshape(-1).astype(np.int64), np.roll(faces, -1, axis=1).reshape(-1).astype(np.int64)
    key = np.minimum(tail, head) * (int(faces.max(initial=0)) + 1) + np.maximum(tail, head)
    chosen = np.argsort(key, kind="stable")[rows]
    return np.stack([tail[chosen], head[chosen]], axis=1)
