"""A neural texture: features at texture coordinates, turned into colours by a small network that knows the viewing ray.

Deferred, a network evaluation a fragment (EdgeGrad, supplement B.1): 8 features and the ray's 3 numbers go through four
layers of 32, ReLU between them, to linear colour. The weights are one vector, so that they are one parameter.
"""

from __future__ import annotations

import itertools
from typing import Any

import jax.numpy as jnp

from kernels.neural_parts import LAYERS, SIZES
from kernels.rotation import quaternion_matrix
from kernels.shading import unit_planes
from kernels.types import Lens, Plane, Planes, Values


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
