"""The main window on a scripted engine: every direction, every size, both themes, keys, messages, the tree."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PyQt6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PyQt6.QtGui import QDropEvent, QImage
from PyQt6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QSlider, QToolButton

from app.lessons import bundled_lessons
from core import protocol
from core.catalog import ASSETS
from core.protocol import Derive, Load, Look, Message, Pause, Play, Reset, SetValue, Status, Step

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
    left = {1440: 248, 1280: 236, 1024: 44}[size[0]]
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


# ------------------------------------------------------------------------------------------ editing


def test_a_change_of_method_keeps_the_state_and_the_curve(make_window, qtbot):
    window, client = make_window()
    window.controller.play()
    qtbot.waitUntil(lambda: client.iteration > 3)
    window.panel.method.choose("naive")
    load = client.loads()[-1]
    assert load.keep_state
    assert load.experiment.method.name == "naive"
    qtbot.waitUntil(lambda: window.controller.status is Status.RUNNING and len(window.controller.runs.runs) == 2)
    assert isinstance(client.sent[-1], Play)  # it was running, so it goes on
    qtbot.waitUntil(lambda: len(window.controller.runs.runs[1].loss) > 2)
    window.controller.pause()
    assert [run.method for run in window.controller.runs.runs] == ["edge-grad", "naive"]
    window.curves._draw()
    assert window.curves._legend_names == ["edge-grad", "naive"]
    assert window.menus.edited.text() == "edited"


def test_sliders_are_live_and_undone_in_one(make_window, qtbot):
    window, client = make_window()
    loads = len(client.loads())
    row = window.panel.optimizer.rate
    row.slider.setSliderDown(True)
    for position in (300, 500, 700):
        row.slider.setValue(position)
    row.slider.setSliderDown(False)
    values = [c for c in client.sent if isinstance(c, SetValue)]
    assert len(values) == 3
    assert {v.path for v in values} == {"optimizer.learning_rate"}
    assert len(client.loads()) == loads
    start = 0.03
    assert window.controller.experiment.optimizer.learning_rate != start
    window.controller.undo()
    assert window.controller.experiment.optimizer.learning_rate == start
    assert client.sent[-1] == SetValue("optimizer.learning_rate", start)
    assert row.value() == start


def test_typed_numbers_are_taken_or_refused(make_window, qtbot):
    window, client = make_window()
    field = window.panel.optimizer.rate.field
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, "0,25")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert client.sent[-1] == SetValue("optimizer.learning_rate", 0.25)
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, "fast")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert window.controller.experiment.optimizer.learning_rate == 0.25


def test_tree_frees_parameters(make_window, qtbot):
    window, client = make_window()
    tree = window.panel.parameters.tree
    tree.row("vertices").setCheckState(0, Qt.CheckState.Checked)
    tree.row("pose.rotation.x").setCheckState(0, Qt.CheckState.Unchecked)
    free = window.controller.experiment.parameters.free
    assert free == ("pose.rotation.y", "pose.rotation.z", "pose.translation", "vertices")
    assert tree.row("pose.rotation").checkState(0) == Qt.CheckState.PartiallyChecked
    loads = len(client.loads())
    qtbot.waitUntil(lambda: len(client.loads()) == loads + 1)  # two ticks, one load
    assert client.loads()[-1].experiment.parameters.free == free
    for name in ("vertices", "pose.rotation", "pose.translation"):
        tree.row(name).setCheckState(0, Qt.CheckState.Checked)
        tree.row(name).setCheckState(0, Qt.CheckState.Unchecked)
    assert window.controller.experiment.parameters.free
    assert "must be free" in window.status.message.text


def test_theta_is_chosen_by_its_marker(make_window, qtbot):
    window, client = make_window()
    tree = window.panel.parameters.tree
    row = tree.row("pose.translation.y")
    chip = tree._chip(tree.indexFromItem(row))
    qtbot.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=chip.center())
    assert client.sent[-1] == Derive("pose.translation.y", 0.25, 4)
    tree.row("vertices").setExpanded(True)
    tree.itemDoubleClicked.emit(tree.row("vertices.normal"), 0)
    assert client.sent[-1].theta == "vertices.normal"


def test_a_marker_stands_beside_its_rows_name(make_window, qtbot):
    """Also where the name is wide: such a row has no value, and so the value column's room."""
    window, _ = make_window()
    tree = window.panel.parameters.tree
    row = tree.row("random")
    end = tree.visualRect(tree.indexFromItem(row)).x() + 4 + tree.fontMetrics().horizontalAdvance(row.title)
    assert tree._chip(tree.indexFromItem(row)).left() > end


