"""Rasterize-then-splat (Cole et al. 2021): shaded samples are splatted onto their own pixels, so that edges move.

The forward image is blurred slightly (sigma 0.5 px). Each of the buffers S+, S0 and S- is normalised by itself, then
S- is drawn under S0 under S+, over the background of every channel (for depth: the far depth).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

from kernels.planes import displacement
from kernels.settings import setting
from kernels.splat_order import surface_indices
from kernels.splatting import BACK, FRONT, SAME, normalise, splat, splat_weights
from kernels.surface_method import MethodSamples, SurfaceMethod, flatten_image, unflatten_image
from kernels.types import CameraView, GBuffer, Image, Planes, Shape, Values

BUFFERS = {"all": (BACK, SAME, FRONT), "front": (FRONT,), "same": (SAME,), "back": (BACK,)}


@dataclass(frozen=True)
class Settings:
    layers: int = setting(2, "Depth layers that are splatted; one confuses occlusions.", low=1, high=4)
    compositing: str = setting(
        "all", "All three buffers, as in the paper, or one alone to look at.", choices=tuple(BUFFERS)
    )
    sigma: float = setting(0.5, "Width of a splat.", low=0.3, high=1.0, unit="px")
    eps: float = setting(0.05, "How much a full neighbourhood's weights exceed 1.", low=0.0, high=0.5)
    cull_back_faces: bool = setting(
        True, "Leave out triangles seen from behind: of a closed mesh they would be the second layer."
    )
    compensate_gain: bool = setting(
        False, "Scale the motion of splats so that an edge moves with gain 1; the paper's has 0.895."
    )


class Splat(SurfaceMethod):
    name = "splat"
    title = "Rasterize-then-splat"
    summary = "Samples splatted with a 3x3 kernel in depth-aware layers: slightly blurred, smooth at edges."
    paper = "Cole et al. 2021, Differentiable Surface Rendering via Non-Differentiable Sampling, eqs. 1-3"
    Settings = Settings
    cannot = "It cannot see lines where surfaces intersect move, and it underestimates every edge by a tenth."
    misses = "intersections that move"

    def moves(self, settings: Settings) -> frozenset[str]:
        return frozenset({"silhouette", "occlusion"})

    def layers(self, settings: Settings) -> int:
        return settings.layers

    def cull_back_faces(self, settings: Settings) -> bool:
        return settings.cull_back_faces

    def derive_samples(self, shape: Shape, values: Values, view: CameraView, surface: Any, settings: Settings) -> Any:
        return surface_indices(surface.fragments.inverse_depth) if settings.layers > 1 else None

    def image(
        self, gbuffer: GBuffer, samples: MethodSamples, traced: Mapping[str, Any], settings: Any, free: frozenset[str]
    ) -> Image:
        weights = splat_weights(traced["sigma"], traced["eps"], settings.compensate_gain)
        splatted = [{n: p for n, p in layer.items() if n != "silhouette"} for layer in gbuffer.channels]
        layout = flatten_image(splatted[0])[1]
        layers = tuple(
            (*flatten_image(image)[0], mask.astype(gbuffer.x[0].dtype)) for image, mask in zip(splatted, gbuffer.mask)
        )
        motion = tuple((displacement(x), displacement(y)) for x, y in zip(gbuffer.x, gbuffer.y))
        surface = () if samples.extra is None else tuple(samples.extra[i] for i in range(8))
        buffers = [normalise(planes) for planes in splat(layers, motion, surface, weights)]
        if len(buffers) > 1:
            buffers = [buffers[i] for i in BUFFERS[settings.compositing]]
        return self._composite(gbuffer, buffers, layout)

    def _composite(self, gbuffer: GBuffer, buffers: list[Planes], layout: tuple) -> Image:
        """Draw normalised buffers, the farthest first, over the background; channels in the order asked for."""
        below = tuple(plane for name, _ in layout for plane in gbuffer.background[name])
        alpha = jnp.zeros_like(buffers[0][-1])
        for *planes, weight in buffers:
            below = tuple(plane + (1.0 - weight) * under for plane, under in zip(planes, below))
            alpha = weight + (1.0 - weight) * alpha
        image = {**unflatten_image(below, layout), "silhouette": (alpha,)}
        return {name: image[name] for name in gbuffer.channels[0]}


METHOD = Splat()
