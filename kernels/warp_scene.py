"""The field seen by one ray of the warp: how far the warp moves it, and its colour at the moved position. Traced.

Everything reaches a field through two functions of its shape: `distance_field` (values at the quadrature's points) and
`local_field` (distance and normal at the hit).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp

from kernels.field import FieldSamples, object_to_world_directions, value_and_slope, world_to_object_directions
from kernels.field_shading import field_colour
from kernels.shading import unit_planes
from kernels.surface import needs_normals
from kernels.types import Image, Lens, Plane, Planes, Values
from kernels.warp_samples import PointChunks, RayChunks

sg = jax.lax.stop_gradient


@dataclass(frozen=True)
class WarpScene:
    """What evaluating a sample needs. size: height, width."""

    shape: Any
    values: Values
    lens: Lens
    grazing: Any
    channels: tuple[str, ...]
    size: tuple[int, int]
    empty: Image

    def frozen(self) -> WarpScene:
        """The same without a derivative."""
        return replace(self, values=jax.tree.map(sg, dict(self.values)))

    def rays(self, x: Plane, y: Plane) -> tuple[Planes, Planes]:
        """World origin and direction, one unit of depth long, of the rays at pixel positions; differentiable."""
        height, width = self.size
        focal = 0.5 * height / jnp.tan(0.5 * self.values["camera.fov"])
        across = (x - 0.5 * width - self.lens.shift[0]) / focal
        up = (0.5 * height + self.lens.shift[1] - y) / focal
        rotation, offset = self.lens.world_to_camera[:3, :3], self.lens.world_to_camera[:3, 3]
        turned = lambda i, a, b, c: rotation[0, i] * a + rotation[1, i] * b + rotation[2, i] * c
        eye = tuple(-turned(i, offset[0], offset[1], offset[2]) for i in range(3))
        return eye, tuple(turned(i, across, up, -1.0) for i in range(3))

    def object_rays(self, x: Plane, y: Plane) -> tuple[Planes, Planes]:
        """The same in object space."""
        eye, direction = self.rays(x, y)
        moved = tuple(eye[i] - self.values["pose.translation"][i] for i in range(3))
        into = lambda v: tuple(c / self.values["pose.scale"] for c in world_to_object_directions(self.values, v))
        return into(moved), into(direction)

    def motion(self, x: Plane, y: Plane, points: PointChunks, divergence: bool) -> list[Plane]:
        """V = W - sg(W) (x and y) and, where wanted, div V of rays (N,) by their points (K, N): zero, with a derivative."""
        (origin, q), (_, moved) = jax.jvp(
            lambda x, y: self.object_rays(x, y),
            tuple(jnp.broadcast_to(p, points.s.shape) for p in (x, y)),
            (points.ax, points.ay),
        )
        place = tuple(o + points.s * d for o, d in zip(origin, q))
        field = self.shape.distance_field(self.values, place)
        total = lambda weight, f: _attached(jnp.sum(weight * f, axis=0))
        if not divergence:
            f = field.distance(place)
            return [total(points.ax, f), total(points.ay, f)]
        along = tuple(points.s * m + points.tau * d for m, d in zip(moved, q))
        f, slope = value_and_slope(field, place, along)
        spread = jnp.sum(points.a * f + slope, axis=0)
        return [total(points.ax, f), total(points.ay, f), _attached(spread)]

    def radiance(self, x: Plane, y: Plane, rays: RayChunks) -> list[Plane]:
        """Every channel's planes (N,) at pixel positions; the hit follows position and parameters."""
        hit = rays.depth > 0
        seen: dict[str, Planes] = {"silhouette": (hit.astype(x.dtype),)}
        if set(self.channels) - {"silhouette"}:
            seen |= self._shaded(x, y, rays, hit)
        return [
            jnp.where(hit, plane, empty) for name in self.channels for plane, empty in zip(seen[name], self.empty[name])
        ]

    def _shaded(self, x: Plane, y: Plane, rays: RayChunks, hit: Plane) -> dict[str, Planes]:
        origin, q = self.object_rays(x, y)
        depth = jnp.where(hit, rays.depth, 1.0)
        length = jnp.sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2])
        direction = tuple(c / length for c in q)
        start = tuple(o + depth * c for o, c in zip(origin, q))
        samples = FieldSamples(depth, rays.inside, rays.hits, rays.hit_count)
        field = self.shape.local_field(self.values, samples, start)
        step = _ray_step(field, start, direction, rays.inside, self.grazing)
        seen: dict[str, Planes] = {"depth": (depth + step / length,)}
        if needs_normals(self.channels):
            point = tuple(s + step * d for s, d in zip(start, direction))
            normal = unit_planes(object_to_world_directions(self.values, field.normal(point)))
            normal = tuple(jnp.where(rays.inside, -n, n) for n in normal)
            seen["normals"] = normal
            eye, ray = self.rays(x, y)
            world = tuple(e + seen["depth"][0] * r for e, r in zip(eye, ray))
            seen["colour"] = field_colour(self.values, field, point, direction, normal, world, self.lens)
        return seen


def _ray_step(field: Any, start: Planes, direction: Planes, inside: Plane, grazing: Any) -> Plane:
    """Object distance from the frozen hit to the surface along the ray, first order in position and parameters.

    The slope is that of the smooth normal, which the warp moves samples by: where a ray grazes, what the moved position
    and the moved surface change cancels, and the little that is left is divided by the cosine.
    """
    here = sg(start)
    normal = sg(field.normal(here))
    change = sum(n * (moved - still) for n, moved, still in zip(normal, start, here))
    side = jnp.where(inside, 1.0, -1.0).astype(start[0].dtype)
    cosine = jnp.maximum(side * sum(n * d for n, d in zip(normal, sg(direction))), grazing)
    return -side * (field.distance(here) + change) / cosine


def _attached(value: Plane) -> Plane:
    """Zero, with the derivative of `value`."""
    return value - sg(value)
