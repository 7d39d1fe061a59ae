"""The section of the schedule: what changes at which step. A line is one change; lines of one step are one stage."""

from __future__ import annotations

import dataclasses
from typing import Any

from PyQt6.QtWidgets import QWidget

from app.controller import Controller
from app.controls import NumberField, QuietCombo
from app.experiment_panel.base import PanelSection, Part
from app.theme import HINT, REGULAR
from app.widgets import hbox, label, mini, vbox
from core.catalog import entry
from core.experiment import Experiment, StageSpec
from core.experiments.rules import CHANGES, REFINEMENTS

Change = tuple[int, str, float]
"""(iteration, field of StageSpec, its value)."""

TITLES = {
    "subdivide": ("Subdivide", "Rounds of Loop subdivision: each makes four triangles of one", 1),
    "remesh": ("Remesh", "An even mesh with edges so long, in radii of the bounding sphere", 0.05),
    "resolution": ("Grid nodes", "Nodes along the grid's longest side", 48),
    "redistance": (
        "Redistance",
        "The grid's values become distances to their surface again, without specks: pieces and cavities of fewer nodes "
        "than this number (1 keeps all)",
        8,
    ),
    "width": ("Image width", "Pixels; the height keeps its share of it unless it is set too", 256),
    "height": ("Image height", "Pixels; the width keeps its share of it unless it is set too", 256),
    "learning_rate": ("Rate", "The learning rate from here on; its decay goes on", 0.02),
}
"""Field -> title, tooltip, the value that a new change begins with."""

assert tuple(TITLES) == CHANGES, "every change of a stage has a line"


def changes_of(stages: tuple[StageSpec, ...]) -> list[Change]:
    """The stages as single changes, in order."""
    return [(s.at, name, getattr(s, name)) for s in stages for name in CHANGES if getattr(s, name)]


def stages_of(changes: list[Change]) -> tuple[StageSpec, ...]:
    """Changes as stages: those of one iteration together, the last of a kind counts."""
    found: dict[int, dict[str, Any]] = {}
    for at, name, value in changes:
        whole = isinstance(getattr(StageSpec(), name), int)
        found.setdefault(at, {})[name] = int(value) if whole else float(value)
    return tuple(StageSpec(at=at, **values) for at, values in sorted(found.items()))


def next_change(experiment: Experiment) -> Change:
    """What the plus button adds: halfway from the last stage to the end, what the shape can do first."""
    last = experiment.stages[-1].at if experiment.stages else 0
    at = max(last + 1, (last + experiment.stop.steps) // 2)
    can = entry("shapes", experiment.shape.kind)["refines"]
    name = can[0] if can else "learning_rate"
    return at, name, TITLES[name][2]


class ChangeRow(QWidget):
    """step | what | value | remove."""

    def __init__(self, part: SchedulePart, index: int) -> None:
        super().__init__()
        self.part, self.index = part, index
        self.setFixedHeight(28)
        self.at = NumberField(1, 10_000_000, whole=True)
        self.at.setToolTip("The step before which this happens")
        self.at.setAccessibleName("Step")
        self.what = QuietCombo()
        self.what.setObjectName("tight")
        for title, tip, _ in TITLES.values():
            self.what.addItem(title)
            self.what.setItemData(self.what.count() - 1, tip, 3)  # Qt.ItemDataRole.ToolTipRole
        self.value = NumberField(0, tight=True)
        self.value.setAccessibleName("Value")
        self.remove = mini("close", "Remove this change")
        self.at.setFixedWidth(44)
        self.value.setFixedWidth(52)  # "1.5e-3"
        self.setLayout(hbox(self.at, self.what, self.value, self.remove, gap=4))
        self.at.entered.connect(lambda v: self._edit(at=int(v)))
        self.what.activated.connect(self._choose)
        self.value.entered.connect(lambda v: self._edit(value=v))
        self.remove.clicked.connect(lambda: part.edit_changes(lambda changes: changes.pop(index)))

    def _choose(self, index: int) -> None:
        name = list(TITLES)[index]
        self._edit(name=name, value=TITLES[name][2])

    def _edit(self, at: int | None = None, name: str | None = None, value: float | None = None) -> None:
        def apply(changes: list[Change]) -> None:
            old = changes[self.index]
            changes[self.index] = (at or old[0], name or old[1], old[2] if value is None else value)

        self.part.edit_changes(apply)

    def show_change(self, change: Change, refines: tuple[str, ...]) -> None:
        at, name, value = change
        title, tip, _ = TITLES[name]
        self.at.show_value(at)
        self.what.setCurrentIndex(list(TITLES).index(name))
        self.what.setToolTip(tip)
        self.value.show_value(value)
        self.value.setToolTip(f"{title}: {tip[:1].lower()}{tip[1:]}")
        for index, other in enumerate(TITLES):
            able = other not in REFINEMENTS or other in refines
            self.what.model().item(index).setEnabled(able)  # type: ignore[union-attr]


class SchedulePart(Part):
    """One row a change."""

    def __init__(self, controller: Controller) -> None:
        super().__init__(controller)
        self.changes: list[ChangeRow] = []
        self.none = label("Nothing changes while a fit runs", HINT, REGULAR, "text3")
        self._body = vbox(self.none, gap=2)
        self.rows.addLayout(self._body)

    def edit_changes(self, change: Any) -> None:
        """Apply `change` to the list of changes, and that to the experiment."""
        changes = changes_of(self.controller.experiment.stages)
        change(changes)
        self.edit("schedule", dataclasses.replace(self.controller.experiment, stages=stages_of(changes)))

    def show_experiment(self, experiment: Experiment) -> None:
        changes = changes_of(experiment.stages)
        refines = tuple(entry("shapes", experiment.shape.kind)["refines"])
        while len(self.changes) < len(changes):
            row = ChangeRow(self, len(self.changes))
            self._body.addWidget(row)
            self.changes.append(row)
        while len(self.changes) > len(changes):
            row = self.changes.pop()
            self._body.removeWidget(row)
            row.hide()
            row.deleteLater()
        for row, change in zip(self.changes, changes):
            row.show_change(change, refines)
        self.none.setVisible(not changes)


class ScheduleSection(PanelSection):
    def __init__(self, controller: Controller) -> None:
        self.add = mini("plus", "Add a change at a step")
        tip = "What changes as the fit goes on: finer shapes, larger images, another rate"
        super().__init__(controller, "Schedule", tip, tools=(self.add,), make=SchedulePart)
        self.add.clicked.connect(self._add)

    def _add(self) -> None:
        self.set_folded(False)
        part = self.ensure_part()
        assert isinstance(part, SchedulePart)
        part.edit_changes(lambda changes: changes.append(next_change(self.controller.experiment)))

    def show_experiment(self, experiment: Experiment) -> None:
        count = len(experiment.stages)
        self.set_summary(f"{count} stage{'s' if count != 1 else ''}" if count else "", "")
        self.show_part(experiment)
