"""Texture lookup against plain NumPy, its transposes, mip levels, and textured meshes through the methods."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core.errors import RimlightError
from core.io.materials import sample_texture
from core.io.meshes import load_mesh
from core.parameters import retract, zero_tangent
from core.registry import methods
from core.shapes.loading import load_shape
from core.shapes.textured_mesh import TexturedMesh
from kernels.camera import lens_of, look_at, object_to_pixel
from kernels.host_texture import look_up_on_host, mip_levels
from kernels.settings import split_settings
from kernels.texture import level_sizes, look_up, pyramid_table
from kernels.types import CameraView
from tests.kernels.scenes import QUICK, orbit_view, scene


def quad(size: tuple[int, int] = (8, 16), mip: bool = True) -> TexturedMesh:
    corners = np.array([(-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0)])
    uv = np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
    faces = np.array([(0, 1, 2), (0, 2, 3)])
    return TexturedMesh(corners, faces, uv[faces], np.random.default_rng(2).random((*size, 3)), mip=mip)


def test_bilinear_is_what_the_readers_do(rng: Any) -> None:
    """Repeating, v upwards, texel centres at half-integers."""
    stored = rng.integers(0, 256, (6, 10, 3), np.uint8)
    uv = rng.uniform(-1.5, 2.5, (200, 2))
    from core.colour import from_bytes

    found = np.stack(look_up(from_bytes(stored), jnp.asarray(uv[:, 0]), jnp.asarray(uv[:, 1]), None), -1)
    np.testing.assert_allclose(found, sample_texture(stored, uv), atol=2e-5)


def test_levels_are_box_means_and_mix_linearly(rng: Any) -> None:
    texture = rng.random((8, 16, 3)).astype(np.float32)
    assert level_sizes(8, 16) == [(8, 16), (4, 8), (2, 4), (1, 2)]
    assert level_sizes(10, 6) == [(10, 6), (5, 3)]
    table = np.asarray(pyramid_table(texture, 4))
    np.testing.assert_allclose(table[-2:].mean(0), texture.mean((0, 1)), atol=1e-6)
    np.testing.assert_allclose(table[128 : 128 + 8], texture.reshape(4, 2, 8, 2, 3).mean((1, 3))[0], atol=1e-6)
    at = lambda level: np.array(look_up(texture, *np.array([[0.3], [0.6], [level]], np.float32)))
    np.testing.assert_allclose(at(1.25), 0.75 * at(1.0) + 0.25 * at(2.0), atol=1e-6)
    np.testing.assert_allclose(at(-3.0), at(0.0), atol=0)
    np.testing.assert_allclose(at(9.0), at(3.0), atol=0)


@pytest.mark.parametrize("mip", [True, False])
def test_the_host_looks_up_what_traced_code_does(mip: bool, rng: Any) -> None:
    texture = rng.random((8, 16, 3)).astype(np.float32)
    uv = rng.uniform(-1.5, 2.5, (2, 2, 5, 7)).astype(np.float32)
    level = rng.uniform(-1.0, 5.0, (2, 5, 7)).astype(np.float32) if mip else None
    face_id = np.where(rng.random((2, 5, 7)) < 0.3, -1, 4)
    found = look_up_on_host(texture, uv, level, face_id)
    for k in range(2):
        wanted = np.stack(look_up(texture, uv[k, 0], uv[k, 1], None if level is None else level[k]))
        np.testing.assert_allclose(found[k], np.where(face_id[k] >= 0, wanted, 0), atol=1e-5)


def test_level_is_where_a_texel_is_a_pixel() -> None:
    """A quad of 16 x 16 texels over 8 x 8 pixels: level 1, anywhere on it; and the same in perspective, tilted."""
    mesh = quad((16, 16))
    flat = np.array([[4.0, 0, 0, 8], [0, -4, 0, 8], [0, 0, 0, 1]])
    ids, inverse = np.zeros((1, 2, 2), np.int32), np.ones((1, 2, 2), np.float32)
    np.testing.assert_allclose(
        mip_levels(mesh.corner_uv, mesh.vertices, mesh.faces, flat, (16, 16), ids, inverse), 1.0, atol=1e-6
    )
    view = CameraView(look_at((0.0, -1.5, 1.5)), 64, 64)
    values = scene(mesh) | mesh.parameters() | mesh.constants()
    samples = mesh.sample_surface(values, view, layers=1, cull_back_faces=False, free=frozenset({"texture"}))
    seen = samples.fragments.face_id[0] >= 0
    inner = seen[1:-1, 1:-1] & seen[1:-1, 2:] & seen[2:, 1:-1] & seen[:-2, 1:-1] & seen[1:-1, :-2]
    u, v = 16 * samples.uv[0][0], 16 * samples.uv[0][1]
    middle = lambda a, dy, dx: (a[1 + dy : 63 + dy, 1 + dx : 63 + dx] - a[1 - dy : 63 - dy, 1 - dx : 63 - dx]) / 2
    area = np.abs(middle(u, 0, 1) * middle(v, 1, 0) - middle(u, 1, 0) * middle(v, 0, 1))
    np.testing.assert_allclose(samples.level[0][1:-1, 1:-1][inner], 0.5 * np.log2(area[inner]), atol=0.05)


@pytest.mark.parametrize("name", ["edge-grad", "soft-raster"])
def test_both_modes_through_a_method(name: str) -> None:
    """<Ju, w> = <u, J^T w> with texture and pose free, and the derivative by a texel is its weight."""
    mesh, view = quad(), orbit_view(12)
    method = methods()[name]
    settings = method.Settings(faces_per_pixel=2) if name == "soft-raster" else method.Settings()  # type: ignore[call-arg]
    values = scene(mesh, emissive=True) | mesh.parameters() | mesh.constants()
    values.pop("vertex_colours", None)
    free, channels = frozenset({"texture", "pose.rotation"}), ("colour",)
    samples = method.sample(mesh, values, view, settings, free, channels)
    traced = split_settings(settings)[0]

    def image(delta: Any, values: Any, samples: Any) -> Any:
        moved = retract(values, delta)
        return method.evaluate(mesh, moved, samples, lens_of(view), traced, settings, channels, free)["colour"]

    rng = np.random.default_rng(1)
    zero = zero_tangent(values, free)
    u = {n: rng.standard_normal(z.shape).astype(np.float32) for n, z in zero.items()}
    w = tuple(rng.standard_normal((12, 12)).astype(np.float32) for _ in range(3))
    run = lambda v, s, u, w: (
        jax.jvp(lambda d: image(d, v, s), (zero,), (u,))[1],
        jax.vjp(lambda d: image(d, v, s), zero)[1](w)[0],
    )
    pushed, pulled = jax.jit(run, compiler_options=QUICK)(values, samples, u, w)
    left = sum(float(np.vdot(a, b)) for a, b in zip(pushed, w))
    right = sum(float(np.vdot(u[n], pulled[n])) for n in u)
    assert left == pytest.approx(right, rel=1e-3)
    assert np.abs(pulled["texture"]).max() > 0.01


def test_coordinates_slide_under_a_pixel() -> None:
    """Naive autodiff by a shift of the quad: minus the picture's slope, against differences of its own image."""
    mesh, view = quad((4, 4), mip=False), replace(orbit_view(24, 0.0), width=24)
    method, free, channels = methods()["naive"], frozenset({"pose.translation"}), ("colour",)
    values = scene(mesh, emissive=True) | mesh.parameters() | mesh.constants()
    sample = lambda v: method.sample(mesh, v, view, method.Settings(), free, channels)

    def image(delta: Any, values: Any, samples: Any) -> Any:
        moved = retract(values, {"pose.translation": delta})
        return method.evaluate(mesh, moved, samples, lens_of(view), {}, method.Settings(), channels, free)["colour"]

    push = jax.jit(lambda v, s, u: jax.jvp(lambda d: image(d, v, s), (jnp.zeros(3),), (u,)), compiler_options=QUICK)
    along = jnp.array([1.0, 0.4, 0.0])
    change = np.stack(push(values, sample(values), along)[1])
    sides = []
    for sign in (1, -1):
        moved = {**values, "pose.translation": values["pose.translation"] + np.float32(sign * 1e-3) * np.asarray(along)}
        sides.append(np.stack(push(moved, sample(moved), along)[0]))
    truth = (sides[0] - sides[1]) / 2e-3
    agree = np.abs(change - truth).max(0) < 0.02
    assert agree.mean() > 0.9  # elsewhere a silhouette moves, or a texel's edge lies within the step
    assert np.abs(change).max() > 0.5


