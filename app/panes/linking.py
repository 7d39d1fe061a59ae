"""What the panes share under the pointer: zoom, the cursor's hairlines, the pinned pixel.

Pixels are (x, y) in the image, or None.
"""

from __future__ import annotations

from collections.abc import Iterable

from PyQt6.QtCore import QObject, pyqtSignal

from app.panes.lens import Lens
from app.panes.pane import Pane

Pixel = tuple[int, int]


class Linking(QObject):
    """cursor_moved, pixel_pinned: a pixel or None. While `linked` is off, each pane has a zoom and cursor of its own."""

    cursor_moved = pyqtSignal(object)
    pixel_pinned = pyqtSignal(object)

    def __init__(self, panes: Iterable[Pane], parent: QObject) -> None:
        super().__init__(parent)
        self._panes = tuple(panes)
        self.linked = True
        self.cursor: Pixel | None = None
        self.pin: Pixel | None = None
        for pane in self._panes:
            pane.picture.hovered.connect(lambda pixel, pane=pane: self._on_hovered(pane, pixel))
            pane.picture.clicked.connect(self._on_clicked)
            pane.picture.lens_moved.connect(lambda lens, pane=pane: self._on_lens(pane, lens))

    @property
    def pointed(self) -> Pixel | None:
        """The pixel under the pointer, else the pinned one."""
        return self.cursor or self.pin

    def set_linked(self, linked: bool, leader: Pane) -> None:
        """Linked again, all panes zoom as `leader` does."""
        self.linked = linked
        if linked:
            self._on_lens(leader, leader.picture.lens)

    def fit(self) -> None:
        """Every picture whole."""
        for pane in self._panes:
            pane.picture.set_lens(Lens())

    def set_pin(self, pixel: Pixel | None) -> None:
        """Mark a pixel in every pane."""
        self._point(self.cursor, pixel)

    def clear(self) -> None:
        self.fit()
        self._point(None, None)

    def _on_lens(self, pane: Pane, lens: Lens) -> None:
        for other in self._panes if self.linked else (pane,):
            other.picture.set_lens(lens)

    def _on_hovered(self, pane: Pane, pixel: Pixel | None) -> None:
        if pixel != self.cursor:
            self._point(pixel, self.pin, None if self.linked else pane)
            self.cursor_moved.emit(pixel)

    def _on_clicked(self, pixel: Pixel) -> None:
        """Pin the pixel; a click on the pinned one lets it go."""
        pin = None if pixel == self.pin else pixel
        self.set_pin(pin)
        self.pixel_pinned.emit(pin)

    def _point(self, cursor: Pixel | None, pin: Pixel | None, only: Pane | None = None) -> None:
        self.cursor, self.pin = cursor, pin
        for pane in self._panes:
            mine = cursor if only is None or only is pane else None
            pane.picture.set_cursor(mine, pin)
            pane.show_reading(mine)
