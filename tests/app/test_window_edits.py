"""The main window on a scripted engine: what is edited in the panel and by hand, undone, and shown."""

from __future__ import annotations

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtWidgets import QAbstractButton, QLineEdit

from core.catalog import ASSETS
from core.protocol import Derive, Look, Play, SetValue, Status

pytestmark = pytest.mark.window


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


def test_a_value_typed_into_the_tree_is_undone(make_window, qtbot):
    window, client = make_window()
    before = window.controller.shown.values["pose.translation"][0]
    tree = window.panel.parameters.tree
    for value in (0.5, -0.25):
        tree.value_entered.emit("pose.translation.x", value)
        assert client.sent[-1] == SetValue("value.pose.translation.x", value)
    assert window.actions_.undo.text() == "Undo change of pose.translation.x"
    window.controller.undo()
    assert client.sent[-1] == SetValue("value.pose.translation.x", 0.5)
    window.controller.undo()
    assert client.sent[-1] == SetValue("value.pose.translation.x", before)
    window.controller.redo()
    assert client.sent[-1] == SetValue("value.pose.translation.x", 0.5)


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
