"""The one shading model: a diffuse light over ambient, two-sided, in linear colour.

colour = albedo * (ambient + intensity * max(0, n . l)), with n the unit world normal turned towards the viewer. Where
`values` holds HEADLIGHT, the light stands at the camera (Jiang et al. 2020, their code): l points to it from the origin,
and the intensity falls off with the square of the distance to it, 1 at the origin.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from kernels.types import Lens, Planes, Values

HEADLIGHT = "const.headlight"
"""Present (with any value) among a problem's constants where the light stands at the camera."""


def unit_planes(planes: Planes) -> Planes:
    """Three planes -> unit length, zero vectors kept at zero with zero gradient (input guarded)."""
    x, y, z = planes
    squared = x * x + y * y + z * z
    inverse = jnp.where(squared > 1e-20, jax.lax.rsqrt(jnp.where(squared > 1e-20, squared, 1.0)), 0.0)
    return x * inverse, y * inverse, z * inverse


def camera_position(lens: Lens) -> jax.Array:
    """Where the camera stands, (3,) world."""
    rotation, offset = lens.world_to_camera[:3, :3], lens.world_to_camera[:3, 3]
    axes = [-(rotation[0, i] * offset[0] + rotation[1, i] * offset[1] + rotation[2, i] * offset[2]) for i in range(3)]
    return jnp.stack(axes)


def face_viewer(normal: Planes, world: Planes | None, lens: Lens) -> Planes:
    """Turn unit world normals (3 planes) towards the camera; the sign is not differentiated."""
    eye = camera_position(lens)
    facing = sum(normal[i] * (eye[i] - world[i]) for i in range(3))
    sign = jax.lax.stop_gradient(jnp.where(facing < 0, -1.0, 1.0))
    return normal[0] * sign, normal[1] * sign, normal[2] * sign


def shade(values: Values, albedo: Planes, normal: Planes, world: Planes, lens: Lens) -> Planes:
    """Albedo (3 planes), viewer-facing unit world normals and positions (3 planes each) -> linear colour (3 planes).

    Without positions (soft shapes have none) a light at the camera does not fall off.
    """
    headlight = HEADLIGHT in values
    light = camera_position(lens) if headlight else values["light.direction"]
    squared = jnp.sum(light * light) + 1e-20
    unit = light * jax.lax.rsqrt(squared)
    received = jnp.maximum(0.0, normal[0] * unit[0] + normal[1] * unit[1] + normal[2] * unit[2])
    if headlight and world is not None:
        away = sum(jnp.square(world[i] - light[i]) for i in range(3))
        received = received * (squared / jnp.maximum(away, 1e-3 * squared))
    factor = values["light.ambient"] + values["light.intensity"] * received
    return tuple(a * factor for a in albedo)
