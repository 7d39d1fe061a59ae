"""The signed distance grid as a shape: normalised, meshed for display, traced, derived, fitted and exported."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from core.build import build
from core.experiment import (
    DeriveSpec,
    Experiment,
    MethodSpec,
    OptimizerSpec,
    ParametersSpec,
    PoseSpec,
    ShapeSpec,
    StopSpec,
    TargetSpec,
    TermSpec,
    ViewsSpec,
)
from core.inspection import Rendered, compiled_count, forward
from core.io.grids import load_grid, save_grid
from core.optimization.stepping import step
from core.problem import initial_state
from core.shapes.loading import load_shape
from core.shapes.sdf_grid import SdfGrid
from kernels.marching_cubes import extract
from kernels.methods.sdf_local import METHOD, Settings
from kernels.rotation import rotation_angle
from kernels.types import Face
from tests.kernels.grids import ball, grid_scene, lattice, lumpy
from tests.kernels.scenes import orbit_view


def volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    a, b, c = (vertices[faces[:, k]].astype(float) for k in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def stored(folder: Path, scale: float = 25.0, centre: tuple = (100.0, -50.0, 7.0)) -> Path:
    """A ball of radius 0.8 * scale about `centre`, in a box that is not centred on it."""
    axes = [np.linspace(-1.1, 1.3, 25), np.linspace(-1.1, 1.1, 23), np.linspace(-1.5, 1.1, 27)]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    values = scale * (np.sqrt(x * x + y * y + z * z) - 0.8)
    origin = scale * np.array([a[0] for a in axes]) + centre
    save_grid(folder / "ball.npz", values, origin, scale * np.array([a[1] - a[0] for a in axes]))
    return folder / "ball.npz"


def test_it_is_normalised_by_its_surface_and_undone_on_export(tmp_path: Path) -> None:
    data = load_grid(stored(tmp_path))
    grid = SdfGrid.from_data(data)
    assert grid.centre == pytest.approx([100, -50, 7], abs=0.1)
    assert grid.scale == pytest.approx(20.0, rel=0.01)
    vertices, _ = grid.display_mesh(grid.parameters())
    assert np.linalg.norm(vertices, axis=1).max() == pytest.approx(1.0, abs=1e-5)
    grid.save(tmp_path / "again.npz", grid_scene(grid))
    again = load_grid(tmp_path / "again.npz")
    np.testing.assert_allclose(again.values, data.values, atol=1e-4)
    np.testing.assert_allclose(again.origin, data.origin, atol=1e-9)
    np.testing.assert_allclose(again.spacing, data.spacing, rtol=1e-12)


def test_display_mesh_is_wound_outwards_and_cached_by_content() -> None:
    grid = ball(20)
    values = grid_scene(grid)
    vertices, faces = grid.display_mesh(values)
    assert vertices.dtype == np.float32
    assert faces.dtype == np.int32
    assert volume(vertices, faces) == pytest.approx(4 / 3 * np.pi * 0.8**3, rel=0.03)
    assert grid.display_mesh({"values": values["values"].copy()})[0] is vertices
    larger, more = grid.display_mesh({"values": values["values"] - np.float32(0.1)})
    assert volume(larger, more) > volume(vertices, faces) * 1.3


def test_a_grid_without_a_surface_loads_renders_and_draws_nothing(tmp_path: Path) -> None:
    points, origin, spacing = lattice(12)
    save_grid(tmp_path / "empty.npz", np.linalg.norm(points, axis=-1) + 0.1, origin, spacing)
    grid = SdfGrid.from_data(load_grid(tmp_path / "empty.npz"))
    values = grid_scene(grid)
    assert len(grid.display_mesh(values)[0]) == len(grid.display_mesh(values)[1]) == 0
    image = forward(Rendered(grid, METHOD, Settings(), values, orbit_view(16), ("colour", "depth")))
    assert all(np.isfinite(p).all() for planes in image.values() for p in planes)
    assert (image["colour"][0] == values["background"][0]).all()
    assert any("no zero crossing" in w for w in grid.facts()["warnings"])


def test_what_it_says_about_itself() -> None:
    grid = load_shape("sdf-grid", None, "torus", (0.2, 0.3, 0.4))
    assert grid.kind == "sdf-grid"
    assert grid.faces_offered == {Face.FIELD, Face.SURFACE, Face.TRIANGULATION}
    assert set(grid.parameters()) == {"values", "surface.colour"}
    assert grid.parameters()["surface.colour"] == pytest.approx([0.2, 0.3, 0.4])
    assert all(name.startswith("const.") for name in grid.constants())
    assert "64 x 64 x 64" in grid.facts()["summary"]


@pytest.mark.parametrize("rotation", [(0.0, 0.0, 0.0), (25.0, 40.0, -10.0)])
def test_an_exported_pose_stands_where_it_was_seen(tmp_path: Path, rotation: tuple) -> None:
    """The exported grid's surface is the posed display mesh: same extent, same volume."""
    from core.looking import placed

    grid = lumpy(32)
    values = grid_scene(grid, PoseSpec(rotation, (0.2, -0.1, 0.05), 1.2))
    grid.save(tmp_path / "posed.npz", values)
    data = load_grid(tmp_path / "posed.npz")
    assert data.warnings == ()
    vertices, faces = extract(data.values, data.origin, data.spacing)[:2]
    posed, posed_faces = placed(grid.display_mesh(values), values)
    assert volume(vertices, faces) == pytest.approx(volume(posed, posed_faces), rel=0.02)
    np.testing.assert_allclose(vertices.min(axis=0), posed.min(axis=0), atol=0.03)
    np.testing.assert_allclose(vertices.max(axis=0), posed.max(axis=0), atol=0.03)


