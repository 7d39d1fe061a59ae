"""Isotropic remeshing (Botsch and Kobbelt 2004): split, collapse, flip and relax until all edges are about as long.

Whole arrays at a time: what a round changes is an independent set of edges, so no loop runs over them. Vertex
attributes are read off the old vertices nearby at the end, so that rounds do not blur them. Edges with one face, or more than two, and their vertices stay where they are,
but for being split.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from core.errors import RimlightError
from core.io.topology import undirected_edges
from core.surfaces.subdivision import loop_subdivision

TOO_LONG, TOO_SHORT = 4 / 3, 4 / 5
"""Of the wanted length: beyond these a split or a collapse brings an edge nearer to it (Botsch and Kobbelt, Sec. 4)."""

ROUNDS, SETTLING = 10, 4
"""Rounds at most that split and collapse, and rounds of flips and relaxation alone after them."""

PASSES = 6
"""Collapses a round at most: edges that are near each other must take turns."""

NEAREST = 4
"""Old vertices that a new one takes its attributes from."""

RELAXED = 0.5
"""Share of the way to the neighbours' mean that a vertex takes within its tangent plane."""

MOST_VERTICES = 400_000
"""A finer mesh is refused: twice what the schedule of EdgeGrad, B.1 reaches."""

Report = Callable[[str, float | None], None]


