"""Metrics against other implementations of the same definitions."""

from __future__ import annotations

import time

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


def test_a_mesh_that_was_blown_up_is_measured_in_seconds():
    """A thousand triangles all over a space of 1e17 sides: from there all of the cube is one point."""
    rng = np.random.default_rng(0)
    scattered = (rng.normal(size=(1500, 3)) * 1e17).astype(np.float32), rng.integers(0, 1500, (1000, 3))
    corners = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)], np.float64)
    cube = corners, np.array([(0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5)])
    start = time.process_time()
    found = surface_distances(scattered, cube, 20_000)
    assert time.process_time() - start < 5  # 20,000 x 20,000 distances take half a minute
    assert 1e16 < found["chamfer"] < found["hausdorff"] < 1e18
    moved = surface_distances((corners + np.array((2, 0, 0)), cube[1]), cube, 20_000)
    assert moved["hausdorff"] == pytest.approx(2.0, rel=0.02)
