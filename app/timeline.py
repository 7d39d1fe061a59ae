"""The fit's past as pictures: thumbnails above their iteration, a rail, and a handle at what is on screen.

A click or a drag on it shows the nearest stored snapshot in every view; Live goes back to the newest.
"""

from __future__ import annotations

import numpy as np
from PyQt6.QtCore import QPointF, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen, QPixmap
from PyQt6.QtWidgets import QFrame

from app import numbers
from app.replay import Frame
from app.theme import BASE, HINT, NUMBER, REGULAR, Theme, font
from app.widgets import Head, IconButton, Themed, current_theme, hint, label, vbox

MARGIN = 12
EMPTY = "Thumbnails of the fit appear here as it goes on. Click one to see every pane as it was."


def picture(image: np.ndarray) -> QPixmap:
    """uint8 [h, w, 3] -> pixmap."""
    image = np.ascontiguousarray(image)
    height, width = image.shape[:2]
    return QPixmap.fromImage(QImage(image.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy())


class Strip(QFrame, Themed):
    """The painted part. `chosen(index)` of a frame."""

    chosen = pyqtSignal(int)

    def __init__(self) -> None:
        super().__init__()
        self._theme = current_theme()
        self._frames: list[Frame] = []
        self._pictures: dict[int, QPixmap] = {}
        self._shown = 0
        self._method = ""
        self.setMinimumHeight(64)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setToolTip("Click or drag to see every pane as it was; Left and Right go by one")
        self.setAccessibleName("Timeline")

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def set_frames(self, frames: list[Frame], shown: int, method: str) -> None:
        """frames: in order of iteration. shown: the iteration on screen."""
        self._frames, self._shown, self._method = frames, shown, method
        alive = {id(frame) for frame in frames}
        self._pictures = {key: pixmap for key, pixmap in self._pictures.items() if key in alive}
        self.update()

    # ------------------------------------------------------------------------------------------ geometry

    def _size(self) -> int:
        return max(24, min(48, self.height() - 48))

    def _rail(self) -> tuple[float, float]:
        """x of iteration 0 and of the newest frame."""
        return MARGIN, self.width() - MARGIN - self._size() / 2

    def _x(self, iteration: int) -> float:
        first, last = self._rail()
        newest = max(self._frames[-1].iteration, 1)
        return first + (last - first) * iteration / newest

    def _iteration(self, x: float) -> int:
        first, last = self._rail()
        return round(max(0.0, (x - first) / max(last - first, 1.0)) * max(self._frames[-1].iteration, 1))

    def _slots(self) -> list[tuple[float, int]]:
        """(left edge, frame index) of every thumbnail, evenly spread, the newest at the right."""
        size, first, last = self._size(), MARGIN, self.width() - MARGIN
        count = min(max(2, int((last - first + 4) // (size + 6))), len(self._frames))
        if count < 2:
            return [(first, 0)]
        pitch = min((last - first - size) / (count - 1), 1e9)
        indices = np.unique(np.linspace(0, len(self._frames) - 1, count).round().astype(int))
        if len(self._frames) < int((last - first + 4) // (size + 6)):
            pitch = size + 6.0
        return [(first + slot * pitch, int(index)) for slot, index in enumerate(indices)]

    # ------------------------------------------------------------------------------------------ painting

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        if not self._frames:
            painter.setPen(QColor(self._theme.text2))
            painter.setFont(font(BASE))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(QRectF(self.rect()).adjusted(24, 0, -24, -8), int(flags), EMPTY)
            return
        slots = self._slots()
        nearest = min(slots, key=lambda slot: abs(self._frames[slot[1]].iteration - self._shown))
        for slot in slots:
            self._paint_thumbnail(painter, slot[0], self._frames[slot[1]], slot is nearest)
        self._paint_rail(painter)

    def _paint_thumbnail(self, painter: QPainter, x: float, frame: Frame, current: bool) -> None:
        size = self._size()
        box = QRectF(x, 4, size, size)
        pixmap = self._pictures.get(id(frame))
        if pixmap is None:
            pixmap = self._pictures.setdefault(id(frame), picture(frame.thumbnail))
        shape = QPainterPath()
        shape.addRoundedRect(box, 4, 4)
        painter.save()
        painter.setClipPath(shape)
        painter.fillRect(box, QColor(self._theme.well))
        scale = size / max(pixmap.width(), pixmap.height())
        width, height = pixmap.width() * scale, pixmap.height() * scale
        painter.drawPixmap(
            QRectF(x + (size - width) / 2, 4 + (size - height) / 2, width, height), pixmap, QRectF(pixmap.rect())
        )
        painter.restore()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(self._theme.accent if current else self._theme.line), 1.5 if current else 1))
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)

    def _paint_rail(self, painter: QPainter) -> None:
        y = self._size() + 17.0
        first, last = self._rail()
        colour = QColor(self._theme.run_colour(self._method))
        if self._frames[-1].iteration == 0:
            return
        painter.setPen(QPen(colour, 2.5, cap=Qt.PenCapStyle.RoundCap))
        painter.drawLine(QPointF(first, y), QPointF(last, y))
        painter.setBrush(QColor(self._theme.accent))
        painter.setPen(QPen(QColor(self._theme.panel), 2))
        painter.drawEllipse(QPointF(min(max(self._x(self._shown), first), last), y), 6.5, 6.5)
        painter.setFont(font(HINT))
        painter.setPen(QColor(self._theme.text2))
        if y + 31 > self.height():
            return
        for iteration in _labels(self._frames[-1].iteration, (last - first) / 56):
            x = self._x(iteration)
            left = iteration == 0
            box = QRectF(x if left else x - 24, y + 15, 48, 14)
            painter.drawText(
                box, Qt.AlignmentFlag.AlignLeft if left else Qt.AlignmentFlag.AlignHCenter, numbers.integer(iteration)
            )

    # ------------------------------------------------------------------------------------------ hands

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event and self._frames:
            self._choose_at(event.position())

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        if event and self._frames and event.buttons() & Qt.MouseButton.LeftButton:
            self._choose_at(event.position())

    def _choose_at(self, point: QPointF) -> None:
        if point.y() < self._size() + 8:
            size = self._size()
            for x, index in self._slots():
                if x - 3 <= point.x() < x + size + 3:
                    self.chosen.emit(index)
            return
        iteration = self._iteration(point.x())
        self.chosen.emit(min(range(len(self._frames)), key=lambda i: abs(self._frames[i].iteration - iteration)))

    def keyPressEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(event.key(), 0)
        if not step or not self._frames:
            super().keyPressEvent(event)
            return
        now = min(range(len(self._frames)), key=lambda i: abs(self._frames[i].iteration - self._shown))
        self.chosen.emit(min(max(now + step, 0), len(self._frames) - 1))


def _labels(newest: int, room: float) -> list[int]:
    """Iterations to write under the rail: 0, round steps, and the newest."""
    if newest <= 0:
        return [0]
    least = max(newest / max(room, 1.0), 1.0)
    power = 10 ** int(np.floor(np.log10(least)))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= least)
    kept = [k for k in range(0, newest, step) if newest - k > 0.6 * step]
    return [*kept, newest]


class Timeline(QFrame):
    """The dock's body; `head` is its title bar. `chosen(index)`, `live_wanted()`."""

    chosen = pyqtSignal(int)
    live_wanted = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("body")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.strip = Strip()
        self.now = label("0", BASE, NUMBER)
        self.of = label("", BASE, REGULAR, "text2")
        self.live = IconButton("Live", "live", name="link", tip="Back to the newest step (L)", size=14)
        self.live.hide()
        self.head = Head("Timeline", self.live, 4, hint("it"), self.now, self.of)
        self.setLayout(vbox(self.strip, margins=(0, 0, 0, 4)))
        self.strip.chosen.connect(self.chosen)
        self.live.clicked.connect(self.live_wanted)

    def set_frames(self, frames: list[Frame], shown: int, steps: int, replaying: bool, method: str) -> None:
        """shown: the iteration on screen. steps: how many the run has."""
        self.strip.set_frames(frames, shown, method)
        self.now.setText(numbers.integer(shown))
        self.of.setText(f"of {numbers.integer(steps)}")
        self.live.setVisible(replaying)
