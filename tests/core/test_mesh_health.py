"""Mesh health: defects that were put into a clean mesh are found, and nothing else."""

from __future__ import annotations

import numpy as np

from core.io.meshes import load_mesh
from core.mesh_health import Finding, candidate_pairs, crossing, find_defects
from core.shapes.primitives import primitive_path


def defects(vertices: np.ndarray, faces: np.ndarray) -> dict[str, Finding]:
    return {f.title: f for f in find_defects(vertices, faces) if f is not None}


def sphere() -> tuple[np.ndarray, np.ndarray]:
    data = load_mesh(primitive_path("sphere", "mesh"))
    return np.array(data.vertices), np.array(data.faces)


def test_a_clean_sphere_has_none():
    assert all(len(f.ids) == 0 for f in defects(*sphere()).values())


def test_what_was_broken_is_found():
    vertices, faces = sphere()
    count = len(faces)
    faces = np.concatenate([faces[1:], [[5, 5, 9]]])  # a hole, and a triangle without area
    vertices = np.concatenate([vertices, vertices[:2]])  # two copies nobody uses
    inside = int(faces[100, 0])
    vertices[inside] *= -1.2  # a spike through the far side
    found = defects(vertices, faces)
    assert count - 1 in found["Degenerate triangles"].ids
    assert len(found["Duplicate vertices"].ids) == 4
    assert len(found["Crossing triangles"].ids) >= 2
    around = set(np.flatnonzero((faces == inside).any(axis=1)).tolist())
    assert around & set(found["Crossing triangles"].ids.tolist())
    hole = {tuple(sorted(edge)) for edge in found["Open edges"].ids.tolist()}
    _, before = sphere()
    corners = before[0].tolist()
    assert {tuple(sorted(pair)) for pair in zip(corners, corners[1:] + corners[:1])} <= hole


def test_crossing_pairs():
    flat = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], float)
    through = np.array([[0.2, 0.2, -1], [0.2, 0.2, 1], [2, 2, 1]], float)
    above = np.add(through, (0.0, 0.0, 5.0))
    assert crossing(np.stack([flat, flat]), np.stack([through, above])).tolist() == [True, False]
    vertices = np.concatenate([flat, through, above])
    pairs = candidate_pairs(vertices, np.arange(9).reshape(3, 3))
    assert pairs.tolist() == [[0, 1]]
