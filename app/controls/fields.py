"""The editors inside a row: a number field, a slider and a combo box that do not steal the panel's wheel.

Convention: `show_value` fills an editor without a signal.
"""

from __future__ import annotations

from typing import Any

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtWidgets import QComboBox, QLineEdit, QSizePolicy, QSlider

from app import numbers
from app.theme import BASE, font

FIELD_WIDTH = 56
STEPS = 1000
"""Positions of a slider."""


class NumberField(QLineEdit):
    """A number one can type; `entered(float)` on Enter or when it loses focus after a change."""

    entered = pyqtSignal(float)

    def __init__(
        self, low: float | None = None, high: float | None = None, *, whole: bool = False, tight: bool = False
    ) -> None:
        """tight: idle zeros are left out, where fields stand close."""
        super().__init__()
        self._low, self._high, self._whole, self._tight, self._value = low, high, whole, tight, 0.0
        self.setFont(font(BASE))
        self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.setFixedWidth(FIELD_WIDTH)
        self.editingFinished.connect(self._finish)
        self.textEdited.connect(lambda: self._mark(False))

    def value(self) -> float:
        return self._value

    def show_value(self, value: float) -> None:
        self._value = value
        if not (self.hasFocus() and self.isModified()):
            self._write()

    def _write(self) -> None:
        text = numbers.integer(round(self._value)) if self._whole else numbers.field(self._value)
        if self._tight and "." in text and "e" not in text:
            text = text.rstrip("0").rstrip(".")
        if text != self.text():
            self.setText(text)
        self.setCursorPosition(0)
        self._mark(False)

    def _mark(self, wrong: bool) -> None:
        if bool(self.property("wrong")) != wrong:
            self.setProperty("wrong", wrong)
            self.style().unpolish(self)
            self.style().polish(self)

    def _finish(self) -> None:
        if not self.isModified():
            return
        self.setModified(False)
        try:
            value = numbers.parse(self.text())
        except ValueError:
            self._mark(True)
            return
        value = max(value, self._low) if self._low is not None else value
        value = min(value, self._high) if self._high is not None else value
        self._value = float(round(value)) if self._whole else value
        self._write()
        self.entered.emit(self._value)

    def focusOutEvent(self, event: Any) -> None:
        super().focusOutEvent(event)
        self._write()

    def keyPressEvent(self, event: Any) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.setModified(False)
            self._write()
            self.clearFocus()
            return
        super().keyPressEvent(event)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.clearFocus()


class QuietSlider(QSlider):
    """A slider that leaves the wheel to the panel it lies in unless it has the focus."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setRange(0, STEPS)
        self.setMinimumWidth(36)
        self.setPageStep(STEPS // 20)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        if event is None:
            return
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class QuietCombo(QComboBox):
    """A combo box that leaves the wheel to the panel it lies in."""

    def __init__(self) -> None:
        super().__init__()
        self.setFont(font(BASE))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumContentsLength(2)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumWidth(48)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        if event:
            event.ignore()
