"""Analytic antialiasing (Laine et al. 2020, Sec. 3.5): pixels on both sides of a silhouette edge are blended by coverage.

The forward image changes: where an edge crosses between two pixel centres, the pixel it covers in part takes its share
of the other. Where the crossing lies follows the edge, and that is the derivative of visibility; colours follow the
triangle under each pixel, as in plain autodiff.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kernels.antialiased_pairs import AntialiasedPairs, Neighbours, antialiased_pairs
from kernels.blending import blend_pairs
from kernels.camera import object_to_pixel
from kernels.planes import displacement
from kernels.settings import setting
from kernels.surface import GEOMETRY, with_surface
from kernels.surface_method import MethodSamples, SurfaceMethod, flatten_image, front_image, unflatten_image
from kernels.types import CameraView, Face, GBuffer, Image, Lens, Planes, Shape, Values


@dataclass(frozen=True)
class Settings:
    cull_back_faces: bool = setting(False, "Leave out triangles seen from behind.")


class Antialias(SurfaceMethod):
    name = "antialias"
    title = "Analytic antialiasing"
    summary = "Silhouette edges blend the two pixels they cross between; the blend follows the edge."
    paper = "Laine et al. 2020, Modular Primitives for High-Performance Differentiable Rendering (nvdiffrast), Sec. 3.5"
    face = Face.TRIANGULATION
    Settings = Settings
    cannot = "It cannot see intersections move, nor silhouettes of triangles that hold no pixel centre."
    misses = "intersections that move"

    def moves(self, settings: Any) -> frozenset[str]:
        return frozenset({"silhouette", "occlusion"})

    def __init__(self) -> None:
        self._neighbours = Neighbours()

    def attached(self, settings: Settings) -> bool:
        return True

    def cull_back_faces(self, settings: Settings) -> bool:
        return settings.cull_back_faces

    def derive_samples(
        self, shape: Shape, values: Values, view: CameraView, surface: Any, settings: Settings
    ) -> AntialiasedPairs:
        vertices, faces = shape.display_mesh(values)
        opposite, matrix = self._neighbours(faces), object_to_pixel(values, view)
        return antialiased_pairs(vertices, faces, opposite, matrix, view.near, surface.fragments)

    def image(
        self, gbuffer: GBuffer, samples: MethodSamples, traced: Mapping[str, Any], settings: Any, free: frozenset[str]
    ) -> Image:
        return front_image(gbuffer)

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
        hard = super().evaluate(shape, values, samples, lens, traced, settings, channels, free)
        planes, layout = flatten_image(hard)
        return unflatten_image(blend_pairs(planes, self._weights(shape, values, samples, lens, free)), layout)

    def _weights(self, shape: Any, values: Values, samples: MethodSamples, lens: Lens, free: frozenset[str]) -> Planes:
        """alpha of both axes: as sampled, less how far the edge moves along the pair (its motion across slides it)."""
        pairs: AntialiasedPairs = samples.extra
        if not free & GEOMETRY:
            return pairs.alpha[0], pairs.alpha[1]
        surface = with_surface(samples.surface, fragments=pairs.points)
        at = shape.evaluate_surface(values, surface, lens, channels=("silhouette",), free=free)
        moved = [tuple(displacement(p) for p in places) for places in zip(at.x, at.y)]
        return tuple(
            pairs.alpha[axis] - (moved[axis][axis] - pairs.slant[axis] * moved[axis][1 - axis]) for axis in range(2)
        )


METHOD = Antialias()
