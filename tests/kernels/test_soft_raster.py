"""The soft rasterizer against its slow twin, closed forms and its own finite differences."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core.experiment import PoseSpec
from core.parameters import retract
from core.shapes.loading import load_shape
from core.shapes.mesh import Mesh
from kernels.camera import lens_of, look_at, object_to_pixel
from kernels.methods.soft_raster import METHOD, Settings
from kernels.settings import split_settings
from kernels.soft_reference import soft_image_reference
from kernels.soft_sampler import soft_fragments
from kernels.types import CameraView
from tests.kernels.scenes import QUICK, lumpy_mesh, orbit_view, scene, sphere

WIDE = Settings(sigma=2e-3, gamma=0.05, faces_per_pixel=6)


def _image(mesh: Mesh, values: dict[str, Any], view: CameraView, settings: Settings, channels: Any) -> Any:
    samples = METHOD.sample(mesh, values, view, settings, frozenset(), channels)
    traced = split_settings(settings)[0]
    run = jax.jit(
        lambda v, s, t: METHOD.evaluate(mesh, v, s, lens_of(view), t, settings, channels, frozenset()),
        compiler_options=QUICK,
    )
    return {n: np.stack([np.asarray(p) for p in planes], -1) for n, planes in run(values, samples, traced).items()}


@pytest.mark.parametrize("eye", [(0.6, 0.9, 2.6), (0.2, 0.1, 0.75)], ids=["outside", "in the mesh"])
@pytest.mark.parametrize("settings", [WIDE, replace(WIDE, background="softmax", gamma=0.3, faces_per_pixel=3)])
def test_the_image_is_the_twins(eye: tuple, settings: Settings) -> None:
    """Value for value; "in the mesh" the near plane (w = 0.3) cuts triangles."""
    mesh = lumpy_mesh()
    view = CameraView(look_at(eye), 26, 22, near=0.3 if eye[2] < 1 else 0.05)
    values = scene(mesh, emissive=True)
    image = _image(mesh, values, view, settings, ("silhouette", "colour"))
    lens = lens_of(view)
    coverage, colour = soft_image_reference(
        mesh.vertices, mesh.faces, mesh.vertex_colours, object_to_pixel(values, view), size=(26, 22),
        sigma=settings.sigma, gamma=settings.gamma, blur_radius=settings.blur_radius,
        faces_per_pixel=settings.faces_per_pixel, background=np.asarray(values["background"], np.float64),
        far=float(lens.background_depth), softmax=settings.background == "softmax", near=view.near,
    )  # fmt: skip
    assert 0.2 < coverage.mean() < 1
    np.testing.assert_allclose(image["silhouette"][..., 0], coverage, atol=1e-4)
    np.testing.assert_allclose(image["colour"], colour, atol=1e-4)


def test_a_straight_edge_is_a_sigmoid() -> None:
    """Half a plane: coverage is sigmoid(-d |d| / sigma), 1/2 on the edge, cut at the blur radius."""
    corners = np.array([(-9, -9, 0), (0, -9, 0), (0, 9, 0), (-9, 9, 0)])
    mesh = Mesh(corners, np.array([(0, 1, 2), (0, 2, 3)]), np.ones((4, 3)))
    view = replace(CameraView(look_at((0.0, 0.0, 3.0)), 64, 64), shift=(0.2, 0.0))
    settings = Settings(sigma=1e-3, blur_radius=16.0)
    image = _image(mesh, scene(mesh), view, settings, ("silhouette",))["silhouette"][32, :, 0]
    distance = (np.arange(64) + 0.5 - 32.2) * 2 / 64
    expected = 1 / (1 + np.exp(np.clip(distance * np.abs(distance) / 1e-3, -50, 50)))
    expected[distance > np.sqrt(16e-3)] = 0
    outside = distance > 0
    np.testing.assert_allclose(image[outside], expected[outside], atol=1e-5)
    # Inside, the diagonal of the two triangles is far away; both count, so that only the nearer half compares.
    near = (distance < 0) & (distance > -0.1)
    np.testing.assert_allclose(image[near], expected[near], atol=1e-5)


def test_fragments_are_sorted_and_the_nearest_kept() -> None:
    mesh, view = lumpy_mesh(), orbit_view(24)
    matrix = object_to_pixel(scene(mesh), view)
    few, many = (soft_fragments(mesh.vertices, mesh.faces, matrix, size=(24, 24), layers=k, blur=9.0) for k in (3, 40))
    depth = np.where(many.face_id >= 0, 1 / np.where(many.face_id >= 0, many.inverse_depth, 1), np.inf)
    with np.errstate(invalid="ignore"):
        assert (np.diff(depth, axis=0)[many.face_id[1:] >= 0] >= 0).all()
    np.testing.assert_array_equal(few.face_id, many.face_id[:3])
    np.testing.assert_array_equal(few.border_bary, many.border_bary[:3])
    np.testing.assert_allclose(many.border_bary.sum(1)[many.face_id >= 0], 1, atol=1e-6)
    culled = soft_fragments(mesh.vertices, mesh.faces, matrix, size=(24, 24), layers=40, blur=9.0, cull_back_faces=True)
    assert (culled.face_id >= 0).sum() < (many.face_id >= 0).sum()
    broken = mesh.vertices.copy()
    broken[0] = np.nan
    without = soft_fragments(broken, mesh.faces, matrix, size=(24, 24), layers=40, blur=9.0)
    assert not np.isin(without.face_id, np.nonzero((mesh.faces == 0).any(1))[0]).any()


@pytest.mark.parametrize("name", ["pose.rotation", "vertices"])
def test_the_derivative_is_that_of_its_own_image(name: str) -> None:
    """Central differences of its own image in float32, step 1e-4; K is large enough that no triangle comes or goes."""
    mesh, view = lumpy_mesh(), orbit_view(24)
    settings = replace(WIDE, faces_per_pixel=24, blur_radius=16.0, sigma=4e-3)
    values = scene(mesh, PoseSpec(rotation=(10.0, 25.0, 5.0)), emissive=True)  # shading flips where normals do
    free, channels, lens = frozenset({name}), ("silhouette", "colour", "depth"), lens_of(view)
    traced = split_settings(settings)[0]
    rng = np.random.default_rng(3)
    direction = {name: rng.standard_normal((3,) if name == "pose.rotation" else mesh.vertices.shape).astype(np.float32)}

    def image(delta: Any, samples: Any, values: Any) -> Any:
        moved = retract(values, delta)
        return METHOD.evaluate(mesh, moved, samples, lens, traced, settings, channels, free)

    push = jax.jit(
        lambda d, s, v: jax.jvp(lambda e: image(e, s, v), (jax.tree.map(jnp.zeros_like, d),), (d,)),
        compiler_options=QUICK,
    )
    sample = lambda v: METHOD.sample(mesh, v, view, settings, free, channels)
    change = push(direction, sample(values), values)[1]
    step, sides = 1e-4, []
    for sign in (1, -1):
        moved = retract(values, {name: sign * step * direction[name]})
        moved = {n: np.asarray(v) for n, v in moved.items()}
        sides.append(push(direction, sample(moved), moved)[0])
    for channel in channels:
        truth = np.stack([(np.asarray(a) - np.asarray(b)) / (2 * step) for a, b in zip(*(s[channel] for s in sides))])
        found = np.stack([np.asarray(p) for p in change[channel]])
        assert np.abs(truth).max() > 0.1
        gap = np.sort(np.abs(found - truth).max(axis=0).ravel())[:-2]  # a clip's kink may lie within the step
        assert np.linalg.norm(gap) <= 0.005 * np.linalg.norm(truth), channel


def test_a_grid_can_be_seen_softly() -> None:
    """The isosurface of a grid goes the same way: its silhouette grows with the level."""
    grid = load_shape("sdf-grid", None, "torus", None)
    view, free, channels = orbit_view(20), frozenset({"values"}), ("silhouette",)
    values = {**scene(lumpy_mesh()), **grid.parameters(), **grid.constants()}
    settings = Settings(faces_per_pixel=8)
    samples = METHOD.sample(grid, values, view, settings, free, channels)

    def covered(level: Any, values: Any, samples: Any) -> Any:
        moved = {**values, "values": values["values"] - level}
        traced = split_settings(settings)[0]
        return METHOD.evaluate(grid, moved, samples, lens_of(view), traced, settings, channels, free)["silhouette"][
            0
        ].sum()

    total, growth = jax.jit(jax.value_and_grad(covered), compiler_options=QUICK)(jnp.float32(0.0), values, samples)
    assert total > 20
    assert growth > 10


def test_a_mesh_too_fine_for_the_triangles_that_a_pixel_keeps_is_told() -> None:
    """The count is the image's own business alone: blur and triangles grow with its side."""
    said = {}
    for around, rings in ((20, 10), (240, 120)):
        mesh = Mesh(*sphere(around, rings))
        for size in (32, 64):
            said[rings, size] = METHOD.oddities(mesh, scene(mesh), orbit_view(size), Settings())
    assert said[10, 32] == said[10, 64] == ()
    assert said[120, 32] == said[120, 64]
    assert said[120, 32][0].startswith("soft-raster keeps 20 triangles a pixel, and some ")
    mesh = Mesh(*sphere(240, 120))
    more = Settings(faces_per_pixel=80)
    assert METHOD.oddities(mesh, scene(mesh), orbit_view(32), more) == ()
