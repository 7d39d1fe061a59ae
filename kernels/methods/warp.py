"""The reparameterization warp for signed distances: samples inside each pixel follow the silhouettes they are close to.

I = mean L(T(u)) + mean (J - 1)(L - c) - boundary integral of (L - c) V . n, all by Monte Carlo, with T = u + W - sg(W)
the warped position, J = 1 + div W - sg(div W), V = W - sg(W), and c the pixel's mean, a control variate: over a box
pixel eq. 4 alone is incomplete, since a moving silhouette carries flux through the pixel's borders.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernels.field import (
    FieldSamples,
    object_rays,
    object_to_world_directions,
    world_to_object_directions,
)
from kernels.field_shading import field_colour
from kernels.shading import unit_planes
from kernels.surface import background_image, needs_normals
from kernels.types import (
    CHANNELS,
    DISCONTINUITIES,
    CameraView,
    Face,
    Image,
    Lens,
    Method,
    Plane,
    Planes,
    Shape,
    Values,
    setting,
)
from kernels.warp_rays import Quadrature
from kernels.warp_samples import PixelChunks, PointChunks, WarpSamples, sample_warp

sg = jax.lax.stop_gradient


@dataclass(frozen=True)
class Settings:
    samples: int = setting(
        2, "Samples a pixel side, stratified: 2 makes 4 a pixel. Noise falls with their number.", low=1, high=8
    )
    outline_samples: int = setting(
        4, "The same in pixels near an outline, where the derivative's noise comes from: 4 makes 16.", low=1, high=8
    )
    edge_samples: int = setting(
        4, "Samples on each of such a pixel's four borders, where silhouettes leave it.", low=1, high=16
    )
    points: int = setting(
        96,
        "Sphere-tracing points of the quadrature at most. The paper's 22 stop before the grazing point.",
        low=8,
        high=512,
    )
    top_k: int = setting(
        8, "Points that are differentiated: those of the largest weights (eq. 14). 0 keeps all of them.", low=0, high=64
    )
    gamma: float = setting(4.0, "Exponent of the harmonic weights (eq. 12); it must be above 2.", low=2.1, high=8.0)
    lambda_d: float = setting(
        0.1,
        "Share of |n . d| in the weights (eq. 11): less hurts occlusions, 1 hurts everything.",
        low=0.001,
        high=1.0,
        log=True,
    )
    grazing: float = setting(
        0.01,
        "The least cosine between ray and normal that a hit's motion is divided by.",
        low=0.001,
        high=1.0,
        log=True,
    )
    attached: bool = setting(
        True,
        "Tracing distances move with the pixel position. Frozen ones are wrong off the silhouette: see for yourself.",
    )
    everywhere: bool = setting(
        False, "Warp every pixel with a hit, as the paper does, not only those near an outline: noisier, the same mean."
    )
    seed: int = setting(0, "Of the sample positions, which stay the same from step to step.", low=0, high=1_000_000)


EPSILON = 1e-4
"""Added to S (object units): bounds the weights at a hit. Between 1e-5 and 1e-3 nothing changes."""
HIT_PIXELS = 0.02
"""A ray hits where the distance is below this part of a pixel."""
MAX_STEPS = 400


class Warp(Method):
    name = "warp"
    title = "Warp"
    summary = "Samples follow nearby silhouettes, by weights along each sphere-traced ray."
    paper = "Bangaru et al. 2022, Differentiable rendering of neural SDFs through reparameterization"
    face = Face.FIELD
    Settings = Settings
    cannot = "It needs a distance: where the field is far from one, or a surface thinner than a pixel, it is off."

    def moves(self, settings: Settings) -> frozenset[str]:
        return frozenset(DISCONTINUITIES) - {"intersection"}

    def sample(
        self,
        shape: Shape,
        values: Values,
        view: CameraView,
        settings: Settings,
        free: frozenset[str],
        channels: tuple[str, ...] = tuple(CHANNELS),
    ) -> WarpSamples:
        rays = object_rays(values, view)
        field, box = shape.host_field(values)  # type: ignore[attr-defined]
        return sample_warp(
            field,
            box,
            rays,
            (view.height, view.width),
            (settings.samples, settings.outline_samples, settings.edge_samples),
            settings.seed,
            quadrature_of(settings, rays.pixel),
            MAX_STEPS,
            bool(free),
            settings.everywhere,
        )

    def evaluate(
        self,
        shape: Shape,
        values: Values,
        samples: WarpSamples,
        lens: Lens,
        traced: Mapping[str, Any],
        settings: Settings,
        channels: tuple[str, ...],
        free: frozenset[str],
    ) -> Image:
        height, width = samples.kind.shape
        empty = background_image(values, lens, channels)
        scene = _Scene(shape, values, lens, traced["grazing"], channels, (height, width), empty)
        flat = [jnp.full(height * width, plane) for name in channels for plane in empty[name]]
        flat = _fill(flat, samples.plain, (), lambda pixels: _means(scene.radiance(pixels, pixels.x, pixels.y)))
        if free:
            more = (samples.near_points, samples.edge, samples.edge_points, samples.first)
            flat = _fill(flat, samples.near, more, lambda pixels, *rest: _warped(scene, pixels, *rest))
        return _as_image(flat, channels, (height, width))


def quadrature_of(settings: Settings, pixel: float) -> Quadrature:
    """pixel: its size at depth 1, object units."""
    return Quadrature(
        settings.points,
        min(settings.top_k, settings.points),
        float(settings.gamma),
        float(settings.lambda_d),
        EPSILON,
        settings.attached,
        HIT_PIXELS * pixel,
    )


def _as_image(flat: list[Plane], channels: tuple[str, ...], size: tuple[int, int]) -> Image:
    image, start = {}, 0
    for name in channels:
        image[name] = tuple(plane.reshape(size) for plane in flat[start : start + CHANNELS[name]])
        start += CHANNELS[name]
    return image


def _means(radiance: list[Plane]) -> list[Plane]:
    return [jnp.mean(plane, axis=0) for plane in radiance]


def _fill(flat: list[Plane], pixels: PixelChunks, more: tuple, colours: Any) -> list[Plane]:
    """Write the pixels' colours over `flat`, chunk by chunk; empty chunks cost nothing."""

    def one(_: Any, chunk: tuple) -> tuple[None, list[Plane]]:
        zero = [jnp.zeros(chunk[0].pixel.shape, plane.dtype) for plane in flat]
        return None, jax.lax.cond(chunk[0].count > 0, lambda c: colours(*c), lambda c: zero, chunk)

    _, found = jax.lax.scan(one, None, (pixels, *more))
    index = pixels.pixel.reshape(-1)
    return [plane.at[index].set(new.reshape(-1), mode="drop") for plane, new in zip(flat, found)]


