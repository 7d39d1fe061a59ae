"""Fuzzy metaballs: forward and value-and-gradient of 40 Gaussians by all parameters and the pose; silhouettes and poses.

Beside each time: its ratio to an anchor of the same run (exp of a 256 x 256 image for each of 40 Gaussians).
Run as: python -m benchmarks.bench_metaballs
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.timing import compare, machine
from core.experiment import PoseSpec, SceneSpec
from core.metaballs.convert import Conversion
from core.metaballs.loading import load_metaballs_shape
from core.parameters import retract, scene_values, zero_tangent
from kernels.camera import lens_of, look_at, orbit_eye
from kernels.methods.fuzzy_metaballs import METHOD, Settings
from kernels.settings import split_settings
from kernels.types import CameraView

BOUNDS = {(80, 60): (0.6, 1.5), (160, 120): (1.6, 5.0), (256, 256): (5.0, 15.0)}
"""Pixels -> milliseconds promised for forward and value-and-gradient on two idle cores."""
FREE = frozenset({"means", "precision_factors", "log_weights", "pose.rotation", "pose.translation"})
SEEN = frozenset({"alpha", "depth"})


def calls(width: int, height: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """(forward, value and gradient) of depth and coverage of the creature as 40 Gaussians."""
    shape = load_metaballs_shape(None, "creature", None, Conversion())
    values = {**shape.parameters(), **scene_values(SceneSpec(), PoseSpec((10.0, 20.0, 5.0)), 40.0)}
    device = {n: jnp.asarray(v) for n, v in values.items()}
    view = CameraView(look_at(orbit_eye(30.0, 20.0, 3.2)), width, height)
    samples = METHOD.sample(shape, values, view, Settings(), FREE)
    fixed = (lens_of(view), split_settings(Settings())[0])

    def image(values: Any, samples: Any, lens: Any, traced: Any) -> Any:
        return METHOD.planes(shape.gaussians(values), values, samples, lens, traced, Settings(), SEEN)

    def loss(delta: Any, values: Any, *rest: Any) -> Any:
        seen = image(retract(values, delta), *rest)
        return jnp.mean((seen["depth"] - 3.0) ** 2 * seen["alpha"]) + jnp.mean((seen["alpha"] - 0.5) ** 2)

    forward, gradient = jax.jit(image), jax.jit(jax.value_and_grad(loss))
    zero = zero_tangent(device, FREE)
    return (
        lambda: jax.block_until_ready(forward(device, samples, *fixed)),
        lambda: jax.block_until_ready(gradient(zero, device, samples, *fixed)),
    )


def main() -> None:
    print(machine())
    anchor = jax.jit(jnp.exp)
    planes = jnp.asarray(np.random.default_rng(0).random((40, 65536)), jnp.float32)
    timed: dict[str, Callable[[], Any]] = {"anchor": lambda: jax.block_until_ready(anchor(planes))}
    for width, height in BOUNDS:
        forward, gradient = calls(width, height)
        timed[f"{width} x {height} forward"] = forward
        timed[f"{width} x {height} value and gradient"] = gradient
    found = compare(timed)
    print(f"anchor, exp of 40 x 256 x 256: {found['anchor']:.2f} ms")
    for (width, height), bounds in BOUNDS.items():
        for name, bound in zip(("forward", "value and gradient"), bounds):
            least = found[f"{width} x {height} {name}"]
            ratio = least / found["anchor"]
            print(f"{width:4d} x {height:<4d} {name:<18s} {least:6.2f} ms  (bound {bound}), {ratio:5.2f} anchors")


if __name__ == "__main__":
    main()