def test_the_hint_promises_a_lessons_text_only_where_there_is_one(make_window, qtbot):
    window, _ = make_window()
    assert "lesson" in window.status.text.text()
    window.files.open_path(str(ASSETS / "shapes" / "cube.ply"))
    qtbot.waitUntil(lambda: "Space runs" in window.status.text.text() and window.controller.origin[1] is None)
    assert "lesson" not in window.status.text.text()


def test_tab_goes_through_the_panel_as_it_is_read(make_window, qtbot):
    """Also through rows that were made later: those of another method."""
    window, _ = make_window()
    window.panel.method.choose("splat")
    qtbot.waitUntil(lambda: all(row.isVisible() for row in window.panel.method.settings.values()))
    window.panel.method.choice.combo.setFocus()
    rows = []
    for _ in range(6):
        qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
        stop = window.focusWidget()
        rows.append(stop.mapTo(window.panel.area.widget(), stop.rect().center()).y() // 10)
    assert rows == sorted(rows)
    assert len(set(rows)) >= 3
    loss = window.panel.loss.mapTo(window.panel.area.widget(), QPoint(0, 0)).y() // 10
    assert rows[0] < loss  # the method's own settings come before the loss


def test_no_button_is_ringed_before_a_key_was_pressed(make_window, qtbot):
    window, _ = make_window()
    assert not isinstance(window.focusWidget(), QAbstractButton)


def test_a_run_of_one_step_is_a_dot(make_window, qtbot):
    window, _ = make_window()
    c = window.controller
    c.step()
    qtbot.waitUntil(lambda: c.last is not None and c.status is Status.PAUSED)
    window.panel.method.choose("naive")
    qtbot.waitUntil(lambda: len(c.runs.runs) == 2)
    window.curves._draw()
    assert len(window.curves.plot._dots) == 1


def test_no_speed_is_not_paused_while_it_compiles(make_window, qtbot):
    window, _ = make_window(compile_polls=10**9)
    window.controller.play()
    qtbot.waitUntil(lambda: window.controller.status is Status.COMPILING)
    assert window.toolbar.run.text().strip() == "Pause"
    assert window.toolbar.speed.text() == ""


def test_values_are_set_by_hand(make_window, qtbot):
    window, client = make_window()
    tree = window.panel.parameters.tree
    row = tree.row("pose.translation.x")
    tree.itemDoubleClicked.emit(row, 1)
    editor = tree.viewport().findChild(QLineEdit)
    editor.selectAll()
    qtbot.keyClicks(editor, "-1.5")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: isinstance(client.sent[-1], SetValue))
    assert client.sent[-1] == SetValue("value.pose.translation.x", -1.5)
    tree.itemDoubleClicked.emit(tree.row("vertices"), 1)  # an array has no one value
    assert client.sent[-1] == SetValue("value.pose.translation.x", -1.5)


def test_terms_are_added_changed_and_removed(make_window, qtbot):
    window, client = make_window()
    panel, c = window.panel.loss, window.controller
    before = len(c.experiment.terms)
    panel._additions["iou"].trigger()
    assert [t.loss for t in c.experiment.terms][-1] == "iou"
    assert len(panel.terms) == before + 1
    panel.terms[0].weight.entered.emit(3.0)
    assert c.experiment.terms[0].weight == 3.0
    assert client.sent[-1] == SetValue("term.0.weight", 3.0)
    panel.terms[0].levels[2].trigger()
    assert c.experiment.terms[0].levels == 3
    panel.terms[-1].remove.trigger()
    assert len(c.experiment.terms) == before


def test_another_shape_starts_anew(make_window, qtbot):
    window, client = make_window()
    window.controller.step()
    qtbot.waitUntil(lambda: window.controller.last is not None)
    menu = {action.text(): action for action in window.panel.shape.source.menu.actions()}
    menu["Torus"].trigger()
    load = client.loads()[-1]
    assert (load.keep_state, load.experiment.shape.primitive) == (False, "torus")
    assert window.controller.last is None
    assert window.panel.shape.source.name.text() == "Torus"


