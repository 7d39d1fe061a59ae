"""The section of the loss: a weighted list of terms, one a line."""

from __future__ import annotations

from typing import Any

from PyQt6.QtGui import QActionGroup
from PyQt6.QtWidgets import QMenu, QToolButton, QWidget

from app.controller import Controller
from app.controls import NumberField, NumberRow, QuietCombo
from app.experiment_panel.adapt import last_image_term, with_loss, with_new_term, with_term, without_term
from app.experiment_panel.base import PanelSection
from app.widgets import frame, hbox, mini, vbox
from core.catalog import entries, entry
from core.experiment import Experiment, TermSpec
from core.experiments.fitting import loss_reason, sees_choices
from core.protocol import Loaded

LEVELS, MOST_LEVELS = 6, 12
"""Pyramid levels offered, 256 pixels down to 8, and those that a file may ask for (core/experiments/schema.py)."""

MOST_CELLS, MOST_SHARPNESS = 64.0, 10_000.0
"""Of a band and of IDR's masks (core/experiments/schema.py)."""

SHORT = 54
"""Width of the loss's name where what it sees stands beside it: only L1 and L2 have a choice there."""


class TermRow(QWidget):
    """loss | what it sees | weight | more (levels, remove); below it IDR's sharpness or a grid's band, where it has one."""

    def __init__(self, section: LossSection, index: int) -> None:
        super().__init__()
        self.section, self.index = section, index
        self._losses = [e["name"] for e in entries("losses")]
        self.loss, self.sees = QuietCombo(), QuietCombo()
        for combo in (self.loss, self.sees):
            combo.setObjectName("tight")
        for each in entries("losses"):
            self.loss.addItem(each["title"])
        self.sees.setToolTip("What this term looks at")
        self.weight = NumberField(0.0, 1e6, tight=True)
        self.weight.setFixedWidth(52)
        self.weight.setToolTip("Weight of this term; takes effect at once")
        self.weight.setAccessibleName("Weight")
        self.more = mini("more", "Pyramid levels, and removing this term")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self)
        self._levels_group = QActionGroup(self)
        self._fill_menu()
        self.more.setMenu(self.menu)
        line = frame(hbox(self.loss, self.sees, self.weight, self.more, gap=4), height=28)
        self._lines = vbox(line, gap=2)
        self.setLayout(self._lines)
        self.numbers: dict[str, NumberRow] = {}
        """Made when a term has one: "sharpness", "band"."""
        self.loss.activated.connect(lambda i: self._edit("loss", lambda e: with_loss(e, self.index, self._losses[i])))
        self.sees.activated.connect(
            lambda i: self._edit("loss", lambda e: with_term(e, self.index, sees=self.sees.itemData(i)))
        )
        self.weight.entered.connect(lambda v: self._edit("weight", lambda e: with_term(e, self.index, weight=v)))

    def _fill_menu(self) -> None:
        self.menu.setToolTipsVisible(True)
        self.levels = []
        for count in range(1, MOST_LEVELS + 1):
            title = "Full resolution only" if count == 1 else f"Pyramid of {count} levels"
            action = self.menu.addAction(title)
            assert action is not None
            action.setCheckable(True)
            action.setToolTip("The loss is averaged over images halved in turn: a wider basin")
            action.triggered.connect(
                lambda _, n=count: self._edit("levels", lambda e: with_term(e, self.index, levels=n))
            )
            action.setVisible(count <= LEVELS)
            self._levels_group.addAction(action)
            self.levels.append(action)
        self.menu.addSeparator()
        alone = self.menu.addAction("Show its gradient alone")
        assert alone is not None
        self.alone = alone
        self.alone.setCheckable(True)
        self.alone.setToolTip("Colour the mesh by what this term asks for, not by the whole loss")
        self.alone.triggered.connect(lambda on: self.section.show_alone(self.index if on else -1))
        removing = self.menu.addAction("Remove this term")
        assert removing is not None
        self.remove = removing
        self.remove.triggered.connect(lambda: self._edit("loss", lambda e: without_term(e, self.index)))

    def _edit(self, what: str, change: Any) -> None:
        self.section.edit(what, change(self.section.controller.experiment))

    def show_term(self, term: TermSpec, experiment: Experiment) -> None:
        for index, name in enumerate(self._losses):
            reason = loss_reason(name, experiment)
            item = self.loss.model().item(index)  # type: ignore[union-attr]
            item.setEnabled(not reason)
            item.setToolTip(reason or entry("losses", name)["help"])
        self.loss.setCurrentIndex(self._losses.index(term.loss))
        self.loss.setToolTip(entry("losses", term.loss)["help"])
        choices = sees_choices(term.loss, experiment)
        if [self.sees.itemData(i) for i in range(self.sees.count())] != list(choices):
            self.sees.clear()
            for choice in choices:
                self.sees.addItem(choice.capitalize(), choice)
        self.sees.setCurrentIndex(choices.index(term.sees) if term.sees in choices else -1)
        self.sees.setVisible(len(choices) > 1)
        self.loss.setMaximumWidth(SHORT if len(choices) > 1 else 16777215)
        self.weight.show_value(term.weight)
        clearance = entry("losses", term.loss)["clearance"]
        self._show_number("sharpness", term.sharpness, clearance)
        self._show_number("band", term.band, entry("losses", term.loss)["banded"])
        for count, action in enumerate(self.levels, 1):
            action.setVisible(count <= LEVELS or count == term.levels)
        self.levels[term.levels - 1].setChecked(True)
        self._levels_group.setEnabled(bool(choices) and not clearance)
        self.alone.setEnabled("vertices" in experiment.parameters.free)
        last = last_image_term(experiment, self.index)
        self.remove.setEnabled(not last)
        self.remove.setToolTip("A fit needs one term that looks at the image" if last else "The loss without this term")

    def _show_number(self, name: str, value: float, there: bool) -> None:
        if there and name not in self.numbers:
            row = self.numbers[name] = _NUMBER_ROWS[name]()
            self.section.bind(row, name, lambda e, v: with_term(e, self.index, **{name: v}))
            self._lines.addWidget(row)
        if name in self.numbers:
            self.numbers[name].show_value(value)
            self.numbers[name].setVisible(there)


