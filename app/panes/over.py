"""The render over the target: a blend or a wipe between the two, which shows at a glance whether cameras are right."""

from __future__ import annotations

import numpy as np
from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QWidget

from app.controls.fields import STEPS, QuietSlider
from app.widgets import hbox, mini

WIDTH = 64
LEAST_WIDTH = 24
"""Of the slider in a narrow card, where it would lie over its button."""


def mixed(below: np.ndarray, above: np.ndarray, share: float, wipe: bool) -> np.ndarray:
    """Two pictures (H, W, 3) uint8 as one: `share` of `above` in every pixel, or `above` in that share of the columns,
    from the left, with a line where it ends. Pictures of different sizes cannot be mixed: `below` stays as it is."""
    if below.shape != above.shape or share <= 0:
        return below
    if not wipe:
        return np.rint((1.0 - share) * below + share * above).astype(np.uint8)
    edge = round(share * below.shape[1])
    result = below.copy()
    result[:, :edge] = above[:, :edge]
    if 0 < edge < below.shape[1]:
        result[:, edge - 1] = 255 - result[:, edge - 1] // 2
    return result


class Over(QWidget):
    """changed(): how much of the render lies over the target, or how. `share` in [0, 1]; wipe: by columns."""

    changed = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.share, self.wipe = 0.0, False
        self.picture: np.ndarray | None = None
        """What lies over, (H, W, 3) uint8."""
        self.slider = QuietSlider()
        self.slider.setMinimumWidth(LEAST_WIDTH)
        self.slider.setMaximumWidth(WIDTH)
        self.slider.setAccessibleName("Render over target")
        self.slider.valueChanged.connect(self._slid)
        self.how = mini("compare", "", checkable=True)
        self.how.toggled.connect(self.set_wipe)
        self.setLayout(hbox(self.slider, self.how, gap=2))
        self.set_wipe(False)

    def set_wipe(self, wipe: bool) -> None:
        """Wipe from the left instead of blending."""
        self.wipe = wipe
        self.how.setToolTip("Blend the two instead" if wipe else "Wipe from the left instead of blending")
        self.slider.setToolTip("How far the render is wiped over the target" if wipe else "Render over the target")
        self.changed.emit()

    def _slid(self, position: int) -> None:
        self.share = position / STEPS
        self.changed.emit()

    def state(self) -> tuple:
        """What a painted picture depends on."""
        return (self.share, self.wipe, id(self.picture) if self.share > 0 else 0)
