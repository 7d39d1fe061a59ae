"""Themes handed to widgets, layouts in one line, labels.

Convention: a widget that holds theme colours of its own is `Themed` and follows `restyle(root, theme)`; the rest is
styled by the style sheet through object names and tones.
"""

from __future__ import annotations

from collections.abc import Iterable

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PyQt6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QLabel, QLayout, QSizePolicy, QVBoxLayout, QWidget

from app.theme import BASE, DARK, HINT, REGULAR, Theme, font

Item = QWidget | QLayout | int | None
"""What hbox and vbox take: a widget, a layout, so many pixels, or None for a stretch."""

_current: Theme = DARK


def current_theme() -> Theme:
    """The theme a new widget starts with."""
    return _current


def set_current_theme(theme: Theme) -> None:
    global _current
    _current = theme


class Themed:
    """A widget that draws with theme colours itself."""

    def set_theme(self, theme: Theme) -> None:
        raise NotImplementedError


def restyle(root: QWidget, theme: Theme) -> None:
    """Hand `theme` to every Themed widget below `root`."""
    for child in root.findChildren(QWidget):
        if isinstance(child, Themed):
            child.set_theme(theme)


# ---------------------------------------------------------------------------------------------- layouts


def _fill(layout: QBoxLayout, items: Iterable[Item]) -> None:
    for item in items:
        if item is None:
            layout.addStretch(1)
        elif isinstance(item, int):
            layout.addSpacing(item)
        elif isinstance(item, QLayout):
            layout.addLayout(item)
        else:
            layout.addWidget(item)


def clear(layout: QLayout) -> None:
    """Take everything out of a layout. Its widgets vanish at once; Qt deletes them when it comes to it."""
    while (item := layout.takeAt(0)) is not None:
        if (widget := item.widget()) is not None:
            widget.hide()
            widget.deleteLater()


def hbox(*items: Item, margins: tuple[int, int, int, int] = (0, 0, 0, 0), gap: int = 6) -> QHBoxLayout:
    layout = QHBoxLayout()
    layout.setContentsMargins(*margins)
    layout.setSpacing(gap)
    _fill(layout, items)
    return layout


def vbox(*items: Item, margins: tuple[int, int, int, int] = (0, 0, 0, 0), gap: int = 0) -> QVBoxLayout:
    layout = QVBoxLayout()
    layout.setContentsMargins(*margins)
    layout.setSpacing(gap)
    _fill(layout, items)
    return layout


def frame(layout: QLayout, name: str = "clear", *, height: int = 0, width: int = 0) -> QFrame:
    """A frame around a layout, styled by its object name ("body", "well", "overlay", ...)."""
    result = QFrame()
    result.setObjectName(name)
    result.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    result.setLayout(layout)
    if height:
        result.setFixedHeight(height)
    if width:
        result.setFixedWidth(width)
    return result


def rule() -> QFrame:
    """A horizontal line, 1 px."""
    line = QFrame()
    line.setObjectName("rule")
    line.setFixedHeight(1)
    return line


# ---------------------------------------------------------------------------------------------- text


def set_tone(widget: QWidget, tone: str) -> None:
    """Change a label's colour token."""
    if widget.property("tone") != tone:
        widget.setProperty("tone", tone)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def label(
    text: str = "", pixels: int = BASE, weight: int = REGULAR, tone: str = "text", *, right: bool = False
) -> QLabel:
    result = QLabel(text)
    result.setTextFormat(Qt.TextFormat.PlainText)
    result.setFont(font(pixels, weight))
    result.setProperty("tone", tone)
    if right:
        result.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return result


def hint(text: str = "", *, right: bool = False) -> QLabel:
    return label(text, HINT, REGULAR, "text3", right=right)


SHORTER = "\x9c"
"""Between a text and the one that Qt draws where that is too long."""


class Elided(QLabel):
    """A label that gives way first when its row is narrow and ends in an ellipsis, or says it SHORTER; its tooltip then
    begins with the whole."""

    def __init__(
        self, text: str = "", pixels: int = HINT, weight: int = REGULAR, tone: str = "text3", lines: int = 1
    ) -> None:
        """lines: that the text may take, broken at spaces."""
        super().__init__()
        self._lines = lines
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setFont(font(pixels, weight))
        self.setProperty("tone", tone)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(lines > 1)
        self.setSizePolicy(policy)
        self._tip = ""
        self.setText(text)

    def setText(self, text: str | None) -> None:
        super().setText(text or "")
        self._make_room()
        self.updateGeometry()

    def set_tip(self, text: str) -> None:
        """A tooltip of its own, which follows the text where that is cut off."""
        self._tip = text

    def sizeHint(self) -> QSize:
        width = self.fontMetrics().horizontalAdvance(self.text()) + 2
        return QSize(width // self._lines, self.heightForWidth(self.width()))

    def minimumSizeHint(self) -> QSize:
        """One line: QLabel's own would be what was asked for last, and every text of two lines higher than the last."""
        margins = self.contentsMargins()
        return QSize(0, self.fontMetrics().height() + margins.top() + margins.bottom())

    def hasHeightForWidth(self) -> bool:
        return self._lines > 1

    def heightForWidth(self, width: int) -> int:
        return self.minimumSizeHint().height() + self.fontMetrics().lineSpacing() * self.fitted(width).count("\n")

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        """Rows around it grow for its lines: not every layout asks for the height that a width needs."""
        if self._lines > 1:
            self.setMinimumHeight(self.heightForWidth(self.width()))

    def fitted(self, width: int) -> str:
        """The text as it is drawn in so many px: its lines, the last of them cut where it must be."""
        metrics, rest, done = self.fontMetrics(), self.text(), []
        while len(done) < self._lines - 1 and metrics.horizontalAdvance(rest) > width and " " in rest:
            words, count = rest.split(" "), 1
            while count < len(words) and metrics.horizontalAdvance(" ".join(words[: count + 1])) <= width:
                count += 1
            done.append(" ".join(words[:count]))
            rest = " ".join(words[count:])
        return "\n".join([*done, metrics.elidedText(rest, Qt.TextElideMode.ElideRight, width)]).rstrip("\n")

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        cut, text = self.fitted(self.width()), self.text().partition(SHORTER)[0]
        whole = f"{text}: {self._tip}" if self._tip and text not in self._tip else self._tip or text
        self.setToolTip(whole if cut.replace("\n", " ") != text else self._tip)
        painter.drawText(self.rect(), self.alignment() | Qt.AlignmentFlag.AlignVCenter, cut if len(cut) > 2 else "")
