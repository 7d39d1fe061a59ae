"""The texture experiment of Cole et al. 2021, Sec. 4.1: a textured sphere fitted to pictures, with the splat's blur on and
off and mip-mapping on and off; PSNR on held-out views against supersampled pictures (theirs: 33.2 and 33.7 with
mip-mapping, 28.3 and 25.4 without). Run as: python -m benchmarks.bench_texture
"""

from __future__ import annotations

import numpy as np

from benchmarks.timing import machine
from core.derivatives.reference import as_arrays, hard_image
from core.experiment import PoseSpec, SceneSpec, TermSpec, ViewsSpec
from core.inspection import Rendered, forward
from core.metrics import psnr
from core.optimization.stepping import step
from core.parameters import scene_values
from core.problem import Problem, Target, initial_state
from core.registry import methods
from core.shapes.loading import load_shape
from core.shapes.textured_mesh import TexturedMesh
from core.targets.views import fitted_views, held_out_views
from kernels.types import CameraView

SIZE, FITTED, HELD_OUT, STEPS, BATCH = 96, 24, 8, 240, 2
"""At 96 pixels the sphere shows some three texels a pixel, so that mip-mapping matters."""


def _target(image: np.ndarray) -> Target:
    planes = {"colour": tuple(np.ascontiguousarray(image[..., i]) for i in range(3))}
    return Target(planes, np.ones(image.shape[:2], np.float32))


def fit(blur: bool, mip: bool, views: list[CameraView], truth: list[np.ndarray]) -> float:
    """Mean PSNR of the held-out views (the last HELD_OUT) after STEPS of Adam from a grey texture."""
    source = load_shape("textured-mesh", None, "textured-sphere", None)
    assert isinstance(source, TexturedMesh)
    grey = np.full(source.texture.shape, 0.5, np.float32)
    shape = TexturedMesh(source.vertices, source.faces, source.corner_uv, grey, mip=mip)
    scene = scene_values(SceneSpec(light_intensity=0.0, light_ambient=1.0), PoseSpec(), 40.0)
    method = methods()["splat" if blur else "naive"]
    settings = method.Settings(layers=1) if blur else method.Settings()  # type: ignore[call-arg]
    problem = Problem(
        shape=shape,
        method=method,
        settings=settings,
        views=tuple(views[:FITTED]),
        targets=tuple(_target(t) for t in truth[:FITTED]),
        terms=(TermSpec("l2", "colour"),),
        channels=("colour",),
        masks={"texture": np.ones(grey.shape, np.float32)},
        optimizer="adam",
        hyper={"beta1": np.float32(0.9), "beta2": np.float32(0.99), "epsilon": np.float32(1e-8)},
        constants=shape.constants(),
    )
    state = initial_state(problem, {**scene, **shape.parameters()})
    order = np.random.default_rng(0)
    for i in range(STEPS):
        batch = order.choice(FITTED, BATCH, replace=False).tolist()
        state, _ = step(problem, state, batch, 0.04 * 0.05 ** (i / STEPS))
    values = {**{n: np.asarray(v) for n, v in state.values.items()}, **shape.constants()}
    found = []
    for view, image in zip(views[FITTED:], truth[FITTED:]):
        seen = as_arrays(forward(Rendered(shape, method, settings, values, view, ("colour",))))["colour"]
        found.append(psnr(np.clip(seen, 0, 1), np.clip(image, 0, 1)))
    return float(np.mean(found))


def main() -> None:
    print(machine())
    spec = ViewsSpec("sphere", count=FITTED, held_out=HELD_OUT, width=SIZE, height=SIZE)
    views = [*fitted_views(spec), *held_out_views(spec)]
    source = load_shape("textured-mesh", None, "textured-sphere", None)
    scene = scene_values(SceneSpec(light_intensity=0.0, light_ambient=1.0), PoseSpec(), 40.0)
    values = {**scene, **source.parameters(), **source.constants()}
    truth = [hard_image(source, values, view, ("colour",), 8)["colour"] for view in views]
    print(f"PSNR on {HELD_OUT} held-out views, {SIZE} x {SIZE}, {STEPS} steps, {FITTED} pictures (dB)")
    print("              mip-mapping on   off")
    for blur in (True, False):
        numbers = [fit(blur, mip, views, truth) for mip in (True, False)]
        print(f"blur {'on ' if blur else 'off'}      {numbers[0]:15.1f} {numbers[1]:6.1f}", flush=True)


if __name__ == "__main__":
    main()
