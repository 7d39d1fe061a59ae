"""What is marked over the 3D picture: arrows of the largest vertex gradients, dots on vertices, the chosen vertex.

Drawn with Qt over the picture, so that marks are as crisp as text; what the shape's far side holds is left out or faint.
Positions are world; an arrow's length is in world units.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from PyQt6.QtCore import QLineF, QPointF, Qt
from PyQt6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PyQt6.QtWidgets import QWidget

from app.theme import Theme
from app.viewport.camera import Eye
from app.widgets import Themed, current_theme

HEAD = 4.5
"""Length of an arrow's head, px."""


def _none() -> np.ndarray:
    return np.zeros((0, 3))


@dataclass(frozen=True)
class Marked:
    """tails, tips (k, 3): arrows. dots (m, 3) with sizes (m,) in 0..1. lines (l, 2, 3), in the warning colour. chosen:
    the picked vertex. facing: (k,), (m,) whether arrows and dots lie on the near side."""

    tails: np.ndarray = field(default_factory=_none)
    tips: np.ndarray = field(default_factory=_none)
    tails_facing: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    dots: np.ndarray = field(default_factory=_none)
    dot_sizes: np.ndarray = field(default_factory=lambda: np.zeros(0))
    dots_facing: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    lines: np.ndarray = field(default_factory=lambda: np.zeros((0, 2, 3)))
    chosen: np.ndarray | None = None

    @property
    def empty(self) -> bool:
        return not (len(self.tails) or len(self.dots) or len(self.lines)) and self.chosen is None


class Marks(QWidget, Themed):
    """Lies over the picture and lets the pointer through."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme, self._eye = current_theme(), None
        self.marked, self.token = Marked(), "accent"
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def show_marked(self, marked: Marked, eye: Eye) -> None:
        self.marked, self._eye = marked, eye
        self.setVisible(not marked.empty)
        self.update()

    def _pixels(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert self._eye is not None
        return self._eye.project(points, self.width(), self.height())

    def paintEvent(self, event: QPaintEvent | None) -> None:
        if self._eye is None or self.marked.empty:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._draw_lines(painter)
        self._draw_arrows(painter)
        self._draw_dots(painter)
        if self.marked.chosen is not None:
            (x, y), depth = self._pixels(self.marked.chosen)
            if depth > 0:
                painter.setBrush(QColor(self._theme.accent))
                painter.setPen(QPen(QColor(self._theme.viewport), 2))
                painter.drawEllipse(QPointF(x, y), 6, 6)

    def _draw_lines(self, painter: QPainter) -> None:
        if not len(self.marked.lines):
            return
        ends, depth = self._pixels(self.marked.lines)
        painter.setPen(QPen(QColor(self._theme.error), 1.6))
        shown = (depth > 0).all(axis=1)
        for pair in ends[shown]:
            painter.drawLine(QLineF(*map(float, pair.ravel())))

    def _draw_arrows(self, painter: QPainter) -> None:
        if not len(self.marked.tails):
            return
        tails, near = self._pixels(self.marked.tails)
        tips, far = self._pixels(self.marked.tips)
        shown = self.marked.tails_facing & (near > 0) & (far > 0)
        colour = QColor(self._theme.text)
        painter.setPen(QPen(colour, 1.2))
        for a, b in zip(tails[shown], tips[shown]):
            painter.drawLine(QLineF(*map(float, (*a, *b))))
        painter.setBrush(colour)
        painter.setPen(Qt.PenStyle.NoPen)
        for a, b in zip(tails[shown], tips[shown]):
            along = b - a
            length = float(np.hypot(*along))
            if length > 2:
                along = along / length
                across, size = np.array([-along[1], along[0]]), min(HEAD, 0.6 * length)
                corners = (b, b - size * along + 0.45 * size * across, b - size * along - 0.45 * size * across)
                painter.drawPolygon(QPolygonF([QPointF(float(x), float(y)) for x, y in corners]))

    def _draw_dots(self, painter: QPainter) -> None:
        if not len(self.marked.dots):
            return
        pixels, depth = self._pixels(self.marked.dots)
        known = getattr(self._theme, self.token, None)
        name = known if isinstance(known, str) else self._theme.run_colour(self.token)
        for (x, y), z, size, facing in zip(pixels, depth, self.marked.dot_sizes, self.marked.dots_facing):
            if z > 0:
                colour = QColor(name)
                colour.setAlphaF(0.95 if facing else 0.35)
                painter.setBrush(colour)
                painter.setPen(QPen(QColor(self._theme.viewport), 1))
                radius = 2.5 + 3.0 * float(size)
                painter.drawEllipse(QPointF(float(x), float(y)), radius, radius)
