"""Metrics against other implementations of the same definitions."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from core.metrics import ssim, surface_distances


def test_structural_similarity_is_that_of_wang_et_al(rng):
    a = rng.random((40, 33, 3)).astype(np.float32)
    b = np.clip(a + 0.2 * rng.standard_normal(a.shape), 0, 1).astype(np.float32)
    theirs = structural_similarity(
        a.astype(float), b.astype(float), channel_axis=2, data_range=1.0, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False,
    )  # fmt: skip
    assert ssim(a, b) == pytest.approx(theirs, abs=1e-9)
    assert ssim(a, a) == pytest.approx(1.0)


def test_surfaces_without_area_have_no_distance():
    triangle = np.eye(3, dtype=np.float32), np.array([[0, 1, 2]])
    nothing = np.zeros((0, 3), np.float32), np.zeros((0, 3), int)
    line = np.zeros((3, 3), np.float32), np.array([[0, 1, 2]])
    assert surface_distances(triangle, nothing) == surface_distances(line, triangle) == {}
    assert surface_distances(triangle, triangle, 100)["hausdorff"] < 0.5
