"""What the lab's windows share: a head of controls, a body, a progress bar, Compute or Cancel, and one line of facts."""

from __future__ import annotations

from typing import Any

from PyQt6.QtGui import QCloseEvent
from PyQt6.QtWidgets import QDialog, QProgressBar, QWidget

from app.controller import Controller
from app.theme import BASE, HINT, REGULAR
from app.widgets import IconButton, Item, frame, hbox, label, vbox
from core.derivatives.questions import Drop, Question
from core.protocol import Loaded


class ToolWindow(QDialog):
    """Not modal. A question runs in the engine's spare time until it is answered, cancelled, or the window closes."""

    def __init__(self, parent: QWidget, controller: Controller, title: str, size: tuple[int, int]) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setModal(False)
        self.resize(*size)
        self.controller = controller
        self.question: Any = None
        self.loaded: Loaded | None = controller.loaded
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setRange(0, 1000)
        self.progress.setToolTip("How much of it is computed; the fit goes on meanwhile")
        self.go = IconButton("Compute", name="link", tip="Compute it in the engine's spare time")
        self.go.clicked.connect(self._on_go)
        self.facts = label("", HINT, REGULAR, "text2")
        self.note = label("", BASE, REGULAR, "text2")
        self.note.setWordWrap(True)

    def build(self, head: tuple[Item, ...], *body: Item) -> None:
        """Lay the window out: `head` is a row, `body` stands below, the first of it takes the room."""
        row = frame(hbox(*head, None, self.go, margins=(14, 8, 12, 4), gap=8))
        foot = frame(hbox(self.facts, None, margins=(14, 4, 14, 10), gap=8))
        layout = vbox(row, self.progress, *body, foot)
        layout.setStretch(2, 1)
        self.setLayout(layout)
        self.set_busy(False)

    def set_loaded(self, loaded: Loaded) -> None:
        """Another problem: what is drawn is of the one before."""
        self.loaded = loaded
        self.question = None
        self.set_busy(False)

    def ask(self, question: Question) -> None:
        self.question = question
        self.controller.ask(question)
        self.set_busy(True)

    def set_busy(self, busy: bool, fraction: float = 0.0) -> None:
        self.progress.setValue(round(1000 * fraction) if busy else 0)
        self.go.set_label("Cancel" if busy else "Compute")
        self.go.setToolTip("Give it up; what is there stays" if busy else "Compute it in the engine's spare time")
        self._busy = busy

    def give_up(self, question: Question) -> None:
        """The engine gave this question up."""
        if question == self.question:
            self.set_busy(False)

    def _on_go(self) -> None:
        if self._busy:
            self.cancel()
        else:
            self.compute()

    def cancel(self) -> None:
        if self._busy and self.question is not None:
            self.controller.ask(Drop(type(self.question).__name__))
        self.set_busy(False)

    def compute(self) -> None:
        raise NotImplementedError

    def closeEvent(self, event: QCloseEvent | None) -> None:
        self.cancel()
        super().closeEvent(event)
