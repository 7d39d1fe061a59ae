"""The reparameterization warp for signed distances: samples inside each pixel follow the silhouettes they are close to.

I = mean L(T(u)) + mean (D - mean D) L + c times the boundary integral of V . n - that of L V . n, all by Monte Carlo, with
T = u + W - sg(W) the warped position, V = W - sg(W), D = div V (eq. 4's determinant is 1 + D) and c = mean L. Over a box
pixel eq. 4 alone is incomplete: a moving silhouette carries flux through the pixel's borders. They also give the mean
of D over the pixel, by the divergence theorem, and far better than the samples inside do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from kernels.field import ObjectRays, object_rays, pixel_at_centre
from kernels.settings import setting
from kernels.surface import background_image
from kernels.types import CHANNELS, DISCONTINUITIES, CameraView, Face, Image, Lens, Method, Plane, Shape, Values
from kernels.warp_rays import HostTracer, Quadrature
from kernels.warp_samples import CHUNK, WarpSamples, sample_warp
from kernels.warp_scene import WarpScene

sg = jax.lax.stop_gradient


@dataclass(frozen=True)
class Settings:
    samples: int = setting(
        2, "Samples a pixel side, stratified: 2 makes 4 a pixel. Noise falls with their number.", low=1, high=8
    )
    outline_samples: int = setting(
        3, "The same in pixels near an outline, where the derivative's noise comes from: 3 makes 9.", low=2, high=8
    )
    edge_samples: int = setting(
        4,
        "Samples on each of such a pixel's four borders, both ends included, where silhouettes leave it.",
        low=2,
        high=16,
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
        0.05,
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
HIT_PIXELS = 0.002
"""A ray hits where the distance is below this part of a pixel: outlines are fatter by it, and that part of the derivative
is told of the wrong pixel."""


class Warp(Method):
    name = "warp"
    title = "Warp"
    summary = "Samples follow nearby silhouettes, by weights along each sphere-traced ray."
    paper = "Bangaru et al. 2022, Differentiable rendering of neural SDFs through reparameterization"
    face = Face.FIELD
    spares_pixels = True
    Settings = Settings
    cannot = "It needs a distance: where the field is far from one, or a surface thinner than a pixel, it is off."
    misses = "fields far from a distance"

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
        return sample_warp(
            tracer_of(shape, values, rays, settings),
            (view.height, view.width),
            (settings.samples, settings.outline_samples, settings.edge_samples),
            rays.pixel,
            settings.seed,
            bool(free),
            settings.everywhere,
            view.only,
            getattr(shape, "rays_at_once", CHUNK),
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
        scene = WarpScene(shape, values, lens, traced["grazing"], channels, (height, width), empty)
        inner, across = _motions(scene, samples) if free else (None, [])
        plain, near, border = _lists(samples, settings, _radiance(scene, samples, inner))
        flat = [jnp.full(height * width, plane) for name in channels for plane in empty[name]]
        colours = [jnp.mean(plane, axis=1) for plane in plain]
        flat = [f.at[samples.plain].set(c, mode="drop") for f, c in zip(flat, colours)]
        if inner is not None:
            colours = _warped(samples, near, border, inner, across)
            flat = [f.at[samples.near].set(c, mode="drop") for f, c in zip(flat, colours)]
        return _as_image(flat, channels, (height, width))


def tracer_of(shape: Any, values: Values, rays: ObjectRays, settings: Settings) -> HostTracer:
    """Of any shape with a compiled field. A shape whose own field is another one than the compiled has a tracer too."""
    quadrature, own = _quadrature_of(settings, rays.pixel), getattr(shape, "ray_tracer", None)
    if own is not None:
        return own(values, rays, quadrature)
    field, box = shape.host_field(values, pixel_at_centre(rays))
    return HostTracer(field, box, rays, quadrature)


def _quadrature_of(settings: Settings, pixel: float) -> Quadrature:
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


def _each_chunk(used: Any, x: Plane, y: Plane, more: Any, planes: int, work: Any) -> list[Plane]:
    """`planes` planes (C, N) of work(x, y, more) -> list of (N,), chunk by chunk; where `used` (C,) is 0 at no cost."""

    def one(_: Any, chunk: tuple) -> tuple[None, list[Plane]]:
        count, *rest = chunk
        zero = [jnp.zeros(rest[0].shape, rest[0].dtype)] * planes
        return None, jax.lax.cond(count > 0, lambda c: work(*c), lambda c: zero, rest)

    return jax.lax.scan(one, None, (used, x, y, more))[1]


def _motions(scene: WarpScene, samples: WarpSamples) -> tuple[list[Plane], list[Plane]]:
    """V (x and y) and div V of the rays near outlines, V of those on borders; chunks."""
    rays, found = samples.rays, []
    start = rays.x.shape[0] - samples.near_points.s.shape[0] - samples.border_points.s.shape[0]
    for points, planes in ((samples.near_points, 3), (samples.border_points, 2)):
        part = slice(start, start + points.s.shape[0])
        work = lambda x, y, points, planes=planes: scene.motion(x, y, points, planes == 3)
        count, x, y = (jnp.asarray(plane)[part] for plane in (rays.count, rays.x, rays.y))
        found.append(_each_chunk(count, x, y, points, planes, work))
        start = part.stop
    return found[0], found[1]


def _radiance(scene: WarpScene, samples: WarpSamples, inner: list[Plane] | None) -> list[Plane]:
    """Every channel's planes (C, N) of all rays, those near outlines at their warped positions. What is seen on borders
    is a constant of the derivative."""
    rays = jax.tree.map(jnp.asarray, samples.rays)
    planes = sum(CHANNELS[name] for name in scene.channels)
    if inner is None:
        return _each_chunk(rays.count, rays.x, rays.y, rays, planes, scene.radiance)
    last = rays.x.shape[0] - samples.border_points.s.shape[0]
    first = last - samples.near_points.s.shape[0]
    part = jax.tree.map(lambda plane: plane[:last], rays)
    x, y = (plane.at[first:].add(v) for plane, v in zip((part.x, part.y), inner))
    found = _each_chunk(part.count, x, y, part, planes, scene.radiance)
    part = jax.tree.map(lambda plane: plane[last:], rays)
    beside = _each_chunk(part.count, part.x, part.y, part, planes, scene.frozen().radiance)
    return [jnp.concatenate(both) for both in zip(found, beside)]


def _lists(
    samples: WarpSamples, settings: Settings, planes: list[Plane]
) -> tuple[list[Plane], list[Plane], list[Plane]]:
    """Planes of all rays -> of the three lists, (pixels or borders, rays of each)."""
    chunk = samples.rays.x.shape[1]
    near, border = (chunk * points.s.shape[0] for points in (samples.near_points, samples.border_points))
    first = samples.rays.x.size - near - border
    cut = lambda start, count, side: [p.reshape(-1)[start : start + count * side].reshape(count, side) for p in planes]
    return (
        cut(0, samples.plain.shape[0], settings.samples**2),
        cut(first, samples.near.shape[0], settings.outline_samples**2),
        cut(first + near, *samples.shares.shape),
    )


def _warped(
    samples: WarpSamples, near: list[Plane], border: list[Plane], inner: list[Plane], across: list[Plane]
) -> list[Plane]:
    """Colours of pixels near an outline: the module's formula. near, border: planes (pixels, S) and (borders, E)."""
    pixels, side = near[0].shape
    spread = inner[2].reshape(-1)[: pixels * side].reshape(pixels, side)
    borders, each = samples.shares.shape
    motion = [v.reshape(-1)[: borders * each].reshape(borders, each) for v in across]
    flow = samples.shares * jnp.where(samples.upright[:, None], *motion)
    of_pixel = lambda along: [along[samples.borders[side]] for side in range(4)]
    outward = lambda sides: sides[1] - sides[0] + sides[3] - sides[2]
    through, found = outward(of_pixel(jnp.sum(flow, axis=1))), []
    uneven = samples.trusted[:, None] * (spread - jnp.mean(spread, axis=1, keepdims=True))
    for plane, beside in zip(near, border):
        mean = jnp.mean(plane, axis=1)
        seen = outward(of_pixel(jnp.sum(flow * sg(beside), axis=1)))
        found.append(mean + jnp.mean(uneven * sg(plane), axis=1) + through * sg(mean) - seen)
    return found


METHOD = Warp()
