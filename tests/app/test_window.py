"""The main window on a scripted engine: every size, both themes, its keys, and a fit that runs."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QSlider, QToolButton

from app.lessons import bundled_lessons
from app.main import begin
from core.protocol import Derive, Load, Pause, Play, Reset, Status, Step

pytestmark = pytest.mark.window


def pixel(image: QImage, x: float, y: float) -> str:
    return image.pixelColor(round(x), round(y)).name().upper()


def near(colour: str, token: str, tolerance: int = 6) -> bool:
    return all(abs(int(colour[i : i + 2], 16) - int(token[i : i + 2], 16)) <= tolerance for i in (1, 3, 5))


# ------------------------------------------------------------------------------------------ looks


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("size", [(1440, 900), (1280, 800), (1024, 700)], ids=["1440", "1280", "1024"])
def test_every_size_and_theme_has_its_arrangement(make_window, qtbot, size, theme):
    window, _ = make_window(size, theme)
    qtbot.wait(60)
    assert (window.width(), window.height()) == size  # a minimum hint too large would enlarge it silently
    t, image = window.appearance.theme, window.grab().toImage()
    assert t.name == theme
    assert near(pixel(image, 2, 300), t.ground)
    run = window.toolbar.run
    corner = run.mapTo(window, QPoint(6, run.height() // 2))
    assert near(pixel(image, corner.x(), corner.y()), t.accent)
    docks = window.docks
    wide = size[0] >= 1200
    left = {1440: 248, 1280: 244, 1024: 44}[size[0]]
    assert abs(docks.experiment.width() - left) <= 1
    assert abs(docks.inspector.width() - (280 if size[0] == 1440 else 256)) <= 1
    body = window.inspector.mapTo(window, QPoint(8, window.inspector.height() - 12))
    assert near(pixel(image, body.x(), body.y()), t.panel)
    assert docks.narrow is not wide
    seen = [not part.visibleRegion().isEmpty() for part in (window.panes, window.curves, window.timeline)]
    assert seen == [True, wide, wide]
    assert window.panel.shape.folded is (size != (1440, 900))
    panes = window.panes.shown()
    assert len(panes) == (6 if wide else 5)
    picture = window.panes.panes["target"].picture
    assert abs(picture.width() - picture.height()) <= (3 if wide else 30)
    if wide:
        assert abs(docks.curves.height() - (144 if size[1] >= 860 else 128)) <= 1


def test_theme_switches_in_place(make_window, qtbot):
    window, _ = make_window()
    before = pixel(window.grab().toImage(), 2, 300)
    window.choose_theme("light")
    qtbot.wait(30)
    image = window.grab().toImage()
    assert near(pixel(image, 2, 300), window.appearance.theme.ground)
    assert before != pixel(image, 2, 300)
    assert window.settings.theme == "light"
    viewport = window.viewport.mapTo(window, QPoint(window.viewport.width() // 2, 8))
    assert near(pixel(image, viewport.x(), viewport.y()), window.appearance.theme.viewport, 12)


def test_everything_has_a_tooltip(make_window):
    window, _ = make_window()
    unfold(window)
    missing = []
    for kind in (QAbstractButton, QComboBox, QSlider, QLineEdit):
        for widget in window.findChildren(kind):
            internal = widget.objectName().startswith("qt_") or isinstance(widget.parent(), QComboBox)
            unused = isinstance(widget, QAbstractButton) and widget.isHidden() and not widget.text()
            if not (widget.toolTip() or internal or unused or _scroller(widget)):
                missing.append(f"{type(widget).__name__} {widget.objectName()} in {type(widget.parent()).__name__}")
    assert not missing
    assert all(action.toolTip() for action in window.actions_.all)


def unfold(window) -> None:  # type: ignore[no-untyped-def]
    """Open every part of the panel."""
    panel = window.panel
    for section in panel.sections:
        section.set_folded(False)
    for fold in (panel.shape.start, panel.target.views, panel.target.target, panel.optimizer.more):
        fold.set_open(True)


def _scroller(widget) -> bool:  # type: ignore[no-untyped-def]
    """Qt's own scroll arrows of tab bars, menus and tool bars."""
    return isinstance(widget, QToolButton) and type(widget.parent()).__name__ in ("QTabBar", "QToolBar", "QMenuBar")


def test_disabled_things_say_why(make_window):
    window, _ = make_window(start=False)
    assert not window.actions_.run.isEnabled()
    assert "loaded anything" in window.toolbar.run.toolTip()
    assert "Nothing was changed" in window.actions_.undo.toolTip()
    batch = window.panel.target.views.ensure_part().numbers["count"]
    window.controller.edit(
        "views", replace(window.controller.experiment, views=replace(window.controller.experiment.views, kind="cube"))
    )
    assert not batch.isEnabled()
    assert "fixed number" in batch.toolTip()


# ------------------------------------------------------------------------------------------ opening and running


