"""The warp's accuracy and speed: derivatives against finite differences, the ablation over k, and a step on a grid.

128 x 128 pixels. References: 24 x 24 samples a pixel, central differences of 0.08 px (a step of 0.25 px smears outlines
over pixel borders, by 11 % of the image's norm); a network, whose rays are dear, has 64 x 64 pixels, 8 x 8 samples and
0.3 px. Totals are weighted by the slope of an L2 loss against a target 6 px away. Where the truth is zero: the same scenes
under ambient light alone, one flat colour that changes nowhere but at the outline; what the warp claims elsewhere, of all
it claims, at most 1 %. About four minutes of processor time, of which each line tells its own; `--only accuracy` about
three. `python -m benchmarks.bench_warp --out DIR` also writes the pictures: the derivative of each method beside finite
differences (Bangaru et al. 2022, Fig. 6), and the derivative for each k (Fig. 8).
"""

from __future__ import annotations

import argparse
import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.timing import machine, median_ms
from core import pictures
from core.derivatives.derive import cosine, method_derivative, reference_derivative, relative_error
from core.derivatives.reference import hard_image, moved_values
from core.derivatives.warp_looking import pixel_parts, split
from core.experiment import NetworkSpec, PoseSpec, SceneSpec, ShapeSpec
from core.headless import derive_sheet
from core.inspection import Rendered
from core.io.atomic import write_bytes
from core.parameters import retract, scene_values, zero_tangent
from core.registry import methods
from core.shapes.loading import load_network_shape, load_shape
from core.shapes.sdf_analytic import SdfAnalytic
from core.shapes.sdf_grid import SdfGrid
from kernels.body_parts import Body
from kernels.camera import lens_of, look_at, orbit_eye
from kernels.field import Field
from kernels.settings import split_settings
from kernels.types import CameraView, Shape

SIZE, SAMPLES, STEP = 128, 24, 0.08
BORDER_RAYS, FEWER_BORDER_RAYS = 4096, 2048
"""Rays an image side that tell where the outline is; fewer of fields that trace every pixel or none."""
SEEDS = 2
TARGET_PIXELS = 6
SHIFT = {"pose.translation": np.array([1, 0, 0], np.float32)}


def ring_and_ball(nodes: int) -> SdfGrid:
    """A torus and a ball, smoothly joined, as distances on [-1.1, 1.1]^3."""
    values = {"torus.centre": (0, 0, 0), "torus.radius": 0.62, "torus.tube": 0.22, "union.smoothing": 0.1}
    ball = {"sphere.centre": (-0.1, -0.35, 0.25), "sphere.radius": 0.33}
    shape = SdfAnalytic((Body("torus", "torus"), Body("sphere", "sphere")), {**values, **ball})
    axis = np.linspace(-1.1, 1.1, nodes)
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    found = shape.distance_at({**shape.parameters(), **shape.constants()}, points)
    return SdfGrid(found.reshape((nodes,) * 3), np.full(3, -1.1), np.full(3, axis[1] - axis[0]))


@dataclass(frozen=True)
class Case:
    """direction: the tangent of theta. size: pixels a side. samples: of the reference, a pixel's side. step: pixels."""

    title: str
    shape: Shape
    direction: dict[str, Any]
    size: int = SIZE
    samples: int = SAMPLES
    step: float = STEP

    def rendered(self, method: str, **chosen: Any) -> Rendered:
        return rendered(self.shape, method, self.size, **chosen)


@functools.cache
def cases() -> list[Case]:
    analytic = lambda name: load_shape("sdf-analytic", None, name, None)
    grid, level = ring_and_ball(48), {"network.bias": np.float32(1)}
    return [
        Case("torus radius", analytic("torus"), {"torus.radius": np.float32(1)}),
        Case("two spheres", analytic("two-spheres"), {"sphere2.centre": np.array([1, 0, 0], np.float32)}),
        Case("sphere shift", analytic("sphere"), SHIFT),
        Case("48^3 grid level", grid, {"values": -np.ones(grid.values.shape, np.float32)}),
        Case("48^3 grid shift", grid, SHIFT),
        Case("network's bias", torus_network(), level, 64, 8, 0.3),
    ]


