"""What gradient methods on a surface share: sampling layers, evaluating the G-buffer, compositing over the background.

A method on the surface face says how many layers it needs and turns a G-buffer into an image; everything that concerns
the shape is the shape's business, so meshes, isosurfaces and patches are all rendered by the same few lines.
"""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp

from kernels.raster.sampler import kept_rasterizer
from kernels.surface import GATHERED, GEOMETRY
from kernels.types import CHANNELS, CameraView, Face, Fragments, GBuffer, Image, Lens, Method, Planes, Shape, Values


class MethodSamples(NamedTuple):
    """surface: what the shape sampled. extra: what the method derived from it on the host, or None."""

    surface: Any
    extra: Any

    @property
    def fragments(self) -> Fragments:
        return self.surface.fragments


class SurfaceMethod(Method):
    """A method that renders the surface face of a shape through its G-buffer."""

    face: ClassVar[Face] = Face.SURFACE
    slopes: ClassVar[bool] = False
    """Whether `image` reads the screen slope of the front layer's 1/w: sampled for those alone."""

    def layers(self, settings: Any) -> int:
        """How many depth layers to sample."""
        return 1

    def cull_back_faces(self, settings: Any) -> bool:
        return False

    def attached(self, settings: Any) -> bool:
        """Whether channels follow the geometry under each pixel (see evaluate_fragments), where geometry is free."""
        return False

    def derive_samples(self, shape: Shape, values: Values, view: CameraView, surface: Any, settings: Any) -> Any:
        """Host: what the method itself needs of the samples (see MethodSamples.extra)."""
        return None

    @abstractmethod
    def image(
        self, gbuffer: GBuffer, samples: MethodSamples, traced: Mapping[str, Any], settings: Any, free: frozenset[str]
    ) -> Image:
        """Traced: G-buffer -> image. Without any of GEOMETRY in `free`, fragments do not move on the screen."""

    def sample(
        self,
        shape: Shape,
        values: Values,
        view: CameraView,
        settings: Any,
        free: frozenset[str],
        channels: tuple[str, ...] = tuple(CHANNELS),
    ) -> MethodSamples:
        surface = shape.sample_surface(
            values,
            view,
            layers=self.layers(settings),
            cull_back_faces=self.cull_back_faces(settings),
            free=free | GATHERED if self.attached(settings) and free & GEOMETRY else free,
            channels=channels,
            rasterizer=functools.partial(
                kept_rasterizer(view.width, view.height, self.layers(settings)), slopes=self.slopes
            ),
        )
        return MethodSamples(surface, self.derive_samples(shape, values, view, surface, settings))

    def evaluate(
        self,
        shape: Shape,
        values: Values,
        samples: MethodSamples,
        lens: Lens,
        traced: Mapping[str, Any],
        settings: Any,
        channels: tuple[str, ...],
        free: frozenset[str],
    ) -> Image:
        attached = bool(free & GEOMETRY) and self.attached(settings)
        gbuffer = shape.evaluate_surface(values, samples.surface, lens, channels=channels, free=free, attached=attached)
        if attached:  # the channels slide, but the fragments' own motion is that of the surface
            riding = shape.evaluate_surface(values, samples.surface, lens, channels=("silhouette",), free=free)
            gbuffer = gbuffer._replace(x=riding.x, y=riding.y, inverse_depth=riding.inverse_depth)
        return self.image(gbuffer, samples, traced, settings, free)


def front_image(gbuffer: GBuffer) -> Image:
    """Layer 0 over the background: the plain rasterized image."""
    mask, front = gbuffer.mask[0], gbuffer.channels[0]
    over = lambda planes, back: tuple(jnp.where(mask, plane, b) for plane, b in zip(planes, back))
    return {name: over(planes, gbuffer.background[name]) for name, planes in front.items()}


def flatten_image(image: Image) -> tuple[Planes, tuple[tuple[str, int], ...]]:
    """All planes in one tuple, with (channel, count) to put them back by `unflatten_image`."""
    layout = tuple((name, len(planes)) for name, planes in image.items())
    return tuple(plane for planes in image.values() for plane in planes), layout


def unflatten_image(planes: Planes, layout: tuple[tuple[str, int], ...]) -> Image:
    image, start = {}, 0
    for name, count in layout:
        image[name] = tuple(planes[start : start + count])
        start += count
    return image
