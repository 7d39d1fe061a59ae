"""What lies over the 3D picture as ordinary widgets: the gradient's scale, the axes, the readout, the corners.

A radius cannot clip an OpenGL widget, so the corners are wedges in the ground colour, painted above it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PyQt6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PyQt6.QtWidgets import QFrame, QLabel, QWidget

from app import numbers
from app.panes.footer import paint_bar
from app.theme import BASE, HINT, NUMBER, PANEL_RADIUS, REGULAR, TITLE, Theme, font
from app.viewport.surface import MAP_ENDS
from app.widgets import Glyph, Themed, current_theme, frame, hbox, label, vbox

AXIS_COLOURS = ("#E0656B", "#7FBF5A", "#5B9BE6")
"""x, y, z; readable under dark letters in both themes."""


class Corners(QWidget, Themed):
    """Rounds whatever it lies over."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = current_theme()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.resize(parent.size())
        parent.installEventFilter(self)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if event is not None and event.type() == QEvent.Type.Resize and isinstance(watched, QWidget):
            self.resize(watched.size())
            self.raise_()
        return False

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        whole, rounded = QPainterPath(), QPainterPath()
        whole.addRect(QRectF(self.rect()))
        rounded.addRoundedRect(QRectF(self.rect()), PANEL_RADIUS, PANEL_RADIUS)
        painter.fillPath(whole.subtracted(rounded), QColor(self._theme.ground))


class Gizmo(QWidget, Themed):
    """Where the world's axes point; a click on a ball looks along it. axis_clicked(axis, negative)."""

    axis_clicked = pyqtSignal(int, bool)
    SIDE, ARM, BALL = 72, 25, 7

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._rotation, self._hovered, self._theme = np.eye(3), -1, current_theme()
        self.setFixedSize(self.SIDE, self.SIDE)
        self.setMouseTracking(True)
        self.setToolTip("Click an axis to look along it")

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def set_rotation(self, rotation: np.ndarray) -> None:
        """World to eye (3, 3)."""
        if not np.allclose(rotation, self._rotation, atol=1e-4):
            self._rotation = rotation
            self.update()

    def ends(self) -> list[QPointF]:
        """Where the balls of x, y, z are."""
        middle = self.SIDE / 2
        tips = self._rotation.T
        return [QPointF(middle + self.ARM * tip[0], middle - self.ARM * tip[1]) for tip in tips]

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(font(10, TITLE))
        middle, ends = QPointF(self.SIDE / 2, self.SIDE / 2), self.ends()
        for axis in np.argsort(self._rotation[2]):
            colour, end = QColor(AXIS_COLOURS[axis]), ends[axis]
            if axis == self._hovered:
                colour = colour.lighter(118)
            painter.setPen(QPen(colour, 2, cap=Qt.PenCapStyle.RoundCap))
            painter.drawLine(middle, end)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawEllipse(end, self.BALL, self.BALL)
            painter.setPen(QColor("#0D0F12"))
            box = QRectF(end.x() - self.BALL, end.y() - self.BALL - 0.5, 2 * self.BALL, 2 * self.BALL)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "xyz"[axis])

    def _axis_at(self, point: QPointF) -> int:
        near = [axis for axis in np.argsort(-self._rotation[2]) if (self.ends()[axis] - point).manhattanLength() < 13]
        return int(near[0]) if near else -1

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        hovered = self._axis_at(event.position()) if event else -1
        if hovered != self._hovered:
            self._hovered = hovered
            self.setCursor(Qt.CursorShape.PointingHandCursor if hovered >= 0 else Qt.CursorShape.ArrowCursor)
            self.update()

    def leaveEvent(self, event: QEvent | None) -> None:
        self._hovered = -1
        self.update()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        axis = self._axis_at(event.position()) if event else -1
        if axis >= 0:
            # Already looking along it: look the other way.
            self.axis_clicked.emit(axis, bool(self._rotation[2, axis] > 0.999))


