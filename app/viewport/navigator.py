"""What the pointer does in the 3D view: orbit, roll, pan, zoom, pick.

Left drag orbits; with Alt, or by the right button, it rolls freely; middle or Shift-left drag pans; the wheel zooms
to the pointer; a click without a drag picks; a double click resets. What `grab` takes is dragged itself; with Ctrl the
object is, instead of the eye.
"""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QEvent, QObject, QPointF, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent, QMouseEvent, QNativeGestureEvent, QWheelEvent
from PyQt6.QtWidgets import QWidget

CLICK_DISTANCE = 4
"""Pixels the pointer may move before a click is a drag."""
ZOOM_STEP = 1.15
"""Factor of one wheel notch (120 units)."""


class Navigator(QObject):
    """Watches one widget. Positions are logical pixels."""

    orbited = pyqtSignal(float, float)
    rolled = pyqtSignal(float, float)
    panned = pyqtSignal(float, float)
    zoomed = pyqtSignal(float, QPointF)
    clicked = pyqtSignal(QPointF)
    hovered = pyqtSignal(QPointF)
    reset = pyqtSignal()
    fit = pyqtSignal()
    dragged = pyqtSignal(QPointF)
    """What `grab` took follows the pointer."""
    dropped = pyqtSignal()
    object_moved = pyqtSignal(float, float)
    object_turned = pyqtSignal(float, float)
    object_dropped = pyqtSignal()
    """With Ctrl the left button moves the object and the right button turns it, pixels; then it is let go."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._pressed: QPointF | None = None
        self._last = QPointF()
        self._dragging = False
        self._button = Qt.MouseButton.NoButton
        self.grab: Callable[[QPointF], bool] = lambda point: False
        """Asked at a left press: whether something there is taken along."""
        self._holding = self._with_object = False
        widget.setMouseTracking(True)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        kind = event.type() if event is not None else None
        if isinstance(event, QMouseEvent):
            if kind == QEvent.Type.MouseButtonPress:
                self._press(event)
            elif kind == QEvent.Type.MouseMove:
                self._move(event)
            elif kind == QEvent.Type.MouseButtonRelease:
                self._release(event)
            elif kind == QEvent.Type.MouseButtonDblClick and event.button() == Qt.MouseButton.LeftButton:
                self._pressed = None
                self.reset.emit()
            return True
        if isinstance(event, QWheelEvent):
            notches = (event.angleDelta().y() or event.angleDelta().x()) / 120.0
            if notches:
                self.zoomed.emit(ZOOM_STEP**notches, event.position())
            return True
        if isinstance(event, QNativeGestureEvent) and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
            self.zoomed.emit(1.0 + event.value(), event.position())
            return True
        if isinstance(event, QKeyEvent) and kind == QEvent.Type.KeyPress and event.key() == Qt.Key.Key_F:
            self.fit.emit()
            return True
        return False

    def _press(self, event: QMouseEvent) -> None:
        self._pressed = self._last = event.position()
        self._dragging, self._button = False, event.button()
        self._with_object = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        plain = event.modifiers() == Qt.KeyboardModifier.NoModifier
        self._holding = plain and event.button() == Qt.MouseButton.LeftButton and self.grab(event.position())

    def _move(self, event: QMouseEvent) -> None:
        if self._pressed is None:
            self.hovered.emit(event.position())
            return
        if not self._dragging and (event.position() - self._pressed).manhattanLength() <= CLICK_DISTANCE:
            return
        self._dragging = True
        if self._holding:
            self.dragged.emit(event.position())
            return
        delta = event.position() - self._last
        self._last = event.position()
        modifiers = event.modifiers()
        left = self._button == Qt.MouseButton.LeftButton
        if self._with_object:
            (self.object_moved if left else self.object_turned).emit(delta.x(), delta.y())
            return
        if self._button == Qt.MouseButton.MiddleButton or (left and modifiers & Qt.KeyboardModifier.ShiftModifier):
            self.panned.emit(delta.x(), delta.y())
        elif self._button == Qt.MouseButton.RightButton or (left and modifiers & Qt.KeyboardModifier.AltModifier):
            self.rolled.emit(delta.x(), delta.y())
        elif left:
            self.orbited.emit(delta.x(), delta.y())

    def _release(self, event: QMouseEvent) -> None:
        pressed, self._pressed = self._pressed, None
        if self._holding and self._dragging:
            self.dropped.emit()
        if self._with_object and self._dragging:
            self.object_dropped.emit()
        self._holding = False
        if pressed is not None and not self._dragging and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(event.position())
