"""Shape from silhouette with metaballs: batches of rays from all views, Adam, the rate divided on a stall.

Keselman and Hebert 2022, section 7.2, in the authors' settings where they are known: cross-entropy, Adam, 800 rays a
step, the rate divided by ten at a stall, at most four times. Many steps run in one compiled call.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from core.experiment import PoseSpec, SceneSpec
from core.io.metaballs_files import MetaballsData
from core.metaballs.convert import random_ball
from core.parameters import scene_values
from core.shapes.metaballs import Metaballs
from kernels.camera import lens_of
from kernels.metaballs import Gaussians, factor_matrices
from kernels.metaballs_render import render_rays
from kernels.methods.fuzzy_metaballs import METHOD, Settings, camera_quadrics
from kernels.settings import split_settings
from kernels.types import CameraView

CLIP = 1e-6
"""Coverage is kept this far from 0 and 1 in the cross-entropy (the paper's eq. 11)."""
MOVED = ("means", "precision_factors", "log_weights")


@dataclass(frozen=True)
class CarveSettings:
    """rays: a step, over `views` views of it. rate: Adam's, in unit-sphere units, logarithms and row units alike.

    A block of `block` steps is compared with the best before it: without a gain of `gain` (relative) for `patience`
    blocks the rate is divided by `divide`, and after `divisions` of them the fit ends (or at `steps`).
    """

    components: int = 40
    rays: int = 1600
    views: int = 16
    rate: float = 0.03
    block: int = 50
    gain: float = 0.01
    patience: int = 3
    divide: float = 4.0
    divisions: int = 3
    steps: int = 2500


@dataclass(frozen=True)
class Carved:
    """values: the fitted parameters. losses: mean cross-entropy of each block. seconds: without compiling."""

    values: dict[str, np.ndarray]
    losses: tuple[float, ...]
    steps: int
    seconds: float


def cross_entropy(alpha: Any, target: Any) -> Any:
    """Mean binary cross-entropy (eq. 11, with the sign of a loss) of coverage in [0, 1]."""
    alpha = jnp.clip(alpha, CLIP, 1.0 - CLIP)
    return -jnp.mean(target * jnp.log(alpha) + (1.0 - target) * jnp.log(1.0 - alpha))


def carve(
    masks: np.ndarray,
    views: Sequence[CameraView],
    fov: float,
    settings: CarveSettings = CarveSettings(),
    seed: int = 0,
    start: MetaballsData | None = None,
    progress: Callable[[str, float | None], None] = lambda task, done: None,
) -> Carved:
    """Fit metaballs to silhouettes (v, h, w) in [0, 1] seen by `views` (all of one size); fov in degrees."""
    shape = Metaballs.from_data(start or random_ball(settings.components, seed))
    scene = {n: jnp.asarray(v) for n, v in scene_values(SceneSpec(), PoseSpec(), fov).items()}
    values = {n: jnp.asarray(v) for n, v in shape.parameters().items() if n in MOVED}
    lenses = jnp.stack([jnp.asarray(lens_of(v).world_to_camera) for v in views])
    flat = jnp.asarray(masks.reshape(len(views), -1), jnp.float32)
    grid = METHOD.sample(shape, {}, views[0], Settings(), frozenset())
    x = jnp.tile(jnp.asarray(grid.columns), len(grid.rows))
    y = jnp.repeat(jnp.asarray(grid.rows), len(grid.columns))
    count = min(settings.views, len(views))
    sizes = (count, max(1, settings.rays // count), settings.block)
    optimizer = optax.adam(1.0, b1=0.9, b2=0.99).init(values)
    run = functools.partial(_block, sizes, scene, lenses, flat, x, y)
    key = jax.random.key(seed)
    run(values, optimizer, key, jnp.float32(0.0))  # compiles
    begin, rate, losses, best, stalls, divided = time.perf_counter(), settings.rate, [], np.inf, 0, 0
    steps = 0
    while steps < settings.steps:
        key, used = jax.random.split(key)
        values, optimizer, loss = run(values, optimizer, used, jnp.float32(rate))
        steps += settings.block
        losses.append(float(loss))
        progress(f"Carving, cross-entropy {losses[-1]:.4f}", steps / settings.steps)
        stalls = 0 if losses[-1] < (1.0 - settings.gain) * best else stalls + 1
        best = min(best, losses[-1])
        if stalls >= settings.patience:
            if divided == settings.divisions:
                break
            rate, stalls, divided = rate / settings.divide, 0, divided + 1
    host = {n: np.asarray(v) for n, v in values.items()}
    colours = {"colours": shape.parameters()["colours"]}
    return Carved({**host, **colours}, tuple(losses), steps, time.perf_counter() - begin)


@functools.partial(jax.jit, static_argnums=0)
def _block(sizes, scene, lenses, flat, x, y, values, optimizer, key, rate):  # type: ignore[no-untyped-def]
    """`sizes[2]` steps of Adam, each on sizes[1] rays of sizes[0] views; returns the mean loss too."""
    views, rays, block = sizes
    traced = split_settings(Settings())[0]

    def seen(values, lens, x, y):
        balls = Gaussians(values["means"], factor_matrices(values["precision_factors"]), values["log_weights"], None)
        quadrics = camera_quadrics(balls, scene, lens_of_matrix(lens))
        return render_rays(quadrics, None, x, y, traced, wanted=frozenset({"alpha"}))["alpha"]

    def loss(values, chosen, pixels):
        alpha = jax.vmap(seen, (None, 0, 0, 0))(values, lenses[chosen], x[pixels], y[pixels])
        return cross_entropy(alpha, flat[chosen[:, None], pixels])

    def step(carry, key):
        values, optimizer = carry
        first, second = jax.random.split(key)
        chosen = jax.random.choice(first, lenses.shape[0], (views,), replace=False)
        pixels = jax.random.randint(second, (views, rays), 0, x.shape[0])
        value, gradient = jax.value_and_grad(loss)(values, chosen, pixels)
        update, optimizer = optax.adam(1.0, b1=0.9, b2=0.99).update(gradient, optimizer)
        return (jax.tree.map(lambda v, u: v + rate * u, values, update), optimizer), value

    (values, optimizer), losses = jax.lax.scan(step, (values, optimizer), jax.random.split(key, block))
    return values, optimizer, jnp.mean(losses)


def lens_of_matrix(matrix: Any) -> Any:
    """A lens of a traced world_to_camera alone (no shift)."""
    from kernels.types import Lens

    return Lens(matrix, jnp.zeros(2, matrix.dtype), jnp.zeros((), matrix.dtype))
