"""The one shading model: a diffuse directional light over ambient, two-sided, in linear colour.

colour = albedo * (ambient + intensity * max(0, n . l)), with n the unit world normal turned towards the viewer.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from kernels.types import Lens, Planes, Values


def unit_planes(planes: Planes) -> Planes:
    """Three planes -> unit length, zero vectors kept at zero with zero gradient (input guarded)."""
    x, y, z = planes
    squared = x * x + y * y + z * z
    inverse = jnp.where(squared > 1e-20, jax.lax.rsqrt(jnp.where(squared > 1e-20, squared, 1.0)), 0.0)
    return x * inverse, y * inverse, z * inverse


def face_viewer(normal: Planes, world: Planes, lens: Lens) -> Planes:
    """Turn unit world normals (3 planes) towards the camera; the sign is not differentiated."""
    rotation, offset = lens.world_to_camera[:3, :3], lens.world_to_camera[:3, 3]
    eye = [-(rotation[0, i] * offset[0] + rotation[1, i] * offset[1] + rotation[2, i] * offset[2]) for i in range(3)]
    facing = sum(normal[i] * (eye[i] - world[i]) for i in range(3))
    sign = jax.lax.stop_gradient(jnp.where(facing < 0, -1.0, 1.0))
    return normal[0] * sign, normal[1] * sign, normal[2] * sign


def shade(values: Values, albedo: Planes, normal: Planes) -> Planes:
    """Albedo (3 planes) and viewer-facing unit world normals (3 planes) -> linear colour (3 planes)."""
    light = values["light.direction"]
    light = light * jax.lax.rsqrt(jnp.sum(light * light) + 1e-20)
    cosine = jnp.maximum(0.0, normal[0] * light[0] + normal[1] * light[1] + normal[2] * light[2])
    factor = values["light.ambient"] + values["light.intensity"] * cosine
    return tuple(a * factor for a in albedo)
