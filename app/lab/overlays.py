"""The panels over the 3D view at work: vertex gradients as arrows and a list, the mesh's health, the field's slice.

Convention: at most one of them is open; what they mark in the viewport goes when they close.
"""

from __future__ import annotations

import numpy as np
from PyQt6.QtCore import QObject, QPoint
from PyQt6.QtGui import QAction

from app.controller import Controller
from app.lab.actions import LabActions
from app.lab.field_slices import FieldSlices
from app.lab.panels import GradientPanel, HealthPanel
from app.viewport import Viewport
from app.widgets import follow
from core.derivatives.questions import Checked, Drop, MeshCheck

TOP = 44
"""Where the panels begin below the viewport's own buttons, px."""


class Overlays(QObject):
    """`checked`: the newest answer about the mesh."""

    def __init__(self, controller: Controller, viewport: Viewport, actions: LabActions) -> None:
        super().__init__(viewport)
        self._controller, self._viewport, self._actions = controller, viewport, actions
        self._hand = viewport.hand
        self.checked: Checked | None = None
        self.gradients, self.health = GradientPanel(viewport), HealthPanel(viewport)
        self.slices = FieldSlices(controller, viewport, actions, self._place)
        actions.gradients.toggled.connect(self._show_gradients)
        actions.health.toggled.connect(self._show_health)
        for action in self._exclusive:
            action.toggled.connect(lambda on, action=action: self._leave_alone(action) if on else None)
        self.gradients.closed.connect(lambda: actions.gradients.setChecked(False))
        self.gradients.arrows_wanted.connect(lambda _: self.refresh())
        self.gradients.count_changed.connect(lambda _: self.refresh())
        self.gradients.clip_changed.connect(self._on_clip)
        self.health.closed.connect(lambda: actions.health.setChecked(False))
        self.health.check_wanted.connect(self.check_mesh)
        self.health.mark_wanted.connect(self._mark_health)
        if self._hand is not None:
            tools = self._viewport.tools
            for button, action in zip((tools.gradients, tools.health, tools.slice), self._exclusive):
                follow(button, action)

    @property
    def _exclusive(self) -> tuple[QAction, ...]:
        return self._actions.gradients, self._actions.health, self._actions.slice

    def _leave_alone(self, opened: QAction) -> None:
        """Close the others: they would lie over each other."""
        for action in self._exclusive:
            if action is not opened:
                action.setChecked(False)

    def show_checked(self, checked: Checked) -> None:
        """An answer about the mesh."""
        self.checked = checked
        self.health.show_checked(checked)
        self._place()

    def forget(self) -> None:
        """Another problem: its mesh is checked anew where the panel is open."""
        self.checked = None
        if self._hand is not None:
            self._hand.set_edges(np.zeros((0, 2)))
        self.slices.forget()
        if self._actions.health.isChecked():
            self.check_mesh()

    def _show_gradients(self, on: bool) -> None:
        self.gradients.setVisible(on)
        if on:
            self._viewport.set_mode("gradient")
        self.refresh()
        self._place()

    def refresh(self) -> None:
        """Arrows, list and slice of the snapshot on screen."""
        self.slices.refresh()
        if self._hand is None:
            return
        shown = self._controller.shown
        arrays = {} if shown is None or not self._actions.gradients.isChecked() else shown.arrays
        vertices, vectors = arrays.get("arrow_vertices"), arrays.get("arrows")
        if vertices is None or vectors is None:
            vertices, vectors = np.zeros(0, int), np.zeros((0, 3))
        sizes = np.linalg.norm(vectors, axis=1)
        if self.gradients.isVisible():
            self.gradients.show_largest(vertices, sizes)
        count = int(self.gradients.count.value()) if self.gradients.arrows.isChecked() else 0
        clip = float(np.percentile(arrays["vertex_gradient"], self.gradients.percentile)) if len(sizes) else 1.0
        lengths = np.minimum(sizes / max(clip, 1e-30), 1.0) / np.maximum(sizes, 1e-30)
        # Against the gradient: where a step would go.
        self._hand.set_arrows(vertices[:count], -(vectors * lengths[:, None])[:count])

    def _on_clip(self, percentile: float, hold: bool) -> None:
        self._viewport.clip_gradient(percentile, hold)
        self.refresh()

    def _show_health(self, on: bool) -> None:
        self.health.setVisible(on)
        if on:
            self.check_mesh()
        else:
            self._controller.ask(Drop("MeshCheck"))
            self._mark_health("")
        self._place()

    def check_mesh(self) -> None:
        """Ask what is wrong with the current triangles."""
        self.checked = None
        self.health.show_checked(None)
        self._mark_health("")
        self._controller.ask(MeshCheck())

    def _mark_health(self, name: str) -> None:
        """Mark what one line counts: triangles by their edges, edges, or vertices by dots."""
        if self._hand is None:
            return
        marks = self.checked.marks.get(name) if self.checked is not None else None
        kind = self.checked.kinds.get(name, "") if self.checked is not None else ""
        edges, dots = np.zeros((0, 2), int), np.zeros(0, int)
        scene = self._viewport.scene
        if marks is not None and scene is not None:
            if kind == "face" and int(marks.max(initial=-1)) < len(scene.surface.faces):
                corners = scene.surface.faces[marks]
                edges = np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]])
            elif kind == "edge":
                edges = marks
            elif kind == "vertex":
                dots = marks
        self._hand.set_edges(edges)
        if kind == "vertex" or not name:
            self._hand.mark(dots, np.full(len(dots), 0.3), "error")

    def _place(self) -> None:
        for panel in (self.gradients, self.health, self.slices.panel):
            panel.adjustSize()
            panel.move(QPoint(8, TOP))
            panel.raise_()
