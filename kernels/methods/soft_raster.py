"""Soft Rasterizer (Liu et al. 2019): every triangle covers a pixel with a probability that falls off beyond its outline.

Probability D = sigmoid(-+ d^2 / sigma), d the distance from the pixel's centre to the outline; coverage 1 - prod (1 - D);
colour a mean with weights D exp(-depth / gamma). Lengths are PyTorch3D's: the image's shorter side is 2. The derivative
is that of this very image, per triangle and pixel: layers are taken in turn (lax.scan), the K nearest of each pixel.

K bounds what it is good for: where more triangles than K lie within a pixel's blur, those dropped take their share of
the outline with them. Total gradient of two spheres of 50,560 triangles, one before the other, at 64 x 64 (core/report):
326 % off with the 20 faces a pixel of PyTorch3D, 25 % with 80; of 3,040 triangles 44 % with 20. A sharper sigma does not
help (64 % at 1e-6): then pixels see too few outlines instead.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernels.camera import object_to_pixel
from kernels.labels import label_count
from kernels.planes import displacement
from kernels.settings import setting
from kernels.soft_sampler import OPTIONAL, soft_fragments
from kernels.surface import GATHERED, GEOMETRY, background_image, surface_samples, with_surface
from kernels.surface_method import MethodSamples, flatten_image, unflatten_image
from kernels.types import CHANNELS, CameraView, Face, Image, Lens, Method, Plane, Planes, Shape, Values

LEAST_BACKGROUND = 1e-10
"""Least weight of the background, relative to the nearest triangle's (PyTorch3D's eps)."""

LEAST_INVERSE_DEPTH = 1e-12
"""What is farther away than 1e12 has no depth that single precision could compare."""

SATURATED = 100.0
"""Squared distance, in sigmas, beyond which a sigmoid's derivative is 0 in single precision."""

BEHIND_ALL = 1e30
"""How far behind all others a layer lies that is not there, in gammas."""

MOST_BACKGROUND = 60.0
"""Its largest logarithm: nothing is left of a triangle so far behind the background, and nothing overflows."""

LAYERED = ("fragments", "normals", "colours", "uv", "level", "labels", "behind")
"""Fields of SurfaceSamples: each holds K layers."""


CROWDED = 3.0
"""So many times the triangles that a pixel keeps lie within its blur: from there on its derivative is said to be far off.
Two spheres (above): 11 times, 326 % off; 3 times, 25 %."""

POSE = frozenset({"pose.rotation", "pose.translation", "pose.scale", "camera.fov"})
"""Geometry that moves a shape as a whole: positions sampled in object space stay what they are."""


@dataclass(frozen=True)
class Settings:
    sigma: float = setting(
        1e-4,
        "How softly a triangle ends, squared length (the image's shorter side is 2).",
        low=1e-6,
        high=1e-2,
        log=True,
    )
    gamma: float = setting(
        0.01,
        "How sharply the nearest triangle wins, as a difference of depth. SoftRas: 1e-4 of a range of 99.",
        low=1e-4,
        high=1.0,
        log=True,
    )
    blur_radius: float = setting(
        9.21, "Squared reach of a triangle beyond its outline. PyTorch3D: ln(1e4 - 1).", low=1.0, high=16.0, unit="σ"
    )
    faces_per_pixel: int = setting(20, "Triangles a pixel keeps: the nearest in depth.", low=1, high=100)
    background: str = setting(
        "alpha",
        "Colours lie over the background by coverage (alpha), so that outlines are no fatter than they should be, or the "
        "background is one more term of the mean (softmax), as in the paper.",
        choices=("alpha", "softmax"),
    )
    cull_back_faces: bool = setting(False, "Leave out triangles seen from behind.")


