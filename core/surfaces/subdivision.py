"""Loop subdivision (Loop 1987, with Warren's weights) as two sparse matrices, so that any vertex attribute follows.

New vertices come after the old ones, one an edge. Edges with one face, or more than two, are creases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.io.topology import undirected_edges

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class Subdivision:
    """One round. smooth: (n + e, n) Loop's stencils, for positions. linear: (n + e, n) kept vertices and edge middles,
    for attributes. faces: (4 m, 3) int32, the four children of a face beside each other, wound like it."""

    smooth: csr_matrix
    linear: csr_matrix
    faces: np.ndarray


def loop_subdivision(faces: np.ndarray, count: int) -> Subdivision:
    """One round on faces (m, 3) over `count` vertices."""
    from scipy.sparse import coo_matrix, csr_matrix, identity, vstack

    edges, edge_of = undirected_edges(faces, count)
    middle = count + edge_of
    a, b, c = faces.T
    ab, bc, ca = middle.T
    corners = [(a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca)]
    children = np.stack([np.stack(corner, axis=1) for corner in corners], axis=1).reshape(-1, 3).astype(np.int32)

    total = len(edges)
    sides = np.bincount(edge_of.reshape(-1), minlength=total)
    inner = sides == 2
    rows = np.repeat(np.arange(total), 2)
    middles = coo_matrix((np.full(2 * total, 0.5), (rows, edges.reshape(-1))), (total, count)).tocsr()

    # An inner edge: 3/8 of its ends, 1/8 of the corner opposite in each of its two faces. Corner k's edge runs to
    # corner k + 1, so the one opposite is k + 2.
    opposite = np.roll(faces, 1, axis=1).reshape(-1)
    beside = coo_matrix((np.full(3 * len(faces), 0.125), (edge_of.reshape(-1), opposite)), (total, count)).tocsr()
    share = np.where(inner, 0.75, 1.0)
    scaled = _rows(share) @ middles + _rows(inner.astype(float)) @ beside
    smooth = vstack([_kept_vertices(edges, inner, count), scaled])
    linear = vstack([identity(count, format="csr"), middles])
    return Subdivision(csr_matrix(smooth), csr_matrix(linear), children)


def _kept_vertices(edges: np.ndarray, inner: np.ndarray, count: int) -> Any:
    """Stencils (n, n) of the old vertices: Warren's inside, (1, 6, 1) / 8 along a crease; crease ends and junctions stay."""
    from scipy.sparse import coo_matrix, diags

    def links(chosen: np.ndarray) -> Any:
        pairs = edges[chosen]
        both = (np.concatenate([pairs[:, 0], pairs[:, 1]]), np.concatenate([pairs[:, 1], pairs[:, 0]]))
        return coo_matrix((np.ones(2 * len(pairs)), both), (count, count)).tocsr()

    around, crease = links(np.ones(len(edges), bool)), links(~inner)
    valence = np.asarray(around.sum(axis=1)).ravel()
    creased = np.asarray(crease.sum(axis=1)).ravel()
    weight = np.where(valence == 3, 3 / 16, 3 / (8 * np.maximum(valence, 1)))  # Warren's beta
    inside = (creased == 0) & (valence > 0)
    along = creased == 2
    own = np.where(inside, 1 - valence * weight, np.where(along, 0.75, 1.0))
    return diags(own) + _rows(np.where(inside, weight, 0.0)) @ around + _rows(np.where(along, 0.125, 0.0)) @ crease


def _rows(weights: np.ndarray) -> Any:
    from scipy.sparse import diags

    return diags(weights, format="csr")
