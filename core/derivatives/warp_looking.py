"""Looking at the warp: the weights along a ray, the points each pixel keeps, the warp field, and where a derivative lives.

Host side, for any shape with a compiled field. Images are [H, W] or [H, W, C]; pixel positions are x right, y down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.ndimage import maximum_filter, minimum_filter

from core.derivatives.reference import hard_image, moved_values
from core.inspection import Rendered
from kernels.field import object_rays, pixel_at_centre
from kernels.host_field import distances
from kernels.methods.warp import tracer_of
from kernels.warp_rays import HostTracer, RayProfile, ray_profile
from kernels.warp_samples import NEAR

JUMP = 0.12
"""World units: depths of neighbouring samples that differ by more belong to two surfaces (an eighth of the radius)."""


@dataclass(frozen=True)
class Part:
    """A kind of pixels: how many; what its pixels add to the total; and the error there, relative to the reference's
    norm over ALL pixels, so that parts add up (in squares)."""

    pixels: int
    total: float
    reference_total: float
    error: float


def weights_along(scene: Rendered, x: float, y: float) -> RayProfile:
    """The quadrature of the ray through the pixel position (x, y), as the scene's method settings have it."""
    return ray_profile(_tracer(scene), x, y)


def points_kept(scene: Rendered) -> tuple[np.ndarray, np.ndarray]:
    """(tracing points, points with a weight) of the ray through each pixel centre, (H, W) int32 each."""
    found = _tracer(scene).points(_centres(scene), False)
    kept = (np.hypot(found.ax, found.ay) > 0).sum(axis=0)
    size = (scene.view.height, scene.view.width)
    return found.traced.reshape(size), kept.astype(np.int32).reshape(size)


def warped_pixels(scene: Rendered) -> np.ndarray:
    """(H, W) bool: the pixels near an outline, where the warp is at work."""
    names = frozenset({"pose.translation"})
    return scene.method.sample(scene.shape, scene.values, scene.view, scene.settings, names).kind == NEAR


def warp_field(scene: Rendered, direction: Mapping[str, Any], step: float = 1e-3) -> np.ndarray:
    """V = dT/dtheta at the pixel centres, [H, W, 2] pixels per unit of theta: where samples go with the surfaces.

    The weights are frozen, the distances at their points change with theta (central differences, `step`).
    """
    u = _centres(scene)
    found = _tracer(scene).points(u, False)
    homogeneous = np.concatenate([u, np.ones((len(u), 1))], axis=1)
    change = np.zeros(found.s.shape)
    for sign in (1.0, -1.0):
        values = moved_values(scene.values, direction, sign * step)
        moved = object_rays(values, scene.view)
        there, _ = scene.shape.host_field(values, pixel_at_centre(moved))  # type: ignore[attr-defined]
        points = moved.origin + found.s[..., None].astype(np.float64) * (homogeneous @ moved.matrix.T)
        change += sign * distances(there, points.reshape(-1, 3)).reshape(change.shape) / (2 * step)
    motion = np.stack([(found.ax * change).sum(axis=0), (found.ay * change).sum(axis=0)], axis=-1)
    return motion.reshape(scene.view.height, scene.view.width, 2).astype(np.float32)


def pixel_parts(scene: Rendered, samples: int = 4) -> dict[str, np.ndarray]:
    """Which pixels hold an outline against the background, an occlusion of the shape by itself, or neither, (H, W) bool.

    Judged on samples x samples depths a pixel; the first two are grown by one pixel and do not overlap.
    """
    view, inner = scene.view, samples
    large = replace(view, width=view.width * inner, height=view.height * inner)
    image = hard_image(scene.shape, scene.values, large, ("silhouette", "depth"), 1)
    cover, depth = image["silhouette"][..., 0], image["depth"][..., 0]
    blocks = lambda plane: plane.reshape(view.height, inner, view.width, inner)
    mean = blocks(cover).mean(axis=(1, 3))
    outline = _grown((mean > 0) & (mean < 1))
    near = np.where(cover > 0, depth, np.inf)
    far = np.where(cover > 0, depth, -np.inf)
    step = maximum_filter(far, 3) - minimum_filter(near, 3)
    jump = blocks(((cover > 0) & (step > JUMP)).astype(np.uint8)).max(axis=(1, 3)) > 0
    occlusion = _grown(jump) & ~outline & (mean > 0)
    return {"silhouette": outline, "self-occlusion": occlusion, "interior": ~outline & ~occlusion}


def split(
    derivative: np.ndarray, reference: np.ndarray, weights: np.ndarray, parts: Mapping[str, np.ndarray]
) -> dict[str, Part]:
    """A derivative image [H, W, C] beside its reference, by parts; totals are weighted by dL/dI `weights`."""
    norm = float(np.linalg.norm(reference))
    return {
        name: Part(
            int(mask.sum()),
            float((weights * derivative)[mask].sum()),
            float((weights * reference)[mask].sum()),
            float(np.linalg.norm((derivative - reference)[mask])) / norm,
        )
        for name, mask in parts.items()
    }


def _tracer(scene: Rendered) -> HostTracer:
    return tracer_of(scene.shape, scene.values, object_rays(scene.values, scene.view), scene.settings)


def _centres(scene: Rendered) -> np.ndarray:
    y, x = np.mgrid[0 : scene.view.height, 0 : scene.view.width] + 0.5
    return np.stack([x.ravel(), y.ravel()], axis=-1)


def _grown(mask: np.ndarray) -> np.ndarray:
    return maximum_filter(mask.astype(np.uint8), 3) > 0
