"""The G-buffer of a mesh: values against the samples, derivatives against each other, and what is not sampled."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core.experiment import PoseSpec
from core.parameters import retract
from core.shapes.mesh import Mesh
from kernels.camera import lens_of
from kernels.linear import linear_map
from kernels.methods.naive import METHOD as NAIVE
from kernels.planes import padded, read, stored
from kernels.raster.interpolate import vertex_normals as host_normals
from kernels.surface import NORMALS, vertex_normals
from kernels.types import CHANNELS
from tests.kernels.scenes import QUICK, lumpy_mesh, orbit_view, scene

SIZE = 24
CHANNEL_NAMES = tuple(CHANNELS)


def _setting(free: frozenset[str] = frozenset(), layers: int = 2, channels: tuple[str, ...] = CHANNEL_NAMES) -> Any:
    mesh, view = lumpy_mesh(), orbit_view(SIZE)
    values = scene(mesh, PoseSpec(rotation=(5.0, 30.0, -10.0), translation=(0.1, -0.05, 0.02), scale=1.1))
    samples = mesh.sample_surface(values, view, layers=layers, cull_back_faces=False, free=free, channels=channels)
    return mesh, view, values, samples


def _gbuffer(
    mesh: Mesh, view: Any, values: Any, samples: Any, free: frozenset[str], names: tuple = CHANNEL_NAMES
) -> Any:
    run = jax.jit(
        lambda v, s: mesh.evaluate_surface(v, s, lens_of(view), channels=names, free=free), compiler_options=QUICK
    )
    return run(values, samples)


def test_fragments_sit_on_their_pixels() -> None:
    mesh, view, values, samples = _setting()
    gbuffer = _gbuffer(mesh, view, values, samples, frozenset())
    row, column = np.mgrid[:SIZE, :SIZE] + 0.5
    for k in range(2):
        mask = np.asarray(gbuffer.mask[k])
        assert mask.sum() > 100
        np.testing.assert_allclose(np.asarray(gbuffer.x[k])[mask], column[mask], atol=2e-4)
        np.testing.assert_allclose(np.asarray(gbuffer.y[k])[mask], row[mask], atol=2e-4)
        np.testing.assert_allclose(gbuffer.inverse_depth[k], samples.fragments.inverse_depth[k], atol=1e-6)
        image = {n: np.stack(p) for n, p in gbuffer.channels[k].items()}
        np.testing.assert_allclose(image["depth"][0][mask], 1 / samples.fragments.inverse_depth[k][mask], rtol=1e-5)
        np.testing.assert_allclose(np.linalg.norm(image["normals"], axis=0)[mask], 1, atol=1e-5)
        for planes in image.values():
            assert np.all(planes[:, ~mask] == 0)
        assert image["colour"].max() <= 1.0
    np.testing.assert_allclose(gbuffer.background["colour"], values["background"])
    assert float(gbuffer.background["depth"][0]) == pytest.approx(3.2 + 1.5, abs=1e-5)


def test_free_attributes_give_the_same_image_as_sampled_ones() -> None:
    everything = frozenset({"vertices", "vertex_colours"})
    mesh, view, values, sampled = _setting()
    gathered = _setting(everything)[3]
    assert gathered.normals is None
    assert gathered.colours is None
    a = _gbuffer(mesh, view, values, sampled, frozenset())
    b = _gbuffer(mesh, view, values, gathered, everything)
    for p, q in zip(jax.tree.leaves((a.x, a.y, a.channels)), jax.tree.leaves((b.x, b.y, b.channels))):
        np.testing.assert_allclose(p, q, atol=3e-5)


def test_silhouettes_of_a_pose_sample_depths_only() -> None:
    pose = frozenset({"pose.rotation"})
    mesh, view, values, samples = _setting(pose, channels=("silhouette",))
    assert samples.fragments.corners is None
    assert samples.fragments.bary is None
    assert samples.fragments.position is None
    assert samples.normals is None
    assert samples.colours is None
    small = {n: v for n, v in values.items() if not n.startswith(("const", "vert"))}
    gbuffer = _gbuffer(mesh, view, small, samples, pose, ("silhouette",))
    np.testing.assert_array_equal(gbuffer.channels[0]["silhouette"][0], samples.fragments.inverse_depth[0] > 0)


def test_fragments_without_positions_move_as_those_with() -> None:
    """Away from the pose and the field of view that were sampled; and reverse mode agrees with forward mode."""
    free = frozenset({"pose.rotation", "pose.translation", "pose.scale", "camera.fov"})
    rng = np.random.default_rng(3)
    draw = lambda size: {
        n: rng.normal(size=(3,) if n[5] in "rt" else ()).astype(np.float32) * size for n in sorted(free)
    }
    state, tangent, results = draw(0.02), draw(1.0), []
    weights = tuple(tuple(rng.normal(size=(SIZE, SIZE)).astype(np.float32) for _ in range(2)) for _ in range(3))
    for channels in (("silhouette",), CHANNEL_NAMES):
        mesh, view, values, samples = _setting(free, channels=channels)

        def planes(delta: Any, mesh=mesh, view=view, values=values, samples=samples) -> Any:
            moved = retract(values, delta)
            g = mesh.evaluate_surface(moved, samples, lens_of(view), channels=("silhouette",), free=free)
            return g.x, g.y, g.inverse_depth

        both = lambda s, t, w, f=planes: (jax.jvp(f, (s,), (t,)), jax.vjp(f, s)[1](w)[0])
        found, pulled = jax.jit(both, compiler_options=QUICK)(state, tangent, weights)
        forward = sum(float(np.vdot(a, b)) for a, b in zip(*map(jax.tree.leaves, (weights, found[1]))))
        assert sum(float(np.vdot(pulled[n], tangent[n])) for n in free) == pytest.approx(forward, rel=1e-4)
        results.append(found)
    (lean, lean_moves), (full, full_moves) = results
    for a, b in zip(jax.tree.leaves(lean), jax.tree.leaves(full)):
        np.testing.assert_allclose(a, b, atol=2e-4)
    for a, b in zip(jax.tree.leaves(lean_moves), jax.tree.leaves(full_moves)):
        # the second layer's 1/w is that of snapped corners: 1.5e-4 off where a triangle is seen from its side
        np.testing.assert_allclose(a, b, atol=5e-4 * float(np.abs(b).max()))


def test_moving_every_vertex_is_moving_the_pose() -> None:
    """A common displacement R d of all vertices is a translation by scale R d: same derivative of every plane."""
    results = []
    for free in (frozenset({"pose.translation"}), frozenset({"vertices"})):
        mesh, view, values, samples = _setting(free)
        name = next(iter(free))
        shift = np.array([0.3, -0.2, 0.5], np.float32)
        tangent = np.broadcast_to(shift, values["vertices"].shape) if name == "vertices" else shift
        if name == "pose.translation":
            w, x, y, z = values["pose.rotation"]
            turn = np.array(
                [
                    [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                    [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                    [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
                ]
            )
            tangent = (values["pose.scale"] * turn @ shift).astype(np.float32)

        def planes(delta: Any, mesh=mesh, view=view, values=values, samples=samples, free=free, name=name) -> Any:
            moved = retract(values, {name: delta})
            g = mesh.evaluate_surface(moved, samples, lens_of(view), channels=CHANNEL_NAMES, free=free)
            return g.x, g.y, g.inverse_depth, g.channels

        push = jax.jit(lambda t, f=planes: jax.jvp(f, (jnp.zeros_like(t),), (t,))[1], compiler_options=QUICK)
        results.append(jax.tree.leaves(push(jnp.asarray(tangent))))
    for a, b in zip(*results):
        np.testing.assert_allclose(a, b, atol=5e-4)
    assert max(float(jnp.abs(p).max()) for p in results[0]) > 1.0


def test_vertex_normals_inside_jit_are_the_hosts(rng: np.random.Generator) -> None:
    mesh = lumpy_mesh()
    vertices = np.concatenate([mesh.vertices, rng.random((1, 3), np.float32)])  # one vertex without a face
    found = np.asarray(jax.jit(vertex_normals)(vertices, mesh.faces))
    np.testing.assert_allclose(found[:-1], host_normals(vertices, mesh.faces)[:-1], atol=1e-5)
    gradient = jax.grad(lambda v: jnp.sum(vertex_normals(v, mesh.faces) * found[::-1]))(jnp.asarray(vertices))
    assert np.all(np.isfinite(gradient))
    assert np.all(gradient[-1] == 0)


def test_normals_prepared_once_change_nothing() -> None:
    free = frozenset({"vertices"})
    mesh, view, values, samples = _setting(free)
    prepared = mesh.prepare(values, CHANNEL_NAMES, free)
    assert list(prepared) == [NORMALS]
    assert mesh.prepare(values, ("silhouette",), free) == {}
    assert mesh.prepare(values, CHANNEL_NAMES, frozenset({"pose.rotation"})) == {}
    a = _gbuffer(mesh, view, values, samples, free)
    b = _gbuffer(mesh, view, {**values, **prepared}, samples, free)
    for p, q in zip(jax.tree.leaves(a.channels), jax.tree.leaves(b.channels)):
        np.testing.assert_allclose(p, q, atol=1e-6)


def test_naive_slides_shading_but_not_outlines() -> None:
    """Turning the light's target under a fixed outline: silhouettes have no derivative, shading has."""
    free = frozenset({"pose.rotation"})
    mesh, view, values, _ = _setting()
    samples = NAIVE.sample(mesh, values, view, NAIVE.Settings(), free, ("colour", "silhouette"))

    def image(turn: Any) -> Any:
        moved = retract(values, {"pose.rotation": turn})
        return NAIVE.evaluate(mesh, moved, samples, lens_of(view), {}, NAIVE.Settings(), ("colour", "silhouette"), free)

    push = jax.jit(lambda t: jax.jvp(image, (jnp.zeros(3),), (t,))[1], compiler_options=QUICK)
    change = push(jnp.array([0.0, 1.0, 0.0]))
    assert float(jnp.abs(change["silhouette"][0]).max()) == 0
    assert float(jnp.abs(change["colour"][0]).max()) > 0.05


