"""Barycentrics of fragments at their pixel centres, differentiable in the geometry: what attributes slide by.

Planes are (height, width); corners are gathered inside jit.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp

from kernels.camera import object_to_world_planes, rotate_planes
from kernels.soft_sampler import SoftFragments
from kernels.types import Fragments, Lens, Planes, Values

LEAST_EDGE = 1e-30
"""Least screen offset that barycentrics are scaled by."""

LEAST_AREA = 1e-12
"""Least area of a triangle whose corners' largest offset from the pixel is 1: a line, seen by single precision."""

FARTHEST = 1e4
"""Largest sum of absolute barycentrics that mean anything: the triangle's size by its distance from the pixel."""


def pixel_barycentrics(values: Values, fragments: Fragments, lens: Lens, k: int) -> Planes:
    """Perspective-correct barycentrics of layer k's triangles at the pixel centres, differentiable in the geometry.

    From edge functions of the homogeneous screen positions relative to the pixel (Olano and Greer 1997), so corners
    behind the camera need no care. They are divided by their largest first, since their products' squares overflow for
    shapes of 1e10 or 1e-10. 0 where the layer is empty.
    """
    height, width = fragments.inverse_depth.shape[1:]
    mask = fragments.inverse_depth[k] > 0
    rows = jnp.asarray(values["vertices"]).at[fragments.corners[k]].get(mode="promise_in_bounds")
    focal = 0.5 * height / jnp.tan(0.5 * values["camera.fov"])
    across = jnp.arange(width, dtype=rows.dtype)[None, :] + (0.5 - 0.5 * width) - lens.shift[0]
    down = jnp.arange(height, dtype=rows.dtype)[:, None] + (0.5 - 0.5 * height) - lens.shift[1]
    u, v = [], []
    for corner in rows:
        world = object_to_world_planes(values, tuple(corner[..., i] for i in range(3)))
        x, y, z = rotate_planes(lens.world_to_camera[:3, :3], world, lens.world_to_camera[:3, 3])
        u.append(focal * x + across * z)
        v.append(-focal * y + down * z)
    largest = functools.reduce(jnp.maximum, [jnp.abs(plane) for plane in (*u, *v)])
    unit = jax.lax.stop_gradient(1.0 / jnp.maximum(largest, LEAST_EDGE))
    u, v = [plane * unit for plane in u], [plane * unit for plane in v]
    edges = [u[(i + 1) % 3] * v[(i + 2) % 3] - u[(i + 2) % 3] * v[(i + 1) % 3] for i in range(3)]
    area = edges[0] + edges[1] + edges[2]
    safe = mask & (jnp.abs(area) > LEAST_AREA)
    inverse = 1.0 / jnp.where(safe, area, 1.0)
    return tuple(jnp.where(safe, edge * inverse, 0.0) for edge in edges)


def attached_barycentrics(values: Values, fragments: Fragments, lens: Lens, k: int) -> Planes:
    """pixel_barycentrics, of SoftFragments clipped to their triangle."""
    bary = pixel_barycentrics(values, fragments, lens, k)
    return clipped_barycentrics(bary) if isinstance(fragments, SoftFragments) else bary


def clipped_barycentrics(bary: Planes) -> Planes:
    """Barycentrics brought back into their triangle: negative ones 0, the sum 1. A triangle so small that single
    precision cannot tell where in it the pixel's nearest point lies is seen at its middle, and stands."""
    reach = jnp.abs(bary[0]) + jnp.abs(bary[1]) + jnp.abs(bary[2])
    far = (reach == 0) | (reach > FARTHEST)
    kept = [jnp.where(far, 1.0 / 3.0, jnp.maximum(b, 0.0)) for b in bary]
    total = kept[0] + kept[1] + kept[2]
    inverse = 1.0 / jnp.where(total > 0, total, 1.0)
    return tuple(b * inverse for b in kept)
