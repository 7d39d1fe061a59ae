"""The runs of a comparison over a landscape: where each of them goes on the loss that all of them see.

Convention: nothing is drawn, and no name stands in the legend, where one of the axes is no number of the pose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtWidgets import QWidget

from app.compare.path import axis_of, draw_paths
from app.theme import HINT, REGULAR
from app.widgets import Dot, Elided, clear, hbox
from core.comparison.lanes import lane_names
from core.derivatives.questions import Landscaped

if TYPE_CHECKING:
    from app.compare import CompareMode
    from app.lab.chart import Chart


class RunPaths(QWidget):
    """Also the legend: a name a run."""

    def __init__(self, chart: Chart, compare: CompareMode | None) -> None:
        """compare: whose runs are drawn; None for none."""
        super().__init__()
        self._chart, self._compare = chart, compare
        self._names: list[str] = []
        self._under = 0
        """Things of the chart that lie below the paths."""
        self.setLayout(hbox(gap=5))

    @property
    def racing(self) -> bool:
        """Whether there are runs to draw."""
        return self._compare is not None and self._compare.on

    def draw_over(self, found: Landscaped | None) -> None:
        """Draw the paths above all that the chart shows now."""
        self._under = self._chart.drawn
        self.draw_again(found)

    def draw_again(self, found: Landscaped | None) -> None:
        """The runs went on; what lies below them stays as it is."""
        self._chart.clear_all(self._under)
        axes = self._axes(found)
        view = self._compare.view if self._compare is not None and axes is not None else None
        self._write(lane_names(view.experiment) if view is not None else [], view.tokens if view is not None else [])
        if view is not None and axes is not None:
            draw_paths(self._chart, view.paths, axes, view.tokens, view.iteration)

    def _axes(self, found: Landscaped | None) -> tuple[int, int] | None:
        if found is None or not self.racing or len(found.question.axes) != 2:
            return None
        across, up = (axis_of(axis.theta) for axis in found.question.axes)
        return None if across is None or up is None else (across, up)

    def _write(self, names: list[str], tokens: list[str]) -> None:
        if names == self._names:
            return
        self._names = names
        row = self.layout()
        assert row is not None
        clear(row)
        for name, token in zip(names, tokens):
            row.addWidget(Dot(token))
            row.addWidget(Elided(name, HINT, REGULAR, "text2"))
