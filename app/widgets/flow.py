"""A row of widgets that breaks where the width ends, as words do.

Convention: a widget is as large as its hint; rows begin at the left.
"""

from __future__ import annotations

from PyQt6.QtCore import QPoint, QRect, QSize, Qt
from PyQt6.QtWidgets import QLayout, QLayoutItem, QWidget


class Flow(QLayout):
    """As many widgets beside each other as there is room for, at whatever width and size of type."""

    def __init__(self, *widgets: QWidget, gap: int = 6, line_gap: int = 6) -> None:
        """gap: px between two widgets of a row; line_gap: between two rows."""
        super().__init__()
        self._items: list[QLayoutItem] = []
        self._line_gap = line_gap
        self.setContentsMargins(0, 0, 0, 0)
        self.setSpacing(gap)
        for widget in widgets:
            self.addWidget(widget)

    def addItem(self, a0: QLayoutItem | None) -> None:
        if a0 is not None:
            self._items.append(a0)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, a0: int) -> int:
        margins = self.contentsMargins()
        bottom = max((place.bottom() + 1 for place in self._places(a0)), default=0)
        return bottom + margins.bottom()

    def minimumSize(self) -> QSize:
        """The widest widget alone."""
        margins = self.contentsMargins()
        size = QSize(0, 0)
        for item in self._items:
            size = size.expandedTo(item.sizeHint())
        return size + QSize(margins.left() + margins.right(), margins.top() + margins.bottom())

    def sizeHint(self) -> QSize:
        return self.minimumSize()

    def setGeometry(self, a0: QRect) -> None:
        super().setGeometry(a0)
        for item, place in zip(self._items, self._places(a0.width())):
            item.setGeometry(place.translated(a0.topLeft()))

    def _places(self, width: int) -> list[QRect]:
        """Where each widget lies in a layout so many px wide."""
        margins = self.contentsMargins()
        end, line = width - margins.right(), 0
        corner = QPoint(margins.left(), margins.top())
        places = []
        for item in self._items:
            size = item.sizeHint()
            if corner.x() > margins.left() and corner.x() + size.width() > end:
                corner = QPoint(margins.left(), corner.y() + line + self._line_gap)
                line = 0
            places.append(QRect(corner, size))
            corner = corner + QPoint(size.width() + self.spacing(), 0)
            line = max(line, size.height())
        return places