def test_views_are_chosen_by_click(make_window, qtbot):
    window, client = make_window()
    strip = window.panel.target.strip
    qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(60, 20))
    assert client.sent[-1] == Look(1)
    assert window.controller.view == 1


# ------------------------------------------------------------------------------------------ messages


def test_compiling_shows_as_such_and_is_cancelled(make_window, qtbot):
    window, client = make_window(compile_polls=100_000)
    window.controller.play()
    qtbot.waitUntil(lambda: window.status.spinner.isVisible())
    assert "Compiling edge-grad" in window.status.text.text()
    assert window.toolbar.engine.text() == "engine compiling"
    assert window.status.seconds.text().endswith(" s")
    qtbot.mouseClick(window.status.cancel, Qt.MouseButton.LeftButton)
    assert client.calls[-1] == "cancel"
    qtbot.waitUntil(lambda: window.controller.status is Status.PAUSED)
    assert "cancelled" in window.status.text.text()
    assert not window.status.spinner.isVisible()


def test_a_file_whose_numbers_are_not_finite_is_no_matter_of_the_learning_rate(make_window, qtbot):
    window, _ = make_window()
    window.controller._set_status(Status.LOADING, "bad.obj")
    message = Message("error", "bad.obj: line 4: vertex 4 is not finite; export it again")
    assert window.controller.remedy_for(message) == ""


def test_the_scale_says_where_its_gradient_comes_from(make_window, qtbot):
    window, _ = make_window()
    scale = window.viewport.scale
    said = []
    for free, there in ((True, True), (False, True), (False, False)):
        scale.set_movable(free, there)
        said.append(scale._absent.split("\n")[-1])
    assert said == ["a step", "pane 4", "no vertices"]


def test_a_disabled_row_says_why_wherever_it_is_pointed_at(qtbot):
    from app.controls import NumberRow, VectorRow

    place = VectorRow("Position", "Where it is", "xyz")
    qtbot.addWidget(place)
    for reason in ("It is filed", "It is locked", ""):
        place.set_reason(reason)
        assert [field.toolTip() for field in place.fields] == [
            "\n".join(filter(None, (f"{axis} — Where it is", reason))) for axis in "xyz"
        ]
    row = NumberRow("Width", "Of every hidden layer", 1, 256, whole=True)
    qtbot.addWidget(row)
    for reason, told in (
        ("The shape is no network", "Of every hidden layer\nThe shape is no network"),
        ("", "Of every hidden layer"),
    ):
        row.set_reason(reason)
        assert {row.toolTip(), row.field.toolTip(), row.slider.toolTip()} == {told}


