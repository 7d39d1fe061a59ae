"""Compare switched on and off: the window's middle shows the runs beside each other, its panels step aside.

Convention: what is compared are the experiment's lanes; changing them is an edit like any other, and undone like one.
"""

from __future__ import annotations

from dataclasses import replace

from PyQt6.QtCore import QObject, QPoint
from PyQt6.QtWidgets import QFileDialog, QMenu, QSizePolicy, QStackedWidget, QWidget

from app.compare.lane_menu import LaneMenu
from app.compare.view import CompareView
from app.controller import Controller
from app.docks import Docks
from core.comparison.lanes import usual_lanes
from core.experiment import LaneSpec
from core.protocol import Loaded


class CompareMode(QObject):
    """Owns the view and listens to the controller. `stack` is the window's middle: the viewport, then the view."""

    def __init__(self, window: QWidget, controller: Controller, viewport: QWidget) -> None:
        super().__init__(window)
        self._controller, self._viewport = controller, viewport
        self.docks: Docks | None = None
        self.view = CompareView(controller.turns.post)
        self.stack = QStackedWidget()
        self.stack.addWidget(viewport)
        self.stack.addWidget(self.view)
        self._turn_to(viewport)
        c = controller
        c.loaded_changed.connect(self._on_loaded)
        c.stepped.connect(lambda batch: self.on and self.view.add_steps(batch))
        c.snapshot_shown.connect(lambda _: c.turns.post("compare", self._show_snapshot, self.view))
        c.agreement_changed.connect(lambda agreement: self.on and self.view.set_agreement(agreement))
        c.frames_changed.connect(self._on_frames)
        self.view.menu_wanted.connect(self._show_menu)
        self.view.table.export.clicked.connect(self.export)

    @property
    def on(self) -> bool:
        return self.stack.currentWidget() is self.view

    def _turn_to(self, page: QWidget) -> None:
        """Show a page of the stack. The others ask for no room meanwhile: it would be taken from the docks."""
        for index in range(self.stack.count()):
            widget = self.stack.widget(index)
            assert widget is not None
            policy = QSizePolicy.Policy.Expanding if widget is page else QSizePolicy.Policy.Ignored
            widget.setSizePolicy(policy, policy)
        self.stack.setCurrentWidget(page)

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
            self._turn_to(self.view if lanes else self._viewport)
            if self.docks is not None:
                self.docks.compare(lanes)

    def _show_snapshot(self) -> None:
        if self.on and self._controller.shown is not None:
            self.view.show_snapshot(self._controller.shown, self._controller.plates)

    def _on_frames(self) -> None:
        if not self.on:
            return
        shown = self._controller.shown
        self.view.set_shown(shown.iteration if shown else None)
        if shown is None:
            self.view.forget()
            self.view.refresh()

    def _show_menu(self, lane: int, button: QWidget) -> None:
        self.menu(lane).exec(button.mapToGlobal(QPoint(0, button.height() + 2)))

    def menu(self, lane: int) -> QMenu:
        """What a card's "more" offers (app/compare/lane_menu.py); -1 is the first card."""
        menu = LaneMenu(self.view, self._controller.experiment, lane, self._take)
        menu.left.connect(lambda: self.toggle(False))
        return menu

    def _take(self, lanes: tuple[LaneSpec, ...]) -> None:
        c = self._controller
        c.edit("compare", replace(c.experiment, lanes=lanes))
        c.settle()

    def export(self) -> None:
        """Table, curves and pictures into a folder."""
        folder = QFileDialog.getExistingDirectory(self.view, "Export the comparison into a folder")
        if folder:
            self._controller.export("compare", folder)
