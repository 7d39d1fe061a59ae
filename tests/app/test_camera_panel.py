"""Camera files in the window: opened, shown, edited, and left again; pictures of views that come later."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from app.experiment_panel.adapt import with_target_shape
from app.viewport.stage import pyramid
from core.derivatives.questions import Measure, Measured, Thumbnailed, Thumbnails
from core.experiment import PoseSpec, TargetSpec
from core.experiments.rules import check_experiment
from core.experiments.schema import Complaint
from core.protocol import SetValue, ViewInfo
from tests.fakes import camera_files as files

pytestmark = pytest.mark.window


def test_a_camera_file_as_target_and_back(make_window, tmp_path, monkeypatch):
    window, _ = make_window(start=False)
    path = files.write_transforms(tmp_path, "train", files.views(2))
    monkeypatch.setattr("app.files.QFileDialog.getOpenFileName", lambda *a: (str(path), ""))
    part = window.panel.target.target.ensure_part()
    part.choose_kind("cameras")
    made = window.controller.experiment
    assert (made.target.kind, made.views.kind, made.views.width) == ("cameras", "cameras", files.SIDE)
    assert made.target.held_out == "every-8th"
    check_experiment(made, Complaint("x"))
    assert not part.cameras.held_out.isHidden()
    assert part.rotation.isHidden()
    numbers = window.panel.target.views.ensure_part().numbers
    assert not numbers["count"].isEnabled()
    assert numbers["most"].isEnabled()
    part.cameras.held_out.changed.emit("val")
    assert window.controller.experiment.target.held_out == "val"
    window.panel.shape.hull.trigger()
    assert window.controller.experiment.shape.primitive == "visual-hull"
    assert window.panel.shape.source.name.text() == "Visual hull"
    back = with_target_shape(window.controller.experiment, "mesh", None, None)
    assert (back.views.kind, back.shape.primitive) == ("orbit", "sphere")
    check_experiment(dataclasses.replace(back, target=TargetSpec(pose=PoseSpec())), Complaint("x"))


def test_pictures_that_come_later_are_shown(make_window):
    window, client = make_window()
    c = window.controller
    bare = dataclasses.replace(c.loaded, views=tuple(dataclasses.replace(v, thumbnail=None) for v in c.loaded.views))
    c.loaded = bare
    c.loaded_changed.emit(bare)
    asked = [command for command in client.sent if isinstance(command, Thumbnails)]
    fitted = sum(not view.held_out for view in bare.views)
    assert asked[-1].views == tuple(range(fitted))
    c.answered.emit(Thumbnailed(asked[-1], {0: np.full((8, 8, 3), 200, np.uint8)}))
    assert c.loaded.views[0].thumbnail is not None
    assert window.panel.target.strip._pictures[0] is not None
    assert window.viewport.helm.views[0].thumbnail is not None


def test_a_camera_off_its_axis_has_its_picture_off_its_axis():
    """A principal point 10 pixels right and 4 down of the middle: the picture reaches farther left and up."""
    view = ViewInfo("v", np.eye(4), np.radians(40.0), 64, 64, False, None, (10.0, 4.0))
    plain = dataclasses.replace(view, shift=(0.0, 0.0))
    moved = pyramid(view)[1:5] - pyramid(plain)[1:5]
    pixel = (pyramid(plain)[2] - pyramid(plain)[1])[0] / 64
    np.testing.assert_allclose(moved, np.tile([-10 * pixel, 4 * pixel, 0], (4, 1)), atol=1e-12)


def test_the_object_follows_a_ctrl_drag_and_its_overlap_is_asked_for(make_window, qtbot):
    window, client = make_window()
    if window.viewport.scene is None:
        pytest.skip("no 3D here")
    c, navigator = window.controller, window.viewport.navigator
    before = np.array(c.shown.values["pose.translation"])
    navigator.object_moved.emit(30.0, 0.0)
    navigator.object_moved.emit(0.0, -20.0)
    sent = [s for s in client.sent if isinstance(s, SetValue) and s.path == "value.pose.translation"]
    eye = window.viewport.eye()
    pixels, _ = eye.project(
        np.array([before, sent[0].value, sent[1].value]), window.viewport.width(), window.viewport.height()
    )
    np.testing.assert_allclose(np.diff(pixels, axis=0), [[30.0, 0.0], [0.0, -20.0]], atol=0.5)
    assert any(isinstance(s, Measure) for s in client.sent)
    navigator.object_turned.emit(50.0, 0.0)
    turned = [s for s in client.sent if isinstance(s, SetValue) and s.path == "value.pose.rotation"]
    assert np.linalg.norm(turned[-1].value) > 1.0
    navigator.object_dropped.emit()
    start = c.experiment.shape.start
    np.testing.assert_allclose(start.translation, sent[1].value, atol=1e-4)
    c.answered.emit(Measured(Measure(), 0, {"iou": 0.625}))
    assert "0.625" in window.viewport.readout._pairs[0][2][0].text()


def test_ctrl_takes_the_object_along_and_not_the_eye(qtbot):
    from PyQt6.QtCore import QPoint, Qt
    from PyQt6.QtWidgets import QWidget

    from app.viewport.navigator import Navigator

    widget = QWidget()
    qtbot.addWidget(widget)
    navigator, seen = Navigator(widget), []
    for name in ("object_moved", "orbited"):
        getattr(navigator, name).connect(lambda *a, n=name: seen.append(n))
    navigator.object_dropped.connect(lambda: seen.append("dropped"))
    for modifier in (Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.NoModifier):
        qtbot.mousePress(widget, Qt.MouseButton.LeftButton, modifier, QPoint(5, 5))
        qtbot.mouseMove(widget, QPoint(40, 40))
        qtbot.mouseRelease(widget, Qt.MouseButton.LeftButton, modifier, QPoint(40, 40))
    assert set(seen) == {"object_moved", "orbited", "dropped"}
    assert seen.index("dropped") < seen.index("orbited")


def test_spline_patches_are_chosen_and_take_a_control_cage(make_window, monkeypatch):
    from core.shapes.primitives import primitive_path

    window, _ = make_window(start=False)
    c = window.controller
    titles = {action.text(): action for action in window.panel.shape.source.menu.actions()}
    titles["Lathe, eight radii"].trigger()
    made = c.experiment
    assert (made.shape.kind, made.shape.primitive) == ("spline-patches", "lathe")
    check_experiment(dataclasses.replace(made, target=TargetSpec(shape_kind="spline-patches")), Complaint("x"))
    cage = str(primitive_path("torus-cage", "spline-patches"))
    monkeypatch.setattr("app.files.QFileDialog.getOpenFileName", lambda *a: (cage, ""))
    window.files.choose_shape()
    assert (c.experiment.shape.kind, c.experiment.shape.file) == ("spline-patches", cage)
