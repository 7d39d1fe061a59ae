"""Turn a marching-cubes mesh into an even one that lies on its implicit surface: split, flip, relax, project.

Faces are counter-clockwise seen from outside; the field is negative inside. Everything is vectorised and free of
randomness, so the same input gives the same mesh.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import sparse

Field = Callable[[np.ndarray], np.ndarray]


def field_gradient(field: Field, points: np.ndarray, step: float = 1e-4) -> np.ndarray:
    """Central differences (n, 3) of a scalar field at (n, 3) points."""
    offsets = step * np.eye(3)
    return np.stack([field(points + o) - field(points - o) for o in offsets], -1) / (2.0 * step)


def project(field: Field, points: np.ndarray, rounds: int = 4) -> np.ndarray:
    """Newton steps along the gradient onto the zero level, each at most 0.02 long."""
    for _ in range(rounds):
        gradient = field_gradient(field, points)
        step = field(points)[:, None] * gradient / ((gradient**2).sum(axis=1, keepdims=True) + 1e-12)
        length = np.linalg.norm(step, axis=1, keepdims=True)
        points = points - step * np.minimum(1.0, 0.02 / (length + 1e-12))
    return points


def half_edges(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(unique edges (e, 2), edge of each corner (m, 3), the two (face, corner) codes of each edge (e, 2)).

    Corner k's edge runs from vertex k to vertex k + 1; a code is 3 * face + corner. The mesh must be closed.
    """
    pairs = np.stack([faces, np.roll(faces, -1, axis=1)], -1).reshape(-1, 2)
    unique, index = np.unique(np.sort(pairs, axis=1), axis=0, return_inverse=True)
    index = index.ravel()
    order = np.argsort(index, kind="stable").reshape(-1, 2)
    return unique, index.reshape(-1, 3), order


def relax(vertices: np.ndarray, faces: np.ndarray, field: Field, amount: float = 0.5) -> np.ndarray:
    """Move each vertex towards its neighbours' mean within the tangent plane, then back onto the surface."""
    edges, _, _ = half_edges(faces)
    n = len(vertices)
    links = sparse.coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), (n, n)).tocsr()
    links = links + links.T
    degree = np.asarray(links.sum(axis=1)).ravel()
    move = links @ vertices / degree[:, None] - vertices
    normal = field_gradient(field, vertices)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-12
    move -= normal * (move * normal).sum(axis=1, keepdims=True)
    return project(field, vertices + amount * move, rounds=2)


def flip(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """One round of Delaunay flips on an independent set of edges (no face is touched twice, no edge is doubled)."""
    edges, _, codes = half_edges(faces)
    face, corner = codes // 3, codes % 3
    opposite = np.stack([faces[face[:, s], (corner[:, s] + 2) % 3] for s in range(2)], -1)
    angle = []
    for s in range(2):
        a, b = vertices[edges[:, 0]] - vertices[opposite[:, s]], vertices[edges[:, 1]] - vertices[opposite[:, s]]
        angle.append(np.arctan2(np.linalg.norm(np.cross(a, b), axis=1), (a * b).sum(axis=1)))
    excess = angle[0] + angle[1] - np.pi
    existing = set((edges[:, 0] * len(vertices) + edges[:, 1]).tolist())
    taken = np.zeros(len(faces), bool)
    faces = faces.copy()
    for e in np.argsort(-excess, kind="stable"):
        if excess[e] < 1e-3:
            break
        f, g = face[e]
        c, d = sorted(opposite[e].tolist())
        if taken[f] or taken[g] or c == d or c * len(vertices) + d in existing:
            continue
        k = corner[e, 0]
        a, b, tip, other = faces[f, k], faces[f, (k + 1) % 3], opposite[e, 0], opposite[e, 1]
        faces[f], faces[g] = (tip, a, other), (other, b, tip)
        existing.add(c * len(vertices) + d)
        taken[f] = taken[g] = True
    return faces


def split(vertices: np.ndarray, faces: np.ndarray, target: Callable[[np.ndarray], np.ndarray]):
    """Bisect the edges that are the longest (relative to `target` at their middle) of both their faces and too long."""
    edges, edge_of, codes = half_edges(faces)
    middle = vertices[edges].mean(axis=1)
    ratio = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1) / target(middle)
    worst = edge_of[np.arange(len(faces)), np.argmax(ratio[edge_of], axis=1)]
    face, corner = codes // 3, codes % 3
    own = np.arange(len(edges))
    chosen = np.nonzero((ratio > 4 / 3) & (worst[face[:, 0]] == own) & (worst[face[:, 1]] == own))[0]
    new = len(vertices) + np.arange(len(chosen))
    faces, added = faces.copy(), []
    for s in range(2):
        f, k = face[chosen, s], corner[chosen, s]
        a, b, c = faces[f, k], faces[f, (k + 1) % 3], faces[f, (k + 2) % 3]
        added.append(np.stack([new, b, c], -1))
        faces[f] = np.stack([a, new, c], -1)
    return np.vstack([vertices, middle[chosen]]), np.concatenate([faces, *added]), len(chosen)


def collapse(vertices: np.ndarray, faces: np.ndarray, target: Callable[[np.ndarray], np.ndarray]):
    """Merge the ends of an independent set of too short edges, where the link condition keeps the mesh a manifold."""
    edges, _, _ = half_edges(faces)
    middle = vertices[edges].mean(axis=1)
    ratio = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1) / target(middle)
    n = len(vertices)
    links = sparse.coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), (n, n)).tocsr()
    links = (links + links.T).tocsr()
    ring = lambda v: links.indices[links.indptr[v] : links.indptr[v + 1]]
    locked, moved, count = np.zeros(n, bool), np.arange(n), 0
    vertices = vertices.copy()
    for e in np.argsort(ratio, kind="stable"):
        if ratio[e] > 0.7:
            break
        a, b = edges[e]
        around = np.concatenate([ring(a), ring(b)])
        if locked[a] or locked[b] or locked[around].any() or len(np.intersect1d(ring(a), ring(b))) != 2:
            continue
        locked[around] = True
        vertices[a], moved[b], count = middle[e], a, count + 1
    faces = moved[faces]
    whole = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    used, index = np.unique(faces[whole], return_inverse=True)
    return vertices[used], index.reshape(-1, 3), count


def remesh(vertices: np.ndarray, faces: np.ndarray, field: Field, target: Callable[[np.ndarray], np.ndarray]):
    """An even mesh with edges of about `target(points)` units, on the zero level of `field`."""
    vertices = project(field, vertices)
    for _ in range(10):
        vertices, faces, merged = collapse(vertices, faces, target)
        vertices, faces, added = split(vertices, faces, target)
        for _ in range(2):
            faces = flip(vertices, faces)
            vertices = relax(vertices, faces, field)
        if merged + added < 20:
            break
    for _ in range(8):
        faces = flip(vertices, faces)
        vertices = relax(vertices, faces, field, amount=0.4)
    return project(field, vertices), faces
