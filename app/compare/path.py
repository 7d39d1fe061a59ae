"""Where the runs go: the paths of two pose numbers against each other, one curve a run from the common start.

Convention: the two that moved most, measured in radii and radians, are drawn, in the units they are shown in elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PyQt6.QtWidgets import QFrame, QWidget

from app.theme import HINT, REGULAR, Theme
from app.widgets import Head, Themed, current_theme, label, vbox
from core.comparison.lanes import of_lane

if TYPE_CHECKING:
    from app.lab.chart import Chart

COORDINATES = tuple((f"pose.{part}", axis) for part in ("translation", "rotation") for axis in range(3))
"""What a path is made of: (parameter, component)."""
TITLES = ("x", "y", "z", "turn x", "turn y", "turn z")
SCALES = np.array([1.0, 1.0, 1.0, np.pi / 180, np.pi / 180, np.pi / 180])
"""Radii, and radians a displayed degree: how motions and turns are weighed against each other."""
LEAST = 1e-4
"""Radii or radians: what moved less did not move."""


MOST = 4000
"""Points a run: beyond, every second one is forgotten."""


class Paths:
    """The data: a point a step and run, [lane][iteration] = six displayed numbers."""

    def __init__(self, lanes: int) -> None:
        self.points: list[dict[int, np.ndarray]] = [{} for _ in range(lanes)]

    def add(self, iteration: int, values: Mapping[str, Any]) -> None:
        """One snapshot: the start, and what steps did not tell. An earlier one than the last is a stored step that is
        looked at again, and adds nothing."""
        for lane, points in enumerate(self.points):
            place = self._place(values, lane)
            if place is not None and (set(points) <= {0} or iteration > max(points)):
                points[iteration] = place

    def add_step(self, lane: int, iteration: int, places: Sequence[Sequence[float]]) -> None:
        """Where a step began, which a hand may have moved since the last one, and where it led (core/protocol.Scalars)."""
        points = self.points[lane]
        for at, place in zip((iteration - 1, iteration), places):
            if len(place) == len(COORDINATES):  # a shape without a pose has none
                points[at] = np.asarray(place, float)
        if len(points) > MOST:
            self.points[lane] = {i: points[i] for i in sorted(points)[::2]}

    @staticmethod
    def _place(values: Mapping[str, Any], lane: int) -> np.ndarray | None:
        found = [values.get(of_lane(name, lane)) for name in ("pose.translation", "pose.rotation")]
        if any(value is None for value in found):
            return None
        return np.concatenate([np.asarray(value, float) for value in found])

    def axes(self) -> tuple[int, int] | None:
        """Which two of the six moved most, None where fewer than two did."""
        travelled = np.zeros(6)
        for points in self.points:
            if points:
                travelled = np.maximum(travelled, np.ptp(np.stack(list(points.values())), axis=0) * SCALES)
        order = np.argsort(-travelled, kind="stable")[:2]
        return None if travelled[order[1]] < LEAST else (int(order.min()), int(order.max()))

    def curve(self, lane: int, axes: tuple[int, int]) -> np.ndarray:
        """(points, 2)."""
        points = self.points[lane]
        return np.array([points[i][list(axes)] for i in sorted(points)]).reshape(-1, 2)

    def at(self, lane: int, iteration: int, axes: tuple[int, int]) -> np.ndarray | None:
        """Where a run was at a step."""
        points = self.points[lane]
        last = max((i for i in points if i <= iteration), default=None)
        return None if last is None else points[last][list(axes)]


def axis_of(theta: str) -> int | None:
    """Which of the six numbers a parameter's name means."""
    name, _, component = theta.rpartition(".")
    known = [(n, "xyz"[axis]) for n, axis in COORDINATES]
    return known.index((name, component)) if (name, component) in known else None


def draw_paths(chart: Chart, paths: Paths, axes: tuple[int, int], tokens: Sequence[str], shown: int | None) -> None:
    """A curve a run, a dot each where it was at the step shown, a cross where they start. tokens: their colours."""
    theme = current_theme()
    curves = [paths.curve(lane, axes) for lane in range(len(paths.points))]
    for curve, token in zip(curves, tokens):
        if len(curve):
            chart.curve(curve[:, 0], curve[:, 1], theme.run_colour(token), width=1.75, edged=True)
    for lane, token in enumerate(tokens):
        place = paths.at(lane, shown, axes) if shown is not None else None
        if place is not None:
            chart.dot(float(place[0]), float(place[1]), theme.run_colour(token), 8.0)
    start = next((curve[0] for curve in curves if len(curve)), None)
    if start is not None:
        chart.cross(float(start[0]), float(start[1]), theme.text)


class PathCard(QFrame, Themed):
    """The card beside the curves."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("card")
        self.note = label("", HINT, REGULAR, "text2")
        self.empty = label("Run the fit: where each run goes is drawn here.", HINT, REGULAR, "text2")
        self.empty.setWordWrap(True)
        self._place = QWidget()
        self._place.setLayout(vbox(self.empty, margins=(12, 0, 10, 4)))
        self.setLayout(vbox(Head("Path", left=(self.note,)), self._place))
        self.layout().setStretch(1, 1)  # type: ignore[union-attr]
        self.setToolTip(
            "Two numbers of the pose against each other; the cross is the start, the dots are the step shown"
        )
        self.chart: Chart | None = None

    def set_theme(self, theme: Theme) -> None:
        if self.chart is not None:
            self.chart.set_theme(theme)

    def draw(self, paths: Paths, tokens: Sequence[str], shown: int | None) -> None:
        """tokens: a run's colour each."""
        axes = paths.axes()
        self.empty.setVisible(axes is None)
        if self.chart is not None:
            self.chart.setVisible(axes is not None)
        self.note.setText("" if axes is None else f"{TITLES[axes[0]]}, {TITLES[axes[1]]}{'°' if axes[1] > 2 else ''}")
        if axes is None:
            return
        chart = self._ensure_chart()
        chart.clear_all()
        curves = [paths.curve(lane, axes) for lane in range(len(paths.points))]
        there = np.concatenate([curve for curve in curves if len(curve)])
        low, high = there.min(axis=0), there.max(axis=0)
        chart.frame((low[0], high[0]), (low[1], high[1]), margin=0.12)
        draw_paths(chart, paths, axes, tokens, shown)

    def _ensure_chart(self) -> Chart:
        if self.chart is None:
            from app.lab.chart import Chart

            self.chart = Chart()
            self.chart.left.setWidth(36)
            self._place.layout().addWidget(self.chart)  # type: ignore[union-attr]
        return self.chart
