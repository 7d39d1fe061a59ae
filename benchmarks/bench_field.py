"""Signed distance grids, 64^3 at 256 x 256: sphere tracing on one thread and two, sdf-local's value and gradient, and a
whole view of a step, tracing included: at most 16 ms on two cores.

Beside each time: its ratio to an anchor taken in turns with it (a NumPy gradient of the grid).
Run as: python -m benchmarks.bench_field
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.timing import compare, machine
from core.experiment import PoseSpec, SceneSpec
from core.parameters import retract, scene_values, zero_tangent
from core.shapes.loading import load_shape
from kernels.camera import lens_of, look_at, orbit_eye
from kernels.field import object_rays
from kernels.field_grid import padded_count
from kernels.field_trace import trace_grid
from kernels.methods.sdf_local import METHOD, Settings
from kernels.settings import split_settings
from kernels.types import CameraView

SIZE = 256
FREE = {
    "samples": ("values",),
    "pose": ("pose.rotation", "pose.translation"),
    "both": ("values", "pose.rotation", "pose.translation", "surface.colour"),
}


def gradient_call(
    grid: Any, values: dict[str, Any], view: CameraView, free: tuple[str, ...], tracing: bool = False
) -> Callable[[], Any]:
    """Value and gradient of an L2 colour loss by `free`; tracing: with the hits found anew, else they are given."""
    settings = Settings()
    sample = lambda: METHOD.sample(grid, values, view, settings, frozenset(free), ("colour",))
    samples = sample()
    lens, traced = lens_of(view), split_settings(settings)[0]

    def loss(delta: Any, values: Any, samples: Any, lens: Any, traced: Any) -> Any:
        moved = retract(values, delta)
        image = METHOD.evaluate(grid, moved, samples, lens, traced, settings, ("colour",), frozenset(free))
        return sum(jnp.mean((plane - 0.3) ** 2) for plane in image["colour"])

    run = jax.jit(jax.value_and_grad(loss))
    device = {name: jnp.asarray(value) for name, value in values.items()}
    zero = zero_tangent(device, free)
    return lambda: jax.block_until_ready(run(zero, device, sample() if tracing else samples, lens, traced))


def report(name: str) -> None:
    grid: Any = load_shape("sdf-grid", None, name, None)
    values = {**grid.parameters(), **grid.constants(), **scene_values(SceneSpec(), PoseSpec(), 40.0)}
    view = CameraView(look_at(orbit_eye(30.0, 20.0, 3.2)), SIZE, SIZE)
    rays, padded = object_rays(values, view), padded_count(SIZE, SIZE)
    trace = lambda threads: trace_grid(
        values["values"], grid.origin, grid.spacing, rays, SIZE, SIZE,
        max_steps=256, hit_pixels=0.05, padded=padded, threads=threads,
    )  # fmt: skip
    calls: dict[str, Callable[[], Any]] = {"anchor": lambda: np.gradient(values["values"])}
    calls |= {f"trace {threads}": lambda n=threads: trace(n) for threads in (1, 2)}
    calls |= {title: gradient_call(grid, values, view, free) for title, free in FREE.items()}
    calls["view"] = gradient_call(grid, values, view, FREE["samples"], tracing=True)
    ms = compare(calls)
    columns = "  ".join(f"{ms[key]:8.2f}" for key in ("trace 2", "trace 1", *FREE, "view"))
    print(
        f"{name:10}  {trace(1).count:6,}  {columns}  {ms['anchor']:7.2f}  {ms['trace 2'] / ms['anchor']:6.2f}",
        flush=True,
    )


def main() -> None:
    print(machine())
    print(
        f"64 x 64 x 64 nodes, {SIZE} x {SIZE} pixels; milliseconds, least of 20 medians; gradients of a colour loss\n"
        "trace: 2 and 1 threads; a view: traced, shaded, and its gradient by the samples, at most 16"
    )
    print("grid          hits   2 thr.    1 thr.    samples      pose      both    a view   anchor   ratio")
    for name in ("torus", "creature"):
        report(name)


if __name__ == "__main__":
    main()
