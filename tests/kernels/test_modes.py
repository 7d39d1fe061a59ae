"""Every surface method in both modes: <Ju, w> = <u, J^T w> for seeded pairs, whatever is free."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core.experiment import PoseSpec
from core.parameters import retract, zero_tangent
from core.registry import methods
from kernels.camera import lens_of
from kernels.settings import split_settings
from kernels.types import CHANNELS, SURFACES
from tests.kernels.scenes import QUICK, as_float64, lumpy_mesh, orbit_view, scene

SURFACE = [name for name, method in methods().items() if method.face in SURFACES]
POSE = {"pose.rotation", "pose.translation", "pose.scale", "camera.fov"}
LOOK = {"vertex_colours", "light.direction", "light.intensity", "light.ambient", "background"}
PAIRS = 20


def _products(name: str, free: set[str], channels: tuple[str, ...], wide: bool, **chosen: Any) -> np.ndarray:
    """(PAIRS, 3): <Ju, w>, <u, J^T w> and |Ju||w| for seeded u and w."""
    method, mesh, view = methods()[name], lumpy_mesh(), orbit_view(14)
    values = scene(mesh, PoseSpec(rotation=(10.0, 25.0, 5.0), translation=(0.1, 0.05, 0.0)))
    settings = dataclasses.replace(method.Settings(), **chosen)
    names = frozenset(free)
    samples = method.sample(mesh, values, view, settings, names, channels)
    fixed = (values, samples, lens_of(view), split_settings(settings)[0])
    fixed = as_float64(fixed) if wide else fixed

    def image(fixed: Any, delta: Any) -> Any:
        values, samples, lens, traced = fixed
        return method.evaluate(mesh, retract(values, delta), samples, lens, traced, settings, channels, names)

    zero = zero_tangent(fixed[0], names)
    push = jax.jit(lambda fixed, u: jax.jvp(functools.partial(image, fixed), (zero,), (u,))[1], compiler_options=QUICK)
    pull = jax.jit(lambda fixed, w: jax.vjp(functools.partial(image, fixed), zero)[1](w)[0], compiler_options=QUICK)
    rng = np.random.default_rng(1)
    draw = lambda shape: rng.standard_normal(shape).astype(np.float64 if wide else np.float32)
    rows = []
    for _ in range(PAIRS):
        u = {n: draw(z.shape) for n, z in zero.items()}
        w = {c: tuple(draw((14, 14)) for _ in range(CHANNELS[c])) for c in channels}
        pushed = push(fixed, u)
        lengths = np.sqrt(_dot(pushed, pushed) * _dot(w, w))
        rows.append((_dot(pushed, w), _dot(u, pull(fixed, w)), lengths))
    return np.array(rows)


def _dot(a: Any, b: Any) -> float:
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b))
    return sum(float(np.vdot(np.asarray(x, np.float64), np.asarray(y, np.float64))) for x, y in pairs)


def _assert_transposes(rows: np.ndarray, tolerance: float) -> None:
    assert (rows[:, 2] > 0).all()
    worst = np.max(np.abs(rows[:, 0] - rows[:, 1]) / rows[:, 2])
    assert worst <= tolerance, f"<Ju, w> and <u, J^T w> differ by {worst:.1e} |Ju||w|"


HEAVY = {"soft-raster"}
"""Methods for which everything at once takes half a minute to compile: their colours are looked at alone."""
KINDS = {
    "pose": (POSE, ("depth", "normals")),
    "vertices": ({"vertices"}, ("silhouette", "depth", "normals")),
    "look": (LOOK, ("colour",)),
}


@pytest.mark.parametrize(("name", "kind"), [(n, k) for n in SURFACE for k in KINDS if k != "look" or n in HEAVY])
def test_each_kind_of_parameter(name: str, kind: str) -> None:
    free, channels = KINDS[kind]
    with jax.enable_x64(True):
        _assert_transposes(_products(name, free, channels, True), 1e-5)


@pytest.mark.parametrize("name", [name for name in SURFACE if name not in HEAVY])
def test_everything_at_once_and_in_float32(name: str) -> None:
    with jax.enable_x64(True):
        _assert_transposes(_products(name, POSE | LOOK | {"vertices"}, ("colour",), True), 1e-5)
    _assert_transposes(_products(name, {"pose.rotation", "vertices"}, ("depth",), False), 1e-3)


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("edge-grad", {"rules": "paper"}),
        ("edge-grad", {"crossings": False}),
        ("splat", {"layers": 1, "compensate_gain": True}),
        ("splat", {"layers": 3}),
        ("splat", {"compositing": "same"}),
    ],
)
def test_every_rule(name: str, chosen: dict[str, Any]) -> None:
    with jax.enable_x64(True):
        rows = _products(name, {"pose.rotation", "pose.translation"}, ("silhouette",), True, **chosen)
    _assert_transposes(rows, 1e-5)


@pytest.mark.parametrize("name", ["edge-grad", "splat"])
def test_jacobians_by_vmap_agree(name: str) -> None:
    """jacfwd and jacrev batch the hand-written linear maps; both give the same Jacobian."""
    method, mesh, view = methods()[name], lumpy_mesh(), orbit_view(6)
    values, free = scene(mesh), frozenset({"pose.translation"})
    settings = method.Settings()
    with jax.enable_x64(True):
        samples = as_float64(method.sample(mesh, values, view, settings, free, ("silhouette",)))
        values, lens = as_float64(values), as_float64(lens_of(view))
        traced = as_float64(split_settings(settings)[0])

        def plane(move: Any) -> Any:
            moved = retract(values, {"pose.translation": move})
            image = method.evaluate(mesh, moved, samples, lens, traced, settings, ("silhouette",), free)
            return image["silhouette"][0]

        both = jax.jit(lambda x: (jax.jacfwd(plane)(x), jax.jacrev(plane)(x)), compiler_options=QUICK)
        forward, backward = both(jnp.zeros(3))
        assert float(jnp.abs(forward).max()) > 0.1
        np.testing.assert_allclose(forward, backward, atol=1e-9)
