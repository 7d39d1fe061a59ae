"""The slice through the field at work: what is asked for while its panel is open, and the plane in the 3D view.

Convention: one question at a time; the next goes out when the picture on screen has changed, at most every AGAIN_MS while
a fit runs. Nothing is asked, and nothing is cut, while the panel is closed or a stored step is on screen.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PyQt6.QtCore import QObject, QTimer
from PyQt6.QtGui import QAction

from app.controller import Controller
from app.lab.actions import LabActions
from app.lab.field_panel import FieldPanel
from app.viewport import Viewport
from app.viewport.field_plane import Slice
from app.widgets import current_theme
from core.derivatives.questions import SLICED_SHAPES, Drop, FieldSlice, FieldSliced
from core.protocol import Snapshot

AGAIN_MS = 250
"""Between two slices while a fit runs."""
NO_FIELD = "The shape is no distance field"
STORED = "Slices are of the newest step; this one is stored."


class FieldSlices(QObject):
    """`sliced`: the newest answer."""

    def __init__(
        self, controller: Controller, viewport: Viewport, actions: LabActions, place: Callable[[], None]
    ) -> None:
        """place: puts the panels over the viewport where they belong."""
        super().__init__(viewport)
        self._controller, self._viewport, self._place = controller, viewport, place
        self.action: QAction = actions.slice
        self.panel = FieldPanel(viewport)
        self.sliced: FieldSliced | None = None
        self._asked: FieldSlice | None = None
        self._seen: tuple[int, np.ndarray | None] | None = None
        """Iteration and vertices of the picture that was last asked for: a hand moves the second alone."""
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(AGAIN_MS)
        self._again.timeout.connect(self.refresh)
        self.action.toggled.connect(self._on_toggled)
        self.panel.closed.connect(lambda: self.action.setChecked(False))
        self.panel.changed.connect(self.ask)
        self.panel.cut_changed.connect(self._draw)

    @property
    def reason(self) -> str:
        """Why there can be no slice now, or ""."""
        if self._viewport.scene is None:
            return "The 3D view is off"
        return "" if self._controller.experiment.shape.kind in SLICED_SHAPES else NO_FIELD

    @property
    def _of_grid(self) -> bool:
        return self._controller.experiment.shape.kind == "sdf-grid"

    def show(self, axis: int, share: float, gradient: bool) -> None:
        """Open the panel on this slice."""
        self.panel.shows.set_index(int(gradient and self._of_grid))
        self.panel.axis.set_index(axis)
        self.panel.place.setValue(round(share * self.panel.place.maximum()))
        self.action.setChecked(True)
        self.ask()

    def forget(self) -> None:
        """Another problem, or another stage: what is drawn is of the one before."""
        self.sliced = self._asked = self._seen = None
        if self.reason and self.action.isChecked():
            self.action.setChecked(False)
        self._draw()
        self.ask()

    def _on_toggled(self, on: bool) -> None:
        self.panel.setVisible(on)
        if on:
            self.ask()
        else:
            self._again.stop()
            self._controller.ask(Drop("FieldSlice"))
            self.sliced = self._asked = None
        self._draw()
        self._place()

    def ask(self) -> None:
        """Ask for the slice that the panel says."""
        self.panel.offer_gradient(self._of_grid)
        shown = self._controller.shown
        if not self.action.isChecked() or self.reason or shown is None or self._controller.replaying:
            return
        panel = self.panel
        dark = current_theme().dark
        self._asked = FieldSlice(panel.axis.index(), panel.share, panel.shows.index() == 1, dark)
        self._seen = (shown.iteration, shown.arrays.get("vertices"))
        self._controller.ask(self._asked)
        self._again.start()

    def refresh(self) -> None:
        """Another picture is on screen, or the time for another slice has come."""
        shown = self._controller.shown
        if not self.action.isChecked() or shown is None:
            return
        if self._controller.replaying:
            if self.sliced is not None:
                self.sliced = self._seen = None
                self.panel.show_note(STORED)
                self._draw()
            return
        waits = self._asked is not None and (self.sliced is None or self.sliced.question is not self._asked)
        if not (waits or self._again.isActive() or self._same(shown)):
            self.ask()

    def _same(self, shown: Snapshot) -> bool:
        """Whether the picture on screen is the one that was last asked for."""
        if self._seen is None or self._seen[0] != shown.iteration:
            return False
        now, then = shown.arrays.get("vertices"), self._seen[1]
        return now is then or (now is not None and then is not None and np.array_equal(now, then))

    def show_sliced(self, sliced: FieldSliced) -> None:
        """An answer; of another question than the last it is dropped."""
        if sliced.question != self._asked or not self.action.isChecked():
            return
        self.sliced, self._asked = sliced, sliced.question
        self.panel.show_sliced(sliced)
        self._draw()
        self._place()

    def give_up(self, question: FieldSlice) -> None:
        if question == self._asked:
            self._asked = None

    def _draw(self) -> None:
        scene, sliced = self._viewport.scene, self.sliced
        if scene is None:
            return
        shown = None
        if sliced is not None and sliced.picture is not None:
            corners = np.array(sliced.low), np.array(sliced.high)
            shown = Slice(sliced.picture, sliced.question.axis, *corners, self.panel.cut.isChecked())
        scene.plane.show(shown)
        self._viewport.redraw()
