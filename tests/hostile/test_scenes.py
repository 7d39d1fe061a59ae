"""Every method stays finite on scenes that upset renderers; `make hostile` draws a thousand of them."""

from __future__ import annotations

import pytest

from tests.hostile.scenes import complaint, trials

COUNT = 8


QUICK_TRIALS = [t for t in trials() if t[1] in ("mesh", "balls") or t in (("edge-grad", "grid"), ("sdf-local", "grid"))]
"""One method on a grid's triangles and one on its field stand for all here, since each compiles for long; `make hostile`
tries all."""


@pytest.mark.parametrize(("name", "kind"), QUICK_TRIALS)
def test_image_and_gradients_are_finite(name: str, kind: str) -> None:
    found = [line for seed in range(COUNT) if (line := complaint(name, kind, seed))]
    assert found == []


def test_a_far_camera_does_not_spoil_missed_rays() -> None:
    """Missed rays were evaluated at the camera, where a far extrapolated grid overflows in the gradient."""
    assert complaint("sdf-local", "grid", 23) is None


def test_triangles_far_smaller_than_a_pixel_or_larger_than_the_world() -> None:
    """Products of edge functions and blending weights overflowed: their scale is taken out first."""
    assert [line for seed in (26, 40, 186, 230) if (line := complaint("soft-raster", "mesh", seed))] == []