def torus_network() -> Shape:
    """Two layers of 48, fitted to a torus's distances first."""
    spec = NetworkSpec(width=48, layers=2, levels=2, warm_steps=150)
    return load_network_shape(ShapeSpec("sdf-network", primitive="torus", network=spec), 0)


def rendered(shape: Shape, method: str, size: int = SIZE, **chosen: Any) -> Rendered:
    values = {**shape.parameters(), **shape.constants(), **scene_values(SceneSpec(), PoseSpec(), 40.0)}
    view = CameraView(look_at(orbit_eye(20.0, 20.0, 3.2)), size, size)
    found = methods()[method]
    return Rendered(shape, found, found.Settings(**chosen), values, view, ("colour",))


def accuracy(out: Path | None) -> None:
    print(f"totals and images against finite differences; warp: {SEEDS} seeds; naive: the interior alone")
    print(
        "scene             method    total %            pixel %            | total by part: silhouette, occlusion, interior"
    )
    for case in cases():
        worked = time.process_time()
        _compare(case, out)
        print(f"{'':16}  {time.process_time() - worked:.0f} s of processor time", flush=True)


def _compare(case: Case, out: Path | None) -> None:
    """Both methods on one case: two lines, and the picture."""
    scene = case.rendered("warp")
    image, reference, step = reference_derivative(scene, case.direction, case.step, case.samples)
    moved = moved_values(scene.values, case.direction, TARGET_PIXELS / case.step * step)
    goal = hard_image(case.shape, moved, scene.view, ("colour",), 4)
    weights, truth = image["colour"] - goal["colour"], reference["colour"]
    total = float((weights * truth).sum())
    parts = pixel_parts(scene)
    rows = [("warp", case.rendered("warp", seed=seed)) for seed in range(SEEDS)]
    found: dict[str, list[np.ndarray]] = {}
    for name, one in [*rows, ("naive", case.rendered("naive", face="field"))]:
        found.setdefault(name, []).append(method_derivative(one, case.direction)[1]["colour"])
    sheets = []
    for name, images in found.items():
        totals = " ".join(f"{100 * (float((weights * i).sum()) / total - 1):5.1f}" for i in images)
        pixels = " ".join(f"{100 * relative_error(i, truth):5.1f}" for i in images)
        each = split(images[0], truth, weights, parts)
        shares = "  ".join(f"{p.total / total:5.2f} ({p.reference_total / total:5.2f})" for p in each.values())
        print(f"{case.title:16}  {name:6}  {totals:18} {pixels:18} | {shares}", flush=True)
        arrays = {"image": image["colour"], "derivative": images[0], "reference": truth}
        numbers = {"relative_l2": relative_error(images[0], truth), "cosine": cosine(images[0], truth)}
        sheets.append(derive_sheet(name, case.title, arrays, numbers))
    if out is not None:
        name = case.title.replace(" ", "-").replace("'", "")
        write_bytes(out / f"derivative-{name}.png", pictures.png_bytes(pictures.stacked(sheets)))


def where_the_truth_is_zero() -> None:
    """The share of the derivative's size that lies in pixels wholly inside or outside a flat shape."""
    print("\nwhere the truth is zero (ambient light alone): share of the derivative off the outline, %, by seed")
    for case in cases():
        shares = [_off_outline(case.rendered("warp", seed=seed), case.direction) for seed in range(SEEDS)]
        print(f"{case.title:16}  {' '.join(f'{100 * share:6.3f}' for share in shares)}", flush=True)


def _off_outline(scene: Rendered, direction: dict[str, Any]) -> float:
    flat = {**scene.values, "light.intensity": np.float32(0), "light.ambient": np.float32(1)}
    derivative = np.abs(method_derivative(replace(scene, values=flat), direction)[1]["colour"]).sum(axis=-1)
    return float(derivative[uniform_pixels(scene, derivative > 0)].sum() / derivative.sum())