def remeshed(
    vertices: np.ndarray, attributes: np.ndarray, faces: np.ndarray, length: float, report: Report = lambda t, d: None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(vertices (n, 3), attributes (n, k), faces (m, 3)) with edges of about `length`, from others of the same kind.

    Raises RimlightError where that would be more than MOST_VERTICES.
    """
    area = 0.5 * np.linalg.norm(_normals(vertices, faces), axis=1).sum()
    expected = area / (length * length * np.sqrt(3) / 2)  # of equilateral triangles, two a vertex
    if expected > MOST_VERTICES:
        raise RimlightError(
            f"stage.remesh: edges of {length:g} would make {expected:,.0f} vertices of this mesh, and at most "
            f"{MOST_VERTICES:,} are; use a longer edge"
        )
    points, colours = np.asarray(vertices, np.float64), np.asarray(attributes, np.float64)
    while _mean_length(points, faces) > 1.6 * length:  # halving all edges is cheaper than splitting them one by one
        report(f"Remeshing, {len(points):,} vertices", None)
        finer = loop_subdivision(faces, len(points))
        points, colours, faces = finer.linear @ points, finer.linear @ colours, finer.faces
    old = points
    for i in range(ROUNDS):
        report(f"Remeshing, {len(points):,} vertices", i / (ROUNDS + SETTLING))
        points, faces, changed = split_long(points, faces, TOO_LONG * length)
        for _ in range(PASSES):
            points, faces, merged = collapse_short(points, faces, TOO_SHORT * length)
            changed += merged
            if merged < 0.01 * len(points):
                break
        faces = flip(points, faces)
        points = relax(points, faces)
        if changed < 0.002 * len(points):
            break
    for i in range(SETTLING):
        report(f"Remeshing, {len(points):,} vertices", (ROUNDS + i) / (ROUNDS + SETTLING))
        faces = flip(points, faces)
        points = relax(points, faces)
    return points, nearby(old, colours, points), faces.astype(np.int32)


def nearby(old: np.ndarray, attributes: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Attributes (m, k) at `points`, from those of the nearest old vertices by the inverse square of the distance."""
    from scipy.spatial import cKDTree

    distance, index = cKDTree(old).query(points, k=min(NEAREST, len(old)))
    distance, index = distance.reshape(len(points), -1), index.reshape(len(points), -1)
    weight = 1.0 / (distance**2 + 1e-12)
    return np.einsum("ij,ijk->ik", weight / weight.sum(axis=1, keepdims=True), attributes[index])


def split_long(points: np.ndarray, faces: np.ndarray, longest: float) -> tuple[np.ndarray, np.ndarray, int]:
    """Halve edges above `longest` that are the longest of all their faces: no face is split twice in a round."""
    edges, edge_of = undirected_edges(faces, len(points))
    length = _lengths(points, edges)
    worst = edge_of[np.arange(len(faces)), np.argmax(length[edge_of], axis=1)]
    sides = np.bincount(edge_of.reshape(-1), minlength=len(edges))
    chosen = (length > longest) & (np.bincount(worst, minlength=len(edges)) == sides)
    ids = np.flatnonzero(chosen)
    new = np.full(len(edges), -1)
    new[ids] = len(points) + np.arange(len(ids))
    face, corner = np.nonzero(chosen[edge_of] & (edge_of == worst[:, None]))
    middle = new[edge_of[face, corner]]
    a, b, c = (faces[face, (corner + i) % 3] for i in range(3))
    faces = faces.copy()
    faces[face] = np.stack([a, middle, c], axis=1)
    faces = np.concatenate([faces, np.stack([middle, b, c], axis=1)])
    return np.concatenate([points, points[edges[ids]].mean(axis=1)]), faces, len(ids)


def collapse_short(points: np.ndarray, faces: np.ndarray, shortest: float) -> tuple[np.ndarray, np.ndarray, int]:
    """Merge the ends of edges below `shortest`, far from each other, where that leaves a manifold and folds nothing."""
    edges, edge_of = undirected_edges(faces, len(points))
    links = _links(edges, len(points))
    fixed = _fixed(edges, edge_of, len(points))
    length = _lengths(points, edges)
    short = np.flatnonzero((length < shortest) & ~fixed[edges].any(axis=1))
    common = np.asarray(links[edges[short, 0]].multiply(links[edges[short, 1]]).sum(axis=1)).ravel()
    short = short[common == 2]  # the link condition of an inner edge
    if not len(short):
        return points, faces, 0
    priority = np.zeros(len(edges))
    priority[short] = 1.0 + (len(short) - np.argsort(np.argsort(length[short], kind="stable")))
    picked = short[_alone(edges, priority, links, len(points))[short]]
    a, b = edges[picked].T
    moved = np.arange(len(points))
    moved[b] = a
    new = points.copy()
    new[a] = 0.5 * (points[a] + points[b])
    safe = _unfolded(points, new, faces, moved, a, b)
    keep = ~safe
    moved[b[keep]] = b[keep]
    new[a[keep]] = points[a[keep]]
    faces = moved[faces]
    whole = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    used, index = np.unique(faces[whole], return_inverse=True)
    return new[used], index.reshape(-1, 3), int(np.count_nonzero(safe))


def _unfolded(points: np.ndarray, new: np.ndarray, faces: np.ndarray, moved: np.ndarray, a: Any, b: Any) -> np.ndarray:
    """For each merged pair: whether no face that stays is turned by more than 90 degrees."""
    before, after = _normals(points, faces), _normals(new, moved[faces])
    merged = moved[faces]
    stays = (merged[:, 0] != merged[:, 1]) & (merged[:, 1] != merged[:, 2]) & (merged[:, 2] != merged[:, 0])
    folds = stays & (np.einsum("ij,ij->i", before, after) <= 0)
    bad = np.zeros(len(points), bool)
    bad[faces[folds].reshape(-1)] = True
    return ~(bad[a] | bad[b])


def flip(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Delaunay flips on an independent set of inner edges: no face is touched twice, no edge doubled, nothing folded."""
    edges, edge_of = undirected_edges(faces, len(points))
    codes = np.argsort(edge_of.reshape(-1), kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(edge_of.reshape(-1), minlength=len(edges)))])
    inner = np.flatnonzero(np.diff(start) == 2)
    pair = np.stack([codes[start[inner]], codes[start[inner] + 1]], axis=1)
    face, corner = pair // 3, pair % 3
    tips = np.stack([faces[face[:, s], (corner[:, s] + 2) % 3] for s in range(2)], axis=1)
    a, b = faces[face[:, 0], corner[:, 0]], faces[face[:, 0], (corner[:, 0] + 1) % 3]
    excess = sum(_angle(points[a], points[b], points[tips[:, s]]) for s in range(2)) - np.pi
    low, high = tips.min(axis=1).astype(np.int64), tips.max(axis=1).astype(np.int64)
    existing = edges[:, 0].astype(np.int64) * len(points) + edges[:, 1]
    first = np.stack([tips[:, 0], a, tips[:, 1]], axis=1)
    second = np.stack([tips[:, 1], b, tips[:, 0]], axis=1)
    opposed = faces[face[:, 1], (corner[:, 1] + 1) % 3] == a  # the two faces are wound alike
    around = _normals(points, faces[face[:, 0]]) + _normals(points, faces[face[:, 1]])
    upright = [np.einsum("ij,ij->i", _normals(points, new), around) > 0 for new in (first, second)]
    good = (excess > 1e-3) & (low != high) & ~np.isin(low * len(points) + high, existing) & opposed
    good &= upright[0] & upright[1]
    best = np.zeros(len(faces))
    rank = np.where(good, 1.0 + np.argsort(np.argsort(excess, kind="stable")), 0.0)
    for s in range(2):
        np.maximum.at(best, face[:, s], rank)
    chosen = good & (rank == best[face[:, 0]]) & (rank == best[face[:, 1]])
    new_edge = (low * len(points) + high)[chosen]
    _, unique = np.unique(new_edge, return_index=True)  # two flips must not make the same edge
    chosen = np.flatnonzero(chosen)[unique]
    faces = faces.copy()
    faces[face[chosen, 0]], faces[face[chosen, 1]] = first[chosen], second[chosen]
    return faces


def relax(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Every inner vertex moved towards its neighbours' mean, within its tangent plane."""
    edges, edge_of = undirected_edges(faces, len(points))
    links = _links(edges, len(points))
    degree = np.asarray(links.sum(axis=1)).ravel()
    move = RELAXED * (links @ points / np.maximum(degree, 1)[:, None] - points)
    normal = np.zeros((len(points), 3))
    face_normal = _normals(points, faces)
    for i in range(3):
        for axis in range(3):
            normal[:, axis] += np.bincount(faces[:, i], face_normal[:, axis], len(points))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-30
    move -= normal * np.einsum("ij,ij->i", move, normal)[:, None]
    move[_fixed(edges, edge_of, len(points)) | (degree == 0)] = 0.0
    return points + move


# ---------------------------------------------------------------------------------------------- helpers


def _alone(edges: np.ndarray, priority: np.ndarray, links: Any, count: int) -> np.ndarray:
    """(e,) bool: edges of positive priority that no edge of a higher one ends beside."""
    at = np.zeros(count)
    for i in range(2):
        np.maximum.at(at, edges[:, i], priority)
    near = at.copy()
    for i in range(2):
        np.maximum.at(near, edges[:, i], at[edges[:, 1 - i]])
    return (priority > 0) & (priority >= near[edges[:, 0]]) & (priority >= near[edges[:, 1]])


def _fixed(edges: np.ndarray, edge_of: np.ndarray, count: int) -> np.ndarray:
    """(n,) bool: vertices of edges that have not exactly two faces."""
    odd = edges[np.bincount(edge_of.reshape(-1), minlength=len(edges)) != 2]
    fixed = np.zeros(count, bool)
    fixed[odd.reshape(-1)] = True
    return fixed


def _links(edges: np.ndarray, count: int) -> Any:
    from scipy.sparse import coo_matrix

    a, b = edges.T
    both = (np.concatenate([a, b]), np.concatenate([b, a]))
    return coo_matrix((np.ones(2 * len(edges)), both), (count, count)).tocsr()


def _lengths(points: np.ndarray, edges: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)


def _mean_length(points: np.ndarray, faces: np.ndarray) -> float:
    return float(_lengths(points, undirected_edges(faces, len(points))[0]).mean())


def _normals(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(m, 3), twice the area long."""
    corners = points[faces]
    return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])


def _angle(a: np.ndarray, b: np.ndarray, tip: np.ndarray) -> np.ndarray:
    """At `tip`, between the ways to a and to b."""
    u, v = a - tip, b - tip
    return np.arctan2(np.linalg.norm(np.cross(u, v), axis=1), np.einsum("ij,ij->i", u, v))
