"""Distances anew: from a mesh to the nodes of a grid, and from a grid's own surface to its nodes. No JAX.

Distances are exact near the surface (kernels/mesh_distance.py). The sign of a mesh is its winding number, so the mesh must
be closed; an open one is refused, or its holes are closed by fans, as asked.
"""

from __future__ import annotations

import numpy as np

from core.errors import RimlightError
from kernels.marching_cubes import extract
from kernels.mesh_distance import lattice_distance, lattice_winding

MARGIN = 3
"""Cells between a mesh's box and the grid's border: normals need two, a fit some room."""


def grid_distances(values: np.ndarray, origin: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Signed distances (nx, ny, nz) float32 to the zero surface of `values`; `values` where there is none."""
    iso = extract(values, origin, spacing)
    if not len(iso.faces):
        return values
    distance = lattice_distance(iso.vertices, iso.faces, origin, spacing, values.shape)
    return np.where(values < 0, -distance, distance).astype(np.float32)


def mesh_grid(
    name: str, vertices: np.ndarray, faces: np.ndarray, resolution: int, repair: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[str, ...]]:
    """(values (nx, ny, nz) float32, origin (3,), spacing (3,), warnings) of a mesh, its longest side `resolution` nodes.

    vertices (n, 3), each position once, faces (m, 3). name: what errors call it. Raises RimlightError for an open mesh,
    unless `repair`.
    """
    vertices = np.asarray(vertices, np.float64)
    closed, holes = closing_faces(vertices, faces)
    if holes and not repair:
        raise RimlightError(
            f"{name}: the mesh is open ({holes:,} open edge{'' if holes == 1 else 's'}), so it has no inside; close it, "
            "or set shape.grid.repair (convert --repair) to fill its holes with fans"
        )
    warnings = (f"{holes:,} open edges: the holes were filled with fans of triangles",) if holes else ()
    points, triangles = closed if holes else (vertices, np.asarray(faces))
    low, high = points.min(axis=0), points.max(axis=0)
    step = float((high - low).max()) / max(resolution - 1 - 2 * MARGIN, 1)
    nodes = np.ceil((high - low) / step).astype(int) + 1 + 2 * MARGIN
    origin = 0.5 * (low + high) - 0.5 * step * (nodes - 1)
    shape = (int(nodes[0]), int(nodes[1]), int(nodes[2]))
    spacing = np.full(3, step)
    distance = lattice_distance(points, triangles, origin, spacing, shape)
    inside = lattice_winding(points, triangles, origin, spacing, shape) != 0
    return np.where(inside, -distance, distance).astype(np.float32), origin, spacing, warnings


def closing_faces(vertices: np.ndarray, faces: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], int]:
    """A closed version of a mesh: ((vertices, faces) with a fan over each hole, how many edges were open).

    An edge is open where it is not run through as often one way as the other. The fan over a connected set of such edges
    has its tip in their middle, so every edge of the result is run through evenly.
    """
    tail = np.asarray(faces, np.int64).reshape(-1)
    head = np.roll(faces, -1, axis=1).astype(np.int64).reshape(-1)
    count = len(vertices)
    forward = tail < head
    key = np.where(forward, tail * count + head, head * count + tail)
    edges, place = np.unique(key, return_inverse=True)
    excess = np.bincount(place, np.where(forward, 1, -1)).astype(int)
    wrong = np.flatnonzero(excess)
    if not len(wrong):
        return (np.asarray(vertices), np.asarray(faces)), 0
    low, high = edges[wrong] // count, edges[wrong] % count
    start, end = np.where(excess[wrong] > 0, high, low), np.where(excess[wrong] > 0, low, high)
    times = np.abs(excess[wrong])
    start, end = np.repeat(start, times), np.repeat(end, times)
    tips, tip_of = _middles(vertices, start, end)
    fans = np.stack([start, end, count + tip_of], axis=1)
    return (np.concatenate([vertices, tips]), np.concatenate([faces, fans])), len(wrong)


def _middles(vertices: np.ndarray, start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The middle of each connected set of edges, and the set of each edge."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    size = len(vertices)
    joined = coo_matrix((np.ones(len(start)), (start, end)), (size, size))
    _, label = connected_components(joined, directed=False)
    _, part = np.unique(label[start], return_inverse=True)
    total = np.zeros((part.max() + 1, 3))
    np.add.at(total, part, vertices[start])
    return total / np.bincount(part)[:, None], part