def test_it_opens_on_a_lesson_paused_with_nothing_empty(make_window):
    window, client = make_window()
    c = window.controller
    assert isinstance(client.sent[0], Load)
    assert c.status is Status.PAUSED
    assert c.experiment.title == window.menus.title.text()
    assert window.panes.panes["target"].array is not None
    assert window.timeline.strip.isVisible()
    assert not any(isinstance(command, (Play, Step)) for command in client.sent)
    assert "Space runs" in window.status.text.text()


def test_before_the_engine_is_there_the_lesson_is_named(make_window):
    window, client = make_window(start=False)
    assert client.sent == []
    assert window.menus.title.text()
    assert window.panel.shape.source.name.text()
    assert window.panel.parameters.tree.topLevelItemCount() > 5
    assert window.toolbar.engine.text() == "engine starting"
    assert window.toolbar.engine_box.toolTip() == "What the engine is doing"


def test_the_engine_says_what_it_computes_on(make_window):
    window, _client = make_window()
    window.on_loaded(dataclasses.replace(window.controller.loaded, device="H100 (gpu)"))
    assert window.toolbar.engine_box.toolTip() == "What the engine is doing; it computes on H100 (gpu)"


def test_space_runs_and_pauses_and_numbers_follow(make_window, qtbot):
    window, client = make_window()
    qtbot.keyClick(window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: window.controller.last is not None and window.controller.last.iteration > 5)
    assert window.toolbar.run.text().strip() == "Pause"
    assert not window.toolbar.secondary[0][0].isEnabled()
    assert "Pause first" in window.toolbar.secondary[0][0].toolTip()
    qtbot.keyClick(window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: window.controller.status is Status.PAUSED and window.controller.settled)
    run = window.controller.runs.current
    assert list(run.loss.x) == list(range(1, client.iteration + 1))  # no point lost
    assert window.toolbar.iteration.text() == str(client.iteration)
    assert window.toolbar.speed.text() == "paused"
    assert window.timeline.now.text() == str(client.iteration)
    assert [type(c) for c in client.sent if isinstance(c, (Play, Pause))] == [Play, Pause]
    tree = window.panel.parameters.tree
    assert tree.row("pose.rotation.y").text(1) == "−12.5°"
    assert tree.row("pose.translation.x").text(2) not in ("", "–")


def test_step_and_reset_by_key(make_window, qtbot):
    window, client = make_window()
    qtbot.keyClick(window, ".")
    qtbot.waitUntil(lambda: window.controller.last is not None)
    assert client.iteration == 1
    qtbot.keyClick(window, "r")
    qtbot.waitUntil(lambda: isinstance(client.sent[-1], Reset) and window.controller.shown is not None)
    assert window.controller.last is None
    assert window.toolbar.iteration.text() == "0"


def test_keys_reach_their_actions(make_window, qtbot):
    window, client = make_window()
    qtbot.keyClick(window, "d")
    assert client.sent[-1] == Derive(None, 0.25, 4)
    qtbot.keyClick(window, "d")
    qtbot.keyClick(window, "2")
    assert window.panes.shown() == ["render"]
    qtbot.keyClick(window, "2")
    assert len(window.panes.shown()) == 6
    tree = window.panel.parameters.tree
    tree.setCurrentItem(tree.row("pose.rotation.y"))
    qtbot.keyClick(window, "h")
    assert client.sent[-1].theta == "pose.rotation.y"
    assert window.panes.theta == "pose.rotation.y"
    qtbot.keyClick(window, "?")
    sheets = [w for w in window.children() if type(w).__name__ == "TextWindow"]
    assert "Space" in sheets[0].text.toPlainText()


def test_what_draws_curves_is_there_before_the_first_step(make_window, qtbot, monkeypatch):
    """Importing and making it would hold the window up by a tenth of a second when the fit begins."""
    monkeypatch.setattr("gc.freeze", lambda: None)  # not of a process of tests
    window, _ = make_window(start=False)
    assert window.curves.plot is None  # nor before the first paint
    begin(window)
    qtbot.waitUntil(lambda: window.curves.plot is not None, timeout=20_000)
    assert not any(len(run.loss) for run in window.controller.runs.runs)
    assert window.curves.empty.isVisible()


def test_what_is_there_when_the_first_problem_has_come_is_not_looked_through_for_garbage_again(
    make_window, qtbot, monkeypatch
):
    frozen = []
    monkeypatch.setattr("gc.freeze", lambda: frozen.append(window.controller.loaded is not None))
    window, _ = make_window(start=False)
    begin(window)
    c = window.controller
    qtbot.waitUntil(lambda: c.shown is not None and c.settled, timeout=20_000)
    window.files.open_lesson(bundled_lessons()[1])
    qtbot.waitUntil(lambda: c.loaded.generation > 1, timeout=20_000)
    assert frozen == [True]