# ----------------------------------------------------------------------------------------- planes and linear maps


def test_reading_a_neighbour_is_a_shift_with_zeros_outside(rng: np.random.Generator) -> None:
    plane = rng.random((3, 4)).astype(np.float32)
    frame = padded(jnp.asarray(plane))
    expected = np.zeros_like(plane)
    expected[:-1, 1:] = plane[1:, :-1]
    np.testing.assert_array_equal(read(frame, 1, -1), expected)
    np.testing.assert_array_equal(stored((jnp.asarray(plane),))[0], plane)


def test_linear_map_in_every_transformation() -> None:
    """A hand-written pair under jvp, vjp, vmap, jacfwd and jacrev, with one operand constant under transposition."""
    matrix = jnp.asarray(np.random.default_rng(2).random((3, 2)))
    forward = lambda m, ops: m @ ops[0] + ops[1]
    backward = lambda m, c: (m.T @ c, c)
    apply = lambda x, y: linear_map(forward, backward, matrix, (x, y))
    x, y = jnp.array([1.0, -2.0]), jnp.array([0.5, 0.25, 1.0])
    np.testing.assert_allclose(apply(x, y), matrix @ x + y, rtol=1e-6)
    np.testing.assert_allclose(jax.jacfwd(apply)(x, y), matrix, rtol=1e-6)
    np.testing.assert_allclose(jax.jacrev(apply)(x, y), matrix, rtol=1e-6)
    batch = jnp.stack([x, 2 * x, -x])
    np.testing.assert_allclose(jax.vmap(apply, (0, None))(batch, y), batch @ matrix.T + y, rtol=1e-6)
    pulled = jax.vmap(lambda c: jax.vjp(lambda x: apply(x, y), x)[1](c)[0])(jnp.eye(3))
    np.testing.assert_allclose(pulled, matrix, rtol=1e-6)
