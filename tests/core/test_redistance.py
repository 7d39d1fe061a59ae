"""Meshes into grids: distances, the sign by winding numbers, open meshes refused or closed; and back, in their units."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.convert import convert
from core.errors import RimlightError
from core.experiment import GridSpec
from core.io.grids import load_grid, save_grid
from core.io.mesh_export import save_mesh
from core.io.meshes import load_mesh
from core.metrics import surface_distances
from core.redistance import closing_faces, mesh_grid
from core.shapes.loading import load_shape
from kernels.marching_cubes import extract
from kernels.mesh_distance import lattice_distance, lattice_winding
from tests.kernels.scenes import sphere


def _brute_distance(points: np.ndarray, vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    import trimesh

    mesh = trimesh.Trimesh(vertices, faces, process=False)
    triangles = np.repeat(mesh.triangles[None], len(points), 0).reshape(-1, 3, 3)
    spread = np.repeat(points, len(faces), 0)
    nearest = trimesh.triangles.closest_point(triangles, spread)
    return np.linalg.norm(nearest - spread, axis=1).reshape(len(points), -1).min(1)


def test_distances_are_those_of_every_triangle_tried() -> None:
    vertices, faces = sphere(9, 6)
    vertices = vertices * (0.6 + 0.4 * np.random.default_rng(0).random((len(vertices), 1)))
    origin, spacing, nodes = np.full(3, -1.2), np.array([0.2, 0.3, 0.25]), (13, 9, 11)
    found = lattice_distance(vertices, faces, origin, spacing, nodes)
    points = origin + spacing * np.stack(np.meshgrid(*map(np.arange, nodes), indexing="ij"), -1).reshape(-1, 3)
    expected = _brute_distance(points, vertices.astype(float), faces).reshape(nodes)
    assert np.abs(found - expected).max() < 0.02
    assert (np.abs(found - expected) > 1e-9).mean() < 0.02


def test_winding_counts_shells_lines_through_corners_and_edges_included() -> None:
    """A cube whose corners, edges and faces all lie on lattice lines, within a second, larger one."""
    cube = load_shape("mesh", None, "cube", None)
    side = np.ptp(np.asarray(cube.parameters()["vertices"]), axis=0).max() / 2
    vertices = np.round(np.asarray(cube.parameters()["vertices"], np.float64) / side, 6)
    faces = np.asarray(cube.constants()["const.faces"])
    both = np.concatenate([vertices, 2 * vertices]), np.concatenate([faces, faces + len(vertices)])
    nodes = (25, 25, 25)
    found = lattice_winding(*both, np.full(3, -3.0), np.full(3, 0.25), nodes)
    axes = np.abs(np.stack(np.meshgrid(*[-3 + 0.25 * np.arange(25)] * 3, indexing="ij"), -1)).max(-1)
    expected = (axes < 1).astype(int) + (axes < 2)
    sure = (axes != 1) & (axes != 2)
    np.testing.assert_array_equal(found[sure], expected[sure])


def test_an_open_mesh_is_refused_or_closed_as_asked(tmp_path: Path) -> None:
    vertices, faces = sphere(24, 16)
    vertices, cut = 5 * vertices + np.array([40.0, 0, 0]), faces[faces.max(1) < len(vertices) - 2]
    save_mesh(tmp_path / "cut.ply", vertices, cut)
    with pytest.raises(RimlightError, match=r"cut.ply: the mesh is open \(48 open edges\).*repair"):
        load_shape("sdf-grid", str(tmp_path / "cut.ply"), None, None)
    grid = load_shape("sdf-grid", str(tmp_path / "cut.ply"), None, None, GridSpec(resolution=32, repair=True))
    assert any("filled" in w for w in grid.facts()["warnings"])
    (_, closed), holes = closing_faces(vertices, cut)
    assert holes == 48
    assert closing_faces(vertices, faces)[1] == 0
    assert len(closed) == len(cut) + 48


def test_there_and_back_in_the_units_it_came_in(tmp_path: Path) -> None:
    """Torus, far from the origin: watertight, outwards, in its place, within a cell everywhere."""
    torus = load_shape("mesh", None, "torus", None)
    vertices = np.asarray(torus.parameters()["vertices"], np.float64) * 30 + np.array([100.0, 0, -50])
    faces = np.asarray(torus.constants()["const.faces"])
    save_mesh(tmp_path / "torus.ply", vertices, faces)
    line, warnings = convert(tmp_path / "torus.ply", tmp_path / "torus.npz", GridSpec(resolution=48))
    assert warnings == ()
    assert "48 x" in line
    data = load_grid(tmp_path / "torus.npz")
    assert data.warnings == ()
    assert data.gradient == pytest.approx(1.0, abs=0.05)
    _, warnings = convert(tmp_path / "torus.npz", tmp_path / "again.obj", GridSpec())
    assert warnings == ()
    again = load_mesh(tmp_path / "again.obj")
    assert again.facts["watertight"]
    assert again.warnings == ()
    back = again.vertices * again.scale + again.centre
    gaps = surface_distances((back, again.faces), (vertices, faces), 40_000)
    assert gaps["hausdorff"] < 1 / 48
    save_grid(tmp_path / "half.npz", data.values[:24], data.origin, data.spacing)
    _, warnings = convert(tmp_path / "half.npz", tmp_path / "half.ply", GridSpec())
    count = load_mesh(tmp_path / "half.ply").facts["open_edges"]
    assert count > 20
    assert len(warnings) == 1
    assert f"({count} open edges)" in warnings[0]  # written all the same
    inward, *_ = mesh_grid("x", vertices, faces[:, ::-1], 24, False)
    assert (inward < 0).any()


def test_a_mesh_and_its_grid_stand_in_the_same_place() -> None:
    mesh = load_shape("mesh", None, "gear", None)
    from core.shapes.primitives import primitive_path

    grid = load_shape("sdf-grid", str(primitive_path("gear", "mesh")), None, None, GridSpec(resolution=40))
    vertices, faces = grid.display_mesh({**grid.parameters(), **grid.constants()})
    truth = (np.asarray(mesh.parameters()["vertices"]), np.asarray(mesh.constants()["const.faces"]))
    assert surface_distances((vertices, faces), truth, 40_000)["hausdorff"] < 0.03
    iso = extract(grid.parameters()["values"], np.zeros(3), np.ones(3))
    assert len(iso.faces) > 1000


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [("a.txt", "b.npz", "neither"), ("a.npz", "b.vti", "not written"), ("flat.npz", "b.ply", "zero crossing")],
)
def test_conversions_that_cannot_be(tmp_path: Path, source: str, target: str, words: str) -> None:
    np.savez(tmp_path / "flat.npz", sdf=np.ones((6, 6, 6)))
    np.savez(tmp_path / "a.npz", sdf=np.ones((6, 6, 6)))
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(RimlightError, match=words):
        convert(tmp_path / source, tmp_path / target, GridSpec())
