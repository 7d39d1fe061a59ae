"""Metrics, each defined once: the view only colours them.

Images are [H, W, C] float32; silhouettes are (H, W) coverage in [0, 1].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kernels.rotation import rotation_angle


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two silhouettes, thresholded at one half; 1 for two empty ones."""
    x, y = a > 0.5, b > 0.5
    union = np.count_nonzero(x | y)
    return np.count_nonzero(x & y) / union if union else 1.0


def label_iou(a: np.ndarray, b: np.ndarray) -> float:
    """Mean intersection over union of the labels [H, W, C] that are the likeliest somewhere in either, the background
    (0) left out; 1 where there is none."""
    x, y = a.argmax(axis=-1), b.argmax(axis=-1)
    shares = []
    for label in range(1, a.shape[-1]):
        union = np.count_nonzero((x == label) | (y == label))
        if union:
            shares.append(np.count_nonzero((x == label) & (y == label)) / union)
    return float(np.mean(shares)) if shares else 1.0


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB for a peak of 1; 100 for equal images."""
    error = float(np.mean(np.square(a.astype(np.float64) - b)))
    return min(100.0, -10.0 * np.log10(error)) if error > 0 else 100.0


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Structural similarity of two images [H, W, C] in [0, 1], mean over pixels and channels (Wang et al. 2004).

    Gaussian window of sigma 1.5 over 11 x 11 pixels, K1 = 0.01, K2 = 0.03; pixels whose window leaves the image are
    left out (images below 11 pixels a side: none is).
    """
    from scipy.ndimage import gaussian_filter

    def blurred(x: np.ndarray) -> np.ndarray:
        return gaussian_filter(x, sigma=(1.5, 1.5, 0.0), truncate=3.5)

    x, y = a.astype(np.float64), b.astype(np.float64)
    mean_x, mean_y = blurred(x), blurred(y)
    variance_x, variance_y = blurred(x * x) - mean_x**2, blurred(y * y) - mean_y**2
    covariance = blurred(x * y) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    similar = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    similar /= (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    edge = 5 if min(similar.shape[:2]) > 10 else 0
    return float(similar[edge : similar.shape[0] - edge, edge : similar.shape[1] - edge].mean())


def pose_errors(values: Mapping[str, Any], target: Mapping[str, Any]) -> dict[str, float]:
    """Angle (degrees), distance and log-scale gap between two poses."""
    offset = np.asarray(values["pose.translation"], np.float64) - np.asarray(target["pose.translation"])
    return {
        "rotation_error_degrees": float(np.degrees(rotation_angle(values["pose.rotation"], target["pose.rotation"]))),
        "translation_error": float(np.linalg.norm(offset)),
        "scale_error": float(abs(np.log(float(values["pose.scale"]) / float(target["pose.scale"])))),
    }


def flipped_triangles(vertices: np.ndarray, faces: np.ndarray) -> int:
    """How many triangles are folded over, see `flipped_faces`."""
    return int(np.count_nonzero(flipped_faces(vertices, faces)))


def flipped_faces(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(m,) bool: triangles whose normal points away from the mean of their vertices' normals (folded-over ones)."""
    corners = vertices[faces].astype(np.float64)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    vertex_normal = np.zeros_like(vertices, dtype=np.float64)
    for i in range(3):
        np.add.at(vertex_normal, faces[:, i], normal)
    length = np.linalg.norm(vertex_normal, axis=1, keepdims=True)
    vertex_normal /= np.maximum(length, 1e-20)
    return np.einsum("fc,fc->f", normal, vertex_normal[faces].mean(1)) < 0


def surface_distances(
    a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray], samples: int = 100_000, seed: int = 0
) -> dict[str, float]:
    """Two-sided Hausdorff and mean (chamfer) distance between two triangle meshes, by area-uniform samples.

    Divided by the longest side of b's bounding box. Empty where either has no area: then there is no distance.
    """
    if any(not _areas(vertices, faces).sum() > 0 for vertices, faces in (a, b)):
        return {}
    rng = np.random.default_rng(seed)
    points = [_sample_surface(vertices, faces, samples, rng) for vertices, faces in (a, b)]
    there, back = _nearest(points[0], points[1]), _nearest(points[1], points[0])
    size = float(np.ptp(points[1], axis=0).max())
    return {
        "hausdorff": float(max(there.max(), back.max())) / size,
        "chamfer": float(0.5 * (there.mean() + back.mean())) / size,
    }


FAR = 1e6
"""From so many radii away, points of a cloud are equally near to a millionth: a tree would look at all of them, one after
the other (a mesh that a step too long has blown up took a minute)."""


def _nearest(points: np.ndarray, cloud: np.ndarray) -> np.ndarray:
    """(n,): how far each point (n, 3) is from the nearest of a cloud (m, 3)."""
    from scipy.spatial import cKDTree

    low, high = cloud.min(axis=0), cloud.max(axis=0)
    gaps = np.linalg.norm(points - 0.5 * (low + high), axis=1)
    near = gaps <= FAR * 0.5 * float(np.linalg.norm(high - low))
    gaps[near] = cKDTree(cloud).query(points[near], workers=-1)[0]
    return gaps


def _areas(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(m,): twice the area of each triangle."""
    corners = vertices[faces].astype(np.float64)
    return np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)


def _sample_surface(vertices: np.ndarray, faces: np.ndarray, samples: int, rng: np.random.Generator) -> np.ndarray:
    corners, area = vertices[faces].astype(np.float64), _areas(vertices, faces)
    chosen = rng.choice(len(faces), samples, p=area / area.sum())
    u, v = rng.random((2, samples))
    fold = u + v > 1
    u, v = np.where(fold, 1 - u, u), np.where(fold, 1 - v, v)
    c = corners[chosen]
    return c[:, 0] + u[:, None] * (c[:, 1] - c[:, 0]) + v[:, None] * (c[:, 2] - c[:, 0])
