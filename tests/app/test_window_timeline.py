"""The main window on a scripted engine: stored steps, forks, and the pixel that is looked at."""

from __future__ import annotations

import pyqtgraph as pg
import pytest
from PyQt6.QtCore import QPoint, Qt

from app.runs import Series
from core import protocol
from core.protocol import Status

pytestmark = pytest.mark.window


def test_the_timeline_shows_a_stored_step_and_goes_back(make_window, qtbot):
    window, client = make_window()
    window.controller.play()
    qtbot.waitUntil(lambda: len(window.controller.replay.frames) > 4, timeout=20_000)
    window.controller.pause()
    qtbot.waitUntil(lambda: window.controller.status is Status.PAUSED and window.controller.settled)
    strip = window.timeline.strip
    qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
    assert window.controller.replaying
    window.controller.turns.flush()
    assert window.timeline.live.isVisible()
    assert window.timeline.now.text() == "0"
    client.dirty = True  # a newer one is stored, not shown
    qtbot.wait(50)
    assert window.controller.shown.iteration == 0
    qtbot.keyClick(window, "l")
    assert not window.controller.replaying
    window.controller.turns.flush()
    assert window.timeline.now.text() == str(client.iteration)


def test_no_pane_is_emptied_under_a_stored_step(make_window, qtbot):
    window, client = make_window()
    c, render = window.controller, window.panes.panes["render"]
    c.step(6)
    qtbot.waitUntil(lambda: c.shown is not None and c.shown.iteration == 6 and c.settled)
    c.show_frame(c.replay.frames[2])
    views = c.loaded.views
    client.events.append(protocol.Staged(6, "bigger images", {}, c.loaded.parameters, views))
    message = lambda: window.status.message
    qtbot.waitUntil(lambda: message() is not None and "Bigger images" in message().text)
    c.turns.flush()
    assert (c.replaying, render.stamp) == (True, c.shown.iteration)
    window.panel.method.choose("naive")  # an edit is one of the fit: what is on screen is where that stands
    c.settle()
    qtbot.waitUntil(lambda: c.loaded.experiment.method.name == "naive" and c.settled)
    assert (c.replaying, c.shown.iteration, render.stamp) == (False, 6, 6)


def test_a_run_is_forked_off_an_earlier_step_and_the_first_stays(make_window, qtbot):
    window, client = make_window()
    c = window.controller
    assert not window.timeline.fork.isEnabled()
    assert "earlier step" in window.timeline.fork.toolTip()
    c.step(12)
    qtbot.waitUntil(lambda: c.last is not None and c.last.iteration == 12 and c.shown.iteration == 12, timeout=20_000)
    parent, losses = list(c.replay.frames), list(c.runs.current.loss.y)
    c.show_frame(parent[5])
    at = c.shown.iteration
    c.turns.flush()
    assert window.timeline.fork.isEnabled()
    qtbot.keyClick(window, "f", Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: c.loaded.generation == 2 and c.shown.generation == 2, timeout=20_000)
    assert (client.iteration, c.shown.iteration, c.replaying) == (at, at, False)
    assert window.toolbar.iteration.text() == str(at)
    assert c.last.metrics["iou"] == 0.8  # of that step, as its loss
    c.step(3)
    qtbot.waitUntil(
        lambda: c.last is not None and c.last.iteration == at + 3 and c.shown.iteration == at + 3, timeout=20_000
    )
    assert list(c.runs.runs[0].loss.y) == losses
    assert list(c.runs.current.loss.x) == [at + 1, at + 2, at + 3]
    assert [b.start for b in c.replay.branches] == [0, at]
    assert c.replay.branches[0].frames == parent
    strip = window.timeline.strip
    lane = QPoint(round(strip._x(12)), round(strip._size() + 15 + 7))  # the first run's rail below
    qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=lane)
    assert c.shown.iteration == 12
    assert c.replay.selected is c.replay.branches[0]
    c.turns.flush()
    qtbot.keyClick(window, "l")
    assert c.replay.selected is None
    assert c.shown.iteration == at + 3


