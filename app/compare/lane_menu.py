"""What a run's "more" offers in Compare: another method, shape, optimizer, setting or rate; copies, repeats, removal.

Convention: an entry that is not possible stays in the menu and says why.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QFileDialog, QMenu, QWidget

from core.catalog import entries, entry
from core.comparison.lanes import has_own_shape, lane_experiment
from core.experiment import Experiment, LaneSpec, MethodSpec, OptimizerSpec
from core.experiments.fitting import method_reason
from core.experiments.rules import MOST_LANES
from core.io.file_kinds import file_kind
from core.io.suffixes import GRID_SUFFIXES, MESH_SUFFIXES

AS_KINDS = {"mesh": ("sdf-grid", "metaballs"), "sdf-grid": ()}
"""As which other kinds a shape's own file can be taken."""

MOST_RATE = 100.0
Take = Callable[[tuple[LaneSpec, ...]], None]


class LaneMenu(QMenu):
    """lane: the run's number, -1 for the card of what all share. take: hears of the new lanes. left: leave Compare."""

    left = pyqtSignal()

    def __init__(self, parent: QWidget, experiment: Experiment, lane: int, take: Take) -> None:
        super().__init__(parent)
        self.setToolTipsVisible(True)
        self._experiment, self._lanes, self._take = experiment, experiment.lanes, take
        self._full = f"At most {MOST_LANES} runs are compared" if len(experiment.lanes) >= MOST_LANES else ""
        if lane < 0:
            self._shared()
        else:
            self._own(lane)

    # ------------------------------------------------------------------------------------------ the two menus

    def _shared(self) -> None:
        add = lambda lane: self._take((*self._lanes, lane))
        self._methods("Add a run", LaneSpec(), lambda name: add(LaneSpec(name)), self._full)
        self._shapes("Add a shape", LaneSpec(), add, self._full)
        self._add(self, "Leave Compare", "Back to the experiment's own method alone", self.left.emit)

    def _own(self, index: int) -> None:
        lanes, own = self._lanes, self._lanes[index]
        put = lambda lane: self._take((*lanes[:index], lane, *lanes[index + 1 :]))
        add = lambda lane: self._take((*lanes, lane))
        fresh = lambda name: put(replace(own, method=name, settings={}, title=""))
        self._methods("Method", own, fresh, "")
        self._shapes("Shape", own, put, "")
        self._optimizers(own, put)
        runs = lane_experiment(self._experiment, own)
        by_method = lambda **value: put(replace(own, settings={**own.settings, **value}))
        by_optimizer = lambda **value: put(replace(own, optimizer_settings={**own.optimizer_settings, **value}))
        self._settings("Settings", "methods", runs.method, by_method)
        self._settings("Optimizer's settings", "optimizers", runs.optimizer, by_optimizer)
        rate = own.learning_rate or self._experiment.optimizer.learning_rate
        for text, factor in (("Half the learning rate", 0.5), ("Twice the learning rate", 2.0)):
            changed = replace(own, learning_rate=min(factor * rate, MOST_RATE))
            self._add(self, f"{text} ({factor * rate:.3g})", "Of this run alone", lambda changed=changed: put(changed))
        self.addSeparator()
        self._add(self, "Add a copy", "The same once more, to change", lambda: add(replace(own, title="")), self._full)
        again = max(lane.repeat for lane in lanes) + 1
        tip = "The same with another seed, from a start a thousandth away: their difference is the noise"
        self._add(self, "Add a repeat", tip, lambda: add(replace(own, repeat=again, title="")), self._full)
        fewest = "Two runs are the fewest that can be compared" if len(lanes) <= 2 else ""
        self._add(self, "Remove this run", "", lambda: self._take(lanes[:index] + lanes[index + 1 :]), fewest)

    # ------------------------------------------------------------------------------------------ their parts

    def _methods(self, title: str, lane: LaneSpec, choose: Callable[[str], None], full: str) -> None:
        menu = self._sub(title)
        kind = lane_experiment(self._experiment, lane).shape.kind
        for method in entries("methods"):
            reason = full or method_reason(method["name"], kind)
            self._add(menu, method["title"], method["summary"], lambda n=method["name"]: choose(n), reason)

    def _shapes(self, title: str, lane: LaneSpec, choose: Callable[[LaneSpec], None], full: str) -> None:
        """The experiment's shape, the same as another kind, the bundled ones, a file."""
        menu, shape = self._sub(title), self._experiment.shape

        def put(kind: str, file: str | None = None, primitive: str | None = None) -> None:
            fits = not lane.method or not method_reason(lane.method, kind or shape.kind)
            kept = lane if fits else replace(lane, method="", settings={})
            choose(replace(kept, shape_kind=kind, file=file, primitive=primitive, title=""))

        here = "" if has_own_shape(lane) else "It is the experiment's shape"
        self._add(menu, "The experiment's shape", "", lambda: put(""), full or here)
        for kind in AS_KINDS.get(shape.kind, ()):
            words = f"The same as {entry('shapes', kind)['title'].lower()}"
            self._add(menu, words, "Converted from the same file", lambda kind=kind: put(kind), full)
        self._add(menu, "Open…", "A mesh or a grid", lambda: self._choose_file(put), full)
        menu.addSeparator()
        for bundled in entries("primitives"):
            chosen = lambda e=bundled: put(e["kind"], None, e["name"])
            self._add(menu, bundled["title"], f"Bundled: {bundled['kind']}", chosen, full)

    def _choose_file(self, put: Callable[[str, str | None], None]) -> None:
        known = " ".join(f"*{suffix}" for suffix in (*MESH_SUFFIXES, *GRID_SUFFIXES))
        folder = str(Path(self._experiment.shape.file or os.path.expanduser("~/any")).parent)
        file, _ = QFileDialog.getOpenFileName(self.parentWidget(), "A shape to compare", folder, f"Shapes ({known})")
        if file:
            put(file_kind(file), file)

    def _optimizers(self, own: LaneSpec, put: Callable[[LaneSpec], None]) -> None:
        menu, now = self._sub("Optimizer"), own.optimizer or self._experiment.optimizer.name
        for found in entries("optimizers"):
            reason = "It is this run's optimizer" if found["name"] == now else ""
            name = "" if found["name"] == self._experiment.optimizer.name else found["name"]
            changed = replace(own, optimizer=name, optimizer_settings={})
            self._add(menu, found["title"], found["help"], lambda changed=changed: put(changed), reason)

    def _settings(self, title: str, kind: str, spec: MethodSpec | OptimizerSpec, choose: Callable[..., None]) -> None:
        """Every setting of the run's method or optimizer with the values beside the present one. kind: of the catalog."""
        menu = self._sub(title)
        for setting in entry(kind, spec.name)["settings"]:
            name, now = setting["name"], spec.settings.get(setting["name"], setting["default"])
            values = QMenu(f"{setting['title'].capitalize()}: {_word(now)} {setting['unit']}".strip(), menu)
            menu.addMenu(values)
            for value in _beside(setting, now):
                self._add(values, _word(value), setting["help"], lambda n=name, v=value: choose(**{n: v}))
        if menu.isEmpty():
            self._add(menu, "None", "", lambda: None, f"{entry(kind, spec.name)['title']} has no settings")

    def _sub(self, title: str) -> QMenu:
        menu = QMenu(title, self)
        menu.setToolTipsVisible(True)
        self.addMenu(menu)
        return menu

    def _add(self, menu: QMenu, text: str, tip: str, do: Callable[[], object], reason: str = "") -> QAction:
        action = QAction(text, menu)
        action.setEnabled(not reason)
        action.setToolTip(reason or tip or text)
        action.triggered.connect(lambda: do())
        menu.addAction(action)
        return action


def _beside(setting: Mapping[str, Any], now: Any) -> list[Any]:
    """Other values of a setting: all of few, otherwise half, twice and the limits' neighbours of the present one."""
    if setting["kind"] == "flag":
        return [not now]
    if setting["choices"]:
        return [choice for choice in setting["choices"] if choice != now]
    low = setting["low"] if setting["low"] is not None else -math.inf
    high = setting["high"] if setting["high"] is not None else math.inf
    whole = setting["kind"] != "continuous"
    tried = [now - 1, now + 1, 2 * now] if whole else [0.25 * now, 0.5 * now, 2.0 * now, 4.0 * now]
    return sorted({value for value in tried if low <= value <= high and value != now})


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
