"""Noise as sensors and segmentation make it: silhouettes with a part missing, depth by stereo. Host arrays, seeded."""

from __future__ import annotations

import numpy as np

PARTS = 8
"""A silhouette loses one of so many clusters of its pixels: 1/8 (Keselman and Hebert 2022, section 7.2)."""
DISPARITY = 0.01
"""Standard deviation of the inverse depth's error, relative to the mean inverse depth: 1 % at the object's distance, as
a stereo camera has (its error grows with the square of the distance). Own choice: the paper's figures are not given."""


def without_a_part(mask: np.ndarray, rng: np.random.Generator, parts: int = PARTS) -> np.ndarray:
    """A silhouette (h, w) less one of the `parts` clusters of its pixels (k-means on their coordinates), soft edge
    included."""
    from scipy.cluster.vq import kmeans2
    from scipy.spatial import cKDTree

    rows, columns = np.nonzero(mask > 0.5)
    if len(rows) < 2 * parts:
        return mask
    places = np.stack([rows, columns], 1).astype(np.float64)
    centres, labels = kmeans2(places, parts, minit="++", seed=rng)  # pyright: ignore[reportCallIssue]
    lost = rng.choice(np.unique(labels))
    rows, columns = np.nonzero(mask > 0)
    nearest = cKDTree(centres).query(np.stack([rows, columns], 1))[1]
    noisy = mask.copy()
    noisy[rows[nearest == lost], columns[nearest == lost]] = 0.0
    return noisy


def undersegmented(masks: np.ndarray, rng: np.random.Generator, share: float = 0.5) -> np.ndarray:
    """Silhouettes (v, h, w) of which a `share` has lost a part, chosen at random."""
    chosen = rng.permutation(len(masks))[: round(share * len(masks))]
    noisy = masks.copy()
    for i in chosen:
        noisy[i] = without_a_part(masks[i], rng)
    return noisy


def stereo_depth(depth: np.ndarray, mask: np.ndarray, rng: np.random.Generator, sigma: float = DISPARITY) -> np.ndarray:
    """Depth (h, w) with Gaussian noise in inverse depth on the pixels of `mask`; the others are kept."""
    inside = mask > 0.5
    if not inside.any():
        return depth
    inverse = 1.0 / depth[inside]
    noisy = inverse + sigma * inverse.mean() * rng.standard_normal(len(inverse))
    found = depth.copy()
    found[inside] = 1.0 / np.maximum(noisy, 0.1 * inverse.mean())
    return found
