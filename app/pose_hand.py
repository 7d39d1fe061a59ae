"""Moving the object itself in the 3D view: Ctrl-drag shifts it in the plane of the screen, Ctrl-right-drag turns it.

What is dragged goes to the engine at once, and the overlap with the target is measured as it goes. Before the first
step the place that the hand leaves it at becomes the experiment's start.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from PyQt6.QtCore import QObject

from app.controller import Controller
from app.viewport.viewport import Viewport
from core.derivatives.questions import Measure, Measured
from core.experiment import PoseSpec
from core.experiments.fitting import within

DEGREES = 0.4
"""A pixel's turn, as when the eye orbits."""


class PoseHand(QObject):
    """Connects a viewport's gestures with the pose of the controller's shape."""

    def __init__(self, controller: Controller, viewport: Viewport) -> None:
        super().__init__(viewport)
        self._controller, self._viewport = controller, viewport
        self._held: tuple[np.ndarray, np.ndarray] | None = None
        """Rotation vector (degrees) and translation while a drag lasts: snapshots lag behind it."""
        self._begun = self._held
        """Where they were when it began."""
        navigator = viewport.navigator if viewport.scene is not None else None
        if navigator is not None:
            navigator.object_moved.connect(self._move)
            navigator.object_turned.connect(self._turn)
            navigator.object_dropped.connect(self._drop)
            viewport.handles.moved.connect(self._move_control_point)
        controller.answered.connect(self._on_answered)

    def _pose(self) -> tuple[np.ndarray, np.ndarray] | None:
        if self._held is not None:
            return self._held
        shown = self._controller.shown
        if shown is None or "pose.rotation" not in shown.values:
            return None
        return np.array(shown.values["pose.rotation"], float), np.array(shown.values["pose.translation"], float)

    def _move(self, dx: float, dy: float) -> None:
        pose = self._pose()
        if pose is None:
            return
        eye = self._viewport.eye()
        depth = max(float(-(eye.view[:3, :3] @ pose[1] + eye.view[:3, 3])[2]), 0.05)
        pixel = 2.0 * depth / (eye.projection[1, 1] * max(self._viewport.height(), 1))
        self._take(pose[0], pose[1] + eye.view[:3, :3].T @ np.array([dx * pixel, -dy * pixel, 0.0]))

    def _turn(self, dx: float, dy: float) -> None:
        pose = self._pose()
        if pose is None:
            return
        from scipy.spatial.transform import Rotation

        axes = self._viewport.eye().view[:3, :3]
        turn = Rotation.from_rotvec(np.radians(DEGREES) * (dy * axes[0] + dx * axes[1]))
        self._take((turn * Rotation.from_rotvec(pose[0], degrees=True)).as_rotvec(degrees=True), pose[1])

    def _move_control_point(self, index: int, place: list[float]) -> None:
        back, what = self._viewport.handles.place(index), f"move of control point {index}"
        self._controller.move(what, f"control_points.{index}", back, place)

    def _take(self, rotation: np.ndarray, translation: np.ndarray) -> None:
        before = self._held
        if before is None:
            self._begun = self._pose()
        self._held = (rotation, translation)
        for name, new, old in zip(("rotation", "translation"), self._held, before or (None, None)):
            if old is None or not np.array_equal(new, old):
                self._controller.set_value(f"pose.{name}", [float(v) for v in new])
        self._controller.ask(Measure())

    def _drop(self) -> None:
        held, self._held = self._held, None
        c, begun = self._controller, self._begun
        if held is None:
            return
        if c.last is not None or c.running:
            if begun is not None:
                names = ("pose.rotation", "pose.translation")
                changes = tuple((name, a.tolist(), b.tolist()) for name, a, b in zip(names, begun, held))
                c.note_moved("move of the object", changes)
                c.settle()
            return
        rotation, translation = (tuple(round(float(v), 5) for v in part) for part in held)
        start: PoseSpec = dataclasses.replace(c.experiment.shape.start, rotation=rotation, translation=translation)
        c.edit("start pose", within(c.experiment, "shape", start=start))
        c.settle()

    def _on_answered(self, answer: Any) -> None:
        if isinstance(answer, Measured) and not self._controller.running:
            self._viewport.set_metrics(answer.metrics)
