"""Pose from a depth image and a silhouette with metaballs: SGD with momentum, the rate divided on a stall.

Keselman and Hebert 2022, section 7.1, in the form of the authors' code: the L1 of relative depth, weighted, plus the
silhouette's cross-entropy. Pixels correspond by projection; the translation's gradient is scaled by the square of the
object's size, so that nothing depends on units.
"""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from core.parameters import retract
from kernels.camera import lens_of
from kernels.metaballs import gaussians_of
from kernels.methods.fuzzy_metaballs import METHOD, Settings
from kernels.types import CameraView, Lens, Shape, Values, split_settings

CLIP = 1e-7
"""Coverage is kept this far from 0 and 1 (the authors' code)."""

SEEN = frozenset({"alpha", "depth"})


@dataclass(frozen=True)
class PoseSettings:
    """depth_weight: of the relative depth's L1 beside the cross-entropy. rate, momentum: of SGD. The authors' code has
    50 and 1e-3; 20 and 1e-2 leave fewer trials in a wrong minimum (own choice, by 24 trials on spot).

    A block of `block` steps that gains less than `gain` (relative) on the best one divides the rate by `divide`; after
    `divisions` of them, or `steps`, the fit ends.
    """

    depth_weight: float = 20.0
    rate: float = 1e-2
    momentum: float = 0.95
    block: int = 20
    gain: float = 0.01
    patience: int = 2
    divide: float = 5.0
    divisions: int = 3
    steps: int = 800


@dataclass(frozen=True)
class Found:
    """rotation (4,) quaternion and translation (3,) of the object; the loss there, steps and seconds without compiling."""

    rotation: np.ndarray
    translation: np.ndarray
    loss: float
    steps: int
    seconds: float


def pose_loss(image: Any, depth: Any, mask: Any, weight: Any) -> Any:
    """weight * mean |z - z'| / z' over the target's pixels + mean cross-entropy of the silhouette over all.

    image: "depth" (not composited) and "alpha" planes; depth, mask: (h, w) of the target.
    """
    alpha = jnp.clip(image["alpha"], CLIP, 1.0 - CLIP)
    entropy = -jnp.mean(mask * jnp.log(alpha) + (1.0 - mask) * jnp.log(1.0 - alpha))
    inside = mask > 0.5
    gap = jnp.where(inside, jnp.abs(image["depth"] - depth) / jnp.where(inside, depth, 1.0), 0.0)
    return weight * jnp.mean(gap) + entropy


def find_pose(
    shape: Shape,
    values: Values,
    view: CameraView,
    depth: np.ndarray,
    mask: np.ndarray,
    settings: PoseSettings = PoseSettings(),
    size: float = 1.0,
) -> Found:
    """Move pose.rotation and pose.translation of host `values` until `view` shows the target depth and mask (h, w).

    size: the object's, in world units (the paper's eta).
    """
    values = {n: jnp.asarray(v, jnp.float32) for n, v in values.items()}
    samples = METHOD.sample(shape, values, view, Settings(), frozenset())
    target = (jnp.asarray(depth, jnp.float32), jnp.asarray(mask, jnp.float32))
    run = functools.partial(
        _block, settings.block, samples, lens_of(view), target, jnp.float32(settings.depth_weight),
        jnp.float32(settings.momentum), jnp.float32(size),
    )  # fmt: skip
    speed = {"pose.rotation": jnp.zeros(3), "pose.translation": jnp.zeros(3)}
    run(values, speed, jnp.float32(0.0))  # compiles
    begin, rate, best, stalls, divided, steps = time.perf_counter(), settings.rate, np.inf, 0, 0, 0
    last = np.inf
    while steps < settings.steps:
        values, speed, loss = run(values, speed, jnp.float32(rate))
        steps += settings.block
        last = float(loss)
        stalls = 0 if last < (1.0 - settings.gain) * best else stalls + 1
        best = min(best, last)
        if stalls >= settings.patience:
            if divided == settings.divisions:
                break
            rate, stalls, divided = rate / settings.divide, 0, divided + 1
            speed = jax.tree.map(jnp.zeros_like, speed)
    place = (np.asarray(values["pose.rotation"]), np.asarray(values["pose.translation"]))
    return Found(*place, last, steps, time.perf_counter() - begin)


@functools.partial(jax.jit, static_argnums=0)
def _block(  # type: ignore[no-untyped-def]
    block: int, samples, lens: Lens, target, weight, momentum, size, values, speed, rate
):
    """`block` steps of SGD with momentum; returns the mean loss of the last half too."""
    traced = split_settings(Settings())[0]

    def loss(delta: Any, values: Any) -> Any:
        moved = retract(values, delta)
        image = METHOD.planes(gaussians_of(moved), moved, samples, lens, traced, Settings(), SEEN)
        return pose_loss(image, target[0], target[1], weight)

    def step(carry, _):
        values, speed = carry
        zero = jax.tree.map(jnp.zeros_like, speed)
        value, gradient = jax.value_and_grad(loss)(zero, values)
        gradient = {**gradient, "pose.translation": gradient["pose.translation"] * size * size}
        speed = jax.tree.map(lambda s, g: momentum * s - rate * g, speed, gradient)
        return (retract(values, speed), speed), value

    (values, speed), losses = jax.lax.scan(step, (values, speed), None, length=block)
    return values, speed, jnp.mean(losses[block // 2 :])
