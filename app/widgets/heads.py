"""Title bars of docks and foldable sections."""

from __future__ import annotations

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent, QMouseEvent
from PyQt6.QtWidgets import QFrame, QSizePolicy, QWidget

from app.theme import BASE, REGULAR, SECTION_HEIGHT, TITLE, TITLE_HEIGHT
from app.widgets.basics import Elided, Item, hbox, label, rule, vbox
from app.widgets.painted import Glyph


class Head(QFrame):
    """A dock's title bar. QDockWidget asks for its size hint and ignores a fixed height, so both say 32."""

    def __init__(self, title: str, *items: Item, left: tuple[Item, ...] = ()) -> None:
        super().__init__()
        self.setObjectName("head")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.title = label(title, BASE, TITLE)
        self.setLayout(hbox(self.title, *left, None, *items, margins=(12, 0, 8, 0), gap=6))
        self.setFixedHeight(TITLE_HEIGHT)

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), TITLE_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(60, TITLE_HEIGHT)


class _SectionHead(QFrame):
    clicked = pyqtSignal()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.clicked.emit()
        else:
            super().keyPressEvent(event)


class Section(QWidget):
    """A foldable group; folded, its header says in one line what it holds. The header folds by a click or Return."""

    folded_changed = pyqtSignal(bool)

    def __init__(
        self, title: str, body: QWidget, *, tip: str, folded: bool = False, tools: tuple[Item, ...] = ()
    ) -> None:
        super().__init__()
        self.body = body
        self._open_summary, self._folded_summary = "", ""
        self._chevron = Glyph("chevron-down", "text3", 12)
        self._summary = Elided("", BASE, REGULAR, "text2")
        self._summary.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        name = label(title, BASE, TITLE)
        self.head = _SectionHead()
        self.head.setObjectName("sectionHead")
        self.head.setFixedHeight(SECTION_HEIGHT)
        self.head.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.head.setToolTip(tip)
        self.head.setLayout(hbox(self._chevron, name, self._summary, *tools, margins=(9, 0, 6, 0), gap=5))
        self.head.layout().setStretch(2, 1)  # type: ignore[union-attr]
        self._summary.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.head.clicked.connect(lambda: self.set_folded(not self.folded))
        self.setLayout(vbox(self.head, body, rule()))
        self.folded = False
        self.set_folded(folded)

    def set_summary(self, folded: str, unfolded: str = "") -> None:
        """What the header says at its right edge when folded and when not."""
        self._folded_summary, self._open_summary = folded, unfolded
        self._refresh()

    def set_folded(self, folded: bool) -> None:
        self.folded = folded
        self.body.setVisible(not folded)
        self._chevron.set_icon("chevron-right" if folded else "chevron-down", "text3")
        self._refresh()
        self.folded_changed.emit(folded)

    def _refresh(self) -> None:
        self._summary.setText(self._folded_summary if self.folded else self._open_summary)
