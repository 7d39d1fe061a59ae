"""Every method in both modes on every kind of shape: <Ju, w> = <u, J^T w> for seeded pairs, whatever is free."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core.experiment import NetworkSpec, PoseSpec, ShapeSpec
from core.inspection import Rendered
from core.parameters import retract
from core.registry import methods
from core.shapes.loading import load_network_shape
from core.shapes.metaballs import Metaballs
from core.shapes.sdf_analytic import SdfAnalytic
from kernels.body_parts import Body
from kernels.camera import lens_of
from kernels.metaballs import factor_matrices
from kernels.settings import split_settings
from kernels.types import SURFACES, Shape
from tests.kernels.grids import lumpy
from tests.kernels.modes import assert_transposes
from tests.kernels.scenes import QUICK, as_float64, lumpy_mesh, orbit_view, scene

SURFACE = [name for name, method in methods().items() if method.face in SURFACES]
POSE = {"pose.rotation", "pose.translation", "pose.scale", "camera.fov"}
LOOK = {"vertex_colours", "light.direction", "light.intensity", "light.ambient", "background"}


def _assert_transposes(name: str, free: set[str], channels: tuple[str, ...], wide: bool, **chosen: Any) -> None:
    method, mesh = methods()[name], lumpy_mesh()
    values = scene(mesh, PoseSpec(rotation=(10.0, 25.0, 5.0), translation=(0.1, 0.05, 0.0)))
    settings = dataclasses.replace(method.Settings(), **chosen)
    assert_transposes(Rendered(mesh, method, settings, values, orbit_view(14), channels), free, wide)


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
    _assert_transposes(name, free, channels, True)


@pytest.mark.parametrize("name", sorted(HEAVY))
def test_the_heavy_ones_in_float32(name: str) -> None:
    _assert_transposes(name, {"pose.rotation", "vertices"}, ("silhouette",), False)


@pytest.mark.parametrize("name", [name for name in SURFACE if name not in HEAVY])
def test_everything_at_once_and_in_float32(name: str) -> None:
    _assert_transposes(name, POSE | LOOK | {"vertices"}, ("colour",), True)
    _assert_transposes(name, {"pose.rotation", "vertices"}, ("depth",), False)


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
    _assert_transposes(name, {"pose.rotation", "pose.translation"}, ("silhouette",), True, **chosen)


def _balls() -> Metaballs:
    rng = np.random.default_rng(0)
    factors = factor_matrices(np.concatenate([np.log(rng.uniform(4, 10, (6, 3))), rng.normal(size=(6, 3))], 1), np)
    return Metaballs(0.4 * rng.normal(size=(6, 3)), factors, np.zeros(6), rng.random((6, 3)))


def _bodies() -> SdfAnalytic:
    values = {"torus.centre": (0, 0, 0), "torus.radius": 0.62, "torus.tube": 0.22, "union.smoothing": 0.1}
    values |= {"sphere.centre": (-0.1, -0.35, 0.25), "sphere.radius": 0.33}
    return SdfAnalytic((Body("torus", "torus"), Body("sphere", "sphere")), values)


def _network() -> Shape:
    spec = NetworkSpec(width=48, layers=2, levels=2, radius=0.7, warm_steps=0)
    return load_network_shape(ShapeSpec("sdf-network", primitive="sphere-network", network=spec), 0)


OTHER = {"grid": lambda: lumpy(9), "bodies": _bodies, "network": _network, "metaballs": _balls}
"""Kinds of shapes beside meshes, each with all of its own parameters and the pose free."""
SPARSE = {"warp": {"outline_samples": 3, "edge_samples": 3}}


@pytest.mark.parametrize("wide", [True, False], ids=["float64", "float32"])
@pytest.mark.parametrize(
    ("kind", "name"),
    [(k, n) for k, make in OTHER.items() for n, method in methods().items() if method.faces & make().faces_offered],
)
def test_every_method_on_every_other_kind_of_shape(kind: str, name: str, wide: bool) -> None:
    shape, method = OTHER[kind](), methods()[name]
    settings = dataclasses.replace(method.Settings(), **SPARSE.get(name, {}))
    values = scene(shape, PoseSpec((20.0, 10.0, 5.0), (0.05, 0.02, 0.0)))
    rendered = Rendered(shape, method, settings, values, orbit_view(12), ("colour",))
    assert_transposes(rendered, {*shape.parameters(), *POSE}, wide)


def test_every_method_is_here() -> None:
    others = {n for make in OTHER.values() for n, method in methods().items() if method.faces & make().faces_offered}
    assert others | set(SURFACE) == set(methods())


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
