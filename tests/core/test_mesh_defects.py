"""Defects that were put into a clean mesh are found where they are, and nothing else."""

from __future__ import annotations

import numpy as np

from core.io.meshes import load_mesh
from core.shapes.primitives import primitive_path
from core.surfaces.defects import Defect, find_defects


def defects(vertices: np.ndarray, faces: np.ndarray) -> dict[str, Defect]:
    return {defect.title: defect for defect in find_defects(vertices, faces)}


def sphere() -> tuple[np.ndarray, np.ndarray]:
    data = load_mesh(primitive_path("sphere", "mesh"))
    return np.array(data.vertices, np.float32), np.array(data.faces)


def test_a_clean_sphere_has_none():
    assert all(len(defect.ids) == 0 for defect in defects(*sphere()).values())


def test_what_was_broken_is_found():
    vertices, faces = sphere()
    count, corners = len(faces), faces[0].tolist()
    faces = np.concatenate([faces[1:], [[5, 5, 9]]]).astype(np.int32)  # a hole, and a triangle without area
    vertices = np.concatenate([vertices, vertices[:2]])  # two copies nobody uses
    inside = int(faces[100, 0])
    vertices[inside] *= -1.2  # a spike through the far side
    found = defects(vertices, faces)
    assert count - 1 in found["Degenerate triangles"].ids
    assert len(found["Duplicate vertices"].ids) == 4
    around = set(np.flatnonzero((faces == inside).any(axis=1)).tolist())
    assert around & set(found["Crossing triangles"].ids.tolist())
    hole = {tuple(sorted(edge)) for edge in found["Open edges"].ids.tolist()}
    assert {tuple(sorted(pair)) for pair in zip(corners, corners[1:] + corners[:1])} <= hole
