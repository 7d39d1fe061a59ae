"""The curves' plot on pyqtgraph: our own ticks, grid, line under the cursor and dot at the end of the current run.

Imported only when there is something to draw: pyqtgraph would cost the first paint a tenth of a second.
Convention: logarithmic values are handed to pyqtgraph as log10.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import QPointF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QBrush, QColor, QPen
from PyQt6.QtWidgets import QFrame

from app import numbers
from app.runs import Series
from app.theme import HINT, Theme, font
from app.widgets import current_theme

STYLES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)
"""Of curves that share a colour: the first, second, ..."""

NARROW = 1.3
"""Decades below which a logarithmic axis also says 2 and 5: powers of ten alone would leave one label."""

HALF_LABEL = 8
"""Logical pixels right of the curves: half of the last iteration's label stands there."""


class Axis(pg.AxisItem):
    """Labels only: no line, no ticks. `log`: values are exponents of ten."""

    def __init__(self, side: str) -> None:
        super().__init__(side)
        self.log = self.narrow = False
        self.whole = side == "bottom"
        """Whether ticks stand at whole numbers only: iterations."""
        self.from_top: float | None = None
        """The value at which the axis says 0, counting downwards, as the rows of an image do."""
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
        self.narrow = self.log and high - low < NARROW
        if self.narrow:
            self.chosen = _within_decades(low, high)
            return [(1.0, self.chosen)]
        room = max(1, int(size // (20 if self.orientation == "left" else 64)))
        if self.from_top is not None:
            low, high = self.from_top - high, self.from_top - low
        least = (high - low) / room
        step = float(max(1, math.ceil(least))) if self.log else _step(least, whole=self.whole)
        self.chosen = [k * step for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]
        if self.from_top is not None:
            self.chosen = [self.from_top - value for value in self.chosen]
        return [(step, self.chosen)]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        if self.log:
            return [_log_label(value, self.narrow) for value in values]
        if self.from_top is not None:
            values = [self.from_top - value for value in values]
        if self.whole and all(value == round(value) for value in values):
            return [numbers.count(round(value)) for value in values]
        return [f"{value:g}".replace("-", numbers.MINUS) for value in values]


def _within_decades(low: float, high: float) -> list[float]:
    """1, 2 and 5 times the powers of ten between two exponents."""
    decades = range(math.floor(low), math.ceil(high) + 1)
    return [v for k in decades for m in (1, 2, 5) if low <= (v := k + math.log10(m)) <= high]


def _log_label(exponent: float, narrow: bool) -> str:
    return numbers.number(10**exponent, 1) if narrow else numbers.power_of_ten(round(exponent))


def _step(least: float, *, whole: bool) -> float:
    """The next of 1, 2, 5 times a power of ten; at least 1 where `whole`."""
    if least <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= least * 0.999)
    return max(step, 1.0) if whole else step


@functools.cache
def dot_brush(colour: str) -> QBrush:
    """For scattered points. pyqtgraph keeps a picture of every brush and pen that it is given for them, told apart as
    objects: a new one at each redraw, and a long run's curves grow by a kilobyte twenty times a second."""
    return pg.mkBrush(colour)


@functools.cache
def dot_pen(colour: str | None, width: float = 1.0) -> QPen:
    """See dot_brush. None draws no edge."""
    return pg.mkPen(colour, width=width) if colour else pg.mkPen(None)


class Grid:
    """The horizontal gridlines of a plot, as many as its left axis has labels."""

    def __init__(self, item: pg.PlotItem) -> None:
        self._item = item
        self._lines: list[pg.InfiniteLine] = []

    def draw(self, axis: Axis, span: tuple[float, float], height: float, colour: str) -> None:
        axis.tickValues(*span, max(height, 20))
        while len(self._lines) < len(axis.chosen):
            line = pg.InfiniteLine(angle=0)
            line.setZValue(-10)
            self._item.addItem(line, ignoreBounds=True)
            self._lines.append(line)
        for line, value in zip(self._lines, axis.chosen):
            line.setPos(value)
            line.setPen(pg.mkPen(colour, width=1))
        for index, line in enumerate(self._lines):
            line.setVisible(index < len(axis.chosen))


class Line:
    """One curve of a plot. pyqtgraph lays a curve out anew whenever it is told something, so it is told changes only."""

    def __init__(self) -> None:
        self.item = pg.PlotDataItem(antialias=True)
        self.item.setDownsampling(auto=True, method="peak")
        self.low, self.high = math.inf, -math.inf
        self.end: tuple[float, float] | None = None
        """The last point, in the axes' own numbers."""
        self.single = False
        """Whether that is the only point: no line can be seen."""
        self._pen: tuple | None = None
        self._data: tuple | None = None

    def show(self, series: Series | None, log: bool) -> None:
        """Draw a series, None for nothing; on a logarithmic axis what is not positive is left out."""
        count = 0 if series is None else len(series)
        data = (series, count, float(series.y[-1]) if series is not None and count else 0.0, log)
        if data == self._data:
            return
        self._data = data
        x, y = (np.zeros(0), np.zeros(0)) if series is None else (series.x, series.y)
        keep = np.isfinite(y) & (y > 0) if log else np.isfinite(y)
        x, y = x[keep], np.log10(y[keep]) if log else y[keep]
        self.low, self.high = (float(y.min()), float(y.max())) if len(y) else (math.inf, -math.inf)
        self.end, self.single = (float(x[-1]), float(y[-1])) if len(y) else None, len(y) == 1
        self.item.setData(x, y)

    def draw_with(self, colour: str, width: float, style: int) -> None:
        if (colour, width, style) != self._pen:
            self._pen = (colour, width, style)
            self.item.setPen(pg.mkPen(QColor(colour), width=width, style=STYLES[style]))


class Plot(pg.PlotWidget):
    """The plot itself. `hovered(iteration or None)`."""

    hovered = pyqtSignal(object)

    def __init__(self) -> None:
        self.left, self.bottom = Axis("left"), Axis("bottom")
        super().__init__(axisItems={"left": self.left, "bottom": self.bottom})
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMinimumSize(120, 40)
        item = self.getPlotItem()
        assert item is not None
        item.hideButtons()
        item.setMenuEnabled(False)
        item.setContentsMargins(0, 0, HALF_LABEL, 0)
        item.vb.setMouseEnabled(False, False)
        item.vb.disableAutoRange()
        self.left.setWidth(40)
        self.bottom.setHeight(20)
        self.item = item
        self.now_line = pg.InfiniteLine(angle=90)
        self.hover_line = pg.InfiniteLine(angle=90)
        self._grid = Grid(item)
        self._lines: list[Line] = []
        self._dots: list[tuple] = []
        self._frame_drawn: tuple = ()
        self._points = pg.ScatterPlotItem(size=7)
        for extra in (self.now_line, self.hover_line, self._points):
            item.addItem(extra, ignoreBounds=True)
        self.hover_line.hide()
        self._theme = current_theme()
        self._span = (-4.0, -1.0)

    def sizeHint(self) -> QSize:
        """The room is its layout's to give: Qt's 640 x 480 would take it from what stands above."""
        return self.minimumSize()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.setBackground(QColor(theme.panel))
        for axis in (self.left, self.bottom):
            axis.setTextPen(pg.mkPen(theme.text2))
            axis.setStyle(tickFont=font(HINT))
        self.now_line.setPen(pg.mkPen(theme.text3, width=1, style=Qt.PenStyle.DashLine))
        self.hover_line.setPen(pg.mkPen(theme.disabled, width=1))

    def mark(self, iteration: int | None) -> None:
        """The dashed line: the iteration of the pictures on screen."""
        self.now_line.setVisible(iteration is not None)
        if iteration is not None:
            self.now_line.setPos(iteration)

    def draw(self, curves: list[tuple[Series, str, float, int]], log: bool, end: int, unit_range: bool) -> None:
        """curves: (data, method, width, which of STYLES), the current one and those of a single point with a dot at
        their end. Values of a log plot that are not
        positive are left out. end: where the axis of iterations ends at least."""
        while len(self._lines) < len(curves):
            self._lines.append(Line())
            self.item.addItem(self._lines[-1].item, ignoreBounds=True)
        dots = []
        for line, (series, method, width, style) in zip(self._lines, curves):
            colour = self._theme.run_colour(method)
            line.draw_with(colour, width, int(style))
            line.show(series, log)
            if line.end is not None and (width == 2.0 or line.single):
                dots.append((*line.end, colour, self._theme.panel))
        for line in self._lines[len(curves) :]:
            line.show(None, log)
        if dots != self._dots:
            self._dots = dots
            pen = dot_pen(self._theme.panel, 1.5)
            self._points.setData([{"pos": (x, y), "brush": dot_brush(colour), "pen": pen} for x, y, colour, _ in dots])
        low = min((line.low for line in self._lines), default=math.inf)
        high = max((line.high for line in self._lines), default=-math.inf)
        last = max(end, *(int(line.end[0]) for line in self._lines if line.end is not None), 0)
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
        frame = (low, high, last, log, self._theme.name)
        if frame == self._frame_drawn:
            return
        self._frame_drawn = frame
        self.left.log = log
        self.item.vb.setRange(
            xRange=(-0.012 * last, 1.02 * last), yRange=(low - margin, high + margin), padding=0, disableAutoRange=True
        )
        self._span = (low - margin, high + margin)
        self._draw_grid()

    def resizeEvent(self, ev) -> None:  # type: ignore[no-untyped-def]
        super().resizeEvent(ev)
        if hasattr(self, "_span"):  # Qt resizes it before it is built
            self._draw_grid()

    def _draw_grid(self) -> None:
        self._grid.draw(self.left, self._span, self.height() - 20, self._theme.line)

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