def test_a_label_of_two_lines_cuts_the_second(qtbot):
    from app.widgets import Elided

    text = "5120 triangles, 2562 vertices, watertight, coloured"
    name = Elided(text, lines=2)
    qtbot.addWidget(name)
    room = name.fontMetrics().horizontalAdvance("5120 triangles, 2562 vertices,") + 1
    assert name.fitted(room) == text.replace("vertices, ", "vertices,\n")
    assert name.fitted(4 * room) == text
    assert name.fitted(room // 2).count("\n") == 1
    assert name.fitted(room // 2).endswith("…")
    assert name.heightForWidth(room) > name.heightForWidth(4 * room)


def test_an_engine_that_starts_is_named_once(make_window):
    window, _ = make_window(start=False)
    window.status.set_status(Status.STARTING, "the engine")  # as engine and launcher say it
    assert window.status._work() == "Starting the engine"


def test_errors_are_one_line_with_remedy_and_details(make_window, qtbot):
    window, client = make_window()
    rate = window.controller.experiment.optimizer.learning_rate
    client.fail("The loss is not finite at it 81, view 2, by pose.translation.x. It 80 is kept.")
    qtbot.waitUntil(lambda: window.status.message is not None)
    assert window.status.remedy.text() == "Halve the learning rate"
    assert window.status.details.isVisible()
    qtbot.mouseClick(window.status.details, Qt.MouseButton.LeftButton)
    details = [w for w in window.children() if type(w).__name__ == "TextWindow"]
    assert "Traceback" in details[0].text.toPlainText()
    assert not details[0].isModal()
    details[0].close()
    qtbot.mouseClick(window.status.remedy, Qt.MouseButton.LeftButton)
    assert window.controller.experiment.optimizer.learning_rate == rate / 2
    assert client.sent[-1] == SetValue("optimizer.learning_rate", rate / 2)
    assert window.status.message is None


def test_an_error_stays_while_the_fit_goes_on_and_goes_when_a_hand_acts(make_window, qtbot):
    window, client = make_window()
    window.controller.play()
    qtbot.waitUntil(lambda: window.controller.status is Status.RUNNING)
    window.controller.say("warning", "it is odd")
    client.events += [Message("error", "method.name: it cannot be"), protocol.StatusChanged(Status.RUNNING)]
    qtbot.waitUntil(lambda: "cannot be" in window.status.text.text())
    qtbot.wait(40)
    assert "cannot be" in window.status.text.text()
    window.actions_.run.trigger()
    assert window.status.message.text == "it is odd"  # a warning comes back until it is put away
    qtbot.mouseClick(window.status.dismiss, Qt.MouseButton.LeftButton)
    assert window.status.message is None


def test_a_dead_engine_can_be_restarted(make_window, qtbot):
    window, client = make_window()
    client.events += [
        protocol.StatusChanged(Status.DEAD, "crashed"),
        Message("error", "The engine crashed; its last state is kept", remedy="Restart engine"),
    ]
    qtbot.waitUntil(lambda: window.status.message is not None)
    assert window.toolbar.engine.text() == "engine stopped"
    assert not window.actions_.run.isEnabled()
    qtbot.mouseClick(window.status.remedy, Qt.MouseButton.LeftButton)
    assert client.calls[-1] == "restart"


def test_an_error_in_a_slot_becomes_a_line(make_window, qtbot, capsys):
    import sys

    from app.main import install_excepthook

    window, _ = make_window()
    before = sys.excepthook
    install_excepthook(window)
    try:
        try:
            raise KeyError("nobody knows")
        except KeyError:
            sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    finally:
        sys.excepthook = before
    assert "nobody knows" in window.status.message.text
    assert "Traceback" in window.status.message.details
    assert "KeyError" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------ time, pixels


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


# ------------------------------------------------------------------------------------------ files, lessons, life


def test_save_open_and_drop(make_window, qtbot, tmp_path):
    window, _client = make_window()
    window.panel.method.choose("naive")
    path = tmp_path / "saved.toml"
    assert window.files.save_to(path)
    assert window.menus.edited.text() == ""
    window.files.open_lesson(bundled_lessons()[1])
    assert window.controller.experiment.method.name == "edge-grad"
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(ASSETS / "shapes" / "cube.ply")), QUrl.fromLocalFile(str(path))])
    drop = QDropEvent(
        QPointF(5, 5), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    window.dropEvent(drop)
    assert window.controller.experiment.method.name == "naive"
    assert window.files.path == path
    assert window.settings.recent[0] == str(path)
    told = "Opened saved.toml; not cube.ply: an experiment is opened alone"
    qtbot.waitUntil(lambda: window.status.message is not None and window.status.message.text == told)
    assert not window.files.open_path(Path(tmp_path / "nothing.ply"))
    assert "nothing.ply" in window.status.message.text


def test_a_file_that_cannot_be_loaded_leaves_everything_as_it_was(make_window, qtbot, tmp_path):
    window, client = make_window()
    c = window.controller
    for i in range(3):
        client.send(protocol.Step(1))
        qtbot.waitUntil(lambda i=i: c.last is not None and c.last.iteration == i + 1 and c.shown.iteration == i + 1)
    before, steps, frames = c.experiment, c.last.iteration, len(c.replay.frames)
    (tmp_path / "broken.ply").write_text("ply")
    assert window.files.open_path(tmp_path / "broken.ply")
    says = lambda: window.status.message is not None and "broken.ply: mesh has no faces" in window.status.message.text
    qtbot.waitUntil(says, timeout=3000)
    assert c.experiment is before
    assert c.last.iteration == steps
    assert len(c.replay.frames) >= frames
    assert c.runs.runs[-1].last == steps
    assert window.panes.isVisible()
    client.send(protocol.Step(1))
    qtbot.waitUntil(lambda: c.last.iteration == steps + 1, timeout=3000)


def test_a_broken_first_file_opens_the_first_lesson_instead(make_window, qtbot, tmp_path):
    (tmp_path / "broken.ply").write_text("ply")
    window, _client = make_window(start=False)
    window.files.open_path(tmp_path / "broken.ply")
    window.controller.start()
    qtbot.waitUntil(lambda: window.controller.loaded is not None, timeout=3000)
    assert window.controller.experiment.title == "The silhouette is missing"
    assert "broken.ply" in window.status.message.text  # it stays while the lesson opens


def test_lessons_open_by_one_click_with_their_text(make_window, qtbot):
    window, _client = make_window()
    action = window.menus.lessons.actions()[2]
    action.trigger()
    assert window.docks.lesson.isVisible()
    assert not window.docks.experiment.isVisible()
    assert window.lesson.lesson.title == window.controller.experiment.title
    qtbot.mouseClick(window.lesson.previous, Qt.MouseButton.LeftButton)
    assert window.lesson.lesson.number == 2
    window.lesson.do.emit("method=naive")
    assert window.controller.experiment.method.name == "naive"
    assert window.actions_.lesson_text.isChecked()
    window.lesson.closed.emit()
    assert window.docks.experiment.isVisible()
    assert not window.actions_.lesson_text.isChecked()
    qtbot.keyClick(window, "t")
    assert window.docks.lesson.isVisible()


def test_every_lesson_button_can_be_done(make_window):
    from app.availability import carry_out
    from app.lessons import bundled_lessons

    window, _ = make_window()
    done = 0
    for lesson in bundled_lessons():
        assert lesson.blocks(), lesson.name
        window.files.open_lesson(lesson)
        for block in lesson.blocks():
            for _, command in block.buttons:
                carry_out(command, window.controller)
                done += 1
    assert done > 5
    with pytest.raises(ValueError, match="no button"):
        carry_out("dance", window.controller)


def test_export_by_menu(make_window, qtbot, monkeypatch, tmp_path):
    from PyQt6.QtWidgets import QFileDialog

    window, client = make_window()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: (str(tmp_path / "shape"), "OBJ (*.obj)"))
    window.actions_.exports["shape"].trigger()
    assert client.sent[-1] == protocol.Export("shape", str(tmp_path / "shape.obj"))
    qtbot.waitUntil(lambda: window.status.message is not None)
    assert "shape.obj" in window.status.message.text


