"""Presentation mode: larger type and fewer panels, for the back of a lecture room.

Convention: fonts come from theme.font, which is told the scale; what is on screen already is scaled in place.
"""

from __future__ import annotations

from PyQt6.QtWidgets import QMainWindow, QWidget

from app.appearance import Appearance
from app.docks import Docks
from app.theme import font_scale, set_font_scale

SCALE = 1.35
"""12 px becomes 16: read from ten metres on a projection two metres wide."""


class Presentation:
    """Switched on and off; remembers which panels were there."""

    def __init__(self, window: QMainWindow, docks: Docks, appearance: Appearance) -> None:
        self._window, self._docks, self._appearance = window, docks, appearance
        self._hidden: list[QWidget] = []

    @property
    def on(self) -> bool:
        return font_scale() != 1.0

    def toggle(self, on: bool) -> None:
        """The viewport, the images, curves and timeline alone, in larger type; or everything as it was."""
        if on == self.on:
            return
        side = (self._docks.experiment, self._docks.lesson, self._docks.inspector)
        if on:
            self._hidden = [dock for dock in side if dock.isVisible()]
        for dock in self._hidden:
            dock.setVisible(not on)
        ratio = SCALE if on else 1 / SCALE
        set_font_scale(SCALE if on else 1.0)
        for widget in self._window.findChildren(QWidget):
            _scale(widget, ratio)
        self._appearance.refresh(self._window)
        self._docks.arrange()


def _scale(widget: QWidget, ratio: float) -> None:
    """A widget's own font, where it has one in pixels."""
    font = widget.font()
    if font.pixelSize() > 0:
        font.setPixelSize(max(1, round(font.pixelSize() * ratio)))
        widget.setFont(font)
