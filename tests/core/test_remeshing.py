"""Remeshing: even edges of the wanted length, the shape and its attributes kept, nothing folded or torn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.errors import RimlightError
from core.experiment import (
    Experiment,
    OptimizerSpec,
    ParametersSpec,
    ShapeSpec,
    StageSpec,
    StopSpec,
    TermSpec,
    ViewsSpec,
)
from core.io.topology import find_edges, undirected_edges
from core.session import Session
from core.surfaces.health import mesh_health
from core.surfaces.remeshing import remeshed


def lengths(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    edges, _ = undirected_edges(faces, len(vertices))
    return np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)


@pytest.mark.parametrize("length", [0.08, 0.25])
def test_an_uneven_sphere_becomes_even_and_stays_a_sphere(length):
    """Finer and coarser than it is. Attributes are the positions themselves, so that they must agree at the end."""
    import trimesh

    mesh = trimesh.creation.uv_sphere(radius=1.0, count=[24, 24])
    mesh.merge_vertices()
    vertices, faces = np.asarray(mesh.vertices), np.asarray(mesh.faces, np.int32)
    seen: list[float | None] = []
    new, attributes, new_faces = remeshed(vertices, vertices, faces, length, lambda task, done: seen.append(done))
    found = lengths(new, new_faces)
    assert found.mean() == pytest.approx(length, rel=0.2)
    assert np.std(found) / found.mean() < 0.2 < np.std(lengths(vertices, faces)) / lengths(vertices, faces).mean()
    edges = find_edges(new_faces)
    assert (edges.open, edges.nonmanifold) == (0, 0)
    assert len(new) - len(edges.count) + len(new_faces) == 2  # Euler: still a sphere
    assert mesh_health(new, new_faces) == dict.fromkeys(mesh_health(new, new_faces), 0)
    assert np.abs(np.linalg.norm(new, axis=1) - 1).max() < 0.06
    assert np.abs(new - attributes).max() < max(0.4 * length, 0.05)
    assert seen[-1] is not None
    again = remeshed(vertices, vertices, faces, length)
    np.testing.assert_array_equal(again[0], new)


def test_a_border_stays_where_it_is():
    side = 9
    ids = np.arange(side * side).reshape(side, side)
    a, b, c, d = ids[:-1, :-1].ravel(), ids[:-1, 1:].ravel(), ids[1:, :-1].ravel(), ids[1:, 1:].ravel()
    faces = np.concatenate([np.stack([a, b, d], 1), np.stack([a, d, c], 1)]).astype(np.int32)
    x, y = np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side))
    points = np.stack([x, y, 0 * x], -1).reshape(-1, 3)
    new, _, new_faces = remeshed(points, points[:, :0], faces, 0.05)
    np.testing.assert_allclose(new[:, 2], 0, atol=1e-12)
    assert new[:, :2].min() == 0.0
    assert new[:, :2].max() == 1.0
    corners = new[new_faces]
    area = 0.5 * np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2]
    assert (area > 0).all()
    assert area.sum() == pytest.approx(1.0, abs=1e-9)


def test_too_fine_a_mesh_is_refused():
    faces = np.array([[0, 1, 2]], np.int32)
    with pytest.raises(RimlightError, match=r"stage\.remesh: edges of 0\.0001 would make .* use a longer edge"):
        remeshed(np.eye(3), np.zeros((3, 0)), faces, 1e-4)


def test_a_fit_remeshes_at_its_stage():
    experiment = Experiment(
        shape=ShapeSpec(primitive="sphere"),
        views=ViewsSpec("orbit", 2, width=48, height=48),
        terms=(TermSpec("l2", "silhouette"), TermSpec("arap", weight=1.0)),
        optimizer=OptimizerSpec("adam-uniform", 0.05),
        parameters=ParametersSpec(("vertices",), large_steps=4.0),
        stages=(StageSpec(2, remesh=0.15),),
        stop=StopSpec(4),
    )
    session = Session(replace(experiment))
    for _ in range(4):
        assert np.isfinite(session.step().loss)
    values = session.host()
    assert lengths(np.asarray(values["vertices"]), np.asarray(values["const.faces"])).mean() == pytest.approx(
        0.15, rel=0.2
    )
    assert values["vertex_colours"].shape == values["vertices"].shape == values["const.rest"].shape
