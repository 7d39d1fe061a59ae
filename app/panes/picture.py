"""One picture: painted in whole device pixels, zoomed and panned by its lens, with hairlines at the linked cursor."""

from __future__ import annotations

import time

import numpy as np
from PyQt6.QtCore import QEvent, QPointF, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen, QTransform, QWheelEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from app.panes.lens import Lens, Placement
from app.panes.maps import resample
from app.theme import HINT, NUMBER, PICTURE_RADIUS, REGULAR, Theme, font
from app.widgets import Themed, current_theme

BUSY_OPACITY = 0.35
SMALLEST_BOX = 6.0
"""Logical px of the box around the cursor's pixel, where the pixel itself is smaller."""
CLICK_DISTANCE = 4


def to_image(picture: np.ndarray) -> QImage:
    """(h, w, 3) uint8 -> an image that owns its pixels."""
    height, width = picture.shape[:2]
    data = np.ascontiguousarray(picture).tobytes()
    return QImage(data, width, height, 3 * width, QImage.Format.Format_RGB888).convertToFormat(
        QImage.Format.Format_RGB32
    )


class Picture(QWidget, Themed):
    """Signals speak of image pixels (x, y). hovered: a pixel, or None when the pointer leaves. lens_moved: a Lens."""

    hovered = pyqtSignal(object)
    clicked = pyqtSignal(object)
    lens_moved = pyqtSignal(object)
    area_changed = pyqtSignal(float, float)
    """Left and right end of the visible picture, logical px."""

    def __init__(self, on_map: bool = False) -> None:
        super().__init__()
        self._theme = current_theme()
        self._on_map = on_map
        self.picture: np.ndarray | None = None
        self.lens = Lens()
        self._image: QImage | None = None
        self._resampled: tuple[tuple, QImage] | None = None
        self._cursor: tuple[int, int] | None = None
        self._pin: tuple[int, int] | None = None
        self._chips: tuple[tuple[str, str], ...] = ()
        self._busy_since: float | None = None
        self._area = QRectF()
        self._pressed: QPointF | None = None
        self._dragged = False
        self.setMouseTracking(True)
        self.setMinimumSize(40, 40)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)

    # ------------------------------------------------------------------------------------------ what is shown

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def set_picture(self, picture: np.ndarray | None) -> None:
        """(h, w, 3) uint8 sRGB, or None for an empty well."""
        self.picture, self._resampled = picture, None
        self._image = None if picture is None else to_image(picture)
        self.update()

    def set_lens(self, lens: Lens) -> None:
        if lens != self.lens:
            self.lens = lens
            self.update()

    def set_cursor(self, cursor: tuple[int, int] | None, pin: tuple[int, int] | None) -> None:
        """Hairlines at `cursor`, or at `pin` while there is none; the box stays at `pin`."""
        if (cursor, pin) != (self._cursor, self._pin):
            self._cursor, self._pin = cursor, pin
            self.update()

    def set_chips(self, *chips: tuple[str, str]) -> None:
        """Small remarks in the corners: (text, tone), at the top left and then at the top right."""
        if chips != self._chips:
            self._chips = chips
            self.update()

    def set_busy(self, since: float | None) -> None:
        """time.monotonic() at which recomputing began, None when it is done."""
        if since != self._busy_since:
            self._busy_since = since
            self.update()

    # ------------------------------------------------------------------------------------------ geometry

    def device_size(self) -> tuple[int, int]:
        ratio = self.devicePixelRatioF()
        return round(self.width() * ratio), round(self.height() * ratio)

    def image_size(self) -> tuple[int, int]:
        return (1, 1) if self.picture is None else (self.picture.shape[1], self.picture.shape[0])

    def placement(self) -> Placement:
        return self.lens.place(self.device_size(), self.image_size())

    def pixel_at(self, point: QPointF) -> tuple[int, int] | None:
        """The image pixel under a point (logical px), or None beside the image."""
        if self.picture is None:
            return None
        ratio = self.devicePixelRatioF()
        x, y = self.placement().to_image(point.x() * ratio, point.y() * ratio)
        width, height = self.image_size()
        return (int(x), int(y)) if 0 <= x < width and 0 <= y < height else None

    # ------------------------------------------------------------------------------------------ painting

    def area(self) -> QRectF:
        """The part of the widget that the picture covers, logical px; all of it where there is none."""
        whole = QRectF(self.rect())
        if self.picture is None:
            return whole
        ratio, place, (width, height) = self.devicePixelRatioF(), self.placement(), self.image_size()
        box = QRectF(place.left, place.top, width * place.scale, height * place.scale)
        return whole & QRectF(box.x() / ratio, box.y() / ratio, box.width() / ratio, box.height() / ratio)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter, area = QPainter(self), self.area()
        painter.fillRect(self.rect(), QColor(self._theme.panel))
        painter.fillRect(area, QColor(self._theme.well))
        if self._image is not None:
            painter.setOpacity(BUSY_OPACITY if self._busy_since is not None else 1.0)
            self._paint_image(painter)
            painter.setOpacity(1.0)
            painter.setClipRect(area)
            self._paint_cursor(painter)
            painter.setClipping(False)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        whole, rounded = QPainterPath(), QPainterPath()
        whole.addRect(area.adjusted(-1, -1, 1, 1))
        rounded.addRoundedRect(area, PICTURE_RADIUS, PICTURE_RADIUS)
        painter.fillPath(whole.subtracted(rounded), QColor(self._theme.panel))
        self._paint_chips(painter, area)
        if area != self._area:
            self._area = area
            self.area_changed.emit(area.left(), area.right())

    def _device_origin(self, painter: QPainter) -> tuple[QTransform, int, int]:
        """The painter's way to device pixels, and the device pixel that this widget's corner is rounded to.

        At 1.25 or 1.5 a widget may begin within a device pixel; images drawn from there would lose or double rows.
        """
        transform = painter.deviceTransform()
        return transform, round(transform.dx()), round(transform.dy())

    def _paint_image(self, painter: QPainter) -> None:
        assert self._image is not None
        place, (width, height) = self.placement(), self.image_size()
        transform, left, top = self._device_origin(painter)
        if place.whole:
            image = self._image
            box = QRectF(left + place.left, top + place.top, width * place.scale, height * place.scale)
        else:
            image, box = self._area_filtered(place)
            box.translate(left, top)
        inverse, _ = transform.inverted()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        painter.drawImage(inverse.mapRect(box), image)

    def _area_filtered(self, place: Placement) -> tuple[QImage, QRectF]:
        """The visible part at a magnification that is not whole, and its box in device pixels."""
        assert self.picture is not None
        (size_x, size_y), (width, height) = self.device_size(), self.image_size()
        x0, y0 = max(0, place.left), max(0, place.top)
        x1 = min(size_x, round(place.left + width * place.scale))
        y1 = min(size_y, round(place.top + height * place.scale))
        key = (x0, y0, x1, y1, place)
        if self._resampled is None or self._resampled[0] != key:
            corners = (*place.to_image(x0, y0), *place.to_image(x1, y1))
            small = resample(self.picture, max(x1 - x0, 1), max(y1 - y0, 1), corners)
            self._resampled = (key, to_image(small))
        return self._resampled[1], QRectF(x0, y0, max(x1 - x0, 1), max(y1 - y0, 1))

    def pixel_box(self, pixel: tuple[int, int]) -> QRectF:
        """Where an image pixel is, logical px."""
        ratio, place = self.devicePixelRatioF(), self.placement()
        left, top = (place.left + pixel[0] * place.scale) / ratio, (place.top + pixel[1] * place.scale) / ratio
        return QRectF(left, top, place.scale / ratio, place.scale / ratio)

    def _paint_cursor(self, painter: QPainter) -> None:
        at = self._cursor or self._pin
        if at is None:
            return
        middle = self.pixel_box(at).center()
        light = self._theme.dark or not self._on_map
        painter.setPen(QPen(QColor(255, 255, 255, 70) if light else QColor(0, 0, 0, 60), 1))
        painter.drawLine(QPointF(middle.x(), 0), QPointF(middle.x(), self.height()))
        painter.drawLine(QPointF(0, middle.y()), QPointF(self.width(), middle.y()))
        for pixel in {self._cursor, self._pin} - {None}:
            box = self.pixel_box(pixel)  # type: ignore[arg-type]
            grow = max(0.0, 0.5 * (SMALLEST_BOX - box.width()))
            painter.setPen(QPen(QColor(self._theme.accent), 1.5 if pixel == self._pin else 1.0))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(box.adjusted(-grow, -grow, grow, grow))

    def _paint_chips(self, painter: QPainter, area: QRectF) -> None:
        painter.setFont(font(HINT, NUMBER))
        metrics, left, right = painter.fontMetrics(), area.left() + 6.0, area.right() - 6.0
        for index, (text, tone) in enumerate(self._chips):
            width = metrics.horizontalAdvance(text) + 14.0
            x = left if index == 0 else right - width
            self._pill(painter, QRectF(x, area.top() + 6, width, 20), text, getattr(self._theme, tone))
        if self._busy_since is not None:
            seconds = time.monotonic() - self._busy_since
            painter.setFont(font(HINT, REGULAR))
            text = f"computing {seconds:.1f} s"
            width = metrics.horizontalAdvance(text) + 38.0
            box = QRectF(0.5 * (self.width() - width), 0.5 * self.height() - 13, width, 26)
            self._pill(painter, box, "", self._theme.text)
            painter.setPen(QColor(self._theme.text))
            painter.drawText(
                box.adjusted(26, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text
            )
            ring = QRectF(box.left() + 9, box.center().y() - 5, 10, 10)
            painter.setPen(QPen(QColor(self._theme.accent), 2, cap=Qt.PenCapStyle.RoundCap))
            painter.drawArc(ring, int(-seconds * 360) * 16, -120 * 16)

    def _pill(self, painter: QPainter, box: QRectF, text: str, colour: str) -> None:
        ground = QColor(self._theme.panel)
        ground.setAlpha(220)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawRoundedRect(box, 5, 5)
        painter.setPen(QColor(colour))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    # ------------------------------------------------------------------------------------------ the pointer

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        if event is None or self.picture is None:
            return
        turn = event.angleDelta().y() or event.angleDelta().x()
        if turn:
            ratio, point = self.devicePixelRatioF(), event.position()
            steps = max(1, abs(turn) // 120) * (1 if turn > 0 else -1)
            self.lens_moved.emit(
                self.lens.zoomed(steps, point.x() * ratio, point.y() * ratio, self.device_size(), self.image_size())
            )
        event.accept()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event and event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._pressed, self._dragged = event.position(), False

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        if event is None:
            return
        if self._pressed is not None and self.lens.scale is not None:
            delta = event.position() - self._pressed
            if self._dragged or delta.manhattanLength() > CLICK_DISTANCE:
                self._dragged, self._pressed = True, event.position()
                ratio = self.devicePixelRatioF()
                moved = self.lens.panned(delta.x() * ratio, delta.y() * ratio, self.device_size(), self.image_size())
                self.lens_moved.emit(moved)
        self.hovered.emit(self.pixel_at(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        pressed, self._pressed = self._pressed, None
        if event and pressed is not None and not self._dragged and event.button() == Qt.MouseButton.LeftButton:
            pixel = self.pixel_at(event.position())
            if pixel is not None:
                self.clicked.emit(pixel)

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """The whole picture again."""
        self.lens_moved.emit(Lens())

    def leaveEvent(self, event: QEvent | None) -> None:
        self.hovered.emit(None)
