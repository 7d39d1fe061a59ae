"""Small painted things: dots, the sign, the spinner, icons as pictures, bars."""

from __future__ import annotations

from typing import Any

from PyQt6.QtCore import QPointF, QRectF, Qt, QTimer
from PyQt6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent, QPen
from PyQt6.QtWidgets import QLabel, QWidget

from app import icons
from app.theme import Theme
from app.widgets.basics import Themed, current_theme


class Dot(QWidget, Themed):
    """A run's or method's colour, the same everywhere. `token` names a method, or a token such as "warn"."""

    def __init__(self, token: str = "", diameter: int = 8) -> None:
        super().__init__()
        self._token, self._diameter, self._theme = token, diameter, current_theme()
        self.setFixedSize(diameter + 2, 16)

    def set_token(self, token: str) -> None:
        if token != self._token:
            self._token = token
            self.update()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        if not self._token:
            return
        known: Any = getattr(self._theme, self._token, None)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(known if isinstance(known, str) else self._theme.run_colour(self._token)))
        d = self._diameter
        painter.drawEllipse(QRectF(1, (self.height() - d) / 2, d, d))


class Mark(QWidget, Themed):
    """Rimlight's sign: a dark ball with a lit rim."""

    def __init__(self) -> None:
        super().__init__()
        self._theme = current_theme()
        self.setFixedSize(30, 22)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        paint_mark(painter, QRectF(9, 3, 16, 16), self._theme)


def paint_mark(painter: QPainter, box: QRectF, theme: Theme) -> None:
    """The sign in a square box; also the window's icon."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    ball, shade = QPainterPath(), QPainterPath()
    ball.addEllipse(box)
    shade.addEllipse(box.translated(-0.24 * box.width(), 0.11 * box.height()))
    painter.setBrush(QColor(theme.hover if theme.dark else "#B9C0C8"))
    painter.drawPath(ball)
    painter.setBrush(QColor(theme.accent))
    painter.drawPath(ball.subtracted(shade))


class Spinner(QWidget, Themed):
    """A turning arc, 14 px; it turns only while visible."""

    def __init__(self) -> None:
        super().__init__()
        self._theme, self._angle = current_theme(), 90
        self.setFixedSize(14, 14)
        self._timer = QTimer(self)
        self._timer.setInterval(50)
        self._timer.timeout.connect(self._turn)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def _turn(self) -> None:
        self._angle = (self._angle - 18) % 360
        self.update()

    def showEvent(self, event: Any) -> None:
        self._timer.start()

    def hideEvent(self, event: Any) -> None:
        self._timer.stop()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ring = QRectF(2, 2, 10, 10)
        painter.setPen(QPen(QColor(self._theme.line if self._theme.dark else self._theme.groove), 2))
        painter.drawEllipse(ring)
        painter.setPen(QPen(QColor(self._theme.accent), 2, cap=Qt.PenCapStyle.RoundCap))
        painter.drawArc(ring, self._angle * 16, -120 * 16)


class Glyph(QLabel, Themed):
    """One icon as a picture, tinted by a token."""

    def __init__(self, icon: str, token: str = "text3", size: int = 14) -> None:
        super().__init__()
        self._icon, self._token, self._pixels, self._theme = icon, token, size, current_theme()
        self.setFixedSize(size, size)
        self.set_theme(self._theme)

    def set_icon(self, icon: str, token: str) -> None:
        self._icon, self._token = icon, token
        self.set_theme(self._theme)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.setPixmap(icons.pixmap(self._icon, getattr(theme, self._token), self._pixels))


class Bar(QWidget, Themed):
    """A share between 0 and 1 as a 4-px bar in a run's colour."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._token, self._share, self._theme = token, 0.0, current_theme()
        self.setFixedHeight(10)
        self.setMinimumWidth(40)

    def set_token(self, token: str) -> None:
        self._token = token

    def set_share(self, share: float) -> None:
        self._share = min(max(share, 0.0), 1.0)
        self.update()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        top = QPointF(0, self.height() / 2 - 2)
        for width, colour in ((1.0, self._theme.groove), (self._share, self._theme.run_colour(self._token))):
            painter.setBrush(QColor(colour))
            painter.drawRoundedRect(QRectF(top.x(), top.y(), width * self.width(), 4), 2, 2)
