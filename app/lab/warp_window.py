"""Looking into the warp: a picture of what it does with every pixel, and the weights along one of their rays.

Bangaru et al. 2022, Fig. 5: the weights of the tracing points gather where the ray passes a surface, and the largest of
them are kept. Pictures have row 0 at the top; a click in one chooses the pixel whose ray is drawn.
"""

from __future__ import annotations

import math

import numpy as np
from PyQt6.QtWidgets import QWidget

from app import numbers
from app.controller import Controller
from app.controls.fields import QuietCombo
from app.lab.chart import Chart
from app.lab.tool_window import ToolWindow
from app.theme import HINT, REGULAR, Theme
from app.widgets import Dot, current_theme, frame, hbox, hint, label
from core.derivatives.questions import WarpLook, WarpLooked
from core.protocol import Loaded

MOTION, KEPT, TRACED, NEAR = "motion of the samples", "points kept", "points traced", "warped pixels"
LEAST = 1e-6
"""Weights below are drawn here: the axis is logarithmic."""
ARROWS = 18
"""Along the longer side of the picture."""


class WarpWindow(ToolWindow):
    """Opened from the Inspect menu; follows the pinned pixel and the panes' theta."""

    def __init__(self, parent: QWidget, controller: Controller) -> None:
        super().__init__(parent, controller, "The warp", (940, 520))
        self.looked: WarpLooked | None = None
        self.pixel: tuple[int, int] | None = None
        self.kind = QuietCombo()
        self.kind.addItems([KEPT, TRACED, NEAR, MOTION])
        self.kind.setMinimumWidth(170)
        self.kind.setToolTip("What the picture shows of every pixel's ray")
        self.kind.activated.connect(lambda _: self._draw())
        self.place = label("", HINT, REGULAR, "text2")
        self.map, self.chart = Chart(), Chart(log_y=True)
        self.map.setToolTip("Click a pixel to see its ray")
        self.chart.setToolTip("Each tracing point's weight over its depth along the ray")
        self.map.clicked.connect(self._on_clicked)
        self._all, self._chosen, self._distance = Dot(""), Dot(controller.experiment.method.name), Dot("warn")
        legend = (
            self.place, None,
            self._all, label("all points (eq. 12)", HINT, REGULAR, "text2"), 8,
            self._chosen, label("the k kept (eq. 14)", HINT, REGULAR, "text2"), 8,
            self._distance, label("|distance| - -", HINT, REGULAR, "text2"),
        )  # fmt: skip
        body = frame(hbox(self.map, self.chart, gap=4))
        self.build((hint("picture"), self.kind), body, frame(hbox(*legend, margins=(14, 2, 14, 0), gap=5)))
        self._draw()

    def set_loaded(self, loaded: Loaded) -> None:
        super().set_loaded(loaded)
        self.looked = None
        self._draw()

    def look_at(self, pixel: tuple[int, int] | None) -> None:
        """Ask for this pixel's ray; the picture's middle where none is pinned."""
        shown = self.controller.shown
        if shown is None or self.controller.experiment.method.name != "warp":
            return
        height, width = shown.arrays["render"].shape[:2]
        self.pixel = pixel or self.pixel or (width // 2, height // 2)
        self.compute()

    def compute(self) -> None:
        shown = self.controller.shown
        if shown is not None and self.pixel is not None:
            self.ask(WarpLook(shown.view, self.pixel, self.controller.theta))

    def show_looked(self, looked: WarpLooked) -> None:
        if looked.question == self.question:
            self.looked = looked
            self.set_busy(False)
            self._draw()

    def _on_clicked(self, x: float, y: float) -> None:
        if self.looked is not None:
            height, width = self.looked.kept.shape
            row = height - 1 - round(y)
            self.look_at((min(max(round(x), 0), width - 1), min(max(row, 0), height - 1)))

    # ------------------------------------------------------------------------------------------ what is drawn

    def _draw(self) -> None:
        self.map.clear_all()
        self.chart.clear_all()
        looked, theme = self.looked, current_theme()
        if looked is None:
            self.place.setText("")
            self.facts.setText("Click a pixel: how the warp weighs the points its ray was traced by.")
            return
        self._draw_map(looked, theme)
        self._draw_ray(looked, theme)
        x, y = looked.question.pixel
        self.place.setText(f"pixel {x}, {y}")
        self.facts.setText(self._words(looked))

    def _draw_map(self, looked: WarpLooked, theme: Theme) -> None:
        kind = self.kind.currentText()
        height, width = looked.kept.shape
        motion = np.zeros((height, width, 2)) if looked.motion is None else looked.motion
        planes = {KEPT: looked.kept, TRACED: looked.traced, NEAR: looked.near}
        plane = np.asarray(planes[kind] if kind in planes else np.hypot(motion[..., 0], motion[..., 1]), float)
        share = plane / max(float(plane.max()), 1e-30)
        upright = theme.sequential_lut()[np.rint(255 * share).astype(int)][::-1].transpose(1, 0, 2)
        x, y = (0.0, width - 1.0), (0.0, height - 1.0)
        self.map.left.from_top = y[1]  # row 0 is at the top, as in the panes
        self.map.frame(x, y, margin=0.0)
        self.map.picture(upright, x, y)
        if kind == MOTION:
            self._draw_arrows(motion, theme)
        column, row = looked.question.pixel
        self.map.cross(column, height - 1 - row, theme.accent)

    def _draw_arrows(self, motion: np.ndarray, theme: Theme) -> None:
        """Where samples go: short strokes from a dot."""
        height, width = motion.shape[:2]
        step = max(max(height, width) // ARROWS, 3)
        longest = max(float(np.hypot(motion[..., 0], motion[..., 1]).max()), 1e-30)
        for row in range(step // 2, height, step):
            for column in range(step // 2, width, step):
                dx, dy = 0.9 * step * motion[row, column] / longest
                if math.hypot(dx, dy) > 0.05 * step:
                    up = height - 1 - row
                    self.map.curve([column, column + dx], [up, up - dy], theme.text, width=1.75)
                    self.map.dot(column, up, theme.text, 4.0)

    def _draw_ray(self, looked: WarpLooked, theme: Theme) -> None:
        chart, depth = self.chart, np.asarray(looked.depth, float)
        logs = lambda values: np.log10(np.maximum(np.abs(np.asarray(values, float)), LEAST))
        ends = (float(depth.min()), float(depth.max())) if len(depth) else (0.0, 1.0)
        chart.frame(ends if ends[1] > ends[0] else (ends[0], ends[0] + 1.0), (math.log10(LEAST), 0.5))
        if len(depth) == 0:
            return
        chart.curve(depth, logs(looked.distance), theme.warn, width=1.5, dashed=True)
        chart.curve(depth, logs(looked.weight), theme.text2, width=1.5, dots=True)
        kept = np.asarray(looked.chosen) > 0
        for place, weight in zip(depth[kept], logs(looked.chosen)[kept]):
            chart.dot(float(place), float(weight), theme.run_colour("warp"))

    def _words(self, looked: WarpLooked) -> str:
        if len(looked.depth) == 0:
            return f"it {looked.iteration}: this ray misses the field's box."
        kept = int((looked.chosen > 0).sum())
        heaviest = int(np.argmax(looked.weight))
        text = f"it {looked.iteration}: {len(looked.depth)} points traced, {kept} kept; the heaviest at depth "
        text += (
            f"{numbers.number(float(looked.depth[heaviest]))}, {numbers.number(abs(float(looked.distance[heaviest])))}"
        )
        text += " from the surface"
        column, row = looked.question.pixel
        if looked.motion is not None:
            moved = math.hypot(*(float(v) for v in looked.motion[row, column]))
            text += f"; samples move {numbers.number(moved)} px a unit of {looked.question.theta}"
        return text + ("." if looked.near[row, column] else ". Far from any outline: this pixel is not warped.")
