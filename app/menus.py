"""The menu bar. Every action of the window can be reached here; the title stands at its right end."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QFontMetrics
from PyQt6.QtWidgets import QMainWindow, QMenu, QMenuBar

from app.actions import Actions
from app.docks import Docks
from app.files import Files
from app.lessons import bundled_lessons
from app.settings import Settings
from app.theme import BASE, MENU_HEIGHT, NUMBER, REGULAR, font
from app.widgets import Mark, frame, hbox, label


class Menus:
    """Builds the menus; `lessons` and `exports` are shared with the toolbar."""

    def __init__(self, window: QMainWindow, actions: Actions, files: Files, settings: Settings) -> None:
        self._files, self._settings = files, settings
        bar = window.menuBar()
        assert bar is not None
        bar.setNativeMenuBar(False)
        bar.setFont(font(BASE))
        bar.setFixedHeight(MENU_HEIGHT)
        bar.setCornerWidget(frame(hbox(Mark(), margins=(0, 0, 0, 0))), Qt.Corner.TopLeftCorner)
        self.title = label("", BASE, NUMBER, "text2")
        self._titled = ("", False)
        self.edited = label("", BASE, REGULAR, "text3")
        self._corner = frame(hbox(self.title, self.edited, margins=(0, 0, 14, 0), gap=8), height=MENU_HEIGHT)
        bar.setCornerWidget(self._corner, Qt.Corner.TopRightCorner)
        self.bar: QMenuBar = bar
        a = actions
        self.recent = QMenu("Open recent", window)
        self.recent.aboutToShow.connect(self._fill_recent)
        self.kept = QMenu("Kept runs", window)
        self.kept.setToolTipsVisible(True)
        self.kept.aboutToShow.connect(self._fill_kept)
        self.exports = self._menu("Export")
        self.exports.addActions(list(a.exports.values()))
        self.exports.addSeparator()
        self.exports.addActions([a.export_script, a.film])
        filmed = self._menu("What videos show")
        filmed.addActions(a.filmed.actions())
        self.exports.addMenu(filmed)
        self.lessons = self._menu("Lessons")
        for lesson in bundled_lessons():
            action = self.lessons.addAction(f"{lesson.number}  {lesson.title}")
            assert action is not None
            action.setToolTip("Open this lesson's experiment and its text")
            action.triggered.connect(lambda _, chosen=lesson: files.open_lesson(chosen))
        self.lessons.addSeparator()
        self.lessons.addAction(a.lesson_text)

        self._add(
            "File", a.open, self.recent, self.kept, None, a.save, a.save_as, a.save_session, self.exports, a.record, None,
            a.quit,
        )  # fmt: skip
        self._add("Edit", a.undo, a.redo)
        self.view = self._add("View", a.fit, a.theta, a.derive, None)
        self._add("Run", a.run, a.step, a.reset, None, a.fork, a.live, None, a.cancel, a.restart)
        self._add("Inspect", *a.lab.menu)
        self._add("Compare", a.compare, None, a.export_compare)
        bar.addMenu(self.lessons)
        self._add("Help", a.help, a.shortcuts, a.change_keys, None, a.about)
        self._actions = actions

    def add_view_items(self, docks: Docks) -> None:
        """The panels' switches, images and themes, once the docks are there."""
        for dock in docks.all:
            self.view.addAction(self._actions.lesson_text if dock is docks.lesson else dock.action())
        self.view.addSeparator()
        panes = self._menu("Maximize image")
        panes.addActions(list(self._actions.panes.values()))
        self.view.addMenu(panes)
        themes = self._menu("Theme")
        themes.addActions(self._actions.themes.actions())
        self.view.addMenu(themes)
        self.view.addActions([self._actions.present, self._actions.reset_layout])

    def set_title(self, title: str, edited: bool) -> None:
        if (title, edited) == self._titled:
            return
        self._titled = (title, edited)
        self.title.setText(QFontMetrics(self.title.font()).elidedText(title, Qt.TextElideMode.ElideRight, 420))
        self.edited.setText("edited" if edited else "")
        self._corner.adjustSize()
        # QMenuBar lays its corner widgets out when one is set, not when one grows.
        self.bar.setCornerWidget(self._corner, Qt.Corner.TopRightCorner)
        self._corner.show()

    def _menu(self, title: str) -> QMenu:
        menu = QMenu(title, self.bar)
        menu.setToolTipsVisible(True)
        return menu

    def _add(self, title: str, *items: object) -> QMenu:
        menu = self._menu(title)
        for item in items:
            if item is None:
                menu.addSeparator()
            elif isinstance(item, QMenu):
                menu.addMenu(item)
            else:
                menu.addAction(item)  # type: ignore[call-overload]
        self.bar.addMenu(menu)
        return menu

    def _fill_recent(self) -> None:
        self.recent.clear()
        for path in self._settings.recent:
            action = self.recent.addAction(Path(path).name)
            assert action is not None
            action.setToolTip(path)
            action.triggered.connect(lambda _, chosen=path: self._files.open_path(chosen))
        if self.recent.isEmpty():
            _add_nothing(self.recent)

    def _fill_kept(self) -> None:
        """Runs of programs that ended unexpectedly, the newest first."""
        self.kept.clear()
        for file, text, tip in self._files.sessions.left.told():
            action = self.kept.addAction(text)
            assert action is not None
            action.setToolTip(tip)
            action.triggered.connect(lambda _, chosen=file: self._files.restore_autosave(chosen))
        if self.kept.isEmpty():
            return _add_nothing(self.kept)
        self.kept.addSeparator()
        action = self.kept.addAction("Discard all")
        assert action is not None
        action.setToolTip("Delete what programs that ended unexpectedly left; no other window's")
        action.triggered.connect(self._files.sessions.discard)


def _add_nothing(menu: QMenu) -> None:
    action = menu.addAction("Nothing yet")
    assert action is not None
    action.setEnabled(False)
