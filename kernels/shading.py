"""The one shading model: diffuse light, and where asked for a gloss, two-sided, in linear colour.

colour = albedo * (ambient + intensity * max(0, n . l) + sum_i sh_i Y_i(n)) + specular * intensity * max(0, n . h)^shininess,
with n the unit world normal turned towards the viewer and h half-way between light and viewer (Blinn 1977). Harmonics and
gloss are there where `values` holds "light.sh" (9, 3) and "material.specular". Where it holds HEADLIGHT, the light stands at the camera (Jiang et al. 2020, their code): l points to it from the origin,
and the intensity falls off with the square of the distance to it, 1 at the origin.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from kernels.types import Lens, Plane, Planes, Values

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
    return -jnp.sum(rotation * offset[:, None], axis=0)


def face_viewer(normal: Planes, world: Planes, lens: Lens) -> Planes:
    """Turn unit world normals (3 planes) towards the camera; the sign is not differentiated."""
    eye = jnp.unstack(camera_position(lens))
    facing = sum(n * (e - w) for n, e, w in zip(normal, eye, world))
    sign = jax.lax.stop_gradient(jnp.where(facing < 0, -1.0, 1.0))
    return normal[0] * sign, normal[1] * sign, normal[2] * sign


def shade(values: Values, albedo: Planes, normal: Planes, world: Planes | None, lens: Lens) -> Planes:
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
    factors: Planes = (factor, factor, factor)
    if "light.sh" in values:
        factors = tuple(factor + around for around in harmonics(values["light.sh"], normal))
    colour = tuple(a * f for a, f in zip(albedo, factors))
    if "material.specular" not in values:
        return colour
    gloss = values["light.intensity"] * _gloss(values, normal, unit, world, lens)
    return tuple(c + gloss for c in colour)


def harmonics(coefficients: jax.Array, normal: Planes) -> Planes:
    """sum_i c_i Y_i(n) of real spherical harmonics, (9, 3) coefficients: l, m = 00, 1-1, 10, 11, 2-2, 2-1, 20, 21, 22.

    A coefficient is what is reflected (already convolved with the cosine; Ramamoorthi and Hanrahan 2001).
    """
    x, y, z = normal
    basis = (0.282095, 0.488603 * y, 0.488603 * z, 0.488603 * x, 1.092548 * x * y, 1.092548 * y * z,
             0.315392 * (3.0 * z * z - 1.0), 1.092548 * x * z, 0.546274 * (x * x - y * y))  # fmt: skip
    return tuple(sum(coefficients[i, c] * b for i, b in enumerate(basis)) for c in range(3))


def _gloss(values: Values, normal: Planes, light: jax.Array, world: Planes | None, lens: Lens) -> Plane:
    """specular * max(0, n . h)^shininess; the logarithm's input is guarded, so that its gradient is 0 where n . h <= 0."""
    eye = camera_position(lens)
    toward = tuple(eye[i] - (0.0 if world is None else world[i]) + 0.0 * normal[i] for i in range(3))
    view = unit_planes(toward)
    half = unit_planes((view[0] + light[0], view[1] + light[1], view[2] + light[2]))
    cosine = normal[0] * half[0] + normal[1] * half[1] + normal[2] * half[2]
    lit = cosine > 1e-4
    power = jnp.exp(values["material.shininess"] * jnp.log(jnp.where(lit, cosine, 1.0)))
    return values["material.specular"] * jnp.where(lit, power, 0.0)
