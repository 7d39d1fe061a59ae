"""Loop subdivision: counts, winding, what it keeps exactly, and where it must not smooth."""

from __future__ import annotations

import numpy as np

from core.io.topology import find_edges
from core.surfaces.subdivision import loop_subdivision

TETRAHEDRON = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]], np.int32)
CORNERS = np.array([[1, 1, 1], [-1, -1, 1], [-1, 1, -1], [1, -1, -1]], float)


def test_a_closed_mesh_stays_closed_and_its_stencils_are_loops():
    finer = loop_subdivision(TETRAHEDRON, 4)
    assert finer.faces.shape == (16, 3)
    assert finer.smooth.shape == (10, 4)
    edges = find_edges(finer.faces)
    assert (edges.open, edges.nonmanifold) == (0, 0)
    assert not edges.pairs()[2].any()  # wound alike
    np.testing.assert_allclose(finer.smooth.sum(axis=1), 1.0)
    dense = finer.smooth.toarray()
    np.testing.assert_allclose(np.diag(dense[:4]), 1 - 3 * 3 / 16)  # valence 3
    assert sorted(dense[4]) == [0.125, 0.125, 0.375, 0.375]
    assert sorted(finer.linear.toarray()[4]) == [0, 0, 0.5, 0.5]
    moved = finer.smooth @ CORNERS
    volume = np.einsum(
        "fi,fi->f", moved[finer.faces[:, 0]], np.cross(moved[finer.faces[:, 1]], moved[finer.faces[:, 2]])
    )
    assert (volume > 0).all() == (np.linalg.det(CORNERS[TETRAHEDRON[0]]) > 0)


def test_a_plane_stays_plane_and_its_border_is_a_curve_of_its_own():
    faces = np.array([[0, 1, 3], [0, 3, 2]], np.int32)
    square = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], float)
    finer = loop_subdivision(faces, 4)
    moved = finer.smooth @ square
    np.testing.assert_allclose(moved[:, 2], 0)
    np.testing.assert_allclose(moved[0], [0.125, 0.125, 0])  # (1, 6, 1) / 8 along the border
    middles = {tuple(p) for p in moved[4:].round(6)}
    assert {(0.5, 0.0, 0.0), (0.0, 0.5, 0.0), (1.0, 0.5, 0.0), (0.5, 1.0, 0.0)} < middles
    area = np.cross(
        moved[finer.faces[:, 1]] - moved[finer.faces[:, 0]], moved[finer.faces[:, 2]] - moved[finer.faces[:, 0]]
    )
    assert (area[:, 2] > 0).all()


def test_children_stand_beside_each_other_and_cover_their_parent():
    finer = loop_subdivision(TETRAHEDRON, 4)
    points = finer.linear @ CORNERS
    for i, parent in enumerate(TETRAHEDRON):
        normal = np.cross(CORNERS[parent[1]] - CORNERS[parent[0]], CORNERS[parent[2]] - CORNERS[parent[0]])
        own = points[finer.faces[4 * i : 4 * i + 4]]
        small = np.cross(own[:, 1] - own[:, 0], own[:, 2] - own[:, 0])
        np.testing.assert_allclose(small, np.broadcast_to(normal / 4, (4, 3)))
