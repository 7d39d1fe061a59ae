"""Plain autodiff of the rasterized image: what everybody tries first, and what misses every silhouette.

Barycentrics follow the triangle under each pixel, so shading slides along inside an outline; which triangle a pixel
sees is frozen, so the derivative has no term at silhouettes, occlusions and intersections.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kernels.surface_method import MethodSamples, SurfaceMethod, front_image
from kernels.types import GBuffer, Image, setting


@dataclass(frozen=True)
class Settings:
    cull_back_faces: bool = setting(False, "Leave out triangles seen from behind.")


class Naive(SurfaceMethod):
    name = "naive"
    title = "Naive autodiff"
    summary = "Autodiff of the rasterized image, with nothing at edges."
    paper = "the 'continuous only' baseline of EdgeGrad (Pidhorskyi et al. 2024, Sec. 5)"
    Settings = Settings
    cannot = "It cannot see silhouettes move: pose and shape barely fit, and never from silhouettes alone."

    def moves(self, settings: Settings) -> frozenset[str]:
        return frozenset()

    def attached(self, settings: Settings) -> bool:
        return True

    def cull_back_faces(self, settings: Settings) -> bool:
        return settings.cull_back_faces

    def image(
        self, gbuffer: GBuffer, samples: MethodSamples, traced: Mapping[str, Any], settings: Any, free: frozenset[str]
    ) -> Image:
        return front_image(gbuffer)


METHOD = Naive()
