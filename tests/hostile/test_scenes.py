"""Every method stays finite on scenes that upset renderers; `make hostile` draws a thousand of them."""

from __future__ import annotations

import pytest

from core.registry import methods
from tests.hostile.scenes import SCENES, complaint, faces_of

COUNT = 12


@pytest.mark.parametrize("name", methods())
def test_every_face_has_hostile_scenes(name: str) -> None:
    assert faces_of(name) in SCENES


@pytest.mark.parametrize("name", methods())
def test_image_and_gradients_are_finite(name: str) -> None:
    found = [line for seed in range(COUNT) if (line := complaint(name, faces_of(name), seed))]
    assert found == []


def test_a_far_camera_does_not_spoil_missed_rays() -> None:
    """Missed rays were evaluated at the camera, where a far extrapolated grid overflows in the gradient."""
    assert complaint("sdf-local", faces_of("sdf-local"), 23) is None
