"""What lies under a picture: the signed map's bar with its ends and zero, or one line of facts.

While the pointer is over a picture, the bar marks that pixel's value and says it.
"""

from __future__ import annotations

import numpy as np
from PyQt6.QtCore import QPointF, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPainterPath, QPaintEvent
from PyQt6.QtWidgets import QLineEdit, QWidget

from app import numbers
from app.theme import HINT, NUMBER, REGULAR, Theme, font
from app.widgets import SHORTER, Themed, current_theme

HEIGHT = 25
LEAST_SPAN = 110.0
"""Logical px that -r, 0 and +r need."""
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_MIDDLE = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter


def paint_bar(painter: QPainter, box: QRectF, lut: np.ndarray) -> None:
    """A strip of the map in `box`, its corners rounded; upright, with the last colour on top, in a box that is."""
    clip = QPainterPath()
    clip.addRoundedRect(box, 2, 2)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.setClipPath(clip)
    shown = lut[1:]
    if box.height() > box.width():
        painter.drawImage(box, QImage(shown[::-1].tobytes(), 1, len(shown), 3, QImage.Format.Format_RGB888))
    else:
        painter.drawImage(box, QImage(shown.tobytes(), len(shown), 1, 3 * len(shown), QImage.Format.Format_RGB888))
    painter.restore()


class Footer(QWidget, Themed):
    """range_edited(float): a new r for [-r, +r] was typed. range_reset(): the automatic range is wanted back."""

    range_edited = pyqtSignal(float)
    range_reset = pyqtSignal()

    def __init__(self, signed: bool) -> None:
        super().__init__()
        self._signed, self._theme = signed, current_theme()
        self._limit: float | None = None
        self._edited = False
        self._brief = ""
        """The facts, then with ever fewer of the last of them."""
        self._value: float | None = None
        self._reading = ""
        self._editor: QLineEdit | None = None
        self._span: tuple[float, float] | None = None
        self.setFixedHeight(HEIGHT)
        if signed:
            self.setToolTip("Double-click to set the range; empty is automatic")

    @property
    def limit(self) -> float | None:
        return self._limit

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def set_range(self, limit: float | None, edited: bool = False) -> None:
        """r of [-r, +r], None for no picture; edited: it was typed, so it is not the automatic one."""
        self._limit, self._edited = limit, edited
        self.update()

    def set_facts(self, facts: str) -> None:
        """Shown instead of a bar while there is no range; whole in the tooltip, where a narrow pane cuts it."""
        parts = facts.split(", ")
        self._brief = SHORTER.join(", ".join(parts[:count]) for count in range(len(parts), 0, -1))
        if not self._signed:
            self.setToolTip(facts)
        self.update()

    def set_span(self, left: float, right: float) -> None:
        """Where the picture above begins and ends: the bar is as wide, if that leaves room for its numbers."""
        span = (left, right) if right - left >= LEAST_SPAN else None
        if span != self._span:
            self._span = span
            self.update()

    def set_reading(self, value: float | None, text: str = "") -> None:
        """The value at the cursor: a number for the bar's mark, or a text; None and "" for neither."""
        if (value, text) != (self._value, self._reading):
            self._value, self._reading = value, text
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter, theme = QPainter(self), self._theme
        left, right = self._span or (0.0, float(self.width()))
        width = right - left
        painter.translate(left, 0)
        painter.setFont(font(HINT))
        if not self._signed or self._limit is None:
            reading = self._reading if not self._signed else ""
            painter.setPen(QColor(theme.text if reading else theme.text2))
            text = painter.fontMetrics().elidedText(reading or self._brief, Qt.TextElideMode.ElideRight, int(width))
            painter.drawText(QRectF(0, 3, width, 20), _LEFT, text)
            return
        paint_bar(painter, QRectF(0, 1, width, 7), theme.signed_lut())
        row = QRectF(0, 9.5, width, 15)
        painter.setPen(QColor(theme.accent if self._edited else theme.text2))
        painter.drawText(row, _LEFT, numbers.number(-self._limit))
        painter.drawText(row, _RIGHT, numbers.number(self._limit, signed=True))
        if self._value is None:
            painter.setPen(QColor(theme.text2))
            painter.drawText(row, _MIDDLE, "0")
            return
        painter.setPen(QColor(theme.text))
        painter.setFont(font(HINT, NUMBER))
        painter.drawText(row, _MIDDLE, numbers.number(self._value, signed=True))
        if np.isfinite(self._value):
            self._paint_mark(painter, width)

    def _paint_mark(self, painter: QPainter, width: float) -> None:
        share = 0.5 + 0.5 * float(np.clip((self._value or 0.0) / (self._limit or 1.0), -1, 1))
        x = 2.0 + share * (width - 4.0)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(self._theme.panel))
        painter.setBrush(QColor(self._theme.text))
        painter.drawRoundedRect(QRectF(QPointF(x - 2.0, 0.0), QPointF(x + 2.0, 9.0)), 1.5, 1.5)

    # ------------------------------------------------------------------------------------------ editing

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        if self._signed and self._limit is not None:
            self.edit_range()

    def edit_range(self) -> QLineEdit:
        """A field over the bar's right end for r; empty or "auto" is the automatic range."""
        if self._editor is None:
            self._editor = QLineEdit(self)
            self._editor.setFont(font(HINT, REGULAR))
            self._editor.setAlignment(_RIGHT)
            self._editor.setToolTip("The value at the bar's right end; empty for the automatic range")
            self._editor.editingFinished.connect(self._finish_editing)
        editor = self._editor
        editor.setText(numbers.field(self._limit or 1.0))
        editor.setGeometry(max(0, self.width() - 70), 1, min(70, self.width()), HEIGHT - 2)
        editor.show()
        editor.setFocus()
        editor.selectAll()
        return editor

    def _finish_editing(self) -> None:
        editor = self._editor
        if editor is None or editor.isHidden():
            return
        editor.hide()
        text = editor.text().strip().lower()
        if text in ("", "auto"):
            self.range_reset.emit()
            return
        try:
            limit = abs(numbers.parse(text))
        except ValueError:
            return
        if 0 < limit < np.inf:
            self.range_edited.emit(limit)
