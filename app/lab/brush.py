"""A hand on a grid's surface: a click chooses the nodes around a place, a drag raises or lowers the surface there.

Convention: the surface is made anew at every step, so that the place is remembered as a point, not as a vertex's number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PyQt6.QtCore import QObject

from app.controller import Controller
from app.viewport import Viewport
from app.viewport.geometry import vertex_normals
from core.derivatives.brush import PREFIX, brush_at


class Brush(QObject):
    """Says to the controller what to derive by, and how far to raise the surface there, in object-space units."""

    def __init__(self, controller: Controller, viewport: Viewport) -> None:
        super().__init__(viewport)
        self._controller, self._viewport = controller, viewport
        self.theta = ""
        self._place = np.zeros(3)
        """On the surface, where the brush is."""
        self._normal = np.zeros(3)
        self._begun: np.ndarray | None = None
        """Where the surface was when the drag began, and how much of it is done."""
        self._done = 0.0
        if viewport.scene is not None:  # without OpenGL there is nothing to brush
            viewport.navigator.dropped.connect(self._drop)

    @property
    def lattice(self) -> Mapping[str, Any] | None:
        """Of the grid as it is now (stages refine it), None where the shape is none."""
        loaded = self._controller.loaded
        return loaded.shape_facts.get("lattice") if loaded is not None else None

    def pick(self, index: int) -> None:
        """A vertex of the surface was clicked."""
        scene = self._viewport.scene
        lattice = self.lattice
        if scene is None or lattice is None:
            return
        self._place = np.asarray(scene.surface.vertices[index], float)
        self._normal = np.asarray(vertex_normals(scene.surface.vertices, scene.surface.faces)[index], float)
        self.theta = brush_at(self._place, lattice)
        self._controller.choose_theta(self.theta)
        self._controller.set_derive(True)

    def vertex(self, theta: str) -> int | None:
        """The vertex of the present surface that stands for `theta`; None where that is not this brush."""
        scene = self._viewport.scene
        if theta != self.theta or not theta.startswith(PREFIX) or scene is None or not len(scene.surface.vertices):
            return None
        return int(np.argmin(((scene.surface.vertices - self._place) ** 2).sum(axis=1)))

    def drag(self, place: tuple[float, float, float]) -> None:
        """The pointer is at `place`: what of its way lies along the normal is how far the surface goes."""
        if self._begun is None:
            self._begun, self._done = self._place.copy(), 0.0
        wanted = float((np.asarray(place) - self._begun) @ self._normal)
        amount = wanted - self._done
        self._controller.move("move of the surface", f"along.{self.theta}", -amount, amount)
        self._done = wanted
        self._place = self._begun + wanted * self._normal

    def _drop(self) -> None:
        self._begun = None
