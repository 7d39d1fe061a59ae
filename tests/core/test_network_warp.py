"""The warp and naive autodiff on a network: the derivative by its last bias, forward and reverse, against differences.

Reference: 8 x 8 samples a pixel, a step of 0.3 px at 40 x 40 pixels; the torus of a short warm start. The slope of an L2
loss against a target 3.6 pixels away weighs the pixels.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np

from core.derivatives.derive import Rendered, reference_derivative, relative_error
from core.derivatives.reference import as_arrays, hard_image, moved_values
from core.experiment import NetworkSpec, PoseSpec, SceneSpec, ShapeSpec
from core.inspection import forward
from core.parameters import retract, scene_values, zero_tangent
from core.shapes.loading import load_network_shape
from kernels.camera import lens_of
from kernels.methods.naive import METHOD as NAIVE
from kernels.methods.warp import METHOD as WARP
from kernels.types import split_settings
from tests.kernels.scenes import QUICK, orbit_view

SPEC = NetworkSpec(width=48, layers=2, levels=2, warm_steps=150)
FREE = frozenset({"network.bias", "network.weights"})
COLOUR = ("colour",)


def both_modes(scene: Rendered, direction: dict[str, Any], weights: np.ndarray) -> tuple[np.ndarray, Any]:
    """(dI/dtheta [H, W, 3] along `direction`, the gradient of weights . I by all of FREE), one compilation."""
    method, settings, values = scene.method, scene.settings, scene.values
    samples = method.sample(scene.shape, values, scene.view, settings, FREE, COLOUR)
    zero = zero_tangent(values, FREE)
    along = {**jax.tree.map(np.zeros_like, jax.device_get(zero)), **direction}

    def both(cotangent: Any, values: Any, samples: Any) -> Any:
        fixed = (samples, lens_of(scene.view), split_settings(settings)[0], settings, COLOUR, FREE)
        seen = lambda d: method.evaluate(scene.shape, retract(values, d), *fixed)
        return jax.jvp(seen, (zero,), (along,))[1], jax.vjp(seen, zero)[1](cotangent)[0]

    cotangent = {"colour": tuple(np.ascontiguousarray(weights[..., i]) for i in range(3))}
    rate, gradient = jax.jit(both, compiler_options=QUICK)(cotangent, values, samples)
    return as_arrays(rate)["colour"], gradient


def test_total_gradients_by_the_last_bias() -> None:
    """Warp within 4 % of finite differences and 30 % a pixel (0.3 to 0.6 and 16 at 64 x 64), naive far off; what reverse
    mode gives the bias is what forward mode gives its image, and every weight gets a gradient."""
    shape = load_network_shape(ShapeSpec("sdf-network", primitive="torus", network=SPEC), 0)
    values: Any = {**shape.parameters(), **shape.constants(), **scene_values(SceneSpec(), PoseSpec(), 40.0)}
    view, level = orbit_view(40), {"network.bias": np.float32(1)}
    scene = Rendered(shape, WARP, WARP.Settings(), values, view, COLOUR)
    image, derivative, step = reference_derivative(scene, level, 0.3, 8)
    goal = hard_image(shape, moved_values(values, level, 12 * step), view, COLOUR, 4)["colour"]
    truth, weights = derivative["colour"], image["colour"] - goal
    total = float((weights * truth).sum())
    errors = {}
    for method, chosen in ((WARP, {"outline_samples": 3, "edge_samples": 3}), (NAIVE, {})):
        scene = dataclasses.replace(scene, method=method, settings=dataclasses.replace(method.Settings(), **chosen))
        found, gradient = both_modes(scene, level, weights)
        here = float((weights * found).sum())
        np.testing.assert_allclose(float(gradient["network.bias"]), here, rtol=1e-3)
        assert float(np.abs(gradient["network.weights"]).max()) > 0
        assert np.isfinite(np.asarray(gradient["network.weights"])).all()
        errors[method.name] = (abs(here - total) / abs(total), relative_error(found, truth))
    assert errors["warp"][0] <= 0.04
    assert errors["warp"][1] <= 0.30
    assert errors["naive"][0] >= 0.15
    assert errors["naive"][1] >= 0.5


def test_the_warp_shows_what_the_radiance_network_says() -> None:
    """Middle grey at first, whatever the light: the plain shading has no share in it."""
    spec = NetworkSpec(width=48, layers=2, levels=2, radiance="network", radius=0.7)
    shape = load_network_shape(ShapeSpec("sdf-network", primitive="sphere-network", network=spec), 0)
    values: Any = {**shape.parameters(), **shape.constants(), **scene_values(SceneSpec(), PoseSpec(), 40.0)}
    image = forward(shape, WARP, WARP.Settings(samples=1), values, orbit_view(12), ("colour", "silhouette"))
    inside = image["silhouette"][0] == 1
    assert inside.sum() > 20
    for plane in image["colour"]:
        assert np.abs(plane[inside] - 0.5).max() < 0.2
