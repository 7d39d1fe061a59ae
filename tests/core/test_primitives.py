"""The bundled shapes: closed, outward, in the unit sphere, as listed, and made again by their script."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import trimesh

from assets import make_assets, structured
from core.errors import RimlightError
from core.io.grids import load_grid
from core.io.meshes import load_mesh
from core.shapes.primitives import list_primitives, primitive_path, shapes_folder

MESHES = [entry["name"] for entry in list_primitives() if entry["kind"] == "mesh"]
GRIDS = [entry["name"] for entry in list_primitives() if entry["kind"] == "sdf-grid"]
CHEAP = ["sphere", "torus", "cube", "trefoil-knot", "gear", "chess-pawn"]
HOLES = {"torus": 1, "trefoil-knot": 1, "gear": 1}


def test_there_are_seven_meshes_and_three_grids() -> None:
    assert set(MESHES) == {*CHEAP, "creature"}
    assert set(GRIDS) == {"sphere-grid", "torus-grid", "creature-grid"}
    assert sum(path.stat().st_size for path in shapes_folder().iterdir()) < 1.7e6


@pytest.mark.parametrize("name", MESHES)
def test_mesh_is_closed_outward_and_in_the_unit_sphere(name: str) -> None:
    mesh = trimesh.load(primitive_path(name), process=False)
    faces, vertices = np.asarray(mesh.faces), np.asarray(mesh.vertices)
    directed = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]) @ [len(vertices), 1])
    assert (np.diff(directed) > 0).all(), "an edge is used twice in the same direction"
    backwards = np.sort(np.concatenate([faces[:, [1, 0]], faces[:, [2, 1]], faces[:, [0, 2]]]) @ [len(vertices), 1])
    np.testing.assert_array_equal(directed, backwards)
    assert mesh.volume > 0.3
    assert len(vertices) - len(faces) // 2 == 2 - 2 * HOLES.get(name, 0)
    assert np.linalg.norm(vertices, axis=1).max() == pytest.approx(1.0, abs=1e-4)
    assert vertices.min(axis=0) + vertices.max(axis=0) == pytest.approx(np.zeros(3), abs=1e-4)
    entry = next(e for e in list_primitives() if e["name"] == name)
    assert len(faces) == entry["triangles"]
    assert 500 <= len(faces) <= 20000


@pytest.mark.parametrize("name", MESHES)
def test_our_own_reader_has_nothing_to_say_about_it(name: str) -> None:
    mesh = load_mesh(primitive_path(name))
    assert mesh.warnings == ()
    assert mesh.scale == pytest.approx(1.0, abs=1e-4)
    assert mesh.vertex_colours is not None
    assert mesh.vertex_colours.std() > 0.02


@pytest.mark.parametrize("name", GRIDS)
def test_grid_holds_distances(name: str) -> None:
    grid = load_grid(primitive_path(name))
    assert grid.values.shape == (64, 64, 64)
    assert grid.warnings == ()
    assert not grid.open
    gradient = np.stack(np.gradient(grid.values.astype(float), *grid.spacing))
    length = np.linalg.norm(gradient, axis=0)
    assert np.median(length) == pytest.approx(1.0, abs=0.01)
    assert np.quantile(length, 0.999) < 1.05


def test_grid_and_mesh_of_a_name_are_the_same_shape() -> None:
    """Mesh vertices lie on the grid's zero level, to a quarter of a cell (the creature's tips are finer than cells)."""
    from kernels.field_reference import trilinear

    for name in ("torus", "creature"):
        grid, mesh = load_grid(primitive_path(name, "sdf-grid")), load_mesh(primitive_path(name))
        at = trilinear(grid.values.astype(float), (mesh.vertices - grid.origin) / grid.spacing)
        assert np.abs(at).mean() < 0.05 * grid.spacing[0]
        assert np.quantile(np.abs(at), 0.99) < 0.25 * grid.spacing[0]


@pytest.mark.parametrize("name", CHEAP)
def test_script_makes_the_same_file_again(name: str) -> None:
    vertices, faces, colours = make_assets.MESHES[name][1]()
    unit, _, _ = make_assets.unit_sphere(vertices)
    stored = primitive_path(name).read_bytes()
    again = make_assets.ply_bytes(name, unit, faces, colours)
    if again != stored:  # another platform's libm may round the last stored digit otherwise
        old, new = (
            trimesh.load(trimesh.util.wrap_as_stream(data), file_type="ply", process=False) for data in (stored, again)
        )
        np.testing.assert_array_equal(old.faces, new.faces)
        np.testing.assert_allclose(old.vertices, new.vertices, atol=2.1e-5)


def test_script_makes_the_same_torus_grid_again(tmp_path: Path) -> None:
    make_assets.write_grid(tmp_path / "torus.npz", make_assets.torus_distances())
    np.testing.assert_array_equal(
        load_grid(tmp_path / "torus.npz").values, load_grid(primitive_path("torus-grid")).values
    )


def test_names_are_found_by_kind_and_unknown_ones_refused() -> None:
    assert primitive_path("torus").name == "torus.ply"
    assert primitive_path("torus", "sdf-grid") == primitive_path("torus-grid")
    with pytest.raises(RimlightError, match=re.escape("sphere-grid, torus-grid, creature-grid")):
        primitive_path("gear", "sdf-grid")
    with pytest.raises(RimlightError, match="sphere, torus"):
        primitive_path("teapot")


def test_every_file_has_its_licence_line() -> None:
    text = (shapes_folder().parent / "LICENSES.md").read_text(encoding="utf-8")
    for path in shapes_folder().iterdir():
        assert f"`shapes/{path.name}`" in text


def test_ramps_and_colours_stay_in_range() -> None:
    t = np.linspace(-0.5, 1.5, 50)
    palette = structured.linear("#ff0000", "#00ff00", "#0000ff")
    for periodic in (False, True):
        colours = structured.ramp(t, palette, periodic=periodic)
        assert colours.min() >= 0
        assert colours.max() <= 1
