"""What the sections of the experiment panel share: they show an experiment, and edit it through the controller."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFrame, QMenu, QToolButton, QVBoxLayout, QWidget

from app.controller import Controller
from app.controls import Row, row_for
from app.experiment_panel.adapt import with_setting
from app.theme import BASE, HINT, NUMBER, REGULAR
from app.widgets import Elided, Glyph, Item, Section, frame, hbox, mini, vbox
from core.catalog import entries, entry
from core.experiment import Experiment
from core.protocol import Loaded
from core.shapes.primitives import HULL

Apply = Callable[[Experiment, Any], Experiment]
"""An experiment and a control's value -> the edited experiment."""


class Binder:
    """What binds rows to the experiment; `controller` is set by the class that inherits it."""

    controller: Controller

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


class CatalogRows(Binder):
    """The settings of a method or an optimizer as rows of `_body`, made anew when another one is chosen."""

    settings: dict[str, Row]
    _body: QVBoxLayout

    def make_rows(self, kind: str, table: str, name: str) -> None:
        """kind: of the catalog ("methods"). table: of the experiment ("method") that the settings belong to."""
        for row in self.settings.values():
            self._body.removeWidget(row)
            row.hide()
            row.deleteLater()
        self.settings = {}
        for setting in entry(kind, name)["settings"]:
            row = row_for(setting)
            self.bind(row, setting["title"], lambda e, v, n=setting["name"]: with_setting(e, table, n, v))
            self.settings[setting["name"]] = row
            self._body.addWidget(row)


class Part(QWidget, Binder):
    """Rows that are made only when they are first looked at: they would cost the first paint their time."""

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self.controller = controller
        self.rows: QVBoxLayout = vbox(gap=2)
        self.setLayout(self.rows)


class PanelSection(Section, Binder):
    """A section bound to the controller. Subclasses fill `self.rows` and implement `show_experiment`.

    make: builds the section's rows as a Part when it is first unfolded, for sections that are folded at first.
    """

    def __init__(
        self,
        controller: Controller,
        title: str,
        tip: str,
        *,
        gap: int = 2,
        tools: tuple[Item, ...] = (),
        make: Callable[[Controller], Part] | None = None,
    ) -> None:
        self.rows: QVBoxLayout = vbox(margins=(12, 0, 4, 8), gap=gap)
        self.controller, self._make, self.part = controller, make, None
        super().__init__(title, frame(self.rows), tip=tip, folded=make is not None, tools=tools)

    def set_folded(self, folded: bool) -> None:
        if not folded:
            self.ensure_part()
        super().set_folded(folded)

    def ensure_part(self) -> Part | None:
        """The rows of a section that is folded at first, made now if they are not yet."""
        if self._make is not None and self.part is None:
            self.part = self._make(self.controller)
            self.rows.addWidget(self.part)
            self.part.show_experiment(self.controller.experiment)
        return self.part

    def show_part(self, experiment: Experiment) -> None:
        if self.part is not None:
            self.part.show_experiment(experiment)

    def show_loaded(self, loaded: Loaded) -> None:
        """What the engine found out about it."""


class Fold(QWidget):
    """A part of a section that is folded away, and made, at first; its line says what is in it."""

    def __init__(
        self,
        controller: Controller,
        title: str,
        tip: str,
        make: Callable[[Controller], Part],
        *,
        pixels: int = BASE,
        tone: str = "text2",
    ) -> None:
        super().__init__()
        self._controller, self._make, self.part = controller, make, None
        self._chevron = Glyph("chevron-right", "text3", 12)
        self._summary = Elided("", HINT, REGULAR, "text3")
        self._summary.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._title = Elided(title, pixels, REGULAR, tone)
        self.line = _Line(hbox(self._chevron, self._title, None, self._summary, gap=3))
        self.line.setToolTip(tip)
        self.line.clicked = self.toggle
        self._column = vbox(self.line)
        self.setLayout(self._column)

    def ensure_part(self) -> Part:
        """The rows, made now if they are not yet."""
        if self.part is None:
            self.part = self._make(self._controller)
            self.part.hide()
            self._column.addWidget(self.part)
            self.part.show_experiment(self._controller.experiment)
        return self.part

    def toggle(self) -> None:
        self.set_open(self.part is None or self.part.isHidden())

    def set_open(self, open: bool) -> None:
        self.ensure_part().setVisible(open)
        self._chevron.set_icon("chevron-down" if open else "chevron-right", "text3")

    def show_experiment(self, experiment: Experiment, summary: str) -> None:
        """summary: what the line says at its right end."""
        self._summary.setText(summary)
        if self.part is not None:
            self.part.show_experiment(experiment)

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

    def __init__(self, tip: str, *, with_bundled: bool = True, lines: int = 1) -> None:
        """lines: that its facts may take."""
        super().__init__()
        self.choose_file: Callable[[], None] = lambda: None
        self.choose_primitive: Callable[[str, str], None] = lambda name, kind: None
        self.name = Elided("", BASE, NUMBER, "text")
        self.facts = Elided("", HINT, REGULAR, "text3", lines=lines)
        self.open = mini("open", tip)
        self.open.clicked.connect(lambda: self.choose_file())
        self.bundled = mini("chevron-down", "Choose a bundled shape")
        self.bundled.setVisible(with_bundled)
        self.bundled.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self)
        self.bundled.setMenu(self.menu)
        self.set_kinds(
            ("mesh", "textured-mesh", "sdf-grid", "sdf-analytic", "sdf-network", "metaballs", "spline-patches")
        )
        top = hbox(self.name, None, self.open, self.bundled, gap=4)
        self.row = hbox(vbox(None, top, self.facts, None, gap=0), gap=4)
        self.setLayout(self.row)

    def set_kinds(self, kinds: tuple[str, ...]) -> None:
        """Which bundled shapes the menu offers."""
        self.menu.clear()
        for bundled in entries("primitives"):
            if bundled["kind"] in kinds:
                action = self.menu.addAction(bundled["title"])
                assert action is not None
                action.triggered.connect(lambda _, e=bundled: self.choose_primitive(e["name"], e["kind"]))

    def show_source(self, file: str | None, primitive: str | None, facts: str) -> None:
        self.name.setText(source_title(file, primitive))
        self.name.set_tip(file or "A bundled shape")
        self.facts.setText(facts)


def source_title(file: str | None, primitive: str | None) -> str:
    """A shape's name as people know it."""
    if file is not None:
        return Path(file).name
    if primitive == HULL:
        return "Visual hull"
    for bundled in entries("primitives"):
        if bundled["name"] == primitive:
            return bundled["title"]
    return primitive or "Sphere"
