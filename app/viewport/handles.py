"""The control points of a spline surface over the 3D picture: a press near one takes hold of it, a drag moves it.

Positions are in object space; the points that are shown have their rings' radii applied, those that go out do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PyQt6.QtCore import QObject, QPointF, pyqtSignal

from app.viewport.marks import Marked, Marks
from app.viewport.picking import moved_in_plane

if TYPE_CHECKING:
    from app.viewport.viewport import Viewport
    from core.protocol import Snapshot

GRIP = 9.0
"""Pixels around a control point in which a press takes hold of it."""


class ControlHandles(QObject):
    """moved(index, [x, y, z]): a control point is dragged to there, object space, without its ring's radius."""

    moved = pyqtSignal(int, object)

    def __init__(self, viewport: Viewport) -> None:
        super().__init__(viewport)
        self._viewport = viewport
        self._marks = Marks(viewport)
        self._points, self._factors = np.zeros((0, 3)), np.zeros(0)
        self._held: tuple[int, np.ndarray] | None = None
        self._grab_before = viewport.navigator.grab
        viewport.navigator.grab = self._grab
        viewport.navigator.dragged.connect(self._drag)
        viewport.navigator.dropped.connect(self._drop)
        viewport.painted.connect(self._follow)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Take the control points of a snapshot; none where the shape has none."""
        self._points = np.asarray(snapshot.arrays.get("handles", np.zeros((0, 3))), float)
        self._factors = np.asarray(snapshot.arrays.get("handle_factors", np.zeros(0)), float)
        self._follow()

    def place(self, index: int) -> list[float]:
        """Where a control point stands, as `moved` has it."""
        return self._bare(index, self._points[index])

    def world(self) -> np.ndarray:
        """Where the control points stand, (n, 3)."""
        scene = self._viewport.scene
        model = np.eye(4) if scene is None else scene.surface.model
        return self._points @ model[:3, :3].T + model[:3, 3]

    def _follow(self) -> None:
        if self._viewport.scene is None or not (len(self._points) or self._marks.isVisible()):
            return
        self._marks.setGeometry(self._viewport.rect())
        self._marks.stackUnder(self._viewport.modes)
        world = self.world()
        count = len(world)
        # All are drawn alike: a control point lies off the surface, so none is hidden by it.
        marked = Marked(dots=world, dot_sizes=np.full(count, 0.2), dots_facing=np.ones(count, bool))
        self._marks.show_marked(marked, self._viewport.eye())

    def _size(self) -> tuple[float, float]:
        return max(self._viewport.width(), 1), max(self._viewport.height(), 1)

    def _grab(self, point: QPointF) -> bool:
        self._held = None
        if len(self._points):
            world = self.world()
            pixels, depth = self._viewport.eye().project(world, *self._size())
            away = np.hypot(pixels[:, 0] - point.x(), pixels[:, 1] - point.y())
            near = np.flatnonzero((away <= GRIP) & (depth > 0))
            if len(near):
                index = int(near[np.argmin(depth[near])])
                self._held = (index, world[index])
        return self._held is not None or self._grab_before(point)

    def _drag(self, point: QPointF) -> None:
        scene = self._viewport.scene
        if self._held is None or scene is None:
            return
        index, place = self._held
        place = moved_in_plane(place, self._viewport.eye(), (point.x(), point.y()), self._size())
        self._held = (index, place)
        model = scene.surface.model
        self.moved.emit(index, self._bare(index, np.linalg.solve(model[:3, :3], place - model[:3, 3])))

    def _bare(self, index: int, place: np.ndarray) -> list[float]:
        """Without its ring's radius."""
        x, y, z = place
        factor = self._factors[index]
        side = 1.0 / factor if abs(factor) > 1e-6 else 1.0
        return [float(x * side), float(y), float(z * side)]

    def _drop(self) -> None:
        self._held = None
