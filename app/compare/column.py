"""One card of a comparison: its title and its panes, two rows of them. The first card holds what all runs share."""

from __future__ import annotations

from dataclasses import replace

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QFrame, QWidget

from app import numbers
from app.panes.kinds import BY_NAME
from app.panes.pane import Pane
from app.theme import LESSON, NUMBER, PANE_GAP, TITLE
from app.widgets import Dot, Elided, frame, hbox, hint, label, mini, vbox
from core.protocol import Scalars

ROWS = (("render", "difference"), ("derivative", "disagreement"))
SHARED_ROWS = (("target",), ("reference",))

HINT_ROOM = 230
"""Logical pixels of a card's width below which the run's name has the room of the word "loss"."""


class Column(QFrame):
    """panes: name of the image -> pane. menu_wanted(widget): the card's "more" button was pressed."""

    menu_wanted = pyqtSignal(object)

    def __init__(self, title: str, token: str, note: str, rows: tuple[tuple[str, ...], ...], tip: str) -> None:
        """token: its colour everywhere, "" for the card of what all runs share."""
        super().__init__()
        self.setObjectName("card")
        self.panes = {name: _pane(name) for row in rows for name in row}
        self.weight, self.token = len(rows[0]), token
        name = Elided(title, LESSON, TITLE, "text")
        name.set_tip(tip)
        if not token:
            name.setMinimumWidth(name.sizeHint().width())
        self.note = Elided(note)
        self.note.setVisible(bool(note))
        self.loss = label("", LESSON - 1, NUMBER)
        self.loss.setVisible(bool(token))
        self.loss_hint = hint("loss")
        self.loss_hint.setVisible(bool(token))
        self.trouble = label("", LESSON - 2, NUMBER, "warn")
        self.trouble.hide()
        self.more = mini("more", "Change, add or remove runs")
        self.more.clicked.connect(lambda: self.menu_wanted.emit(self.more))
        dot: tuple[QWidget, ...] = (Dot(token, 9),) if token else ()
        head = hbox(*dot, name, self.note, None, self.trouble, self.loss_hint, self.loss, self.more, gap=6)
        head.setStretchFactor(self.note, 10)
        lines = [hbox(*(self.panes[n] for n in row), gap=PANE_GAP) for row in rows]
        layout = vbox(frame(head, height=36), lines[0], 4, lines[1], margins=(PANE_GAP + 2, 0, PANE_GAP + 2, 6))
        for index in (1, 3):
            layout.setStretch(index, 1)
        self.setLayout(layout)

    def resizeEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        super().resizeEvent(event)
        self.loss_hint.setVisible(bool(self.token) and self.width() >= HINT_ROOM)

    def set_scalars(self, scalars: Scalars | None) -> None:
        """This run's newest numbers."""
        self.loss.setText(numbers.number(scalars.loss if scalars else None))
        trouble = scalars.trouble if scalars else ""
        self.trouble.setVisible(bool(trouble))
        self.trouble.setText("stopped" if trouble else "")
        self.trouble.setToolTip(trouble)

    def set_picture_height(self, height: int) -> None:
        for pane in self.panes.values():
            pane.set_height(height)


def _pane(name: str) -> Pane:
    """A pane without a digit of its own; which run it belongs to stands above it."""
    kind = BY_NAME[name]
    pane = Pane(replace(kind, key=0, note="finite diff." if name == "reference" else "", locked=kind.signed, action=""))
    pane.dot.setVisible(name == "reference")
    pane.enlarge.hide()
    return pane
