"""The warp and naive autodiff on a network: the derivative by its last bias against differences, and reverse mode.

Reference: 8 x 8 samples a pixel, a step of 0.3 px at 40 x 40 pixels; the torus of a short warm start. The slope of an L2
loss against a target 3.6 pixels away weighs the pixels.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import jax
import numpy as np

from core.derivatives.derive import method_derivative, reference_derivative, relative_error
from core.derivatives.reference import as_arrays, hard_image, moved_values
from core.experiment import NetworkSpec, PoseSpec, SceneSpec, ShapeSpec
from core.inspection import Rendered, forward
from core.parameters import retract, scene_values, zero_tangent
from core.shapes.loading import load_network_shape
from kernels.camera import lens_of
from kernels.field import object_rays
from kernels.methods.naive import METHOD as NAIVE
from kernels.methods.warp import METHOD as WARP
from kernels.methods.warp import tracer_of
from kernels.network_rays import NetworkTracer
from kernels.network_trace import MOST_STEPS, trace_rays
from kernels.settings import split_settings
from kernels.warp_rays import HostTracer
from kernels.warp_samples import NEAR
from tests.kernels.scenes import QUICK, orbit_view

SPEC = NetworkSpec(width=48, layers=2, levels=2, warm_steps=150)
CHOSEN = {"outline_samples": 3, "edge_samples": 3}
FREE = frozenset({"network.bias", "network.weights"})
COLOUR = ("colour",)


@functools.cache
def torus() -> Rendered:
    """Fitted once to its distances, under the warp."""
    shape = load_network_shape(ShapeSpec("sdf-network", primitive="torus", network=SPEC), 0)
    values: Any = {**shape.parameters(), **shape.constants(), **scene_values(SceneSpec(), PoseSpec(), 40.0)}
    settings = dataclasses.replace(WARP.Settings(), **CHOSEN)
    return Rendered(shape, WARP, settings, values, orbit_view(40), COLOUR)


LEVEL: dict[str, Any] = {"network.bias": np.float32(1)}


@functools.cache
def _compiled() -> Any:
    """(cotangent, values, samples) -> (dI/dtheta by LEVEL, the gradient of cotangent . I by all of FREE)."""
    scene, settings = torus(), torus().settings
    zero = zero_tangent(scene.values, FREE)
    along = {**jax.tree.map(np.zeros_like, jax.device_get(zero)), **LEVEL}

    def both(cotangent: Any, values: Any, samples: Any) -> Any:
        fixed = (samples, lens_of(scene.view), split_settings(settings)[0], settings, COLOUR, FREE)
        seen = lambda d: scene.method.evaluate(scene.shape, retract(values, d), *fixed)
        return jax.jvp(seen, (zero,), (along,))[1], jax.vjp(seen, zero)[1](cotangent)[0]

    return jax.jit(both, compiler_options=QUICK)


def both_modes(values: Any, weights: np.ndarray) -> tuple[np.ndarray, Any]:
    """(dI/dtheta [H, W, 3] by LEVEL, the gradient of weights . I by all of FREE) of the torus with `values`."""
    scene = torus()
    samples = scene.method.sample(scene.shape, values, scene.view, scene.settings, FREE, COLOUR)
    cotangent = {"colour": tuple(np.ascontiguousarray(weights[..., i]) for i in range(3))}
    rate, gradient = _compiled()(cotangent, values, samples)
    return as_arrays(rate)["colour"], gradient


def test_total_gradients_by_the_last_bias() -> None:
    """Warp within 4 % of finite differences and 30 % a pixel (0.3 to 0.6 and 16 at 64 x 64), naive far off; what reverse
    mode gives the bias is what forward mode gives its image, and every weight gets a gradient."""
    scene = torus()
    image, derivative, step = reference_derivative(scene, LEVEL, 0.3, 8)
    moved = moved_values(scene.values, LEVEL, 12 * step)
    goal = hard_image(scene.shape, moved, scene.view, COLOUR, 8)["colour"]
    truth, weights = derivative["colour"], image["colour"] - goal
    total = float((weights * truth).sum())
    errors = lambda found: (abs(float((weights * found).sum()) - total) / abs(total), relative_error(found, truth))
    found, gradient = both_modes(scene.values, weights)
    np.testing.assert_allclose(float(gradient["network.bias"]), float((weights * found).sum()), rtol=1e-3)
    assert float(np.abs(gradient["network.weights"]).max()) > 0
    assert np.isfinite(np.asarray(gradient["network.weights"])).all()
    of_total, of_pixels = errors(found)
    assert of_total <= 0.04
    assert of_pixels <= 0.30
    naive = method_derivative(dataclasses.replace(scene, method=NAIVE, settings=NAIVE.Settings()), LEVEL)[1]["colour"]
    of_total, of_pixels = errors(naive)
    assert of_total >= 0.15
    assert of_pixels >= 0.5


def test_no_derivative_where_the_truth_is_zero() -> None:
    """Under ambient light alone the image changes at the outline only. Pixels wholly inside or outside, as the network
    has it, carry 0.2 % of the derivative (0.6 with the outline of the lattice that rays are weighed by and hits told to
    0.02 px; at 64 x 64 0.2 and 2.2)."""
    scene = torus()
    values = {**scene.values, "light.intensity": np.float32(0), "light.ambient": np.float32(1)}
    size, fine = scene.view.height, 32
    derivative = np.abs(both_modes(values, np.zeros((size, size, 3), np.float32))[0]).sum(axis=2)
    rim = np.ones((fine, fine), bool)
    rim[1:-1, 1:-1] = False
    only = np.kron(derivative > 0, rim)
    large = dataclasses.replace(scene.view, width=size * fine, height=size * fine, only=only)
    hit = scene.shape.trace_field(values, large, max_steps=400, hit_pixels=0.05).distance > 0  # type: ignore[attr-defined]
    of_pixels = lambda plane: plane.reshape(size, fine, size, fine)
    mixed = of_pixels(hit & only).any(axis=(1, 3)) & of_pixels(~hit & only).any(axis=(1, 3))
    assert derivative.sum() > 10
    assert derivative[~mixed].sum() <= 0.003 * derivative.sum()


def test_the_outline_is_the_network_s() -> None:
    """Rays near it hit or miss as tracing the network itself tells; by the lattice alone some do not."""
    scene, rng = torus(), np.random.default_rng(3)
    shape: Any = scene.shape
    rays = object_rays(scene.values, scene.view)
    tracer = tracer_of(shape, scene.values, rays, scene.settings)
    assert isinstance(tracer, NetworkTracer)
    near = np.argwhere(scene.method.sample(shape, scene.values, scene.view, scene.settings, FREE, COLOUR).kind == NEAR)
    u = near[rng.integers(len(near), size=8000), ::-1] + rng.random((8000, 2))
    q = np.concatenate([u, np.ones((len(u), 1))], axis=1) @ rays.matrix.T
    truth, _, _ = trace_rays(tracer.distances, rays, q, tracer.quadrature.tolerance, MOST_STEPS)
    by_lattice = HostTracer(tracer.field, tracer.box, rays, tracer.quadrature)
    wrong = lambda depth: int(((depth > 0) != (truth > 0)).sum())
    assert wrong(tracer.hits(u, True)[0]) <= 2
    assert wrong(tracer.points(u, False).depth) <= 2
    assert wrong(by_lattice.hits(u, True)[0]) >= 20


def test_some_pixels_have_the_rays_and_points_of_the_whole_view() -> None:
    """A tenth of them, drawn: their derivative is then that of the whole image (tests/kernels/test_warp.py)."""
    scene, rng = torus(), np.random.default_rng(1)
    only = rng.random((scene.view.height, scene.view.width)) < 0.1
    sample = lambda view: WARP.sample(scene.shape, scene.values, view, scene.settings, FREE, COLOUR)
    whole, some = sample(scene.view), sample(dataclasses.replace(scene.view, only=only))
    np.testing.assert_array_equal(some.kind, np.where(only, whole.kind, 0))
    listed = [np.asarray(s.near)[s.near < only.size] for s in (whole, some)]
    assert len(listed[1]) > 10
    np.testing.assert_array_equal(listed[1], np.intersect1d(listed[0], np.flatnonzero(only)))
    side = CHOSEN["outline_samples"] ** 2
    for plane, part in zip(whole.near_points, some.near_points):
        rows = [p.transpose(0, 2, 1).reshape(-1, p.shape[1]) for p in (plane, part)]
        of_whole, of_some = (r[: side * len(one)].reshape(len(one), side, -1) for r, one in zip(rows, listed))
        np.testing.assert_array_equal(of_some, of_whole[np.isin(listed[0], listed[1])])
    assert some.rays.count.sum() < 0.25 * whole.rays.count.sum()


def test_the_warp_shows_what_the_radiance_network_says() -> None:
    """Middle grey at first, whatever the light: the plain shading has no share in it."""
    spec = NetworkSpec(width=48, layers=2, levels=2, radiance="network", radius=0.7)
    shape = load_network_shape(ShapeSpec("sdf-network", primitive="sphere-network", network=spec), 0)
    values: Any = {**shape.parameters(), **shape.constants(), **scene_values(SceneSpec(), PoseSpec(), 40.0)}
    image = forward(Rendered(shape, WARP, WARP.Settings(samples=1), values, orbit_view(12), ("colour", "silhouette")))
    inside = image["silhouette"][0] == 1
    assert inside.sum() > 20
    for plane in image["colour"]:
        assert np.abs(plane[inside] - 0.5).max() < 0.2