def crowding(shape: Shape, values: Values, view: CameraView, settings: Settings) -> float:
    """Host: how many triangles come within the blur of a typical pixel: those whose outline, grown by the blur, covers
    it, if all were as large on the screen as the median one. A closed surface has a front and a back."""
    vertices, faces = shape.display_mesh(values)
    matrix = object_to_pixel(values, view)
    points = np.asarray(vertices, np.float64) @ matrix[:, :3].T + matrix[:, 3]
    corners = points[faces[(points[faces, 2] > view.near).all(axis=1)]]
    if not len(corners):
        return 0.0
    flat = corners[..., :2] / corners[..., 2:]
    (ax, ay), (bx, by) = ((flat[:, i] - flat[:, 0]).T for i in (1, 2))
    area = max(float(np.median(0.5 * np.abs(ax * by - ay * bx))), 1e-9)
    reach = 0.5 * min(view.width, view.height) * np.sqrt(settings.blur_radius * settings.sigma)
    grown = area + 2.0 * reach * np.sqrt(np.pi * area) + np.pi * reach**2  # as of a disc
    return float((1 if settings.cull_back_faces else 2) * min(grown / area, 0.5 * len(corners)))


class SoftRaster(Method):
    name = "soft-raster"
    title = "Soft Rasterizer"
    summary = "Triangles with soft outlines, blended by distance and depth: blurred, smooth, and slow."
    paper = "Liu et al. 2019, Soft Rasterizer, eqs. 1-5; defaults and details of PyTorch3D (Ravi et al. 2020)"
    face = Face.TRIANGULATION
    Settings = Settings
    cannot = (
        "Its image is not the rasterized one: every triangle grows by its blur. Where more triangles lie within the blur "
        "of a pixel than it keeps (fine meshes), its derivative is far off: keep more faces a pixel, 80 instead of 20."
    )
    misses = "fine meshes, sharp edges"

    def moves(self, settings: Settings) -> frozenset[str]:
        # The nearest triangle's share saturates to the end of its blur: an edge before a farther part does not move.
        return frozenset({"silhouette", "intersection"})

    def oddities(self, shape: Shape, values: Values, view: CameraView, settings: Settings) -> tuple[str, ...]:
        crowd = crowding(shape, values, view, settings)
        if crowd <= CROWDED * settings.faces_per_pixel:
            return ()
        return (
            f"soft-raster keeps {settings.faces_per_pixel} triangles a pixel, and some {crowd:,.0f} lie within its blur "
            "here: its derivative is far off; raise Faces per pixel, lower sigma, or use another method",
        )

    def sample(
        self,
        shape: Shape,
        values: Values,
        view: CameraView,
        settings: Settings,
        free: frozenset[str],
        channels: tuple[str, ...] = tuple(CHANNELS),
    ) -> MethodSamples:
        moving, shaded = bool(free & GEOMETRY), set(channels) != {"silhouette"}
        attached = moving and shaded
        wanted = frozenset({"border_position"}) if moving else frozenset()
        if free & (GEOMETRY - POSE | GATHERED):
            wanted = wanted | {"corners", "bary", "border_bary"}
        if shaded and not attached:
            wanted = wanted | {"bary", "position"}
        pixels = 0.5 * min(view.width, view.height)  # a unit length
        rasterizer = functools.partial(
            soft_fragments,
            size=(view.width, view.height),
            layers=settings.faces_per_pixel,
            blur=settings.blur_radius * settings.sigma * pixels**2,
            wanted=wanted & OPTIONAL,
        )
        surface = shape.sample_surface(  # type: ignore[attr-defined]
            values,
            view,
            layers=settings.faces_per_pixel,
            cull_back_faces=settings.cull_back_faces,
            free=free | GATHERED if attached else free,
            channels=channels,
            rasterizer=rasterizer,
        )
        return MethodSamples(surface, None)

    def evaluate(
        self,
        shape: Shape,
        values: Values,
        samples: MethodSamples,
        lens: Lens,
        traced: Mapping[str, Any],
        settings: Settings,
        channels: tuple[str, ...],
        free: frozenset[str],
    ) -> Image:
        surface = surface_samples(samples.surface)
        first = surface.fragments.inverse_depth[0]
        nearest = 1.0 / jnp.where(first > LEAST_INVERSE_DEPTH, first, 1.0)
        layered = {name: getattr(surface, name) for name in LAYERED if getattr(surface, name) is not None}
        shaded = tuple(c for c in channels if c != "silhouette")
        empty = background_image(values, lens, shaded, label_count(values, surface))
        count = sum(map(len, empty.values()))
        zero = jnp.zeros(first.shape, jnp.asarray(values["background"]).dtype)

        def layer(carry: Any, part: Any) -> tuple[Any, None]:
            miss, total, sums, top = carry
            one = with_surface(samples.surface, **jax.tree.map(lambda leaf: leaf[None], part))
            probability = _probability(shape, values, one, lens, traced, free)
            if shaded:
                moving = bool(free & GEOMETRY)
                seen = shape.evaluate_surface(values, one, lens, channels=shaded, free=free, attached=moving)  # type: ignore[attr-defined]
                inverse = seen.inverse_depth[0]
                there = seen.mask[0] & (inverse > LEAST_INVERSE_DEPTH)
                depth = 1.0 / jnp.where(there, inverse, 1.0)
                nearer = jnp.where(there, (nearest - depth) / traced["gamma"], -BEHIND_ALL)
                before, top = top, jax.lax.stop_gradient(jnp.maximum(top, nearer))
                fade, weight = jnp.exp(before - top), probability * jnp.exp(nearer - top)
                planes = flatten_image(seen.channels[0])[0]
                total, sums = fade * total + weight, tuple(fade * s + weight * p for s, p in zip(sums, planes))
            return (miss * (1.0 - probability), total, sums, top), None

        start = (zero + 1.0, zero, (zero,) * count, zero - BEHIND_ALL)
        (miss, total, sums, top), _ = jax.lax.scan(jax.checkpoint(layer, prevent_cse=False), start, layered)
        image: Image = {"silhouette": (1.0 - miss,)} if "silhouette" in channels else {}
        if shaded:
            far = (nearest - lens.background_depth) / traced["gamma"] - top
            image |= _composite(empty, miss, total, sums, far, settings.background)
        return {name: image[name] for name in channels}


