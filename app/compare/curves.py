"""The curves of a comparison: one a run in its own colour, dashed where runs share a method's, over a legend and tabs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFrame, QStackedLayout, QWidget

from app.curves import TABS
from app.runs import Series
from app.theme import BASE, HINT, REGULAR, Theme
from app.widgets import Dot, Elided, Head, Segment, Themed, clear, current_theme, hbox, label, vbox

if TYPE_CHECKING:
    from app.plot import Plot

TITLE_ROOM = 100
"""Logical pixels of the head beside legend and tabs: below, the legend matters more than the title."""
LEGEND_ROOM = 36
"""Logical pixels that a name keeps in the legend, however many there are."""
COMPARED = tuple(tab for tab in TABS if tab.title in ("Loss", "IoU", "Pose"))
MARKS = ("", " - -", " · ·", " - ·")
"""What the legend says of curves that share a method's colour."""


class CurvesCard(QFrame, Themed):
    """The losses and metrics of every run. Runs are told by their colour tokens, in the lanes' order."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("card")
        self.plot: Plot | None = None
        self._tokens: list[str] = []
        self._losses: Sequence[Series] = ()
        self._metrics: Sequence[Mapping[str, Series]] = ()
        self._steps = 1
        self._marked: int | None = None
        self._theme = current_theme()
        self._legend = QWidget()
        self._legend.setLayout(hbox(gap=5))
        self.tabs = Segment(*(tab.title for tab in COMPARED), tips=tuple(tab.tip for tab in COMPARED))
        self.tabs.chosen.connect(lambda _: self._draw())
        self._head = Head("Curves", self._legend, 6, self.tabs)
        self.empty = label("", BASE, REGULAR, "text2")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.empty)
        place = QFrame()
        place.setLayout(vbox(self._stack, margins=(6, 0, 8, 4)))
        self.setLayout(vbox(self._head, place))

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        if self.plot is not None:
            self.plot.set_theme(theme)
            self._draw()

    def set_runs(self, names: Sequence[str], tokens: Sequence[str]) -> None:
        """Who runs: a name and a colour token each."""
        self._tokens = list(tokens)
        row = self._legend.layout()
        assert row is not None
        clear(row)
        for lane, name in enumerate(names):
            text = Elided(f"{name}{MARKS[self._style(lane)]}", HINT, REGULAR, "text2")
            text.setMinimumWidth(min(text.sizeHint().width(), LEGEND_ROOM))
            row.addWidget(Dot(self._tokens[lane]))
            row.addWidget(text)

    def show_runs(self, losses: Sequence[Series], metrics: Sequence[Mapping[str, Series]], steps: int) -> None:
        """losses: one a run. metrics: by name, one set a run. steps: where the axis ends at least."""
        self._losses, self._metrics, self._steps = losses, metrics, steps
        self._draw()

    def mark(self, iteration: int | None) -> None:
        """The dashed line: the step on screen."""
        self._marked = iteration
        if self.plot is not None:
            self.plot.mark(iteration)

    def fit(self, width: float) -> None:
        """The title gives way to legend and tabs where the card is to be `width` wide."""
        others = self._legend.sizeHint().width() + self.tabs.sizeHint().width()
        self._head.title.setVisible(width > others + TITLE_ROOM)

    def _style(self, lane: int) -> int:
        """Which of the runs with the same method this is: they share its colour."""
        return self._tokens[:lane].count(self._tokens[lane])

    def _draw(self) -> None:
        tab = COMPARED[self.tabs.index()]
        curves = []
        for lane, token in enumerate(self._tokens[: len(self._losses)]):
            found = [self._metrics[lane].get(name) for name, _ in tab.curves] if tab.curves else [self._losses[lane]]
            curves += [(series, token, 1.75, self._style(lane)) for series in found[:1] if series is not None]
        curves = [curve for curve in curves if len(curve[0])]
        self.empty.setText(tab.empty)
        self._stack.setCurrentWidget(self._ensure_plot() if curves else self.empty)
        if curves:
            self._ensure_plot().draw(curves, tab.log, self._steps, tab.unit)

    def _ensure_plot(self) -> Plot:
        if self.plot is None:
            from app.plot import Plot

            self.plot = Plot()
            self.plot.set_theme(self._theme)
            self.plot.mark(self._marked)
            self._stack.addWidget(self.plot)
        return self.plot