@dataclass(frozen=True)
class _Scene:
    """What evaluating a sample needs. size: height, width."""

    shape: Any
    values: Values
    lens: Lens
    grazing: Any
    channels: tuple[str, ...]
    size: tuple[int, int]
    empty: Image

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

    def motion(self, x: Plane, y: Plane, points: PointChunks, divergence: bool) -> tuple[Plane, Plane, Plane | None]:
        """V = W - sg(W) (x and y) and div V of samples (S, P) by their points (K, S, P): zero, with a derivative."""
        (origin, q), (_, moved) = jax.jvp(
            lambda x, y: self.object_rays(x, y),
            tuple(jnp.broadcast_to(p, points.s.shape) for p in (x, y)),
            (points.ax, points.ay),
        )
        place = tuple(o + points.s * d for o, d in zip(origin, q))
        field = self.shape.distance_field(self.values, place)
        f = field.distance(place)
        total = lambda weight: _attached(jnp.sum(weight * f, axis=0))
        if not divergence:
            return total(points.ax), total(points.ay), None
        along = tuple(points.s * m + points.tau * d for m, d in zip(moved, q))
        spread = jnp.sum(points.a * f + field.slope(place, along), axis=0)
        return total(points.ax), total(points.ay), _attached(spread)

    def radiance(self, pixels: PixelChunks, x: Plane, y: Plane) -> list[Plane]:
        """Every channel's planes (S, P) at pixel positions (S, P); the hit follows position and parameters."""
        hit = pixels.depth > 0
        seen: dict[str, Planes] = {"silhouette": (hit.astype(x.dtype),)}
        if set(self.channels) - {"silhouette"}:
            seen |= self._shaded(pixels, x, y, hit)
        return [
            jnp.where(hit, plane, empty) for name in self.channels for plane, empty in zip(seen[name], self.empty[name])
        ]

    def _shaded(self, pixels: PixelChunks, x: Plane, y: Plane, hit: Plane) -> dict[str, Planes]:
        origin, q = self.object_rays(x, y)
        depth = jnp.where(hit, pixels.depth, 1.0)
        length = jnp.sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2])
        direction = tuple(c / length for c in q)
        start = tuple(o + depth * c for o, c in zip(origin, q))
        samples = FieldSamples(depth, pixels.inside, pixels.hits, pixels.hit_count)
        field = self.shape.local_field(self.values, samples, start)
        step = _ray_step(field, start, direction, pixels.inside, self.grazing)
        seen: dict[str, Planes] = {"depth": (depth + step / length,)}
        if needs_normals(self.channels):
            point = tuple(s + step * d for s, d in zip(start, direction))
            normal = unit_planes(object_to_world_directions(self.values, field.normal(point)))
            normal = tuple(jnp.where(pixels.inside, -n, n) for n in normal)
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


def _warped(
    scene: _Scene,
    pixels: PixelChunks,
    points: PointChunks,
    edge: PixelChunks,
    edge_points: PointChunks,
    first: PixelChunks,
) -> list[Plane]:
    """Colours of pixels near an outline: the module's formula. c comes from samples of its own: a mean of the very
    samples it is subtracted from would take a quarter of the divergence's share away."""
    x, y = jnp.asarray(pixels.x), jnp.asarray(pixels.y)
    vx, vy, spread = scene.motion(x, y, points, True)
    inner = scene.radiance(pixels, x + vx, y + vy)
    ex, ey, _ = scene.motion(jnp.asarray(edge.x), jnp.asarray(edge.y), edge_points, False)
    frozen = dataclasses.replace(scene, values=sg(dict(scene.values)), empty=sg(scene.empty))
    outer = frozen.radiance(edge, jnp.asarray(edge.x), jnp.asarray(edge.y))
    controls = _means(frozen.radiance(first, jnp.asarray(first.x), jnp.asarray(first.y)))
    each = edge.x.shape[0] // 4
    outward = jnp.asarray(np.repeat([-1.0, 1.0, -1.0, 1.0], each)[:, None], ex.dtype)
    sideways = jnp.asarray(np.repeat([True, True, False, False], each)[:, None])
    flux = outward * jnp.where(sideways, ex, ey) / each
    found = []
    for plane, border, control in zip(inner, outer, controls):
        moved = jnp.mean(plane, axis=0) + jnp.mean(spread * (sg(plane) - control), axis=0)
        found.append(moved - jnp.sum(flux * (border - control), axis=0))
    return found


METHOD = Warp()