class GradientScale(QWidget, Themed):
    """The upright logarithmic colour bar of |dL/dv|, with a label at each power of ten."""

    WIDTH, HEIGHT, BAR = 96, 134, 106

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme, self._range, self._known = current_theme(), (-5.0, -2.0), False
        self._title, self._absent = "|dL/dv|", ""
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFixedSize(self.WIDTH, self.HEIGHT)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def set_title(self, title: str) -> None:
        """What is painted: "|dL/dv|", or a pixel's "|dI/dv|"."""
        self._title = title
        self.update()

    def set_movable(self, free: bool, there: bool) -> None:
        """Where a gradient of the vertices comes from. free: a fit moves them. there: the shape has vertices of its own."""
        self._absent = (
            "comes with\na step" if free else "comes with\npane 4" if there else "this shape has\nno vertices"
        )
        self.update()

    def set_range(self, low_high: tuple[float, float], known: bool) -> None:
        """log10 at both ends; known: False while there is no gradient of the vertices."""
        if (low_high, known) != (self._range, self._known):
            self._range, self._known = low_high, known
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter, theme = QPainter(self), self._theme
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setFont(font(HINT))
        painter.setPen(QColor(theme.text2))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if not self._known:
            painter.setPen(QColor(theme.text3))
            painter.drawText(QRectF(0, self.HEIGHT - 62, self.WIDTH, 60), right, f"{self._title}\n{self._absent}")
            return
        painter.drawText(QRectF(0, 0, self.WIDTH, 16), right, self._title)
        bar = QRectF(self.WIDTH - 8, 22, 8, self.BAR)
        first, last = (round(255 * end) for end in MAP_ENDS)
        paint_bar(painter, bar, theme.sequential_lut()[first : last + 1])
        low, high = self._range
        for power in range(int(np.ceil(low)), int(np.floor(high)) + 1):
            y = bar.top() + bar.height() * (high - power) / max(high - low, 1e-6)
            y = min(max(y, bar.top() + 5), bar.bottom() - 5)
            painter.drawText(QRectF(0, y - 8, self.WIDTH - 14, 16), right, f"1e{numbers.integer(power)}")


class Readout(QFrame):
    """The pill at the lower edge: how far the fit is. Values that are not known are left out."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("overlay")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFixedHeight(26)
        self._pairs: list[tuple[QFrame, QLabel, list[QLabel]]] = []
        row = hbox(margins=(10, 0, 10, 0), gap=11)
        for values in (1, 1, 2):
            title = label("", HINT, REGULAR, "text2")
            shown = [label("", BASE, NUMBER) for _ in range(values)]
            group = frame(hbox(title, *shown, gap=5))
            row.addWidget(group)
            self._pairs.append((group, title, shown))
        self.setLayout(row)
        self.hide()

    def set_metrics(self, metrics: Mapping[str, float]) -> None:
        """ "loss", "iou", "translation_error" (unit-sphere radii), "rotation_error_degrees"."""
        off = [numbers.number(metrics[name]) + unit for name, unit in _OFF_BY if name in metrics]
        texts: list[tuple[str, list[str]]] = []
        if "iou" in metrics:
            texts.append(("Overlap", [numbers.number(metrics["iou"])]))
        elif "loss" in metrics:
            texts.append(("Loss", [numbers.number(metrics["loss"])]))
        if "psnr" in metrics and not off:
            texts.append(("PSNR", [numbers.number(metrics["psnr"]) + " dB"]))
        if off:
            texts += [("", [])] * (2 - len(texts))
            texts.append(("Off by", off))
        texts += [("", [])] * (3 - len(texts))
        for (group, title, labels), (name, values) in zip(self._pairs, texts):
            group.setVisible(bool(name))
            for widget, text in zip((title, *labels), (name, *values, *([""] * len(labels)))):
                widget.setText(text)
                widget.setVisible(bool(text))
        self.setVisible(any(name for name, _ in texts))
        for group, _, _ in self._pairs:  # a group tells its new width only when it is laid out
            group.updateGeometry()
        self.layout().invalidate()  # type: ignore[union-attr]
        self.adjustSize()


_OFF_BY = (("translation_error", ""), ("rotation_error_degrees", "°"))


class NoGraphics(QFrame):
    """Stands where the 3D picture would be, and says why it is not."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.setObjectName("card")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        text = label(f"The 3D view is off: {reason}.", BASE, REGULAR, "text2")
        rest = label(
            "Images, curves and fits go on. rimlight doctor says more about this machine.", HINT, REGULAR, "text3"
        )
        for line in (text, rest):
            line.setWordWrap(True)
            line.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.text = text
        glyph = hbox(None, Glyph("cube", "text3", 24), None)
        self.setLayout(vbox(None, glyph, 8, text, 4, rest, None, margins=(24, 12, 24, 12)))
