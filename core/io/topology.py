"""How the triangles of a mesh hang together: equal positions, edges, parts, winding.

An edge is open with one face, non-manifold with more than two. All functions are NumPy on whole arrays; a mesh of
300,000 triangles takes a fraction of a second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def merge_equal(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Join equal rows of (n, 3) float64: indices of the first of each (k,), in order, and place of each row (n,)."""
    bits = np.ascontiguousarray(positions + 0.0).view(np.uint64)  # + 0.0: -0 and 0 are the same place
    mixed = bits[:, 0] * np.uint64(0x9E3779B97F4A7C15)
    for column in (1, 2):  # a multiplicative hash, Knuth; collisions are looked for below
        mixed = (mixed ^ (mixed >> np.uint64(29)) ^ bits[:, column]) * np.uint64(0xBF58476D1CE4E5B9)
    _, first, place = np.unique(mixed, return_index=True, return_inverse=True)
    if not np.array_equal(bits[first[place]], bits):
        _, first, place = np.unique(bits, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[place.reshape(-1)]


@dataclass(frozen=True)
class Edges:
    """The edges of a mesh, one row a face corner, sorted so that equal edges are neighbours.

    face: (3 m,) face of each row. forward: (3 m,) whether the face runs from the lower vertex to the higher.
    start: (e,) first row of each edge. count: (e,) faces at it.
    """

    face: np.ndarray
    forward: np.ndarray
    start: np.ndarray
    count: np.ndarray

    @property
    def open(self) -> int:
        return int((self.count == 1).sum())

    @property
    def nonmanifold(self) -> int:
        return int((self.count > 2).sum())

    def pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Faces (a, b) at each edge with exactly two, and whether they are wound against each other."""
        row = self.start[self.count == 2]
        return self.face[row], self.face[row + 1], self.forward[row] == self.forward[row + 1]


def find_edges(faces: np.ndarray) -> Edges:
    """faces: (m, 3) ints."""
    tail = faces.astype(np.int64).reshape(-1)
    head = np.roll(faces, -1, axis=1).astype(np.int64).reshape(-1)
    key = np.minimum(tail, head) * (int(faces.max(initial=0)) + 1) + np.maximum(tail, head)
    order = np.argsort(key, kind="stable")
    key = key[order]
    start = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    count = np.diff(np.concatenate([start, [len(key)]]))
    return Edges(order // 3, (tail < head)[order], start, count)


def undirected_edges(faces: np.ndarray, vertex_count: int) -> tuple[np.ndarray, np.ndarray]:
    """Edges (e, 2) int32, each once and lower vertex first, and the edge of each corner (m, 3): corner k's runs to the next."""
    after = np.roll(faces, -1, axis=1)
    low, high = np.minimum(faces, after).astype(np.int64), np.maximum(faces, after).astype(np.int64)
    keys, edge_of = np.unique(low * vertex_count + high, return_inverse=True)
    edges = np.stack([keys // vertex_count, keys % vertex_count], axis=1).astype(np.int32)
    return edges, edge_of.reshape(faces.shape)


def find_parts(faces: np.ndarray, vertex_count: int) -> tuple[int, np.ndarray]:
    """Number of parts (faces that share vertices hang together) and the part of each face (m,)."""
    a = faces[:, [0, 1]].reshape(-1)
    b = faces[:, [1, 2]].reshape(-1)
    label = _components(a, b, vertex_count)
    used, part = np.unique(label[faces[:, 0]], return_inverse=True)
    return len(used), part.reshape(-1)


def faces_to_turn(edges: Edges, face_count: int) -> tuple[np.ndarray, bool]:
    """The fewest faces to turn so that neighbours are wound alike: (m,) bool, and whether that is possible at all.

    Each face gets two nodes, as it is and turned; an edge joins the nodes that agree across it. The surface is
    orientable where no face hangs together with its own turned self (a Moebius strip does).
    """
    a, b, against = edges.pairs()
    if not against.any():
        return np.zeros(face_count, bool), True
    b_for_a, b_for_turned = b + face_count * against, b + face_count * ~against
    label = _components(np.concatenate([a, a + face_count]), np.concatenate([b_for_a, b_for_turned]), 2 * face_count)
    kept, turned = label[:face_count], label[face_count:]
    sizes = np.bincount(kept, minlength=label.max() + 1)  # faces left alone in each consistent choice
    turn = (sizes[turned] > sizes[kept]) | ((sizes[turned] == sizes[kept]) & (turned < kept))
    orientable = kept != turned
    return turn & orientable, bool(orientable.all())


def signed_volumes(vertices: np.ndarray, faces: np.ndarray, part: np.ndarray, parts: int) -> np.ndarray:
    """Signed volume of each part (positive where closed and wound outwards), in the cube of the vertices' unit."""
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    return np.bincount(part, np.einsum("ij,ij->i", a, np.cross(b, c)) / 6, minlength=parts)


def inside_out_parts(vertices: np.ndarray, faces: np.ndarray, edges: Edges, part: np.ndarray, parts: int) -> np.ndarray:
    """(parts,) bool: closed parts with negative volume that are no cavity (not within the box of a larger part)."""
    closed = np.ones(parts, bool)
    single = edges.start[edges.count != 2]
    closed[part[edges.face[single]]] = False
    volume = signed_volumes(vertices, faces, part, parts)
    wrong = closed & (volume < 0)
    if not wrong.any() or parts == 1:
        return wrong
    low = np.full((parts, 3), np.inf)
    high = np.full((parts, 3), -np.inf)
    for corner in range(3):
        np.minimum.at(low, part, vertices[faces[:, corner]])
        np.maximum.at(high, part, vertices[faces[:, corner]])
    for candidate in np.flatnonzero(wrong):
        around = (low < low[candidate]).all(axis=1) & (high > high[candidate]).all(axis=1)
        wrong[candidate] = not around.any()
    return wrong


def degenerate_faces(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(m,) bool: triangles without area, in float64 or once their vertices are float32 (unit-sphere positions).

    Twice the area against the longest side squared: below 1e-9 a triangle is a line to every float32 formula, whose
    relative precision is 6e-8.
    """
    flat = np.zeros(len(faces), bool)
    with np.errstate(over="ignore"):  # a vertex of no face may lie anywhere
        rounded = vertices.astype(np.float32).astype(np.float64)
    for points, threshold in ((vertices, 1e-9), (rounded, 0.0)):
        a, b, c = (points[faces[:, i]] for i in range(3))
        sides = (b - a, c - b, a - c)
        longest = np.max([np.einsum("ij,ij->i", side, side) for side in sides], axis=0)
        doubled = np.linalg.norm(np.cross(sides[0], sides[1]), axis=1)
        flat |= doubled <= threshold * longest
    return flat


def _components(a: np.ndarray, b: np.ndarray, count: int) -> np.ndarray:
    """The connected component of each of `count` nodes, (count,), of a graph with edges (a, b): its lowest node.

    Every root hooks onto the lowest root next to it until no edge joins two. SciPy's is as fast, but importing it takes
    0.15 s of every start.
    """
    label = np.arange(count)
    while len(a):
        low, high = np.minimum(a, b), np.maximum(a, b)
        np.minimum.at(label, high, low)
        while not np.array_equal(further := label[label], label):
            label = further
        a, b = label[a], label[b]
        apart = a != b
        a, b = a[apart], b[apart]
    return label