def uniform_pixels(scene: Rendered, asked: np.ndarray) -> np.ndarray:
    """(H, W) bool: which of the pixels `asked` no outline passes: along their four borders all rays hit, or none does."""
    view, shape = scene.view, cast(Field, scene.shape)
    fine = (BORDER_RAYS if scene.shape.spares_pixels else FEWER_BORDER_RAYS) // view.height
    border = np.ones((fine, fine), bool)
    border[1:-1, 1:-1] = False
    only = np.kron(asked, border)
    large = replace(view, width=view.width * fine, height=view.height * fine, only=only)
    hit = shape.trace_field(scene.values, large, max_steps=400, hit_pixels=0.05).distance > 0
    of_pixels = lambda plane: plane.reshape(view.height, fine, view.width, fine)
    some, every = of_pixels(hit & only).any(axis=(1, 3)), of_pixels(hit | ~only).all(axis=(1, 3))
    return asked & (every | ~some)


def ablation(out: Path | None) -> None:
    """Over k of the top-k subset (their Fig. 8): error of the derivative, points that are differentiated."""
    case = cases()[0]
    image, reference, _ = reference_derivative(case.rendered("warp"), case.direction, STEP, SAMPLES)
    truth, sheets = reference["colour"], []
    print("\nk of the top-k subset, torus radius: pixel error %, sum of the derivative over the reference's")
    for k in (3, 5, 7, 8, 14, 21, 0):
        derivative = method_derivative(case.rendered("warp", top_k=k), case.direction)[1]["colour"]
        ratio = float(np.abs(derivative).sum() / np.abs(truth).sum())
        print(f"k = {k or 'all':>3}  {100 * relative_error(derivative, truth):5.1f}  {ratio:6.3f}", flush=True)
        numbers = {"relative_l2": relative_error(derivative, truth), "cosine": cosine(derivative, truth)}
        arrays = {"image": image["colour"], "derivative": derivative, "reference": truth}
        sheets.append(derive_sheet(f"warp, k = {k or 'all'}", case.title, arrays, numbers))
    if out is not None:
        write_bytes(out / "ablation-k.png", pictures.png_bytes(pictures.stacked(sheets)))


def speed() -> None:
    """A whole step on a grid: sample (trace, weights, divergences), then value and gradient by every node."""
    print(f"\na step by the grid's values, {SIZE} x {SIZE} pixels; milliseconds, least of 5 medians")
    usual = methods()["warp"].Settings().outline_samples
    for nodes, side in ((48, 2), (64, 2), (64, usual)):
        sample, evaluate = step_parts(rendered(ring_and_ball(nodes), "warp", outline_samples=side))
        evaluate()
        parts = [min(median_ms(call) for _ in range(5)) for call in (sample, evaluate)]
        print(
            f"{nodes}^3, 4 samples a pixel, {side**2} near outlines  sample {parts[0]:6.1f}  value and gradient "
            f"{parts[1]:6.1f}  step {sum(parts):6.1f}",
            flush=True,
        )


def step_parts(scene: Rendered) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """The two halves of a step by a grid's values: sampling, and value and gradient of a colour loss."""
    free, channels = frozenset({"values"}), ("colour",)
    method, settings, lens = scene.method, scene.settings, lens_of(scene.view)
    traced = split_settings(settings)[0]

    def loss(delta: Any, values: Any, samples: Any) -> Any:
        image = method.evaluate(scene.shape, retract(values, delta), samples, lens, traced, settings, channels, free)
        return sum(jnp.mean((plane - 0.3) ** 2) for plane in image["colour"])

    run = jax.jit(jax.value_and_grad(loss))
    device = {name: jnp.asarray(value) for name, value in scene.values.items()}
    zero = zero_tangent(device, free)
    sample = lambda: method.sample(scene.shape, scene.values, scene.view, settings, free, channels)
    samples = sample()
    return sample, lambda: jax.block_until_ready(run(zero, device, samples))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path)
    parser.add_argument("--only", choices=("accuracy", "ablation", "speed"))
    chosen = parser.parse_args()
    if chosen.out is not None:
        chosen.out.mkdir(parents=True, exist_ok=True)
    print(machine())
    if chosen.only in (None, "accuracy"):
        accuracy(chosen.out)
        where_the_truth_is_zero()
    if chosen.only in (None, "ablation"):
        ablation(chosen.out)
    if chosen.only in (None, "speed"):
        speed()


if __name__ == "__main__":
    main()
