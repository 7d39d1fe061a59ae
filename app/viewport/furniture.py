"""What lies over the 3D picture, and where: drawing modes, tools, the axes, the colour scale, the readout, round corners.

Convention: the parts are the view's children, placed anew whenever its size or their own has changed.
"""

from __future__ import annotations

from PyQt6.QtWidgets import QWidget

from app.viewport.controls import Tools, mode_control
from app.viewport.overlay import Corners, Gizmo, GradientScale, Readout

MARGIN = 8


class Furniture:
    """Made once for a view."""

    def __init__(self, view: QWidget) -> None:
        self._view = view
        self.modes, self.tools = mode_control(view), Tools(view)
        self.gizmo, self.scale, self.readout = Gizmo(view), GradientScale(view), Readout(view)
        self._parts = (self.modes, self.tools, self.gizmo, self.scale, self.readout)
        self._corners = Corners(view)

    def place(self) -> None:
        """Put everything where it belongs."""
        for part in self._parts:
            part.adjustSize()
            part.raise_()
        width, height = self._view.width(), self._view.height()
        self.modes.move(MARGIN, MARGIN)
        beside = self.modes.width() + self.tools.width() + 3 * MARGIN <= width
        self.tools.move(width - self.tools.width() - MARGIN, MARGIN if beside else 2 * MARGIN + self.modes.height())
        self.gizmo.move(4, height - self.gizmo.height() - 4)
        self.scale.move(width - self.scale.width() - 8, height - self.scale.height() - 8)
        self.place_readout()

    def place_readout(self) -> None:
        """Its width changes with its numbers."""
        view, readout = self._view, self.readout
        readout.move((view.width() - readout.width()) // 2, view.height() - readout.height() - MARGIN)

    def round_corners(self) -> None:
        """The corners' masks lie over all else."""
        self._corners.resize(self._view.size())
        self._corners.raise_()

    def hide(self) -> None:
        for part in self._parts:
            part.hide()
