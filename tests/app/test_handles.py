"""Control points under the hand: a press near one takes it, a drag tells where it goes, its ring's radius taken out."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PyQt6.QtCore import QPoint, Qt

from app.theme import DARK
from app.viewport import Viewport
from tests.fakes.fake_scene import loaded, snapshot

pytestmark = pytest.mark.window


def test_a_control_point_follows_the_pointer(qtbot):
    viewport = Viewport()
    qtbot.addWidget(viewport, before_close_func=lambda closing: closing.shutdown())
    if viewport.problem is not None:
        pytest.skip(f"no 3D here: {viewport.problem}")
    viewport.set_theme(DARK)
    viewport.resize(480, 320)
    with qtbot.waitExposed(viewport):
        viewport.show()
    viewport.set_loaded(loaded())
    plain = snapshot()
    points = np.array([[0.5, 0.2, 0.0], [-0.4, -0.3, 0.1]], np.float32)
    arrays = {**plain.arrays, "handles": points, "handle_factors": np.array([2.0, 1.0], np.float32)}
    viewport.show_snapshot(dataclasses.replace(plain, arrays=arrays))
    before, moved = viewport.eye(), []
    viewport.handles.moved.connect(lambda index, place: moved.append((index, place)))
    world = viewport.handles.world()
    pixels, _ = before.project(world, viewport.width(), viewport.height())
    start = QPoint(*(round(float(p)) for p in pixels[0]))
    goal = start + QPoint(30, -12)
    qtbot.mousePress(viewport.surface, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start)
    qtbot.mouseMove(viewport.surface, start + QPoint(10, 0))
    qtbot.mouseMove(viewport.surface, goal)
    qtbot.mouseRelease(viewport.surface, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, goal)
    index, place = moved[-1]
    assert index == 0
    model = viewport.scene.surface.model
    there = (np.array(place) * (2, 1, 2)) @ model[:3, :3].T + model[:3, 3]
    reached, _ = before.project(there, viewport.width(), viewport.height())
    np.testing.assert_allclose(reached, [goal.x(), goal.y()], atol=1.5)
    np.testing.assert_array_equal(viewport.eye().view, before.view)  # the eye stayed
    viewport.show_snapshot(plain)
    assert not len(viewport.handles.world())
