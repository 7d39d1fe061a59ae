"""The 3D view under a hand: cameras that are clicked, drags, the wheel."""

from __future__ import annotations

import numpy as np
import pytest
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtWidgets import QApplication

from app.theme import DARK
from app.viewport.camera import Orbit
from tests.fakes.fake_scene import cube, loaded, look_at_origin, moved, snapshot, views
from tests.fakes.pictures import bare, covered, pixels, rgb, show_sphere

pytestmark = pytest.mark.window
WIDTH, HEIGHT = 480, 320


def test_a_click_on_a_camera_chooses_its_view(viewport, qtbot):
    width, height = 720, 300
    viewport.resize(width, height)
    viewport.set_loaded(loaded(views=views(4, held_out=2)))
    show_sphere(viewport)
    pixels(viewport)
    place, _ = viewport.eye().project(viewport.scene.cameras._corners[:, 1:5].mean(1), width, height)
    inside = [i for i, (x, y) in enumerate(place[:4]) if 20 < x < width - 20 and 12 < y < height - 20]
    assert len(inside) == 4
    for index in inside:
        shown = pixels(viewport)[int(place[index][1]), int(place[index][0])]
        assert shown[1] > 120  # the thumbnail's green, whatever lies under it
        with qtbot.waitSignal(viewport.view_chosen, timeout=1000) as signal:
            qtbot.mouseClick(viewport.surface, Qt.MouseButton.LeftButton, pos=QPointF(*place[index]).toPoint())
        assert signal.args == [index]
        assert viewport.helm.view == index
    accent = (np.abs(pixels(viewport) - rgb(DARK.accent)).max(-1) < 40).sum()
    assert accent > 20
    viewport.set_cameras_visible(False)
    assert (np.abs(pixels(viewport) - rgb(DARK.accent)).max(-1) < 40).sum() == 0


def test_a_camera_between_eye_and_shape_does_not_hide_it(viewport):
    viewport.set_loaded(loaded(views=views(1)))
    show_sphere(viewport)
    viewport._steer(Orbit(azimuth=0.0, elevation=20.0, distance=6.0))
    viewport.set_mode("shaded")
    beside = pixels(viewport)[HEIGHT // 2 + 6, WIDTH // 2 + 14]
    assert np.ptp(beside) < 12  # grey, not the thumbnail's green


def drag(qtbot, widget, start, end, button=Qt.MouseButton.LeftButton, modifier=Qt.KeyboardModifier.NoModifier):
    middle = (start + end) / 2
    qtbot.mousePress(widget, button, modifier, start)
    for point in (middle, end):
        qtbot.mouseMove(widget, point)
    qtbot.mouseRelease(widget, button, modifier, end)


def test_dragging_orbits_pans_and_rolls(viewport, qtbot):
    bare(viewport)
    corners, faces = cube()
    viewport.show_snapshot(snapshot(vertices=corners, faces=faces, model=moved()))
    start, first = pixels(viewport), viewport.helm.orbit
    middle = QPoint(WIDTH // 2, HEIGHT // 2)
    drag(qtbot, viewport.surface, middle, middle + QPoint(60, 0))
    turned = viewport.helm.orbit
    assert turned.azimuth == pytest.approx(first.azimuth - 24.0, abs=2.0)
    assert turned.target == first.target
    assert (np.abs(pixels(viewport) - start).max(-1) > 24).sum() > 500
    drag(qtbot, viewport.surface, middle, middle + QPoint(40, 0), Qt.MouseButton.MiddleButton)
    assert viewport.helm.orbit.target != first.target
    drag(qtbot, viewport.surface, middle, middle + QPoint(40, 40), Qt.MouseButton.RightButton)
    assert abs(viewport.helm.orbit.roll) > 1.0
    qtbot.mouseDClick(viewport.surface, Qt.MouseButton.LeftButton, pos=middle)
    assert viewport.helm.orbit == first


def test_the_wheel_zooms_to_the_pointer_and_fit_fits(viewport):
    bare(viewport)
    show_sphere(viewport)
    before = covered(pixels(viewport)).sum()
    point = QPointF(WIDTH / 2, HEIGHT / 2)
    turn = QWheelEvent(
        point, viewport.surface.mapToGlobal(point), QPoint(), QPoint(0, 240), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(viewport.surface, turn)
    assert covered(pixels(viewport)).sum() > 1.3 * before
    viewport.fit()
    rows = np.nonzero(covered(pixels(viewport)).sum(1) > 8)[0]
    assert np.ptp(rows) == pytest.approx(0.84 * HEIGHT, rel=0.1)


def test_looking_through_a_camera_shows_its_target_and_leaves_by_a_drag(viewport, qtbot):
    viewport.set_loaded(loaded(views=views(4)))
    viewport.set_view(2)
    show_sphere(viewport)
    viewport.set_looking_through(True)
    picture = pixels(viewport)
    eye = viewport.eye().position
    assert eye == pytest.approx(-look_at_origin(180.0)[:3, :3].T @ look_at_origin(180.0)[:3, 3], abs=1e-6)
    frame = np.flatnonzero(np.abs(picture[HEIGHT // 2] - rgb(DARK.accent)).max(-1) < 60)
    assert len(frame) >= 2
    inside = picture[HEIGHT // 2, frame[0] + 6]
    assert np.abs(inside - [120, 200, 60]).max() <= 3  # the thumbnail
    target = np.zeros((16, 16, 3), np.float32)
    target[..., 2] = 1.0
    viewport.show_snapshot(snapshot(1, view=2, target=target))
    assert np.abs(pixels(viewport)[HEIGHT // 2, frame[0] + 6] - [0, 0, 255]).max() <= 3
    middle = QPoint(WIDTH // 2, HEIGHT // 2)
    drag(qtbot, viewport.surface, middle, middle + QPoint(30, 0))
    assert not viewport.tools.look.isChecked()
    assert np.linalg.norm(viewport.eye().position) == pytest.approx(3.2, rel=0.02)
