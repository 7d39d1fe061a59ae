"""Metrics against other implementations of the same definitions."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from core.metrics import ssim


def test_structural_similarity_is_that_of_wang_et_al(rng):
    a = rng.random((40, 33, 3)).astype(np.float32)
    b = np.clip(a + 0.2 * rng.standard_normal(a.shape), 0, 1).astype(np.float32)
    theirs = structural_similarity(
        a.astype(float), b.astype(float), channel_axis=2, data_range=1.0, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False,
    )  # fmt: skip
    assert ssim(a, b) == pytest.approx(theirs, abs=1e-9)
    assert ssim(a, a) == pytest.approx(1.0)
