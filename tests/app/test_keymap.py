"""Keys of one's own: recorded, kept in the settings, conflicts named, resets; one window for all of it."""

from __future__ import annotations

import pytest
from PyQt6.QtCore import QKeyCombination, Qt
from PyQt6.QtWidgets import QWidget

from app.actions import Actions
from app.keymap import pressed
from app.keys_window import NOTE, KeysWindow
from app.settings import Settings

pytestmark = pytest.mark.window


@pytest.fixture
def actions(qtbot, settings_folder) -> Actions:
    parent = QWidget()
    qtbot.addWidget(parent)
    parent.actions = Actions(parent, Settings())  # type: ignore[assignment]
    return parent.actions  # type: ignore[return-value]


def row_of(page: KeysWindow, action):  # type: ignore[no-untyped-def]
    return next(row for row in page.rows if row.action is action)


def test_keys_are_read_as_they_are_typed():
    control, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
    assert pressed(QKeyCombination(control, Qt.Key.Key_J), "\n") == "Ctrl+J"
    assert pressed(QKeyCombination(shift, Qt.Key.Key_F), "F") == "Shift+F"
    assert pressed(QKeyCombination(shift, Qt.Key.Key_Question), "?") == "?"
    assert pressed(QKeyCombination(shift, Qt.Key.Key_Shift), "") is None


def test_every_action_has_a_name_and_a_key_of_its_own(actions):
    """Also the three images of dI/dθ."""
    keymap = actions.keymap
    assert len({action.objectName() for action in actions.all}) == len(actions.all)
    assert [keymap.own_key(actions.panes[digit]) for digit in (4, 5, 8)] == ["4", "5", "8"]
    assert keymap.holder("4", actions.step) is actions.panes[4]
    assert not keymap.any_changed()


def test_changed_keys_are_remembered_and_reset(actions):
    keymap = actions.keymap
    keymap.assign(actions.step, "N")
    keymap.assign(actions.fork, "R")  # the key of Reset, which has none then
    again = Actions(actions._window, Settings())
    assert [again.keymap.key(a) for a in (again.step, again.fork, again.reset)] == ["N", "R", ""]
    assert "(N)" in again.step.toolTip()
    again.keymap.reset(again.reset)
    assert [again.keymap.key(a) for a in (again.fork, again.reset)] == ["", "R"]
    again.keymap.reset()
    assert Settings().keys == {}
    assert not again.keymap.any_changed()


def test_a_key_is_recorded_on_the_page(make_window, qtbot):
    window, _ = make_window(start=False)
    window.actions_.change_keys.trigger()
    page, a = window.help.keys, window.actions_
    qtbot.waitExposed(page)
    key = row_of(page, a.step).key
    key.click()
    qtbot.keyClick(key, Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier)
    assert a.keymap.key(a.step) == "Ctrl+J"
    assert key.text() == "Ctrl+J"
    key.click()
    qtbot.keyClick(key, Qt.Key.Key_Escape)
    assert a.keymap.key(a.step) == "Ctrl+J"
    assert page.isVisible()
    key.click()
    qtbot.keyClick(key, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)  # has an action already
    assert "Save experiment" in page.note.text()
    assert a.keymap.key(a.step) == "Ctrl+J"
    page.keep.click()
    assert page.note.text() == NOTE
    key.click()
    qtbot.keyClick(key, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    page.take.click()
    assert (a.keymap.key(a.step), a.keymap.key(a.save)) == ("Ctrl+S", "")
    key.click()
    qtbot.keyClick(key, Qt.Key.Key_Tab)
    assert "next control" in page.note.text()
    key.click()
    qtbot.keyClick(key, Qt.Key.Key_Backspace)
    assert a.keymap.key(a.step) == ""
    page.search.setText("ctrl+q")
    assert [row.action for row in page.rows if not row.isHidden()] == [a.quit]
    page.reset_all.click()
    assert (a.keymap.key(a.step), a.keymap.key(a.save)) == (".", "Ctrl+S")
