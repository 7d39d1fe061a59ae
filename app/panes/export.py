"""A pane as a picture of its own: title, image at a whole magnification, colour bar with its ends."""

from __future__ import annotations

from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor, QImage, QPainter

from app import numbers
from app.panes.footer import paint_bar
from app.panes.pane import Pane
from app.panes.picture import to_image
from app.theme import BASE, HINT, TITLE, Theme, font

SIDE = 512
"""The longer side is enlarged to at least this many pixels, by a whole factor."""
MARGIN, CAPTION, BAR = 12, 26, 34


def pane_image(pane: Pane, theme: Theme) -> QImage | None:
    """The whole image whatever is zoomed to, or None where the pane is empty."""
    if pane.picture.picture is None:
        return None
    picture = to_image(pane.picture.picture)
    scale = max(1, -(-SIDE // max(picture.width(), picture.height())))
    width, height = picture.width() * scale, picture.height() * scale
    limit = pane.footer.limit
    result = QImage(width + 2 * MARGIN, height + CAPTION + MARGIN + (BAR if limit else 0), QImage.Format.Format_RGB32)
    result.fill(QColor(theme.panel))
    painter = QPainter(result)
    painter.drawImage(QRectF(MARGIN, CAPTION, width, height), picture)
    painter.setFont(font(BASE, TITLE))
    painter.setPen(QColor(theme.text))
    title = QRectF(MARGIN, 2, width, CAPTION - 2)
    middle = Qt.AlignmentFlag.AlignVCenter
    painter.drawText(title, Qt.AlignmentFlag.AlignLeft | middle, pane.kind.title)
    painter.setFont(font(HINT))
    painter.setPen(QColor(theme.text3))
    iteration = f", it {pane.stamp}" if pane.stamp >= 0 else ""
    painter.drawText(title, Qt.AlignmentFlag.AlignRight | middle, pane.note.text() + iteration)
    if limit:
        top = CAPTION + height + 6
        paint_bar(painter, QRectF(MARGIN, top, width, 8), theme.signed_lut())
        painter.setPen(QColor(theme.text2))
        row = QRectF(MARGIN, top + 10, width, 16)
        painter.drawText(row, Qt.AlignmentFlag.AlignLeft | middle, numbers.number(-limit))
        painter.drawText(row, Qt.AlignmentFlag.AlignHCenter | middle, "0")
        painter.drawText(row, Qt.AlignmentFlag.AlignRight | middle, numbers.number(limit, signed=True))
    painter.end()
    return result
