"""The slow twin of the soft rasterizer's forward image: every triangle against every pixel, in float64, as the paper says.

Written apart from kernels/soft_sampler.py: distances to segments cut at the near plane by parametric clipping,
barycentrics by solving for the point where the pixel's ray meets the triangle's plane, and sums in plain order.
"""

from __future__ import annotations

import numpy as np


def soft_image_reference(
    vertices: np.ndarray,
    faces: np.ndarray,
    colours: np.ndarray,
    pixel_matrix: np.ndarray,
    *,
    size: tuple[int, int],
    sigma: float,
    gamma: float,
    blur_radius: float,
    faces_per_pixel: int,
    background: np.ndarray,
    far: float,
    softmax: bool = False,
    near: float = 0.05,
) -> tuple[np.ndarray, np.ndarray]:
    """(coverage (H, W), colour (H, W, 3)) of emissive vertex colours (n, 3); settings as kernels/methods/soft_raster.py.

    far: depth of the background, for the weights of `softmax`.
    """
    width, height = size
    homogeneous = vertices.astype(np.float64) @ pixel_matrix[:, :3].T + pixel_matrix[:, 3]
    unit = (2.0 / min(width, height)) ** 2
    coverage, picture = np.zeros((height, width)), np.zeros((height, width, 3))
    corners = homogeneous[faces]
    for row in range(height):
        for column in range(width):
            pixel = np.array([column + 0.5, row + 0.5])
            found = [_triangle(corner, pixel, near) for corner in corners]
            kept = sorted(
                (hit[0], i, hit[1], hit[2])
                for i, hit in enumerate(found)
                if hit is not None and hit[1] * unit < blur_radius * sigma
            )[:faces_per_pixel]
            depth = np.array([k[0] for k in kept])
            probability = np.array([1 / (1 + np.exp(k[2] * unit / sigma)) for k in kept])
            colour = np.array([k[3] @ colours[faces[k[1]]] for k in kept]).reshape(-1, 3)
            coverage[row, column] = 1 - np.prod(1 - probability)
            picture[row, column] = background
            if kept:
                weight = probability * np.exp((depth[0] - depth) / gamma)
                rest = max(np.exp((depth[0] - far) / gamma), 1e-10) if softmax else 0.0
                mean = (weight @ colour + rest * background) / (weight.sum() + rest)
                alpha = 1.0 if softmax else coverage[row, column]
                picture[row, column] = alpha * mean + (1 - alpha) * background
    return coverage, picture


def _triangle(corner: np.ndarray, pixel: np.ndarray, near: float) -> tuple[float, float, tuple] | None:
    """(depth, signed squared distance in pixels, barycentrics) of homogeneous corners (3, 3) at a pixel; None: unseen."""
    if abs(np.linalg.det(corner)) == 0 or not np.isfinite(corner).all():
        return None
    share = np.linalg.solve(corner.T, np.array([*pixel, 1.0]))  # sum_i share_i corner_i lies on the pixel's ray
    if share.sum() == 0:
        return None
    bary = share / share.sum()
    inside = bool((bary >= 0).all())
    bary = np.maximum(bary, 0)
    bary = bary / bary.sum()
    depth = float(bary @ corner[:, 2])
    distances = [d for i in range(3) if (d := _segment(corner[i], corner[(i + 1) % 3], pixel, near)) is not None]
    if not distances or depth < near:
        return None
    squared = min(distances)
    return depth, -squared if inside else squared, tuple(bary)


def _segment(a: np.ndarray, b: np.ndarray, pixel: np.ndarray, near: float) -> float | None:
    """Squared distance, pixels, from a pixel to the part of a homogeneous segment in front of the near plane."""
    if a[2] < near and b[2] < near:
        return None
    if a[2] < near:
        a = a + (near - a[2]) / (b[2] - a[2]) * (b - a)
    elif b[2] < near:
        b = b + (near - b[2]) / (a[2] - b[2]) * (a - b)
    start, end = a[:2] / a[2], b[:2] / b[2]
    line = end - start
    along = np.clip((pixel - start) @ line / max(line @ line, 1e-300), 0, 1)
    gap = pixel - start - along * line
    return float(gap @ gap)
