"""Every method stays finite on scenes that upset renderers; `make hostile` draws a thousand of them."""

from __future__ import annotations

import pytest

from tests.hostile.scenes import complaint, trials

COUNT = 8


QUICK_TRIALS = [t for t in trials() if t not in (("soft-raster", "grid"), ("antialias", "grid"))]
"""Those two compile for long and are tried on meshes here; `make hostile` tries all."""


@pytest.mark.parametrize(("name", "kind"), QUICK_TRIALS)
def test_image_and_gradients_are_finite(name: str, kind: str) -> None:
    found = [line for seed in range(COUNT) if (line := complaint(name, kind, seed))]
    assert found == []


def test_a_far_camera_does_not_spoil_missed_rays() -> None:
    """Missed rays were evaluated at the camera, where a far extrapolated grid overflows in the gradient."""
    assert complaint("sdf-local", "grid", 23) is None
