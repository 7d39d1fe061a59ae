"""The lab on a scripted engine: probes, vertices picked and dragged, panels, the step sweep, the loss landscape."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PyQt6.QtCore import QEvent, QPointF, Qt
from PyQt6.QtGui import QMouseEvent
from PyQt6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLineEdit, QSlider

from app.lab.gaussians import DrawnGaussians
from app.lab.landscape_drawing import filled_in
from app.lab.loss_scale import painted, shown_part
from app.viewport.camera import Orbit
from app.viewport.picking import moved_in_plane, pick_vertex
from app.widgets import current_theme
from core.derivatives.questions import Drop, FieldSlice, Landscape, MeshCheck, Probe, Sweep, Unanswered, WarpLook
from core.experiment import MethodSpec, ShapeSpec
from core.protocol import Derive, Progress, SetValue, Status, StatusChanged

pytestmark = pytest.mark.window


def asked(client, kind):  # type: ignore[no-untyped-def]
    return [command for command in client.sent if isinstance(command, kind)]


def mouse(widget, kind, x, y, button=Qt.MouseButton.LeftButton):  # type: ignore[no-untyped-def]
    held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else button
    at = QPointF(x, y)
    none = Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(widget, QMouseEvent(kind, at, widget.mapToGlobal(at), button, held, none))


def test_a_clicked_pixel_is_probed_listed_and_painted(make_window, qtbot):
    window, client = make_window()
    lab = window.lab
    window.panes.linking._on_clicked((30, 20))
    qtbot.waitUntil(lambda: lab.prober.probed is not None)
    question = asked(client, Probe)[-1]
    assert (question.pixel, question.view, question.theta) == ((30, 20), 0, window.controller.theta)
    rows = window.inspector.rows
    shown = [row for row in rows.movers if row.isVisible()]
    assert len(shown) >= 2
    assert shown[0].name.text() == "vertex 0"
    assert window.inspector.why_title.text() == "Why is this zero?"
    assert "no silhouette term" in window.inspector.why.text()
    assert "2.50" in rows._layers[0][3].text()
    assert "reverse mode" in window.inspector.derivatives["derivative"].toolTip()
    assert window.viewport.scale._title == "|dI/dv|"
    assert window.viewport.scene.painted is not None
    shown[1].chosen.emit(shown[1].theta)  # the third gesture: its derivative image
    assert asked(client, Derive)[-1].theta == "vertices.1.normal"
    assert window.viewport.hand.chosen == 1
    window.actions_.lab.release.trigger()
    assert lab.prober.probed is None
    assert window.viewport.scale._title == "|dL/dv|"
    assert not window.inspector.pin.isChecked()


def test_a_probe_follows_the_picture_and_the_parameter(make_window, qtbot):
    window, client = make_window()
    window.lab.prober.pin((10, 12))
    qtbot.waitUntil(lambda: window.lab.prober.probed is not None)
    before = len(asked(client, Probe))
    window.controller.step()
    qtbot.waitUntil(lambda: len(asked(client, Probe)) > before, timeout=3000)
    window.controller.choose_theta("pose.scale")
    assert asked(client, Probe)[-1].theta == "pose.scale"


def test_what_one_method_said_of_a_pixel_is_not_shown_as_another_ones(make_window, qtbot):
    window, client = make_window()
    note = window.inspector.rows.note
    client.answers = False
    window.lab.prober.pin((10, 12))
    assert note.text() == "Looking for what moves it…"
    client.events.append(Unanswered(asked(client, Probe)[-1]))
    qtbot.waitUntil(lambda: note.text() == "What moves it could not be found.")
    client.answers = True
    window.controller.step()
    qtbot.waitUntil(lambda: window.lab.prober.probed is not None, timeout=3000)
    client.answers = False
    window.panel.method.choose("naive")
    qtbot.waitUntil(lambda: window.lab.prober.probed is None)
    assert not any(row.isVisible() for row in window.inspector.rows.movers)
    client.answers = True
    window.controller.step()
    qtbot.waitUntil(lambda: window.lab.prober.probed is not None, timeout=3000)


def test_the_newest_steps_movers_are_not_shown_beside_a_stored_step(make_window, qtbot):
    window, _ = make_window()
    c = window.controller
    window.lab.prober.pin((10, 12))
    c.step(3)
    qtbot.waitUntil(lambda: c.shown.iteration == 3 and window.lab.prober.probed is not None, timeout=3000)
    c.show_frame(c.replay.frames[0])
    qtbot.waitUntil(lambda: window.lab.prober.probed is None)
    assert "stored step" in window.inspector.rows.note.text()


def test_the_wrong_zero_is_where_the_method_is_silent(make_window, qtbot):
    window, _ = make_window()
    c = window.controller
    qtbot.waitUntil(lambda: "reference" in c.shown.arrays)
    derivative, truth = (c.shown.arrays[n].copy() for n in ("derivative", "reference"))
    derivative[:] = 0.0
    c.shown.arrays["derivative"] = derivative
    x, y = window.lab.prober.wrong_zero()
    assert np.abs(truth).max(axis=-1)[y, x] == np.abs(truth).max()
    c.shown.arrays["derivative"] = truth
    assert window.lab.prober.wrong_zero() is None
    assert "wrongly zero" in window.status.message.text


def test_a_grid_has_a_brush(make_window, qtbot):
    window, client = make_window()
    c, brush = window.controller, window.lab.brush
    if window.viewport.hand is None:
        pytest.skip("the 3D view is off")
    lattice = {"origin": [-1.0, -1.0, -1.0], "spacing": [0.5, 0.5, 0.5], "shape": (5, 5, 5)}
    parameters = tuple(p for p in c.loaded.parameters if p.name != "vertices")
    c.loaded_changed.emit(dataclasses.replace(c.loaded, shape_facts={"lattice": lattice}, parameters=parameters))
    c.loaded = dataclasses.replace(c.loaded, shape_facts={"lattice": lattice}, parameters=parameters)
    place = window.viewport.scene.surface.vertices[2].astype(float)
    window.viewport.hand.picked.emit(2)
    node = np.rint((place + 1.0) / 0.5).astype(int)
    assert c.theta == "values.near." + ".".join(map(str, node))
    assert brush.vertex(c.theta) == 2
    normal = brush._normal
    for way in (0.1, 0.25):  # the pointer goes on, aside too
        window.viewport.hand.moved.emit(2, tuple(place + way * normal + 0.3 * np.cross(normal, [0.2, 0.5, 0.8])))
    sent = [s for s in client.sent if isinstance(s, SetValue) and s.path.startswith("along.")]
    assert [s.path for s in sent] == [f"along.{c.theta}"] * 2
    assert sum(s.value for s in sent) == pytest.approx(0.25, abs=1e-6)
    window.viewport.navigator.dropped.emit()
    window.viewport.hand.moved.emit(2, tuple(brush._place - 0.1 * normal))
    assert client.sent[-1].value == pytest.approx(-0.1, abs=1e-6)


def test_picking_prefers_the_near_side_and_dragging_keeps_the_depth():
    points = np.array([[0.0, 0.0, 0.5], [0.02, 0.0, -0.5], [0.9, 0.0, 0.0]])
    eye = Orbit(azimuth=0.0, elevation=0.0).eye(1.0)
    pixel, depth = eye.project(points[0], 400, 400)
    assert pick_vertex(points, np.sign(points + 1e-9), eye, tuple(pixel), (400, 400)) == 0
    assert pick_vertex(points, points, eye, (5.0, 5.0), (400, 400)) is None
    moved = moved_in_plane(points[0], eye, (pixel[0] + 30, pixel[1]), (400, 400))
    after, depth_after = eye.project(moved, 400, 400)
    np.testing.assert_allclose(after, np.add(pixel, (30, 0)), atol=1e-6)
    assert depth_after == pytest.approx(depth)


def test_a_vertex_is_picked_and_dragged_in_the_viewport(make_window, qtbot):
    window, client = make_window()
    viewport, hand = window.viewport, window.viewport.hand
    if hand is None:
        pytest.skip("no OpenGL here")
    size = (viewport.width(), viewport.height())
    world = viewport.scene.world_vertices()
    pixels, depth = viewport.eye().project(world, *size)
    index = int(np.argmin(depth))
    x, y = pixels[index]
    mouse(viewport.surface, QEvent.Type.MouseButtonPress, x, y)
    mouse(viewport.surface, QEvent.Type.MouseButtonRelease, x, y)
    assert hand.chosen == index
    assert asked(client, Derive)[-1].theta == f"vertices.{index}.normal"
    orbit = viewport.helm.orbit
    mouse(viewport.surface, QEvent.Type.MouseButtonPress, x, y)
    mouse(viewport.surface, QEvent.Type.MouseMove, x + 24, y)
    mouse(viewport.surface, QEvent.Type.MouseButtonRelease, x + 24, y)
    assert viewport.helm.orbit == orbit  # the hand held the vertex, not the view
    moved = asked(client, SetValue)[-1]
    assert moved.path == f"value.vertices.{index}"
    after, _ = viewport.eye().project(np.array(moved.value), *size)
    np.testing.assert_allclose(after, (x + 24, y), atol=0.5)
    undo, c = window.actions_.undo, window.controller
    assert undo.text() == f"Undo move of vertex {index}"
    undo.trigger()
    np.testing.assert_allclose(asked(client, SetValue)[-1].value, world[index], atol=1e-6)  # one drag, one step
    window.actions_.redo.trigger()
    assert asked(client, SetValue)[-1] == moved
    c.step(1)
    qtbot.waitUntil(lambda: c.last is not None and not c.running)
    undo.trigger()
    assert asked(client, SetValue)[-1] == moved
    assert "The fit went on since" in window.status.text.text()
    assert not undo.isEnabled()


def test_what_compiles_beside_the_fit_is_told_and_given_up(make_window, qtbot):
    window, client = make_window()
    client.answers = False
    window.lab.prober.pin((20, 16))
    client.events.append(Progress("Compiling the pixel probe", None, gives_up="Probe"))
    cancel = window.status.cancel
    qtbot.waitUntil(cancel.isVisible)
    client.events.append(StatusChanged(Status.PAUSED))
    qtbot.waitUntil(lambda: not client.events)
    assert cancel.isVisible()
    assert window.status.text.text() == "Compiling the pixel probe"
    qtbot.mouseClick(cancel, Qt.MouseButton.LeftButton)
    assert not window.status.spinner.isVisible()
    assert asked(client, Drop)[-1] == Drop("Probe")
    assert window.lab.prober.pixel is None
    assert "cancel" not in client.calls  # the engine stays
    client.events.append(Progress("Compiling the derivative image", None, gives_up="Derive"))
    qtbot.waitUntil(window.actions_.cancel.isEnabled)
    before = window.controller.theta
    window.controller.choose_theta("pose.rotation.y")
    window.actions_.cancel.trigger()
    assert window.controller.theta == before


def test_panels_over_the_viewport(make_window, qtbot):
    window, client = make_window()
    a, lab = window.actions_.lab, window.lab
    a.gradients.trigger()
    assert lab.overlays.gradients.isVisible()
    assert lab.overlays.gradients.lines[0].text().startswith("vertex 3")
    marked = window.viewport.hand.marks.marked
    assert len(marked.tails) == 4
    pull = marked.tips[0] - marked.tails[0]
    assert pull[0] < 0  # against the gradient
    lab.overlays.gradients.clip.setValue(0)
    assert window.viewport.scene.surface.clip == 90.0
    lab.overlays.gradients.lines[1].click()
    assert window.controller.theta == "vertices.2.normal"
    a.health.trigger()
    assert not lab.overlays.gradients.isVisible()
    assert asked(client, MeshCheck)
    qtbot.waitUntil(lambda: lab.overlays.checked is not None)
    rows = [(name.text(), count.text()) for row, name, count in lab.overlays.health.lines if row.isVisible()]
    assert rows == [("Flipped", "1"), ("Open edges", "2"), ("Duplicate vertices", "0")]
    lab.overlays.health.lines[0][2].click()
    assert len(window.viewport.hand.marks.marked.lines) == 3
    lab.overlays.health.lines[1][2].click()
    assert len(window.viewport.hand.marks.marked.lines) == 2
    assert not lab.overlays.health.lines[2][2].isEnabled()
    a.health.trigger()
    assert not lab.overlays.health.isVisible()
    assert asked(client, Drop)


def test_a_field_is_sliced_while_its_panel_is_open(make_window, qtbot):
    window, client = make_window()
    c, action, slices = window.controller, window.actions_.lab.slice, window.lab.overlays.slices
    if window.viewport.hand is None:
        pytest.skip("the 3D view is off")
    assert not action.isEnabled()  # a mesh
    assert slices.reason in action.toolTip()
    c.experiment = dataclasses.replace(c.experiment, shape=ShapeSpec("sdf-grid", primitive="sphere"))
    c.frames_changed.emit()
    qtbot.waitUntil(action.isEnabled)
    window.actions_.lab.gradients.trigger()
    window.viewport.tools.slice.click()
    assert not window.lab.overlays.gradients.isVisible()
    qtbot.waitUntil(lambda: slices.sliced is not None)
    assert asked(client, FieldSlice) == [FieldSlice(2, 0.5, False, True)]
    assert slices.panel.at.text() == "z = 0.250"
    assert "Isolines every 0.100" in slices.panel.note.text()
    assert slices.panel.bar.limit == 0.5
    plane = window.viewport.scene.plane
    assert plane.shown.axis == 2
    assert plane.shown.cut
    slices.panel.cut.click()
    assert not plane.shown.cut
    window.choose_theme("light")
    assert asked(client, FieldSlice)[-1] == FieldSlice(2, 0.5, False, False)
    slices.panel.axis.button(0).click()
    slices.panel.shows.button(1).click()
    qtbot.waitUntil(lambda: slices.sliced is not None and slices.sliced.question.gradient)
    assert plane.shown is None  # this engine has no gradient yet
    assert "comes with a step" in slices.panel.note.text()
    before = len(asked(client, FieldSlice))
    c.step()
    qtbot.waitUntil(lambda: len(asked(client, FieldSlice)) > before, timeout=3000)
    assert asked(client, FieldSlice)[-1] == FieldSlice(0, 0.5, True, False)
    c.lab_wanted.emit("slice=y:0.25")
    assert asked(client, FieldSlice)[-1] == FieldSlice(1, 0.25, False, False)
    qtbot.waitUntil(lambda: plane.shown is not None)
    slices.panel.closed.emit()
    assert plane.shown is None
    assert asked(client, Drop)[-1] == Drop("FieldSlice")
    before = len(asked(client, FieldSlice))
    c.step()
    qtbot.wait(400)
    assert len(asked(client, FieldSlice)) == before
    c.experiment = dataclasses.replace(c.experiment, shape=ShapeSpec("swept-sphere", primitive="swept-sphere"))
    slices.show(2, 0.5, True)  # its distances are no parameters
    assert slices.panel.shows.button(1).isHidden()
    assert asked(client, FieldSlice)[-1] == FieldSlice(2, 0.5, False, False)


def test_the_sweep_marks_the_step_and_a_click_chooses_one(make_window, qtbot):
    window, client = make_window()
    sweep = window.lab.open_sweep()
    sweep.compute()
    qtbot.waitUntil(lambda: sweep.swept is not None)
    assert asked(client, Sweep)[-1].theta == window.controller.theta
    assert sweep.amount.value() == pytest.approx(0.01 * window.controller.step_pixels)
    sweep.chart.clicked.emit(np.log10(0.5), -1.0)
    assert window.controller.step_pixels == 0.5
    assert asked(client, Derive)[-1].step_pixels == 0.5
    sweep.best.click()
    assert window.controller.step_pixels == 0.25
    sweep._on_amount(0.02)
    assert window.controller.step_pixels == 2.0
    assert "Calmest at 0.250 px" in sweep.facts.text()
    sweep.ask(Sweep(0, "pose.scale"))
    sweep.close()
    assert asked(client, Drop) == [Drop("Sweep")]


def test_the_landscape_draws_slopes_and_restarts_where_it_is_clicked(make_window, qtbot):
    window, client = make_window()
    land = window.lab.open_landscape()
    land.across.theta.setCurrentIndex(land.across.theta.findText("pose.translation.x"))
    land.up.theta.setCurrentIndex(land.up.theta.findText("pose.rotation.y"))
    land._on_up()
    assert land.up.low.value() == pytest.approx(-52.5)
    land._span(land.across)
    land.compute()
    qtbot.waitUntil(lambda: land.shown is not None)
    axes = asked(client, Landscape)[-1].axes
    assert [(axis.theta, axis.count) for axis in axes] == [("pose.translation.x", 25), ("pose.rotation.y", 25)]
    loss = np.asarray(land.shown.loss)
    shown = land.scale.range
    assert (shown.low, shown.high) == (loss.min(), loss.max())
    assert shown.marks(300.0)[:: len(shown.marks(300.0)) - 1] == [loss.min(), loss.max()]
    picture = painted(loss, shown, current_theme())
    assert (picture[np.unravel_index(loss.argmax(), loss.shape)] == shown_part(current_theme())[-1]).all()
    land.chart.clicked.emit(0.2, -20.0)
    assert [(c.path, c.value) for c in asked(client, SetValue)] == [
        ("value.pose.translation.x", 0.2),
        ("value.pose.rotation.y", -20.0),
    ]
    land.chart.clicked.emit(0.3, -10.0)
    assert window.actions_.undo.text() == "Undo start in the landscape"
    told, values = len(asked(client, SetValue)), window.controller.shown.values
    window.actions_.undo.trigger()
    assert [(c.path, c.value) for c in asked(client, SetValue)[told:]] == [
        ("value.pose.translation.x", values["pose.translation"][0]),
        ("value.pose.rotation.y", values["pose.rotation"][1]),
    ]
    assert not window.actions_.undo.isEnabled()  # from one start to another is one step
    land.up.theta.setCurrentIndex(0)
    land._on_up()
    land.across.theta.setCurrentIndex(land.across.theta.findText("vertices.normal"))
    if land.across.theta.currentText() == "vertices.normal":
        land._span(land.across)
        land.compute()
        qtbot.waitUntil(lambda: land.shown is not None and len(land.shown.question.axes) == 1)
        assert not land.scale.isVisible()
        land.chart.clicked.emit(0.05, 0.01)
        assert asked(client, SetValue)[-1] == SetValue("along.vertices.normal", 0.05)
        land.chart.clicked.emit(0.02, 0.01)
        assert [c.value for c in asked(client, SetValue)[-2:]] == [-0.05, 0.02]  # from where the picture was computed
    client.events.append(Unanswered(land.question))
    land.close()


def test_rows_of_a_picture_are_counted_from_the_top(qtbot):
    from app.plot import Axis

    axis = Axis("left")
    axis.from_top = 95.0
    (_, places), *_ = axis.tickValues(0.0, 95.0, 400)
    told = dict(zip(axis.tickStrings(places, 1.0, 5.0), places))
    assert told["0"] == 95.0
    assert told["90"] == 5.0


def test_the_warp_is_looked_into_where_a_pixel_is_clicked(make_window, qtbot):
    window, client = make_window()
    assert not window.actions_.lab.warp.isEnabled()  # the fit's method is another one
    tool = window.lab.open_warp()
    assert asked(client, WarpLook) == []
    c = window.controller
    c.experiment = dataclasses.replace(c.experiment, method=MethodSpec("warp"))
    c.frames_changed.emit()
    c.turns.flush()
    assert window.actions_.lab.warp.isEnabled()
    window.lab.open_warp()
    qtbot.waitUntil(lambda: tool.looked is not None)
    height, width = c.shown.arrays["render"].shape[:2]
    assert asked(client, WarpLook)[-1] == WarpLook(c.shown.view, (width // 2, height // 2), c.theta)
    assert "5 points traced, 2 kept" in tool.facts.text()
    assert "samples move 4.24 px" in tool.facts.text()
    tool.map.clicked.emit(2.2, 4.0)  # row 0 is at the top: the fifth of 48 from below
    assert asked(client, WarpLook)[-1].pixel == (2, 43)
    window.panes.linking._on_clicked((3, 4))
    assert asked(client, WarpLook)[-1].pixel == (3, 4)
    for index in range(tool.kind.count()):
        tool.kind.setCurrentIndex(index)
        tool._draw()
    assert len(tool.map._things) > 2  # the motion's strokes
    tool.ask(WarpLook(0, (1, 1)))
    tool.close()
    assert asked(client, Drop)[-1] == Drop("WarpLook")


def test_windows_have_tooltips_and_follow_the_theme(make_window, qtbot):
    window, _ = make_window()
    tools = (window.lab.open_sweep(), window.lab.open_landscape(), window.lab.open_warp())
    missing = [
        f"{type(widget).__name__} in {type(tool).__name__}"
        for tool in tools
        for kind in (QAbstractButton, QComboBox, QLineEdit, QSlider)
        for widget in tool.findChildren(kind)
        if not widget.toolTip() and not isinstance(widget.parent(), QComboBox) and not widget.objectName().startswith("qt_")
        and not isinstance(widget.parent().parent(), tools[0].chart.__class__)
    ]  # fmt: skip
    assert not missing
    window.choose_theme("light")
    assert tools[0].chart._theme.name == "light"
    bar = window.menuBar()
    assert "Inspect" in [action.text() for action in bar.actions()]


def test_places_not_computed_yet_take_a_coarser_one():
    loss = np.full((9, 9), np.nan)
    loss[::8, ::8] = [[1.0, 2.0], [3.0, 4.0]]
    assert np.isfinite(filled_in(loss)).all()
    assert filled_in(loss)[3, 3] == 1.0


def test_a_gaussian_is_picked_marked_and_dragged_by_any_of_its_vertices():
    """Two ellipsoids of four vertices each: the fit is told the mean's new place, not the vertex's."""
    corners = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
    balls = DrawnGaussians(2, np.concatenate([corners * 0.1, corners * 0.2 + [1.0, 2.0, 3.0]]))
    assert [balls.of_vertex(i) for i in (0, 3, 4, 7)] == [0, 0, 1, 1]
    assert balls.vertex_of("means.1.x", 6) == 6
    assert balls.vertex_of("means.1.x", 2) == 4
    assert balls.vertex_of("pose.translation.x", 6) is None
    path, mean = balls.moved(4, (1.5, 2.0, 3.0))
    assert path == "means.1"
    np.testing.assert_allclose(mean, [1.3, 2.0, 3.0])
