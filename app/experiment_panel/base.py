"""What the sections of the experiment panel share: they show an experiment, and edit it through the controller."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFrame, QMenu, QToolButton, QVBoxLayout, QWidget

from app.controller import Controller
from app.controls import Row
from app.theme import BASE, HINT, NUMBER, REGULAR
from app.widgets import Elided, Glyph, Item, Section, frame, hbox, mini, vbox
from core.catalog import entries
from core.experiment import Experiment
from core.protocol import Loaded

Apply = Callable[[Experiment, Any], Experiment]
"""An experiment and a control's value -> the edited experiment."""


class PanelSection(Section):
    """A section bound to the controller. Subclasses fill `self.rows` and implement `show_experiment`."""

    def __init__(
        self,
        controller: Controller,
        title: str,
        tip: str,
        *,
        gap: int = 2,
        tools: tuple[Item, ...] = (),
        folded: bool = False,
    ) -> None:
        self.rows: QVBoxLayout = vbox(margins=(12, 0, 4, 8), gap=gap)
        super().__init__(title, frame(self.rows), tip=tip, folded=folded, tools=tools)
        self.controller = controller

    def bind(self, row: Row, what: str, apply: Apply) -> Row:
        """Let a row edit the experiment. what: the edit's name in the undo menu."""
        row.changed.connect(lambda value: self.controller.edit(what, apply(self.controller.experiment, value)))
        row.settled.connect(self.controller.settle)
        return row

    def edit(self, what: str, experiment: Experiment) -> None:
        """An edit made by one click."""
        self.controller.edit(what, experiment)
        self.controller.settle()

    def show_experiment(self, experiment: Experiment) -> None:
        raise NotImplementedError

    def show_loaded(self, loaded: Loaded) -> None:
        """What the engine found out about it."""


class Fold(QWidget):
    """A part of a section that is folded away at first; its line says what is in it."""

    def __init__(self, title: str, tip: str, *rows: QWidget, pixels: int = BASE, tone: str = "text2") -> None:
        super().__init__()
        self._chevron = Glyph("chevron-right", "text3", 12)
        self._summary = Elided("", HINT, REGULAR, "text3")
        self._summary.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._title = Elided(title, pixels, REGULAR, tone)
        line = _Line(hbox(self._chevron, self._title, None, self._summary, gap=3))
        line.setToolTip(tip)
        line.clicked = self.toggle
        self.body = frame(vbox(*rows, gap=2))
        self.setLayout(vbox(line, self.body))
        self.line = line
        self.set_open(False)

    def toggle(self) -> None:
        self.set_open(not self.body.isVisibleTo(self))

    def set_open(self, open: bool) -> None:
        self.body.setVisible(open)
        self._chevron.set_icon("chevron-down" if open else "chevron-right", "text3")

    def set_summary(self, text: str) -> None:
        self._summary.setText(text)

    def set_title(self, text: str) -> None:
        self._title.setText(text)


class _Line(QFrame):
    """A clickable line; Enter works as a click."""

    def __init__(self, layout: Any) -> None:
        super().__init__()
        self.clicked: Callable[[], None] = lambda: None
        self.setObjectName("clear")
        self.setLayout(layout)
        self.setFixedHeight(24)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def mousePressEvent(self, event: Any) -> None:
        self.clicked()

    def keyPressEvent(self, event: Any) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.clicked()
        else:
            super().keyPressEvent(event)


class Source(QWidget):
    """A file or a bundled shape: its name, an open button and the bundled shapes' menu.

    `choose_file()` opens the dialog, `choose_primitive(name, kind)` takes a bundled one; both are set by the owner.
    """

    def __init__(self, tip: str, *, with_bundled: bool = True) -> None:
        super().__init__()
        self.choose_file: Callable[[], None] = lambda: None
        self.choose_primitive: Callable[[str, str], None] = lambda name, kind: None
        self.name = Elided("", BASE, NUMBER, "text")
        self.facts = Elided("", HINT, REGULAR, "text3")
        self.open = mini("open", tip)
        self.open.clicked.connect(lambda: self.choose_file())
        self.bundled = mini("chevron-down", "Choose a bundled shape")
        self.bundled.setVisible(with_bundled)
        self.bundled.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self)
        self.bundled.setMenu(self.menu)
        self.set_kinds(("mesh", "sdf-grid"))
        top = hbox(self.name, None, self.open, self.bundled, gap=4)
        self.row = hbox(vbox(None, top, self.facts, None, gap=0), gap=4)
        self.setLayout(self.row)

    def set_kinds(self, kinds: tuple[str, ...]) -> None:
        """Which bundled shapes the menu offers."""
        self.menu.clear()
        for entry in entries("primitives"):
            if entry["kind"] in kinds:
                action = self.menu.addAction(entry["title"])
                assert action is not None
                action.triggered.connect(lambda _, e=entry: self.choose_primitive(e["name"], e["kind"]))

    def show_source(self, file: str | None, primitive: str | None, facts: str) -> None:
        self.name.setText(source_title(file, primitive))
        self.name.set_tip(file or "A bundled shape")
        self.facts.setText(facts)


def source_title(file: str | None, primitive: str | None) -> str:
    """A shape's name as people know it."""
    if file is not None:
        return Path(file).name
    for entry in entries("primitives"):
        if entry["name"] == primitive:
            return entry["title"]
    return primitive or "Sphere"
