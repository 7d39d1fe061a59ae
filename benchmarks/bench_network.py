"""A network under the warp: pixels a second and peak bytes for k = all, 14 and 7 of 22 points (Bangaru et al. 2022, Fig. 8).

Width 256, 8 layers, 6 levels, a sphere by geometric initialisation; value and gradient by all weights of one view, and
sampling, which puts the network's distances on a lattice before anything else. Both are compiled before they are timed.
Peak bytes are XLA's temporary memory of the compiled step, for 512 rays in flight, whatever the size of the picture.
`--width` and `--size` for a quick look.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.timing import machine
from core.experiment import NetworkSpec, PoseSpec, SceneSpec, ShapeSpec
from core.parameters import retract, scene_values, zero_tangent
from core.shapes.loading import load_network_shape
from kernels.camera import lens_of, look_at, orbit_eye
from kernels.methods.naive import METHOD as NAIVE
from kernels.methods.warp import METHOD as WARP
from kernels.settings import split_settings
from kernels.types import CameraView

POINTS = 22
FREE = frozenset({"network.weights", "network.bias"})


def measure(method: Any, settings: Any, shape: Any, size: int) -> tuple[float, float, int]:
    """(seconds of sampling, seconds of value and gradient, peak bytes)."""
    values: Any = {**shape.parameters(), **shape.constants(), **scene_values(SceneSpec(), PoseSpec(), 40.0)}
    view = CameraView(look_at(orbit_eye(20.0, 20.0, 3.2)), size, size)
    sample = lambda change: method.sample(
        shape,
        {**values, "network.bias": values["network.bias"] + np.float32(change)},
        view,
        settings,
        FREE,
        ("colour",),
    )
    sample(1e-3)
    start = time.perf_counter()
    samples = sample(0.0)
    sampling = time.perf_counter() - start
    traced, zero = split_settings(settings)[0], zero_tangent(values, FREE)

    def loss(delta: Any, values: Any, samples: Any) -> Any:
        image = method.evaluate(
            shape, retract(values, delta), samples, lens_of(view), traced, settings, ("colour",), FREE
        )
        return sum(jnp.mean(plane * plane) for plane in image["colour"])

    step = jax.jit(jax.value_and_grad(loss)).lower(zero, values, samples).compile()
    start = time.perf_counter()
    jax.block_until_ready(step(zero, values, samples))
    memory = step.memory_analysis()
    return sampling, time.perf_counter() - start, int(memory.temp_size_in_bytes) if memory is not None else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--size", type=int, default=24)
    options = parser.parse_args()
    spec = NetworkSpec(options.width, options.layers)
    shape = load_network_shape(ShapeSpec("sdf-network", primitive="sphere-network", network=spec), 0)
    print(machine())
    print(f"{shape.facts()['summary']}, {options.size} x {options.size} pixels, 4 samples a pixel near outlines")
    coarse = dataclasses.replace(WARP.Settings(), points=POINTS, samples=1, outline_samples=2, edge_samples=2)
    print("method         sampling s   step s   pixels/s   peak MB")
    peaks = {}
    for name, method, settings in (
        ("naive", NAIVE, NAIVE.Settings()),
        ("warp, k = all", WARP, dataclasses.replace(coarse, top_k=0)),
        ("warp, k = 14", WARP, dataclasses.replace(coarse, top_k=14)),
        ("warp, k = 7", WARP, dataclasses.replace(coarse, top_k=7)),
    ):
        sampling, seconds, peak = measure(method, settings, shape, options.size)
        rate = options.size**2 / (sampling + seconds)
        peaks[name] = peak
        print(f"{name:14} {sampling:10.2f} {seconds:8.2f} {rate:10.0f} {peak / 1e6:9.1f}", flush=True)
    print(f"memory of k = 7 over that of all points: {peaks['warp, k = 7'] / peaks['warp, k = all']:.2f} (at most 1/3)")


if __name__ == "__main__":
    main()