def test_sub_pixel_shifts_make_the_supersampled_image() -> None:
    """4 x 4 shifted renders, interleaved, are the render of four times the size (tolerance in pixels, so a fourth)."""
    grid, view, fine = lumpy(), orbit_view(24), np.zeros((96, 96))
    values = grid_scene(grid)
    render = lambda camera, tolerance: forward(
        Rendered(grid, METHOD, Settings(hit_tolerance=tolerance), values, camera, ("silhouette", "depth"))
    )
    for row in range(4):
        for column in range(4):
            shifted = dataclasses.replace(view, shift=(0.375 - column / 4, 0.375 - row / 4))
            fine[row::4, column::4] = render(shifted, 0.01)["depth"][0]
    whole = render(dataclasses.replace(view, width=96, height=96), 0.04)["depth"][0]
    assert 0.2 < (whole < 4.0).mean() < 0.6
    assert (np.abs(fine - whole) > 1e-3).mean() < 2e-3


def experiment(**changes: object) -> Experiment:
    base = Experiment(
        shape=ShapeSpec(kind="sdf-grid", primitive="torus", start=PoseSpec((12.0, 8.0, 0.0))),
        target=TargetSpec(shape_kind="sdf-grid"),
        views=ViewsSpec(kind="orbit", count=3, width=48, height=48),
        method=MethodSpec("sdf-local"),
        terms=(TermSpec("l2", "colour"),),
        optimizer=OptimizerSpec("adam", 0.02, decay=0.1),
        parameters=ParametersSpec(("pose.rotation",)),
        stop=StopSpec(40),
        derive=DeriveSpec("pose.rotation.x"),
    )
    return dataclasses.replace(base, **changes)


def test_a_pose_fits_and_steps_recompile_nothing() -> None:
    """A torus turned by 14 degrees finds back by its shading; its spin about its own axis cannot be seen."""
    scene = build(experiment())
    state = initial_state(scene.problem, scene.values)
    state, first = step(scene.problem, state, (0, 1, 2), 0.02)
    compiled = compiled_count()
    for _ in range(39):
        state, last = step(scene.problem, state, (0, 1, 2), 0.02)
    assert compiled_count() == compiled
    assert last.loss < 0.15 * first.loss
    tilt = rotation_angle(
        *(_axis_only(np.asarray(q, np.float64)) for q in (state.values["pose.rotation"], [1, 0, 0, 0]))
    )
    assert np.degrees(tilt) < 4.0


def _axis_only(q: np.ndarray) -> np.ndarray:
    """The shortest rotation that moves the y axis (the torus' own) as the unit quaternion q does."""
    from kernels.rotation import quaternion_matrix

    axis = np.asarray(quaternion_matrix(q))[:, 1]
    half = np.array([1.0 + axis[1], *np.cross([0.0, 1.0, 0.0], axis)])
    return half / np.linalg.norm(half)


def test_node_values_fit_the_shading() -> None:
    """Free node values lower the colour loss of a fixed pose: the gradient in the samples is a descent direction."""
    changes = dict(parameters=ParametersSpec(("values",)), optimizer=OptimizerSpec("adam", 0.001))
    scene = build(experiment(**changes))
    state = initial_state(scene.problem, scene.values)
    losses = []
    for _ in range(12):
        state, report = step(scene.problem, state, (0, 1, 2), 0.001)
        losses.append(report.loss)
    assert losses[-1] < 0.8 * losses[0]
