"""The plot of the lab's windows: our own axes (app/plot.py), gridlines, curves, and clicks in data coordinates.

Imported only when a window is opened: pyqtgraph costs a tenth of a second. A logarithmic axis is handed exponents of ten.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QMouseEvent
from PyQt6.QtWidgets import QFrame

from app.lab.level_lines import level_lines
from app.plot import Axis, Grid, dot_brush, dot_pen
from app.theme import Theme
from app.widgets import Themed, current_theme


class Chart(pg.PlotWidget, Themed):
    """clicked(x, y) and hovered(x, y), in the axes' own numbers."""

    clicked = pyqtSignal(float, float)
    hovered = pyqtSignal(float, float)

    def __init__(self, *, log_x: bool = False, log_y: bool = False) -> None:
        self.left, self.bottom = Axis("left"), Axis("bottom")
        self.left.log, self.bottom.log = log_y, log_x
        self.bottom.whole = False
        super().__init__(axisItems={"left": self.left, "bottom": self.bottom})
        self.setFrameShape(QFrame.Shape.NoFrame)
        item = self.getPlotItem()
        assert item is not None
        self.item = item
        item.hideButtons()
        item.setContentsMargins(0, 6, 16, 0)
        item.setMenuEnabled(False)
        item.vb.setMouseEnabled(False, False)
        item.vb.disableAutoRange()
        self.left.setWidth(48)
        self.bottom.setHeight(22)
        self._theme = current_theme()
        self._grid = Grid(item)
        self._things: list[Any] = []
        self._spare: dict[type, list[Any]] = {}
        """Items that are hidden until something of their kind is drawn again: making one takes milliseconds."""
        self._span = ((0.0, 1.0), (0.0, 1.0))
        self.set_theme(self._theme)

    def sizeHint(self) -> QSize:
        """The room is its layout's to give: Qt's 640 x 480 would take it from what stands beside."""
        return self.minimumSizeHint()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.setBackground(QColor(theme.panel))
        for axis in (self.left, self.bottom):
            axis.setTextPen(pg.mkPen(theme.text2))
        self._draw_grid()

    @property
    def drawn(self) -> int:
        """How many things are drawn: what comes later may be cleared alone."""
        return len(self._things)

    def clear_all(self, kept: int = 0) -> None:
        """Nothing is drawn any more but the axes and the first `kept` things."""
        for thing in self._things[kept:]:
            thing.hide()
            self._spare.setdefault(type(thing), []).append(thing)
        self._things = self._things[:kept]

    def _item(self, kind: type, height: float = 0.0) -> Any:
        """A spare item of a kind, or a new one. It goes to the view box itself: the plot would offer each its legend,
        averages and downsampling. height: what is higher is drawn later."""
        if spare := self._spare.get(kind):
            thing = spare.pop()
            thing.show()
        else:
            thing = kind()
            self.item.vb.addItem(thing, ignoreBounds=True)
        thing.setZValue(height)
        self._things.append(thing)
        return thing

    def frame(self, x: tuple[float, float], y: tuple[float, float], margin: float = 0.04) -> None:
        """What the axes span."""
        wide, high = (max(b - a, 1e-12) for a, b in (x, y))
        self._span = ((x[0] - margin * wide, x[1] + margin * wide), (y[0] - margin * high, y[1] + margin * high))
        self.item.vb.setRange(xRange=self._span[0], yRange=self._span[1], padding=0, disableAutoRange=True)
        self._draw_grid()

    def resizeEvent(self, ev) -> None:  # type: ignore[no-untyped-def]
        super().resizeEvent(ev)
        if hasattr(self, "_span"):  # Qt resizes it before it is built
            self._draw_grid()

    def _draw_grid(self) -> None:
        self._grid.draw(self.left, self._span[1], self.height() - 26, self._theme.line)

    def curve(
        self,
        x: Sequence[float] | np.ndarray,
        y: Sequence[float] | np.ndarray,
        colour: str,
        *,
        width: float = 2.0,
        dashed: bool = False,
        dots: bool = False,
        edged: bool = False,
    ) -> None:
        """A curve; what is not finite is a gap. edged: with a seam in the ground's colour, to be seen on a picture."""
        pen = pg.mkPen(colour, width=width, style=Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine)
        places = np.asarray(x, float), np.asarray(y, float)
        seam = pg.mkPen(self._theme.panel, width=width + 2) if edged else None
        self._item(pg.PlotCurveItem).setData(*places, pen=pen, shadowPen=seam, antialias=True, connect="finite")
        if dots:
            finite = np.isfinite(places[1])
            points = {"x": places[0][finite], "y": places[1][finite]}
            self._scatter(points, 6, colour, dot_pen(None), 0)

    def _scatter(
        self, points: dict[str, Any], size: float, colour: str, pen: Any, height: float, symbol: str = "o"
    ) -> None:
        item = self._item(pg.ScatterPlotItem, height)
        item.setData(size=size, brush=dot_brush(colour), pen=pen, symbol=symbol, **points)

    def line_at(self, x: float, colour: str, *, dashed: bool = False) -> None:
        style = Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine
        line = self._item(pg.InfiniteLine)
        line.setValue(x)
        line.setPen(pg.mkPen(colour, width=1.5, style=style))

    def dot(self, x: float, y: float, colour: str, size: float = 11.0) -> None:
        self._scatter({"x": [x], "y": [y]}, size, colour, dot_pen(self._theme.panel, 2), 20)

    def cross(self, x: float, y: float, colour: str) -> None:
        """Where something began."""
        self._scatter({"x": [x], "y": [y]}, 10, colour, dot_pen(colour, 1.5), 18, "+")

    def arrow(self, tail: tuple[float, float], tip: tuple[float, float], colour: str) -> None:
        """From tail to tip, with a head."""
        (x0, y0), (x1, y1) = tail, tip
        self.curve([x0, x1], [y0, y1], colour, width=2.5, edged=True)
        ratio = self._pixel_ratio()
        angle = float(np.degrees(np.arctan2(-(y1 - y0) * ratio[1], (x1 - x0) * ratio[0])))
        head = self._item(pg.ArrowItem, 15)
        head.setStyle(angle=angle + 180, headLen=12, tipAngle=36, brush=QColor(colour), pen=pg.mkPen(None))
        head.setPos(x1, y1)

    def _pixel_ratio(self) -> tuple[float, float]:
        """Pixels a unit of each axis."""
        (x0, x1), (y0, y1) = self._span
        return max(self.width() - 48, 1) / max(x1 - x0, 1e-12), max(self.height() - 22, 1) / max(y1 - y0, 1e-12)

    def picture(self, image: np.ndarray, x: tuple[float, float], y: tuple[float, float]) -> None:
        """(nx, ny, 3) uint8 over a box; cell centres at both ends lie on x and y."""
        nx, ny = image.shape[:2]
        dx, dy = (x[1] - x[0]) / max(nx - 1, 1), (y[1] - y[0]) / max(ny - 1, 1)
        item = self._item(pg.ImageItem, -5)
        item.setImage(image, levels=(0, 255), axisOrder="col-major")
        item.setRect(QRectF(x[0] - dx / 2, y[0] - dy / 2, nx * dx, ny * dy))

    def contours(
        self, values: np.ndarray, levels: Sequence[float] | np.ndarray, x: tuple[float, float], y: tuple[float, float]
    ) -> None:
        """Level lines of values (nx, ny), whose first and last nodes lie on the ends of x and y."""
        steps = [(b - a) / max(n - 1, 1) for (a, b), n in zip((x, y), values.shape)]
        ends = np.concatenate([level_lines(values, float(level)) for level in levels]).reshape(-1, 2)
        places = np.array([x[0], y[0]]) + ends * steps
        pen = pg.mkPen(self._theme.panel, width=1.0)
        item = self._item(pg.PlotCurveItem)
        item.setData(places[:, 0], places[:, 1], pen=pen, shadowPen=None, antialias=True, connect="pairs")

    def _at(self, event: QMouseEvent) -> tuple[float, float]:
        place = self.item.vb.mapSceneToView(QPointF(event.position()))
        return place.x(), place.y()

    def mousePressEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        if event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(*self._at(event))

    def mouseMoveEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        super().mouseMoveEvent(event)
        self.hovered.emit(*self._at(event))
