"""Plain autodiff of the image: what everybody tries first, and what misses every silhouette.

Of triangles, barycentrics follow the one under each pixel; of a field, the hit follows its ray (IDR, Yariv et al. 2020,
eq. 5). Either way shading slides along inside an outline, and what a pixel sees is frozen: the derivative is the
interior term alone, with nothing at silhouettes, occlusions and intersections.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kernels.field import FieldSamples
from kernels.methods.sdf_local import METHOD as LOCAL
from kernels.methods.sdf_local import Settings as LocalSettings
from kernels.settings import setting
from kernels.surface_method import MethodSamples, SurfaceMethod, front_image
from kernels.types import CHANNELS, CameraView, Face, GBuffer, Image, Lens, Shape, Values


@dataclass(frozen=True)
class Settings:
    face: str = setting(
        "surface",
        "Of a shape that has both: its triangles, or the field itself, sphere-traced, as IDR has it. "
        "A shape that has one of them is seen by that.",
        choices=("surface", "field"),
    )
    cull_back_faces: bool = setting(False, "Leave out triangles seen from behind.")
    grazing: float = setting(
        0.1,
        "Field: the least cosine between ray and normal that a hit's motion is divided by. IDR has no bound.",
        low=0.01,
        high=1.0,
        log=True,
    )


class Naive(SurfaceMethod):
    name = "naive"
    title = "Naive autodiff"
    summary = "Autodiff of the image, with nothing at edges."
    paper = "the 'continuous only' baseline of EdgeGrad (Pidhorskyi et al. 2024, Sec. 5); of fields, IDR (Yariv et al. 2020)"
    other_faces = frozenset({Face.FIELD})
    Settings = Settings
    cannot = "It cannot see silhouettes move: pose and shape barely fit, and never from silhouettes alone."
    misses = "silhouettes that move"

    def moves(self, settings: Settings) -> frozenset[str]:
        return frozenset()

    def face_of(self, shape: Shape, settings: Settings) -> Face:
        chosen = Face(settings.face)
        other = Face.SURFACE if chosen == Face.FIELD else Face.FIELD
        return chosen if chosen in shape.faces_offered else other

    def sample(
        self,
        shape: Shape,
        values: Values,
        view: CameraView,
        settings: Settings,
        free: frozenset[str],
        channels: tuple[str, ...] = tuple(CHANNELS),
    ) -> MethodSamples | FieldSamples:
        if self.face_of(shape, settings) == Face.FIELD:
            return LOCAL.sample(shape, values, view, LocalSettings(), free, channels)
        return super().sample(shape, values, view, settings, free, channels)

    def evaluate(
        self,
        shape: Shape,
        values: Values,
        samples: Any,
        lens: Lens,
        traced: Mapping[str, Any],
        settings: Settings,
        channels: tuple[str, ...],
        free: frozenset[str],
    ) -> Image:
        if self.face_of(shape, settings) == Face.FIELD:
            return LOCAL.evaluate(shape, values, samples, lens, traced, LocalSettings(), channels, free)
        return super().evaluate(shape, values, samples, lens, traced, settings, channels, free)

    def attached(self, settings: Settings) -> bool:
        return True

    def cull_back_faces(self, settings: Settings) -> bool:
        return settings.cull_back_faces

    def image(
        self, gbuffer: GBuffer, samples: MethodSamples, traced: Mapping[str, Any], settings: Any, free: frozenset[str]
    ) -> Image:
        return front_image(gbuffer)


METHOD = Naive()