def _probability(
    shape: Any, values: Values, one: Any, lens: Lens, traced: Mapping[str, Any], free: frozenset[str]
) -> Plane:
    """D of one layer (eq. 1). The outline's nearest point moves with the surface; the squared distance follows."""
    fragments: Any = surface_samples(one).fragments
    height, width = fragments.distance.shape[1:]
    unit = (2.0 / min(height, width)) ** 2
    squared = fragments.distance[0]
    if free & GEOMETRY:
        border = fragments._replace(bary=fragments.border_bary, position=fragments.border_position)
        at = shape.evaluate_surface(
            values, with_surface(one, fragments=border), lens, channels=("silhouette",), free=free
        )
        x = jnp.arange(width, dtype=squared.dtype)[None, :] + 0.5
        y = jnp.arange(height, dtype=squared.dtype)[:, None] + 0.5
        # Far inside, the probability is 1 whatever the outline does; its motion by the distance may be beyond floats.
        near = jnp.abs(squared) * unit < SATURATED * traced["sigma"]
        across, down = (jnp.where(near, jax.lax.stop_gradient(p) - c, 0.0) for p, c in ((at.x[0], x), (at.y[0], y)))
        # The nearest point of a line stays the nearest to first order, so only its own motion counts.
        change = 2.0 * (across * displacement(at.x[0]) + down * displacement(at.y[0]))
        squared = squared + jnp.where(squared < 0, -change, change)
    covered = fragments.inverse_depth[0] > 0
    return jnp.where(covered, jax.nn.sigmoid(-squared * unit / traced["sigma"]), 0.0)


def _composite(
    empty: Image,
    miss: Plane,
    total: Plane,
    sums: Planes,
    far: Plane,
    background: str,
) -> Image:
    """Weighted sums -> channels over the background (eqs. 3 and 4). far: logarithm of the background's weight."""
    back, layout = flatten_image(empty)
    if background == "softmax":
        behind = jnp.maximum(jnp.exp(jnp.minimum(far, MOST_BACKGROUND)), LEAST_BACKGROUND)
        scale = 1.0 / (total + behind)
        return unflatten_image(tuple((s + behind * b) * scale for s, b in zip(sums, back)), layout)
    seen = total > 0
    scale = 1.0 / jnp.where(seen, total, 1.0)
    return unflatten_image(tuple((1.0 - miss) * (s * scale) + miss * b for s, b in zip(sums, back)), layout)


METHOD = SoftRaster()
