"""Sphere tracing against its NumPy twin and against geometry; the grid's local field against closed forms."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from core.experiment import PoseSpec
from kernels.camera import camera_eye, look_at, orbit_eye
from kernels.field import FieldSamples, object_rays
from kernels.field_grid import CHUNK, GridField, extrapolated, padded_count
from kernels.field_reference import trace_reference, trilinear
from kernels.field_trace import compact, steep_slope, trace_grid
from kernels.types import CameraView
from tests.kernels.grids import ball, grid_scene, lattice, lumpy
from tests.kernels.scenes import orbit_view

POSE = PoseSpec(rotation=(20.0, 35.0, 10.0), translation=(0.1, -0.05, 0.2), scale=1.1)


def _trace(grid, values, view, threads=1, hit_pixels=0.02, max_steps=400) -> FieldSamples:
    return trace_grid(
        values["values"],
        grid.origin,
        grid.spacing,
        object_rays(values, view),
        view.height,
        view.width,
        max_steps=max_steps,
        hit_pixels=hit_pixels,
        padded=padded_count(view.height, view.width),
        threads=threads,
    )


@pytest.mark.parametrize("turn", [0.0, 140.0])
def test_tracer_finds_what_the_slow_twin_finds(turn: float) -> None:
    grid, view = lumpy(), dataclasses.replace(orbit_view(28, turn), width=34, shift=(0.25, -0.4))
    values = grid_scene(grid, POSE)
    found = _trace(grid, values, view, hit_pixels=0.002).distance
    rays = object_rays(values, view)
    slow, least = trace_reference(values["values"], grid.origin, grid.spacing, rays, 28, 34, 400)
    both = (found > 0) & (slow > 0)
    assert both.mean() > 0.2
    # Within a 500th of a pixel of the surface (1e-4 here): along the ray that is more where it grazes.
    assert np.quantile(np.abs(found - slow)[both], 0.9) < 1e-5
    assert np.abs(found - slow)[both].max() < 0.01
    differ = (found > 0) != (slow > 0)
    assert least[differ].max(initial=0.0) < 2e-4, "a ray that one of them misses passes further away than it may"


def test_same_hits_for_any_number_of_threads() -> None:
    grid, view = lumpy(), orbit_view(50)
    values = grid_scene(grid, POSE)
    first, second = _trace(grid, values, view, 1), _trace(grid, values, view, 3)
    for a, b in zip(first, second):
        np.testing.assert_array_equal(a, b)


def test_ball_is_hit_where_geometry_says() -> None:
    """Exact distance along each ray; 0.003 is the sag of trilinear interpolation, h^2 / (2 r), at 48 nodes, doubled."""
    grid, view = ball(48), orbit_view(64)
    values = grid_scene(grid)
    distance = _trace(grid, values, view).distance
    y, x = np.mgrid[:64, :64] + 0.5
    rays = object_rays(values, view)
    direction = np.stack([x, y, np.ones_like(x)], -1) @ rays.matrix.T
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    along = -(direction @ rays.origin)
    closest = np.sqrt(np.maximum(rays.origin @ rays.origin - along**2, 0.0))
    expected = along - np.sqrt(np.maximum(0.64 - closest**2, 0.0))
    steep = closest < 0.7
    assert np.abs(distance - expected)[steep].max() < 0.003
    assert (distance[closest > 0.803] == 0).all()
    assert (distance[closest < 0.795] > 0).all()


def test_a_shifted_view_is_the_shifted_image() -> None:
    grid, view = lumpy(), orbit_view(32)
    values = grid_scene(grid)
    plain = _trace(grid, values, view).distance
    moved = _trace(grid, values, dataclasses.replace(view, shift=(3.0, -2.0))).distance
    np.testing.assert_allclose(moved[:-2, 3:], plain[2:, :-3], atol=2e-3)


def test_steep_values_are_not_stepped_over() -> None:
    """Seven times a distance, on spacings that differ: the same surface (BAD.md's class of not-a-distance grids)."""
    grid, view = lumpy(), orbit_view(40)
    values = grid_scene(grid)
    truth = _trace(grid, values, view).distance
    steep = _trace(grid, {**values, "values": 7 * values["values"]}, view, hit_pixels=0.14).distance
    assert ((truth > 0) != (steep > 0)).sum() <= 3
    both = (truth > 0) & (steep > 0)
    assert np.quantile(np.abs(truth - steep)[both], 0.9) < 1e-3


def test_rays_that_run_out_of_steps_miss_and_the_rest_hit() -> None:
    grid, view = ball(), orbit_view(32)
    values = grid_scene(grid)
    assert _trace(grid, values, view, max_steps=1).count == 0
    assert _trace(grid, values, view, max_steps=100).count == _trace(grid, values, view, max_steps=400).count


def test_a_camera_inside_the_ball_sees_its_inside() -> None:
    grid = ball()
    view = CameraView(look_at((0.0, 0.0, 0.1), (0.0, 0.0, -1.0)), 16, 16)
    samples = _trace(grid, grid_scene(grid), view)
    assert samples.count == 256
    assert samples.inside.all()


def test_nearer_than_the_near_plane_is_not_seen() -> None:
    grid = ball()
    view = CameraView(look_at((0.0, 0.0, 3.0)), 16, 16, near=2.6)
    centre = _trace(grid, grid_scene(grid), view).distance[8, 8]
    assert centre == pytest.approx(3.8, abs=0.02)  # the far side; the near one is at 2.2


def test_grids_without_a_surface_are_empty() -> None:
    grid, view = ball(), orbit_view(16)
    for sign in (1.0, -1.0):
        values = grid_scene(grid)
        values["values"] = np.full_like(values["values"], sign)
        samples = _trace(grid, values, view)
        assert samples.count == 0
        assert (samples.distance == 0).all()


@pytest.mark.parametrize(
    "broken",
    [
        {"values": np.nan},
        {"values": 1e30},
        {"values": -np.inf},
        {"pose.translation": np.nan},
        {"pose.translation": 1e30},
        {"pose.rotation": np.nan},
        {"camera.fov": 1e-6},
    ],
    ids=str,
)
def test_numbers_gone_wild_do_no_harm(broken: dict[str, float]) -> None:
    """A diverged fit may hand over anything: no crash, no endless loop, distances finite or 0."""
    grid = lumpy()
    values = grid_scene(grid)
    for name, number in broken.items():
        values[name] = np.full_like(values[name], number)
    with np.errstate(all="ignore"):
        samples = _trace(grid, values, orbit_view(24))
    assert np.isfinite(samples.distance).all()
    half = np.where(np.arange(24)[:, None, None] < 12, np.nan, grid.values).astype(np.float32)
    assert np.isfinite(_trace(grid, {**grid_scene(grid), "values": half}, orbit_view(24)).distance).all()


def test_hits_come_first_and_every_pixel_once() -> None:
    distance = np.array([0, 1, 0, 2, 3, 0], np.float32)
    hits, count = compact(distance, 8)
    assert count == 3
    assert hits[:3].tolist() == [1, 3, 4]
    assert sorted(hits[:6].tolist()) == list(range(6))
    assert padded_count(256, 256) == 65536
    assert padded_count(10, 10) == CHUNK


def test_slope_of_a_distance_is_one_and_outliers_do_not_count() -> None:
    points, _, spacing = lattice(32)
    values = (np.linalg.norm(points, axis=-1) - 0.8).astype(np.float32)
    assert steep_slope(values, spacing, 2) <= 1.04
    values[5, 5, 5] += 100.0
    assert steep_slope(values, spacing) <= 1.04
    assert steep_slope(3 * values, spacing) == pytest.approx(3.0, abs=0.1)
    assert steep_slope(values * 1e6, spacing) <= 8.0


def test_ghost_nodes_continue_a_quadratic_exactly() -> None:
    axis = np.arange(5.0)
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    f = lambda x, y, z: 1 + x - 2 * y + 0.5 * x * x + 0.25 * z * z - y * z + 0.1 * y * y
    larger = np.asarray(extrapolated(jnp.asarray(f(x, y, z), jnp.float32)))
    wide = np.arange(-1.0, 6.0)
    np.testing.assert_allclose(larger, f(*np.meshgrid(wide, wide, wide, indexing="ij")), atol=2e-4)


def _field_at(grid, points: np.ndarray) -> GridField:
    planes = tuple(jnp.asarray(points[None, :, a], jnp.float32) for a in range(3))
    samples = FieldSamples(np.ones((1, len(points)), np.float32), None, np.zeros(CHUNK, np.int32), np.int32(0))
    constants = grid.constants()
    return GridField(jnp.asarray(grid.values), constants["const.origin"], constants["const.spacing"], samples, planes)


def test_local_field_is_the_trilinear_one(rng: np.random.Generator) -> None:
    grid = lumpy(16)
    points = rng.uniform(-1.09, 1.09, (200, 3))
    planes = tuple(jnp.asarray(points[None, :, a], jnp.float32) for a in range(3))
    local = _field_at(grid, points)
    exact = trilinear(grid.values.astype(float), (points - grid.origin) / grid.spacing)
    np.testing.assert_allclose(np.asarray(local.distance(planes))[0], exact, atol=2e-6)
    direction = rng.standard_normal(3)
    along = tuple(jnp.full((1, 200), d, jnp.float32) for d in direction)
    step = 1e-4 * direction
    moved = tuple(p + float(s) for p, s in zip(planes, step))
    back = tuple(p - float(s) for p, s in zip(planes, step))
    slope = np.asarray(local.slope(planes, along))[0]
    # Along a line the cell's field is a cubic: the central difference is exact but for float32 (1e-7 / 2e-4).
    np.testing.assert_allclose(slope, np.asarray(local.distance(moved) - local.distance(back))[0] / 2e-4, atol=5e-3)


def test_normals_are_accurate_to_second_order() -> None:
    """Angle to the true normal of a ball, averaged: falls by four when the spacing halves."""
    errors = []
    for nodes in (12, 23):
        grid = ball(nodes)
        rng = np.random.default_rng(0)
        points = rng.standard_normal((300, 3))
        points = 0.8 * points / np.linalg.norm(points, axis=1, keepdims=True)
        planes = tuple(jnp.asarray(points[None, :, a], jnp.float32) for a in range(3))
        normal = np.stack([np.asarray(n)[0] for n in _field_at(grid, points).normal(planes)], axis=-1)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        errors.append(np.arccos(np.clip((normal * points).sum(1) / 0.8, -1, 1)).mean())
    assert errors[1] < 0.01
    assert errors[0] / errors[1] > 3.0


def test_object_rays_hit_the_pixel_they_belong_to() -> None:
    """A point on the ray of pixel (x, y) projects to (x, y) by the camera's own matrix."""
    from kernels.camera import object_to_pixel

    view = CameraView(look_at(orbit_eye(50, -30, 2.5)), 30, 20, shift=(0.3, -0.2))
    values = grid_scene(ball(8), POSE)
    rays = object_rays(values, view)
    point = rays.origin + 1.7 * rays.matrix @ np.array([12.5, 3.5, 1.0])
    h = object_to_pixel(values, view) @ np.append(point, 1.0)
    np.testing.assert_allclose(h, [12.5 * 1.7, 3.5 * 1.7, 1.7], atol=1e-9)
    assert np.linalg.norm(camera_eye(view)) == pytest.approx(2.5)
