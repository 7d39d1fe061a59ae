"""Run under QT_SCALE_FACTOR: zoomed panes must show every image pixel as a square of whole device pixels.

The picture is a checkerboard, so that a row lost or doubled at a fractional widget position shows as an uneven run.
"""

from __future__ import annotations

import sys

import numpy as np
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QApplication, QWidget

from app.panes import PaneGrid
from app.panes.lens import Lens
from app.theme import DARK
from tests.fakes.fake_scene import loaded, snapshot


def window_pixels(widget: QWidget) -> np.ndarray:
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    data = image.constBits()
    assert data is not None
    data.setsize(image.sizeInBytes())
    rows = np.frombuffer(data, np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 4 * image.width()].reshape(image.height(), -1, 4)[..., 1].astype(int)


def runs(line: np.ndarray) -> np.ndarray:
    """Lengths of the runs of equal values, without the two that are cut off at the ends."""
    return np.diff(np.flatnonzero(np.diff(line)))


def main(scale: float) -> int:
    application = QApplication([])
    board = np.indices((400, 400)).sum(0) % 2
    grid = PaneGrid()
    grid.set_theme(DARK)
    grid.set_loaded(loaded())
    grid.show_snapshot(snapshot(1, target=np.repeat(board[..., None], 3, 2), render=np.repeat(board[..., None], 3, 2)))
    grid.resize(1185, 283)
    grid.show()
    application.processEvents()
    assert grid.devicePixelRatioF() == scale, grid.devicePixelRatioF()
    for zoom in (2, 3, 5):
        for pane in grid.panes.values():
            pane.picture.set_lens(Lens(float(zoom), (200.7, 199.4)))
        whole = window_pixels(grid)
        for name in ("target", "render"):
            picture = grid.panes[name].picture
            corner = picture.mapTo(grid, picture.rect().topLeft())
            left, top = round(corner.x() * scale) + 12, round(corner.y() * scale) + 12
            right, bottom = left + round(picture.width() * scale) - 24, top + round(picture.height() * scale) - 24
            across, down = whole[top + 9, left:right], whole[top:bottom, left + 9]
            for line in (across, down):
                assert set(np.unique(line)) == {0, 255}, (name, zoom, np.unique(line))
                assert set(runs(line)) == {zoom}, (name, zoom, runs(line))
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
