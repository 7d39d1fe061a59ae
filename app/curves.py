"""Loss, overlap and pose error against the iteration: one colour a method, runs before this one kept thinner.

Convention: every step is drawn; logarithmic values are handed to pyqtgraph as log10, with our own ticks and grid.
"""

from __future__ import annotations

import math

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import QPointF, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QStackedLayout, QWidget

from app import numbers
from app.runs import Run, RunBook, Series
from app.theme import BASE, HINT, REGULAR, Theme, font
from app.widgets import Dot, Head, Segment, Themed, current_theme, hbox, label, mini, vbox

REDRAW_MS = 50
"""Curves are redrawn at most 20 times a second; a glance sees no more."""

TABS = ("Loss", "IoU", "Pose")
TIPS = (
    "The weighted sum of the terms, logarithmic",
    "Intersection over union of the silhouettes; measured once a second and at every pause",
    "Pose errors against the target, logarithmic: degrees as a line, distance dashed",
)
EMPTY = (
    "Press Space to run. Every step's loss is drawn here.",
    "The overlap is measured once a second while the fit runs, and at every pause.",
    "Pose errors are known where the target is the same shape in another pose.",
)


class _Axis(pg.AxisItem):
    """Labels only: no line, no ticks. `log`: values are exponents of ten."""

    def __init__(self, side: str) -> None:
        super().__init__(side)
        self.log = False
        self.chosen: list[float] = []
        self.setPen(pg.mkPen(None))
        self.setStyle(
            tickFont=font(HINT),
            tickLength=0,
            tickAlpha=0,
            hideOverlappingLabels=False,
            tickTextOffset=6 if side == "left" else 4,
        )

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        room = max(1, int(size // (22 if self.orientation == "left" else 64)))
        step = _step((high - low) / room, whole=self.log or self.orientation == "bottom")
        self.chosen = [k * step for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]
        return [(step, self.chosen)]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        if self.log:
            return [numbers.power_of_ten(round(value)) for value in values]
        return [f"{value:g}".replace("-", numbers.MINUS) for value in values]


def _step(least: float, *, whole: bool) -> float:
    """The next of 1, 2, 5 times a power of ten; at least 1 where `whole`."""
    if least <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= least * 0.999)
    return max(step, 1.0) if whole else step


class Plot(pg.PlotWidget):
    """The plot itself. `hovered(iteration or None)`."""

    hovered = pyqtSignal(object)

    def __init__(self) -> None:
        self.left, self.bottom = _Axis("left"), _Axis("bottom")
        super().__init__(axisItems={"left": self.left, "bottom": self.bottom})
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMinimumSize(120, 40)
        item = self.getPlotItem()
        assert item is not None
        item.hideButtons()
        item.setMenuEnabled(False)
        item.setContentsMargins(0, 0, 0, 0)
        item.vb.setMouseEnabled(False, False)
        item.vb.disableAutoRange()
        self.left.setWidth(40)
        self.bottom.setHeight(20)
        self.item = item
        self.now_line = pg.InfiniteLine(angle=90)
        self.hover_line = pg.InfiniteLine(angle=90)
        self._grid: list[pg.InfiniteLine] = []
        self._curves: list[pg.PlotDataItem] = []
        self._points = pg.ScatterPlotItem(size=7)
        for extra in (self.now_line, self.hover_line, self._points):
            item.addItem(extra, ignoreBounds=True)
        self.hover_line.hide()
        self._theme = current_theme()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.setBackground(QColor(theme.panel))
        for axis in (self.left, self.bottom):
            axis.setTextPen(pg.mkPen(theme.text2))
        self.now_line.setPen(pg.mkPen(theme.text3, width=1, style=Qt.PenStyle.DashLine))
        self.hover_line.setPen(pg.mkPen(theme.disabled, width=1))

    def draw(self, curves: list[tuple[Series, str, float, bool]], log: bool, end: int, unit_range: bool) -> None:
        """curves: (data, method, width, dashed), the last with a dot at its end. Values of a log plot that are not
        positive are left out. end: where the axis of iterations ends at least."""
        while len(self._curves) < len(curves):
            curve = pg.PlotDataItem(antialias=True)
            curve.setDownsampling(auto=True, method="peak")
            self.item.addItem(curve, ignoreBounds=True)
            self._curves.append(curve)
        low, high, last = math.inf, -math.inf, end
        dots = []
        for item, entry in zip(self._curves, [*curves, *[None] * (len(self._curves) - len(curves))]):
            if entry is None:
                item.setData([], [])
                continue
            series, method, width, dashed = entry
            x, y = series.x, series.y
            keep = np.isfinite(y) & (y > 0) if log else np.isfinite(y)
            x, y = x[keep], np.log10(y[keep]) if log else y[keep]
            colour = QColor(self._theme.run_colour(method))
            style = Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine
            item.setPen(pg.mkPen(colour, width=width, style=style))
            item.setData(x, y)
            if len(y):
                low, high, last = min(low, float(y.min())), max(high, float(y.max())), max(last, int(x[-1]))
                if width == 2.0:
                    dots.append({"pos": (x[-1], y[-1]), "brush": colour, "pen": pg.mkPen(self._theme.panel, width=1.5)})
        self._points.setData(dots)
        self._frame(low, high, last, log, unit_range)

    def _frame(self, low: float, high: float, last: int, log: bool, unit_range: bool) -> None:
        if unit_range:
            low, high = 0.0, 1.0
        elif not math.isfinite(low):
            low, high = (-4.0, -1.0) if log else (0.0, 1.0)
        elif log:  # whole half-decades, so that the frame stands still while the loss falls within them
            low, high = math.floor(2 * low - 0.1) / 2, math.ceil(2 * high + 0.1) / 2
            high = max(high, low + 1.0)
        margin = 0.06 * (high - low)
        self.left.log = log
        self.item.vb.setRange(
            xRange=(-0.012 * last, 1.02 * last), yRange=(low - margin, high + margin), padding=0, disableAutoRange=True
        )
        self._draw_grid(low - margin, high + margin)

    def _draw_grid(self, low: float, high: float) -> None:
        self.left.tickValues(low, high, max(self.height() - 20, 20))
        ticks = self.left.chosen
        while len(self._grid) < len(ticks):
            line = pg.InfiniteLine(angle=0)
            line.setZValue(-10)
            self.item.addItem(line, ignoreBounds=True)
            self._grid.append(line)
        for line, value in zip(self._grid, ticks):
            line.setPos(value)
            line.setPen(pg.mkPen(self._theme.line, width=1))
        for index, line in enumerate(self._grid):
            line.setVisible(index < len(ticks))

    def mouseMoveEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        super().mouseMoveEvent(event)
        x = self.item.vb.mapSceneToView(QPointF(event.position())).x()
        self.hover_line.setPos(round(x))
        self.hover_line.setVisible(x >= 0)
        self.hovered.emit(round(x) if x >= 0 else None)

    def leaveEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        super().leaveEvent(event)
        self.hover_line.hide()
        self.hovered.emit(None)


class Curves(QFrame, Themed):
    """The dock's body; `head` is its title bar. `expanded(bool)` asks the window for more room."""

    expanded = pyqtSignal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("body")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.book = RunBook()
        self._steps, self._shown_at = 100, None
        self.plot = Plot()
        self.empty = label("", BASE, REGULAR, "text2")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        self.tabs = Segment(*TABS, tips=TIPS)
        self.readout = label("", HINT, REGULAR, "text2")
        self._legend = QWidget()
        self._legend_row: QHBoxLayout = hbox(gap=5)
        self._legend.setLayout(self._legend_row)
        self._legend_names: list[str] = []
        self.expand = mini("maximize", "Give the curves the room of the images", checkable=True)
        self.head = Head("Curves", self.readout, 6, self._legend, 4, self.tabs, self.expand)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.plot)
        self._stack.addWidget(self.empty)
        self.setLayout(vbox(self._stack, margins=(6, 0, 8, 4)))
        self.tabs.chosen.connect(lambda index: self._draw())
        self.expand.toggled.connect(self._on_expand)
        self.plot.hovered.connect(self._on_hover)
        self._pending = QTimer(self)
        self._pending.setSingleShot(True)
        self._pending.setInterval(REDRAW_MS)
        self._pending.timeout.connect(self._draw)
        self.set_theme(current_theme())

    def set_theme(self, theme: Theme) -> None:
        self.plot.set_theme(theme)
        self._draw()

    def set_runs(self, book: RunBook, steps: int) -> None:
        """What is drawn, and the iteration the axis reaches to at least."""
        self.book, self._steps = book, max(steps, 1)
        self.refresh()

    def refresh(self) -> None:
        """There are new steps; they are drawn soon."""
        if not self._pending.isActive():
            self._pending.start()

    def set_shown(self, iteration: int | None) -> None:
        """The iteration of the pictures on screen, marked by a dashed line."""
        if iteration != self._shown_at:
            self._shown_at = iteration
            self.plot.now_line.setVisible(iteration is not None)
            if iteration is not None:
                self.plot.now_line.setPos(iteration)

    def _series(self, run: Run) -> list[tuple[Series, bool]]:
        """What the chosen tab draws of a run: (curve, dashed)."""
        tab = self.tabs.index()
        if tab == 0:
            return [(run.loss, False)]
        names = (("iou", False),) if tab == 1 else (("rotation_error_degrees", False), ("translation_error", True))
        return [(run.metrics[name], dashed) for name, dashed in names if name in run.metrics]

    def _draw(self) -> None:
        curves = []
        for run in self.book.runs:
            width = 2.0 if run is self.book.current else 1.25
            curves += [(series, run.method, width, dashed) for series, dashed in self._series(run) if len(series)]
        self.empty.setText(EMPTY[self.tabs.index()])
        self._stack.setCurrentWidget(self.plot if curves else self.empty)
        end = max(self._steps, *(run.last for run in self.book.runs), 1)
        self.plot.draw(curves, self.tabs.index() != 1, end, self.tabs.index() == 1)
        self._write_legend()

    def _write_legend(self) -> None:
        names = list(dict.fromkeys(run.method for run in self.book.runs if len(run.loss)))
        if names == self._legend_names:
            return
        self._legend_names = names
        while self._legend_row.count():
            item = self._legend_row.takeAt(0)
            if item and (widget := item.widget()):
                widget.deleteLater()
        for name in names:
            dot = Dot(name)
            self._legend_row.addWidget(dot)
            self._legend_row.addWidget(label(name, HINT, REGULAR, "text2"))
            self._legend_row.addSpacing(4)

    def _on_expand(self, on: bool) -> None:
        self.expand.set_icon("restore" if on else "maximize")
        self.expanded.emit(on)

    def _on_hover(self, iteration: int | None) -> None:
        run = self.book.current
        values = []
        if iteration is not None and run is not None:
            values = [series.at(iteration) for series, _ in self._series(run)]
        shown = [numbers.number(value) for value in values if value is not None]
        self.readout.setText(f"it {iteration}   {'   '.join(shown)}" if shown else "")