_NUMBER_ROWS = {
    "sharpness": lambda: NumberRow(
        "Sharpness",
        "How quickly a ray that passes the surface counts as outside, per unit sphere; takes effect at once. IDR starts at "
        "50 and doubles it as it goes",
        1.0,
        MOST_SHARPNESS,
        log=True,
    ),
    "band": lambda: NumberRow(
        "Band (cells)",
        "Only nodes nearer to the surface than so many cells count; 0 for the whole grid",
        0.0,
        MOST_CELLS,
    ),
}


class LossSection(PanelSection):
    def __init__(self, controller: Controller) -> None:
        self.add = mini("plus", "Add a term to the loss")
        super().__init__(
            controller, "Loss", "What the fit makes small: the weighted sum of these terms", tools=(self.add,)
        )
        self.add.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self)
        self.menu.setToolTipsVisible(True)
        self._additions = {}
        for each in entries("losses"):
            action = self.menu.addAction(each["title"])
            assert action is not None
            action.setToolTip(each["help"])
            action.triggered.connect(
                lambda _, n=each["name"]: self.edit("loss", with_new_term(controller.experiment, n))
            )
            self._additions[each["name"]] = action
        self.add.setMenu(self.menu)
        self.terms: list[TermRow] = []

    def show_alone(self, index: int) -> None:
        """Colour the mesh by one term's own gradient; -1: by the whole loss's."""
        self.controller.show_term(index)
        for row in self.terms:
            row.alone.setChecked(row.index == index)

    def show_loaded(self, loaded: Loaded) -> None:
        for row in self.terms:
            row.alone.setChecked(False)

    def show_experiment(self, experiment: Experiment) -> None:
        while len(self.terms) < len(experiment.terms):
            row = TermRow(self, len(self.terms))
            self.rows.addWidget(row)
            self.terms.append(row)
        while len(self.terms) > len(experiment.terms):
            row = self.terms.pop()
            self.rows.removeWidget(row)
            row.hide()
            row.deleteLater()
        for row, term in zip(self.terms, experiment.terms):
            row.show_term(term, experiment)
        for name, action in self._additions.items():
            reason = loss_reason(name, experiment)
            action.setEnabled(not reason)
            action.setToolTip(reason or entry("losses", name)["help"])
        words = [
            f"{t.loss.replace('silhouette-', '')}, {t.sees}"
            for t in experiment.terms
            if entry("losses", t.loss)["sees"]
        ]
        self.set_summary(words[0] if len(experiment.terms) == 1 and words else f"{len(experiment.terms)} terms")
