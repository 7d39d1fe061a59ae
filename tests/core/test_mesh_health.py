"""Mesh-health meters on meshes whose faults are known."""

from __future__ import annotations

import numpy as np
import pytest

from core.surfaces.health import mesh_health
from kernels.mesh_intersections import self_intersections


@pytest.fixture(scope="module")
def sphere():
    import trimesh

    mesh = trimesh.creation.icosphere(2)
    return np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.int32)


def test_a_sphere_is_healthy_and_each_fault_is_counted(sphere):
    vertices, faces = sphere
    healthy = {"flipped_triangles": 0, "degenerate_triangles": 0, "self_intersecting_triangles": 0}
    assert mesh_health(vertices, faces) == healthy
    pushed = vertices.copy()
    pushed[0] = -1.2 * pushed[0]  # through the far side
    found = mesh_health(pushed, faces)
    assert found["self_intersecting_triangles"] >= 6
    flat = vertices.copy()
    flat[faces[0, 1]] = flat[faces[0, 0]]
    assert mesh_health(flat, faces)["degenerate_triangles"] == 2
    folded = vertices.copy()
    a, b, c = faces[10]
    folded[a] = folded[a] + 2.2 * (0.5 * (folded[b] + folded[c]) - folded[a])
    assert mesh_health(folded, faces)["flipped_triangles"] >= 1


def test_two_spheres_cut_each_other_where_a_brute_search_says(sphere):
    """Every pair by brute force, the six edges against the triangles by a linear solve."""
    vertices, faces = sphere
    keep = faces[np.abs(vertices[faces].mean(axis=1)[:, 0]) < 0.75]
    both = np.concatenate([vertices, vertices + np.float32([1.1, 0.13, 0.07])]).astype(np.float64)
    all_faces = np.concatenate([keep, keep + len(vertices)])
    found = self_intersections(both, all_faces)
    corners = both[all_faces]
    wanted = np.zeros(len(all_faces), bool)
    for a in range(len(all_faces)):
        start, way = corners[a], np.roll(corners[a], -1, axis=0) - corners[a]
        for s, d in zip(start, way):
            e1, e2 = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
            matrix = np.stack([e1, e2, np.broadcast_to(-d, e1.shape)], axis=-1)
            usable = np.abs(np.linalg.det(matrix)) > 1e-14
            u, v, w = np.linalg.solve(
                np.where(usable[:, None, None], matrix, np.eye(3)), (s - corners[:, 0])[..., None]
            )[..., 0].T
            hit = usable & (u >= 0) & (v >= 0) & (u + v <= 1) & (w >= 0) & (w <= 1)
            hit &= ~(all_faces[:, :, None] == all_faces[a][None, None, :]).any(axis=(1, 2))
            wanted |= hit
            wanted[a] |= hit.any()
    assert 20 < wanted.sum() < len(all_faces)
    np.testing.assert_array_equal(found, wanted)


def test_a_soup_without_faces_is_no_failure():
    none = np.zeros((0, 3), np.int32)
    assert mesh_health(np.zeros((3, 3), np.float32), none)["self_intersecting_triangles"] == 0


def test_of_a_huge_mesh_only_what_is_quick_is_counted(monkeypatch):
    monkeypatch.setattr("core.surfaces.health.FINAL_FACES", 0)
    triangle = np.eye(3, dtype=np.float32), np.array([[0, 1, 2]])
    assert set(mesh_health(*triangle)) == {"flipped_triangles", "degenerate_triangles"}
