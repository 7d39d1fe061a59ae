"""SDFDiff: sphere tracing that is not differentiated, and shading that is, in the samples around each hit.

The hit s = eye + t v is frozen; the surface point p is found again from the field at s, so that it moves with the
samples, the pose and the camera. Nothing is known of rays that miss: there is no silhouette term.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from kernels.field import (
    FieldSamples,
    LocalField,
    object_to_world_directions,
    pixel_rays,
    world_to_object_directions,
    world_to_object_planes,
)
from kernels.field_shading import field_colour
from kernels.settings import setting
from kernels.shading import unit_planes
from kernels.surface import background_image, needs_normals
from kernels.types import CHANNELS, CameraView, Face, Image, Lens, Method, Plane, Planes, Shape, Values


@dataclass(frozen=True)
class Settings:
    intersection: str = setting(
        "newton",
        "How the hit follows the field: one Newton step along the ray, or the paper's p = s + f(s) v, which is "
        "exact only where the ray meets the surface head-on (derivatives 20 to 50 % off on a torus).",
        choices=("newton", "paper"),
    )
    grazing: float = setting(
        0.1,
        "Newton: the least cosine between ray and normal that is divided by; it bounds derivatives where rays graze.",
        low=0.01,
        high=1.0,
        log=True,
    )
    hit_tolerance: float = setting(
        0.05,
        "A ray hits where the distance is below this part of a pixel. SDFDiff takes a whole one: fatter outlines.",
        low=0.001,
        high=1.0,
        unit="px",
        log=True,
    )
    max_steps: int = setting(
        256, "Sphere-tracing steps before a ray counts as a miss (SDFDiff: 1000).", low=16, high=2000
    )


class SdfLocal(Method):
    name = "sdf-local"
    title = "SDFDiff"
    summary = "Frozen sphere-traced hits, shaded by the grid samples around them."
    paper = "Jiang et al. 2020, SDFDiff, section 3"
    face = Face.FIELD
    Settings = Settings
    cannot = "It has no silhouette term: the outline never moves because of the loss, only the shading inside it."
    misses = "an outline that moves"

    def moves(self, settings: Settings) -> frozenset[str]:
        return frozenset()

    def sample(
        self,
        shape: Shape,
        values: Values,
        view: CameraView,
        settings: Settings,
        free: frozenset[str],
        channels: tuple[str, ...] = tuple(CHANNELS),
    ) -> FieldSamples:
        return shape.trace_field(  # type: ignore[attr-defined]
            values, view, max_steps=settings.max_steps, hit_pixels=settings.hit_tolerance
        )

    def evaluate(
        self,
        shape: Shape,
        values: Values,
        samples: FieldSamples,
        lens: Lens,
        traced: Mapping[str, Any],
        settings: Settings,
        channels: tuple[str, ...],
        free: frozenset[str],
    ) -> Image:
        hit = samples.distance > 0
        seen: Image = {"silhouette": (hit.astype(jnp.asarray(values["background"]).dtype),)}
        if set(channels) - {"silhouette"}:
            seen |= self._shaded(shape, values, samples, lens, traced, settings, channels)
        background = background_image(values, lens, channels)
        return {
            name: tuple(jnp.where(hit, plane, empty) for plane, empty in zip(seen[name], background[name]))
            for name in channels
        }

    def _shaded(
        self,
        shape: Any,
        values: Values,
        samples: FieldSamples,
        lens: Lens,
        traced: Mapping[str, Any],
        settings: Settings,
        channels: tuple[str, ...],
    ) -> Image:
        """Depth, normals and colour of every pixel; finite where it misses."""
        height, width = samples.distance.shape
        rays = pixel_rays(values, lens, height, width)
        hit = samples.distance > 0
        distance = jnp.where(hit, samples.distance, 1.0)
        world = tuple(rays.eye[i] + distance * rays.direction[i] for i in range(3))
        direction = world_to_object_directions(values, rays.direction)
        # A miss is looked at in the grid's middle: the field extrapolated to a far camera overflows in its gradient.
        start = tuple(jnp.where(hit, plane, 0.0) for plane in world_to_object_planes(values, world))
        field = shape.local_field(values, samples, start)
        step = ray_step(field, start, direction, samples.inside, settings.intersection, traced["grazing"])
        image: Image = {"depth": ((distance + values["pose.scale"] * step) * rays.cosine,)}
        if needs_normals(channels):
            point = tuple(start[i] + step * direction[i] for i in range(3))
            normal = unit_planes(object_to_world_directions(values, field.normal(point)))
            # Turned by the side the ray came from: by its own sign, a grazing normal would jump to the other side.
            normal = tuple(jnp.where(samples.inside, -n, n) for n in normal)
            image["normals"] = normal
            moved = tuple(world[i] + values["pose.scale"] * step * rays.direction[i] for i in range(3))
            image["colour"] = field_colour(values, field, point, direction, normal, moved, lens)
        return image


def ray_step(
    field: LocalField, start: Planes, direction: Planes, inside: Plane, intersection: str, grazing: Any
) -> Plane:
    """Object distance from the frozen hit to the surface along the ray, first order in everything.

    "newton": -f(s) / (grad f(s) . v), the divisor frozen and at least `grazing` in size. "paper": f(s) where the ray
    enters the surface, -f(s) where it leaves it (SDFDiff, section 3: p = s + f(s) v).
    """
    side = jnp.where(inside, 1.0, -1.0).astype(start[0].dtype)
    if intersection == "paper":
        return -side * field.distance(start)
    cosine = jnp.maximum(side * jax.lax.stop_gradient(field.slope(start, direction)), grazing)
    return -side * field.distance(start) / cosine


METHOD = SdfLocal()