def test_the_inspector_follows_the_pixel(make_window, qtbot):
    window, _ = make_window()
    assert not window.inspector.where.isVisible()
    window.panes.cursor_moved.emit((24, 24))
    assert window.inspector.where.text() == "24, 24"
    array = window.controller.shown.arrays["target"]
    assert window.inspector.values["target"][0].text() == f"{array[24, 24, 0]:.3f}"
    assert "Inside" in window.inspector.why.text()
    window.panes.cursor_moved.emit((1, 1))
    assert "Background" in window.inspector.why.text()
    window.panes.pixel_pinned.emit((24, 24))
    window.panes.cursor_moved.emit(None)
    assert window.inspector.where.text() == "24, 24"


def test_the_inspector_says_what_a_derivative_is_per(make_window, qtbot):
    """The tree writes turns in degrees."""
    window, _ = make_window()
    c = window.controller
    window.panes.cursor_moved.emit((24, 24))
    units = {"pose.translation.x": "unit", "pose.rotation.y": "radian", "camera.fov": "radian", "pose.scale": "e-fold"}
    for theta, unit in units.items():
        c.choose_theta(theta)
        qtbot.waitUntil(lambda theta=theta: c.shown.theta == theta and c.settled)
        assert window.inspector.unit.text() == f"per {unit}"


def test_it_says_why_a_derivative_is_zero(make_window, qtbot):
    window, client = make_window()
    window.panel.method.choose("naive")
    c = window.controller
    qtbot.waitUntil(lambda: client.generation == 2 and c.shown is not None and c.shown.generation == 2 and c.settled)
    arrays = c.shown.arrays
    import numpy as np

    missing = (np.abs(arrays["derivative"]).sum(-1) == 0) & (np.abs(arrays["reference"]).sum(-1) > 1)
    y, x = np.argwhere(missing)[0]
    window.panes.cursor_moved.emit((int(x), int(y)))
    assert window.inspector.why_title.text() == "Why is this zero?"
    assert "silhouette" in window.inspector.why.text()


def test_holes_of_a_long_run_are_given_back_now_and_then(make_window, qtbot, monkeypatch):
    window, _ = make_window()
    c, times = window.controller, []
    monkeypatch.setattr("app.feed.give_back", lambda: times.append(c.last.iteration))
    c.step(3)
    qtbot.waitUntil(lambda: c.shown.iteration == 3 and c.settled, timeout=20_000)
    assert times == []
    monkeypatch.setattr("app.feed.GIVE_BACK_S", 0.0)
    c.step(3)
    qtbot.waitUntil(lambda: c.shown.iteration == 6 and c.settled, timeout=20_000)
    assert times[-1] == 6


def test_curves_do_not_grow_by_being_drawn_again(qtbot):
    """pyqtgraph keeps a picture of each brush and pen that its points were ever drawn with."""
    from app.lab.chart import Chart
    from app.plot import Plot

    plot, chart, series = Plot(), Chart(), Series()
    qtbot.addWidget(plot)
    qtbot.addWidget(chart)
    for step in range(30):
        series.put(step, 1.0 / (step + 1))
        plot.draw([(series, "edge-grad", 2.0, False)], True, 100, False)
        chart.clear_all()
        chart.frame((0.0, 1.0), (0.0, 1.0))
        chart.dot(0.5, step / 30, "#ff0000")
        chart.cross(0.5, step / 30, "#ff0000")
        chart.curve([0.0, 1.0], [0.0, 1.0], "#ff0000", dots=True)
    points = [plot._points, *(thing for thing in chart._things if isinstance(thing, pg.ScatterPlotItem))]
    assert [len(item.data) for item in points] == [1, 1, 1, 2]
    assert max(len(item.fragmentAtlas) for item in points) <= 3
