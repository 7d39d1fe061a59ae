"""Compare switched on and off: the window's middle shows the runs beside each other, its panels step aside.

Convention: what is compared are the experiment's lanes; changing them is an edit like any other, and undone like one.
"""

from __future__ import annotations

from dataclasses import replace

from PyQt6.QtCore import QObject, QPoint
from PyQt6.QtWidgets import QFileDialog, QMenu, QStackedWidget, QWidget

from app.compare.view import CompareView
from app.controller import Controller
from app.docks import Docks
from app.experiment_panel.adapt import method_reason
from core.catalog import entries
from core.comparison.lanes import MOST_LANES, usual_lanes
from core.experiment import LaneSpec
from core.protocol import Loaded


class CompareMode(QObject):
    """Owns the view and listens to the controller. `stack` is the window's middle: the viewport, then the view."""

    def __init__(self, window: QWidget, controller: Controller, viewport: QWidget) -> None:
        super().__init__(window)
        self._controller = controller
        self.docks: Docks | None = None
        self.view = CompareView()
        self.stack = QStackedWidget()
        self.stack.addWidget(viewport)
        self.stack.addWidget(self.view)
        c = controller
        c.loaded_changed.connect(self._on_loaded)
        c.stepped.connect(lambda batch: self.on and self.view.add_steps(batch))
        c.snapshot_shown.connect(lambda snapshot: self.on and self.view.show_snapshot(snapshot))
        c.agreement_changed.connect(lambda agreement: self.on and self.view.set_agreement(agreement))
        c.frames_changed.connect(self._on_frames)
        self.view.menu_wanted.connect(self._show_menu)
        self.view.table.export.clicked.connect(self.export)

    @property
    def on(self) -> bool:
        return self.stack.currentWidget() is self.view

    def toggle(self, on: bool) -> None:
        """Compare the experiment's method with others, or go back to it alone."""
        c = self._controller
        if on == bool(c.experiment.lanes):
            return
        c.edit("compare", usual_lanes(c.experiment) if on else replace(c.experiment, lanes=()))
        c.settle()

    def _on_loaded(self, loaded: Loaded) -> None:
        lanes = bool(loaded.experiment.lanes)
        if lanes:
            self.view.set_loaded(loaded)
        if lanes != self.on:
            self.stack.setCurrentIndex(1 if lanes else 0)
            if self.docks is not None:
                self.docks.compare(lanes)

    def _on_frames(self) -> None:
        if not self.on:
            return
        shown = self._controller.shown
        self.view.set_shown(shown.iteration if shown else None)
        if shown is None:
            self.view.forget()
            self.view.refresh()

    # ------------------------------------------------------------------------------------------ lanes

    def _show_menu(self, lane: int, button: QWidget) -> None:
        menu = self.menu(lane)
        menu.exec(button.mapToGlobal(QPoint(0, button.height() + 2)))

    def menu(self, lane: int) -> QMenu:
        """What a card's "more" offers: another method, another rate, removal; for -1, the first card, a further run."""
        experiment = self._controller.experiment
        lanes, menu = experiment.lanes, QMenu(self.view)
        menu.setToolTipsVisible(True)
        full = f"At most {MOST_LANES} runs are compared" if len(lanes) >= MOST_LANES else ""
        if lane < 0:
            self._methods(menu.addMenu("Add a run"), lambda name: (*lanes, LaneSpec(name)), full)  # type: ignore[arg-type]
            leave = menu.addAction("Leave Compare")
            leave.triggered.connect(lambda: self.toggle(False))  # type: ignore[union-attr]
            return menu
        own = lanes[lane]
        put = lambda new: (*lanes[:lane], new, *lanes[lane + 1 :])
        self._methods(menu.addMenu("Method"), lambda name: put(LaneSpec(name)), "")  # type: ignore[arg-type]
        rate = own.learning_rate or experiment.optimizer.learning_rate
        for text, factor in (("Half the learning rate", 0.5), ("Twice the learning rate", 2.0)):
            action = menu.addAction(f"{text} ({factor * rate:.3g})")
            action.triggered.connect(  # type: ignore[union-attr]
                lambda _, factor=factor: self._take(put(replace(own, learning_rate=min(factor * rate, 100.0))))
            )
        double = menu.addAction("Add a copy")
        double.triggered.connect(lambda: self._take((*lanes, replace(own, title=""))))  # type: ignore[union-attr]
        self._explain(double, full)
        remove = menu.addAction("Remove this run")
        remove.triggered.connect(lambda: self._take(lanes[:lane] + lanes[lane + 1 :]))  # type: ignore[union-attr]
        self._explain(remove, "Two runs are the fewest that can be compared" if len(lanes) <= 2 else "")
        return menu

    def _methods(self, menu: QMenu, lanes, full: str) -> None:  # type: ignore[no-untyped-def]
        menu.setToolTipsVisible(True)
        for method in entries("methods"):
            action = menu.addAction(method["title"])
            reason = full or method_reason(method["name"], self._controller.experiment.shape.kind)
            self._explain(action, reason or method["summary"], not reason)
            action.triggered.connect(lambda _, n=method["name"]: self._take(lanes(n)))  # type: ignore[union-attr]

    def _explain(self, action, text: str, enabled: bool | None = None) -> None:  # type: ignore[no-untyped-def]
        action.setEnabled(not text if enabled is None else enabled)
        action.setToolTip(text or action.text())

    def _take(self, lanes: tuple[LaneSpec, ...]) -> None:
        c = self._controller
        c.edit("compare", replace(c.experiment, lanes=lanes))
        c.settle()

    def export(self) -> None:
        """Table, curves and pictures into a folder."""
        folder = QFileDialog.getExistingDirectory(self.view, "Export the comparison into a folder")
        if folder:
            self._controller.export("compare", folder)
