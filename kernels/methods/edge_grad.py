"""EdgeGrad (Pidhorskyi et al. 2024): the rasterized image as it is, with the motion of micro-edges in its derivative.

The gradient term is zero in the forward pass (kernels/micro_edges.py). Two sets of rules decide who moves an edge: the
paper's, and improved ones in which the nearer fragment of every pair of pixels does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kernels.micro_edges import crossing_pairs, move_edges, owner_pairs, plane_motion
from kernels.planes import displacement
from kernels.surface_method import MethodSamples, SurfaceMethod, flatten_image, front_image, unflatten_image
from kernels.types import GBuffer, Image, setting


@dataclass(frozen=True)
class Settings:
    crossings: bool = setting(True, "Move the lines where surfaces intersect (samples a second layer).")
    cull_back_faces: bool = setting(False, "Leave out triangles seen from behind.")


class EdgeGrad(SurfaceMethod):
    name = "edge-grad"
    title = "EdgeGrad"
    summary = "Unblurred image; edges between pixels carry the gradient of silhouettes, occlusions and intersections."
    paper = "Pidhorskyi et al. 2024, Rasterized Edge Gradients, eqs. 10-12"
    Settings = Settings
    cannot = "Its per-pixel derivative is coarse (one sample a pixel); totals over an image are accurate."

    def layers(self, settings: Settings) -> int:
        return 2 if settings.crossings else 1

    def cull_back_faces(self, settings: Settings) -> bool:
        return settings.cull_back_faces

    def image(
        self, gbuffer: GBuffer, samples: MethodSamples, traced: Mapping[str, Any], settings: Any, moving: bool
    ) -> Image:
        image = front_image(gbuffer)
        if not moving:
            return image
        planes, layout = flatten_image(image)
        x, y = gbuffer.x[0], gbuffer.y[0]
        depths = samples.fragments.inverse_depth
        motion = (displacement(x), displacement(y))
        if settings.crossings:
            pairs = crossing_pairs(depths[0], depths[1], gbuffer.slope)
            c = plane_motion(x, y, gbuffer.inverse_depth[0], gbuffer.slope)
            motion = (*motion, c, c)
        else:
            pairs = owner_pairs(depths[0])
        return unflatten_image(move_edges(planes, motion, pairs), layout)


METHOD = EdgeGrad()
