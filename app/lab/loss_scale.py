"""What the landscape's colours mean: the map of a range of losses, and the upright bar beside the plot.

Convention: the scale is logarithmic where every loss is positive, otherwise linear.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor, QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from app import numbers
from app.panes.footer import paint_bar
from app.theme import HINT, NUMBER, REGULAR, Theme, font
from app.widgets import Themed, current_theme

LEAST_COLOUR = 0.08
"""Where in the sequential map the lowest loss lies: its first colours would vanish in the dark ground."""
MOST_COLOUR, MOST_COLOUR_LIGHT = 0.72, 0.9
"""The same of the highest: the map's last colours would outshine what is drawn over them, and vanish in a light ground."""
LEAST = 1e-12
"""Losses below it are taken for it on a logarithmic scale."""
_TOP, _FOOT, _BAR, _ROW = 26.0, 26.0, 8.0, 15.0
"""Logical px above and below the bar, its width, and what a number needs."""


@dataclass(frozen=True)
class LossRange:
    """The losses that a picture spans. low <= high, both finite."""

    low: float
    high: float

    @classmethod
    def of(cls, loss: np.ndarray) -> LossRange:
        return cls(float(loss.min()), float(loss.max()))

    @property
    def logarithmic(self) -> bool:
        return self.low > 0

    def level(self, loss: np.ndarray) -> np.ndarray:
        """What colours and level lines are spaced by."""
        return np.log10(np.maximum(loss, LEAST)) if self.logarithmic else np.asarray(loss, float)

    def share(self, loss: float | np.ndarray) -> np.ndarray:
        """0 for the lowest loss, 1 for the highest."""
        low, high, level = (self.level(np.asarray(value)) for value in (self.low, self.high, loss))
        return (level - low) / max(float(high - low), LEAST)

    def marks(self, room: float) -> list[float]:
        """The ends, and round losses between them that have room on a bar of so many px."""
        if self.high <= self.low:
            return [self.low]
        kept = [self.low, self.high]
        for value in sorted(self._round(), key=_plainness):
            if all(abs(float(self.share(value) - self.share(other))) * room >= 1.6 * _ROW for other in kept):
                kept.append(value)
        return sorted(kept)

    def _round(self) -> list[float]:
        """1, 2 and 5 times the powers of ten in between, and their like on a linear scale."""
        if self.logarithmic:
            powers = range(int(np.floor(np.log10(max(self.low, LEAST)))), int(np.ceil(np.log10(self.high))) + 1)
            found = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
        else:
            step = 10.0 ** np.floor(np.log10((self.high - self.low) / 2))
            found = [step * k for k in range(int(np.ceil(self.low / step)), int(self.high / step) + 1)]
        return [value for value in found if self.low < value < self.high]


def _plainness(value: float) -> int:
    """Powers of ten are marked first."""
    return 0 if f"{abs(value):e}".startswith(("1.0", "0.0")) else 1


def shown_part(theme: Theme) -> np.ndarray:
    """The colours from the lowest loss to the highest, (k, 3) uint8."""
    most = MOST_COLOUR if theme.dark else MOST_COLOUR_LIGHT
    return theme.sequential_lut()[round(255 * LEAST_COLOUR) : round(255 * most) + 1]


def painted(loss: np.ndarray, within: LossRange, theme: Theme) -> np.ndarray:
    """A picture of losses, (..., 3) uint8."""
    lut = shown_part(theme)
    return lut[np.rint((len(lut) - 1) * np.clip(within.share(loss), 0.0, 1.0)).astype(int)]


class LossScale(QWidget, Themed):
    """The bar, its ends and round losses; marks where the fit stands and where the pointer is."""

    def __init__(self) -> None:
        super().__init__()
        self._theme = current_theme()
        self.range: LossRange | None = None
        self._here: float | None = None
        self._pointer: float | None = None
        self.setFixedWidth(72)
        self.setToolTip("The loss of each colour. Green: where the fit stands; the other mark: under the pointer")

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def set_range(self, within: LossRange | None, here: float | None = None) -> None:
        """None for a picture without colours. here: the fit's loss."""
        self.range, self._here, self._pointer = within, here, None
        self.setVisible(within is not None)
        self.update()

    def set_pointer(self, loss: float | None) -> None:
        self._pointer = loss
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        if self.range is None:
            return
        painter, theme = QPainter(self), self._theme
        bar = QRectF(2, _TOP, _BAR, max(self.height() - _TOP - _FOOT, 1.0))
        painter.setFont(font(HINT, REGULAR))
        painter.setPen(QColor(theme.text2))
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(0, 4, self.width(), 16), left, "loss")
        paint_bar(painter, bar, shown_part(theme))
        painter.setFont(font(HINT, NUMBER))
        for value in self.range.marks(bar.height()):
            y = bar.bottom() - float(self.range.share(value)) * bar.height()
            painter.drawText(QRectF(bar.right() + 7, y - 8, self.width(), 16), left, numbers.field(value))
        for loss, colour in ((self._here, theme.accent), (self._pointer, theme.text)):
            if loss is not None and np.isfinite(loss):
                self._paint_mark(painter, bar, float(np.clip(self.range.share(loss), 0.0, 1.0)), colour)

    def _paint_mark(self, painter: QPainter, bar: QRectF, share: float, colour: str) -> None:
        y = bar.bottom() - 2.0 - share * (bar.height() - 4.0)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(self._theme.panel))
        painter.setBrush(QColor(colour))
        painter.drawRoundedRect(QRectF(bar.left() - 1.5, y - 2.0, bar.width() + 3.0, 4.0), 1.5, 1.5)
        painter.restore()
