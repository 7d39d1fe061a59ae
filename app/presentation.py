"""Presentation mode: larger type and fewer panels, for the back of a lecture room.

Convention: fonts come from theme.font, which is told the scale; what is on screen already is scaled in place.
"""

from __future__ import annotations

from PyQt6 import sip
from PyQt6.QtWidgets import QLineEdit, QMainWindow, QMenuBar, QWidget

from app.appearance import Appearance
from app.docks import WIDE, Docks
from app.theme import font_scale, set_font_scale
from app.toolbar import Toolbar

SCALE = 1.35
"""12 px becomes 16: read from ten metres on a projection two metres wide."""

KEPT = (QMenuBar, QLineEdit)
"""What is as high or as wide as its usual type: menus and the fields of settings are for the one who presents."""

PLAIN = "plainPixels"
"""The property in which a widget's size at scale 1 is kept."""


class Presentation:
    """Switched on and off; remembers which panels were there."""

    def __init__(self, window: QMainWindow, docks: Docks, appearance: Appearance, toolbar: Toolbar) -> None:
        self._window, self._docks, self._appearance, self._toolbar = window, docks, appearance, toolbar
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
        widgets = self._window.findChildren(QWidget)
        plain = [widget.property(PLAIN) or widget.font().pixelSize() / font_scale() for widget in widgets]
        set_font_scale(SCALE if on else 1.0)
        self._appearance.refresh(self._window)  # before the widgets: a style sheet puts their fonts back
        for widget, pixels in zip(widgets, plain):
            gone = sip.isdeleted(widget)  # putting the style sheet back may rebuild what holds it
            if not gone and not isinstance(widget, KEPT) and widget.objectName() != "chip":
                _scale(widget, pixels)
        self._toolbar.set_compact(on or self._window.width() < WIDE)
        self._docks.arrange()


def _scale(widget: QWidget, pixels: float) -> None:
    """A widget's own font, where it has one in pixels; `pixels` high at scale 1."""
    font = widget.font()
    if pixels > 0:
        widget.setProperty(PLAIN, pixels)
        font.setPixelSize(round(pixels * font_scale()))
        widget.setFont(font)
