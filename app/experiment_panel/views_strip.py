"""The views as pictures: a click chooses the view that the panes show. More than fit scroll sideways."""

from __future__ import annotations

from PyQt6.QtCore import QRectF, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QKeyEvent,
    QLinearGradient,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
    QWheelEvent,
)
from PyQt6.QtWidgets import QWidget

from app.theme import HINT, Theme, font
from app.timeline import picture
from app.widgets import Themed, current_theme
from core.protocol import ViewInfo

SIDE, PITCH = 50, 54


class ViewsStrip(QWidget, Themed):
    """`chosen(index)` of a fitted view."""

    chosen = pyqtSignal(int)

    def __init__(self) -> None:
        super().__init__()
        self._theme = current_theme()
        self._pictures: list[QPixmap | None] = [None] * 4
        self._names: list[str] = []
        self._view, self._offset = 0, 0
        self.setFixedHeight(SIDE)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName("Views")
        self.setToolTip("Click a view to look through it; the wheel and the arrow keys go on")

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def set_views(self, views: tuple[ViewInfo, ...]) -> None:
        fitted = [view for view in views if not view.held_out]
        self._pictures = [None if view.thumbnail is None else picture(view.thumbnail) for view in fitted]
        self._names = [view.name for view in fitted]
        self._scroll_to(self._view)

    def set_count(self, count: int) -> None:
        """So many views, their pictures not known yet."""
        if count != len(self._pictures):
            self._pictures, self._names = [None] * count, []
            self._scroll_to(0)

    def set_view(self, view: int) -> None:
        self._view = view
        self._scroll_to(view)

    def _limit(self) -> int:
        return max(0, len(self._pictures) * PITCH - (PITCH - SIDE) - self.width())

    def _scroll_to(self, view: int) -> None:
        left, right = view * PITCH, view * PITCH + SIDE
        self._offset = min(max(self._offset, right - self.width()), left) if self.width() > SIDE else left
        self._offset = min(max(self._offset, 0), self._limit())
        self.update()

    def resizeEvent(self, event: object) -> None:
        self._scroll_to(self._view)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.setFont(font(HINT))
        for index, pixmap in enumerate(self._pictures):
            box = QRectF(index * PITCH - self._offset, 0, SIDE, SIDE)
            if box.right() < 0 or box.left() > self.width():
                continue
            shape = QPainterPath()
            shape.addRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
            painter.save()
            painter.setClipPath(shape)
            painter.fillRect(box, QColor(self._theme.well))
            if pixmap is not None:
                scale = SIDE / max(pixmap.width(), pixmap.height())
                width, height = pixmap.width() * scale, pixmap.height() * scale
                place = QRectF(box.x() + (SIDE - width) / 2, (SIDE - height) / 2, width, height)
                painter.drawPixmap(place, pixmap, QRectF(pixmap.rect()))
            painter.restore()
            current = index == self._view
            painter.setPen(QPen(QColor(self._theme.accent if current else self._theme.line), 1.5 if current else 1))
            painter.drawPath(shape)
        if self._limit() > 0:
            self._paint_fades(painter)

    def _paint_fades(self, painter: QPainter) -> None:
        """A soft edge where there is more to see."""
        panel, clear = QColor(self._theme.panel), QColor(self._theme.panel)
        clear.setAlpha(0)
        for there, x, inner in (
            (self._offset > 0, 0, 16),
            (self._offset < self._limit(), self.width(), self.width() - 16),
        ):
            if there:
                gradient = QLinearGradient(x, 0, inner, 0)
                gradient.setColorAt(0, panel)
                gradient.setColorAt(1, clear)
                painter.fillRect(QRectF(min(x, inner), 0, 16, SIDE), gradient)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event:
            index = int((event.position().x() + self._offset) // PITCH)
            if 0 <= index < len(self._pictures):
                self.chosen.emit(index)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        if event is None or self._limit() == 0:
            if event:
                event.ignore()
            return
        delta = event.angleDelta()
        self._offset = min(max(self._offset - (delta.x() or delta.y()) // 3, 0), self._limit())
        self.update()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        key = event.key() if event else 0
        step = int(key == Qt.Key.Key_Right) - int(key == Qt.Key.Key_Left)
        if step and 0 <= self._view + step < len(self._pictures):
            self.chosen.emit(self._view + step)
        elif event:
            super().keyPressEvent(event)