def test_layout_is_remembered_and_closing_ends_the_engine(make_window, qtbot):
    window, client = make_window((1280, 800))
    window.docks.inspector.hide()
    window.docks.arranged = False
    window.close()
    assert client.calls[-1] == "close"
    window.close()
    assert client.calls.count("close") == 1
    geometry, docks, arranged = window.settings.layout()
    assert geometry is not None
    assert docks is not None
    assert not arranged
    again, _ = make_window((1440, 900), start=False)
    again.restore_layout()
    qtbot.wait(30)
    assert not again.docks.inspector.isVisible()
    again.docks.reset()
    assert again.docks.inspector.isVisible()
    assert again.docks.arranged


def test_the_rail_opens_the_panel_at_a_section(make_window, qtbot):
    window, _ = make_window((1024, 700))
    assert window.docks.rail.isVisible()
    window.docks.rail.chosen.emit(window.panel.loss)
    qtbot.wait(40)
    assert window.panel.isVisible()
    assert not window.panel.loss.folded
    assert (window.width(), window.height()) == (1024, 700)
    qtbot.mouseClick(window.panel.fold, Qt.MouseButton.LeftButton)
    assert window.docks.rail.isVisible()


def test_help_is_made_from_the_catalog(make_window):
    from app.help_text import help_html, shortcuts_html
    from core.catalog import entries

    window, _ = make_window(start=False)
    text = help_html()
    for kind in ("methods", "optimizers"):
        for entry in entries(kind):
            assert entry["title"] in text or entry["title"].capitalize() in text
    sheet = shortcuts_html(window.actions_)
    for key in ("Space", "Ctrl+O", "F1", "1 2 3"):
        assert key in sheet


def test_a_label_that_is_cut_tells_itself_and_its_help(qtbot):
    from app.widgets import Elided

    name = Elided("Faces per pixel")
    qtbot.addWidget(name)
    name.set_tip("Triangles a pixel keeps.")
    for width, told in ((40, "Faces per pixel: Triangles a pixel keeps."), (400, "Triangles a pixel keeps.")):
        name.setFixedWidth(width)
        name.grab()
        assert name.toolTip() == told