def test_files_with_and_without_a_texture(shared_data: Any) -> None:
    shape = load_shape("textured-mesh", str(shared_data / "spot_textured.glb"), None, None)
    plain = load_mesh(shared_data / "spot_textured.glb")
    assert isinstance(shape, TexturedMesh)
    assert plain.vertex_colours is not None
    assert shape.texture.shape[0] >= 256
    values = shape.parameters()
    np.testing.assert_allclose(shape.display_colours(values), plain.vertex_colours, atol=0.02)
    view = orbit_view(48)
    values = {**scene(shape, emissive=True), **values, **shape.constants()}
    assert object_to_pixel(values, view).shape == (3, 4)
    with pytest.raises(RimlightError, match="no single texture"):
        load_shape("textured-mesh", str(shared_data / "bunny_6k.obj"), None, None)


def test_the_bundled_sphere_and_its_export(tmp_path: Any) -> None:
    shape = load_shape("textured-mesh", None, "textured-sphere", None)
    assert shape.facts()["summary"].endswith("texture 512 x 256")
    values = {**scene(shape), **shape.parameters()}  # type: ignore[arg-type]
    shape.save(tmp_path / "ball.ply", values)
    from PIL import Image

    saved = np.asarray(Image.open(tmp_path / "ball.png"))
    assert saved.shape == (256, 512, 3)
    grey = load_shape("textured-mesh", None, "textured-sphere", (0.5, 0.5, 0.5)).parameters()["texture"]
    assert (grey == 0.5).all()
