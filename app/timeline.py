"""The fit's past as pictures: thumbnails above their iteration, a rail a run, and a handle at what is on screen.

A click or a drag on it shows the nearest stored snapshot in every view; Live goes back to the newest; Fork here begins
another run at the step on screen. The chosen run's rail is the upper one, others branch off below it.
"""

from __future__ import annotations

import numpy as np
from PyQt6.QtCore import QPointF, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen, QPixmap
from PyQt6.QtWidgets import QFrame

from app import numbers
from app.frames import Frame
from app.replay import Branch, Replay
from app.theme import BASE, HINT, NUMBER, REGULAR, Theme, font, font_scale
from app.widgets import Head, IconButton, Themed, current_theme, hint, label, vbox

MARGIN = 12
LANES, LANE = 2, 7
"""Rails below the chosen run's, and the points between two."""
EMPTY = "Thumbnails of the fit appear here as it goes on. Click one to see every pane as it was."


def picture(image: np.ndarray) -> QPixmap:
    """uint8 [h, w, 3] -> pixmap."""
    image = np.ascontiguousarray(image)
    height, width = image.shape[:2]
    return QPixmap.fromImage(QImage(image.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy())


class Strip(QFrame, Themed):
    """The painted part. `chosen(Frame)`."""

    chosen = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self._theme = current_theme()
        self._frames: list[Frame] = []
        self._path: list[Branch] = []
        self._others: list[Branch] = []
        self._newest = 0
        self._pictures: dict[int, QPixmap] = {}
        self._shown = 0
        self.setMinimumHeight(64)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setToolTip("Click or drag to see every pane as it was; Left and Right go by one")
        self.setAccessibleName("Timeline")

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def set_replay(self, replay: Replay, shown: int) -> None:
        """shown: the iteration on screen."""
        self._frames, self._shown = replay.frames, shown
        self._path = (replay.selected or replay.current).lineage()
        tails = [b for i, b in enumerate(self._path[:-1]) if b.last > self._path[i + 1].start]
        apart = [b for b in replay.branches if b.frames and not any(b is p for p in self._path)]
        self._others = [*apart, *tails][-LANES:]
        self._newest = max((b.last for b in (*self._path, *self._others)), default=0)
        alive = {id(frame) for frame in self._frames}
        self._pictures = {key: pixmap for key, pixmap in self._pictures.items() if key in alive}
        self.update()

    # ------------------------------------------------------------------------------------------ geometry

    def _size(self) -> int:
        below = 34 + round(14 * font_scale())  # the rail, and the numbers under it
        return max(24, min(48, self.height() - below))

    def _rail(self) -> tuple[float, float]:
        """x of iteration 0 and of the newest frame."""
        return MARGIN, self.width() - MARGIN - self._size() / 2

    def _x(self, iteration: int) -> float:
        first, last = self._rail()
        return first + (last - first) * iteration / max(self._newest, 1)

    def _iteration(self, x: float) -> int:
        first, last = self._rail()
        return round(max(0.0, (x - first) / max(last - first, 1.0)) * max(self._newest, 1))

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
        if self._newest == 0:
            return
        y = self._size() + 15.0
        first, last = self._rail()
        for lane, branch in enumerate(self._others, 1):
            self._paint_other(painter, branch, y, y + lane * LANE)
        for index, branch in enumerate(self._path):
            end = self._path[index + 1].start if index + 1 < len(self._path) else branch.last
            begin = branch.start if index else (self._frames[0].iteration if self._frames else 0)
            painter.setPen(self._pen(branch, 2.5))
            painter.drawLine(QPointF(self._x(begin), y), QPointF(max(self._x(end), self._x(begin)), y))
        painter.setBrush(QColor(self._theme.panel))
        for branch in self._path[1:]:
            painter.setPen(self._pen(branch, 1.5))
            painter.drawEllipse(QPointF(self._x(branch.start), y), 3.5, 3.5)
        painter.setBrush(QColor(self._theme.accent))
        painter.setPen(QPen(QColor(self._theme.panel), 2))
        painter.drawEllipse(QPointF(min(max(self._x(self._shown), first), last), y), 6.5, 6.5)
        self._paint_labels(painter, y + 12 + (LANE * len(self._others) if self._others else 3))

    def _pen(self, branch: Branch, width: float) -> QPen:
        return QPen(QColor(self._theme.run_colour(branch.method)), width, cap=Qt.PenCapStyle.RoundCap)

    def _paint_other(self, painter: QPainter, branch: Branch, y: float, below: float) -> None:
        """The rail of a run that is not the chosen one, or its part after a fork: it leaves where they part."""
        heir = next((b for b in self._path if b.parent is branch), None)
        start = self._x(heir.start if heir else branch.start)
        line = QPainterPath(QPointF(start, y))
        bend = min(start + 10, max(self._x(branch.last), start))
        line.cubicTo(QPointF((start + bend) / 2, y), QPointF((start + bend) / 2, below), QPointF(bend, below))
        line.lineTo(QPointF(max(self._x(branch.last), bend), below))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(self._pen(branch, 1.75))
        painter.drawPath(line)

    def _paint_labels(self, painter: QPainter, top: float) -> None:
        painter.setFont(font(HINT))
        painter.setPen(QColor(self._theme.text2))
        high = round(14 * font_scale())
        if top + high > self.height():
            return
        first, last = self._rail()
        for iteration in _labels(self._newest, (last - first) / 56):
            x = self._x(iteration)
            left = iteration == 0
            box = QRectF(x if left else x - 24, top, 48, high)
            painter.drawText(
                box, Qt.AlignmentFlag.AlignLeft if left else Qt.AlignmentFlag.AlignHCenter, numbers.count(iteration)
            )

    # ------------------------------------------------------------------------------------------ hands

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event and self._frames:
            self._choose_at(event.position())

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        if event and self._frames and event.buttons() & Qt.MouseButton.LeftButton:
            self._choose_at(event.position())

    def _choose_at(self, point: QPointF) -> None:
        size = self._size()
        if point.y() < size + 6:
            for x, index in self._slots():
                if x - 3 <= point.x() < x + size + 3:
                    self.chosen.emit(self._frames[index])
            return
        lane = round((point.y() - size - 15.0) / LANE)
        frames = self._others[lane - 1].frames if 1 <= lane <= len(self._others) else self._frames
        self.chosen.emit(_nearest(frames, self._iteration(point.x())))

    def keyPressEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(event.key(), 0)
        if not step or not self._frames:
            super().keyPressEvent(event)
            return
        now = self._frames.index(_nearest(self._frames, self._shown))
        self.chosen.emit(self._frames[min(max(now + step, 0), len(self._frames) - 1)])


def _nearest(frames: list[Frame], iteration: int) -> Frame:
    return min(frames, key=lambda frame: abs(frame.iteration - iteration))


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
    """The dock's body; `head` is its title bar. `chosen(Frame)`, `live_wanted()`. `fork` follows an action."""

    chosen = pyqtSignal(object)
    live_wanted = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("body")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.strip = Strip()
        self.now = label("0", BASE, NUMBER)
        self.of = label("", BASE, REGULAR, "text2")
        self.live = IconButton("Live", "live", name="link", tip="Back to the newest step (L)", size=14)
        self.fork = IconButton("Fork here", "fork", name="link", size=14)
        self.live.hide()
        self.head = Head("Timeline", self.live, 4, hint("it"), self.now, self.of, 4, self.fork)
        self.setLayout(vbox(self.strip, margins=(0, 0, 0, 4)))
        self.strip.chosen.connect(self.chosen)
        self.live.clicked.connect(self.live_wanted)

    def set_replay(self, replay: Replay, shown: int, steps: int, replaying: bool) -> None:
        """shown: the iteration on screen. steps: how many the run has."""
        self.strip.set_replay(replay, shown)
        self.now.setText(numbers.count(shown))
        self.of.setText(f"of {numbers.count(steps)}")
        self.live.setVisible(replaying)
