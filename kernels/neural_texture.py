"""A neural texture: features at texture coordinates, turned into colours by a small network that knows the viewing ray.

Deferred, a network evaluation a fragment (EdgeGrad, supplement B.1): 8 features and the ray's 3 numbers go through four
layers of 32, ReLU between them, to linear colour. The weights are one vector, so that they are one parameter.
"""

from __future__ import annotations

import itertools
from typing import Any

import jax.numpy as jnp
import numpy as np

from kernels.rotation import quaternion_matrix
from kernels.shading import unit_planes
from kernels.types import Lens, Plane, Planes, Values

FEATURES, WIDTH, LAYERS = 8, 32, 4
"""EdgeGrad, supplement B.1."""

SIZES = (FEATURES + 3, *(WIDTH,) * (LAYERS - 1), 3)
WEIGHTS = sum((a + 1) * b for a, b in itertools.pairwise(SIZES))
"""Numbers of the network: each layer a matrix (inputs, outputs), then its bias."""


def initial_decoder(seed: int) -> np.ndarray:
    """(WEIGHTS,) float32: weights of variance 2 / inputs (He et al. 2015), the last layer's a tenth of that and its
    bias one half, so that a fit begins near grey."""
    rng, parts = np.random.default_rng((seed, 1)), []
    for i, (a, b) in enumerate(itertools.pairwise(SIZES)):
        last = i == LAYERS - 1
        parts += [rng.standard_normal(a * b) * np.sqrt((0.2 if last else 2.0) / a), np.full(b, 0.5 if last else 0.0)]
    return np.concatenate(parts).astype(np.float32)


def initial_features(height: int, width: int, seed: int) -> np.ndarray:
    """[height, width, FEATURES] float32, small and random, so that no two are alike."""
    rng = np.random.default_rng((seed, 2))
    return (0.1 * rng.standard_normal((height, width, FEATURES))).astype(np.float32)


def decode(decoder: Any, features: Planes, ray: Planes) -> Planes:
    """Colours (3 planes) of features (8 planes) seen along unit object-space rays (3 planes) of the same shape."""
    x = jnp.stack([p.reshape(-1) for p in (*features, *jnp.broadcast_arrays(*ray))], axis=-1)
    start = 0
    for i, (a, b) in enumerate(itertools.pairwise(SIZES)):
        matrix = decoder[start : start + a * b].reshape(a, b)
        x = x @ matrix + decoder[start + a * b : start + (a + 1) * b]
        start += (a + 1) * b
        x = jnp.maximum(x, 0.0) if i < LAYERS - 1 else x
    return tuple(x[:, c].reshape(features[0].shape) for c in range(3))


def viewing_rays(values: Values, lens: Lens, x: Plane, y: Plane) -> Planes:
    """Unit directions from the camera through screen positions x, y (pixels; (height, width) planes), object space.

    They follow the positions' motion, the field of view and the shape's rotation.
    """
    height, width = x.shape
    focal = 0.5 * height / jnp.tan(0.5 * values["camera.fov"])
    across = (x - 0.5 * width - lens.shift[0]) / focal
    up = -(y - 0.5 * height - lens.shift[1]) / focal
    turn = jnp.asarray(lens.world_to_camera)[:3, :3] @ quaternion_matrix(values["pose.rotation"])  # object -> camera
    return unit_planes(tuple(turn[0, i] * across + turn[1, i] * up - turn[2, i] for i in range(3)))  # type: ignore[arg-type]
