"""The line at the window's foot: what is being compiled or what went wrong, and what helps. Never a dialog.

Convention: one thing at a time. Work in progress goes before a message, a message before the hint. A warning that
another message covers comes back when that one is put away.
"""

from __future__ import annotations

import math
import time

from PyQt6.QtCore import QTimer, pyqtSignal
from PyQt6.QtWidgets import QStatusBar, QWidget

from app.theme import BASE, HINT, NUMBER, REGULAR
from app.widgets import Elided, Glyph, IconButton, Spinner, hbox, hint, label, mini
from core.protocol import Message, Progress, Status

ICONS = {"error": ("error", "error"), "warning": ("warning", "warn"), "info": ("info", "text3")}
BUSY = {
    Status.STARTING: "Starting",
    Status.LOADING: "Loading",
    Status.COMPILING: "Compiling",
}
CANCEL_TIP = "Give up what is compiled, loaded or prepared; the window goes back to what was there"
COVERED = 4
"""Warnings that wait beneath another message; older ones are in the past."""
PATIENCE_MS = 150
"""Work shorter than this is not announced: a line that flashes is read as an error."""
ONE_WAIT_S = 0.3
"""Work that begins so soon after some of its kind ended is the same wait: its seconds go on."""


class StatusLine(QStatusBar):
    """See the module. `remedy_chosen(label)`, `details_wanted(Message)`, `cancelled()`."""

    remedy_chosen = pyqtSignal(str)
    details_wanted = pyqtSignal(object)
    cancelled = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setSizeGripEnabled(False)
        self.setContentsMargins(0, 0, 0, 0)
        self.message: Message | None = None
        self._covered: list[Message] = []
        self._busy, self._since, self._hint = "", 0.0, ""
        self._ended = "", -math.inf
        self._progress: Progress | None = None

        self.spinner = Spinner()
        self.glyph = Glyph("info", "text3", 14)
        self.text = Elided("", BASE, REGULAR, "text")
        self.seconds = label("", BASE, NUMBER, "text2")
        self.cancel = IconButton("Cancel", name="link", tip=CANCEL_TIP)
        self.remedy = IconButton("Remedy", name="link", tip="Do what helps")
        self.refusal = IconButton("Discard", name="quiet", tip="Do without it")
        self.details = IconButton("Details", name="quiet", tip="Show everything that is known about this message")
        self.dismiss = mini("close", "Put this message away")
        self.cancel.clicked.connect(self.cancelled)
        self.remedy.clicked.connect(lambda: self.message and self.remedy_chosen.emit(self.message.remedy))
        self.refusal.clicked.connect(lambda: self.message and self.remedy_chosen.emit(self.message.refusal))
        self.details.clicked.connect(lambda: self.message and self.details_wanted.emit(self.message))
        self.dismiss.clicked.connect(self.clear_message)

        left = QWidget()
        row = hbox(
            self.spinner, self.glyph, self.text, self.seconds, self.cancel, self.remedy, self.refusal, self.details,
            self.dismiss, None,
            margins=(10, 0, 0, 0), gap=8,
        )  # fmt: skip
        left.setLayout(row)
        self.addWidget(left, 1)

        self.memory = label("", HINT, REGULAR, "text2")
        self.seed = label("0", HINT, REGULAR, "text2")
        self.memory.setToolTip("Memory that the timeline's stored snapshots take, and its bound")
        self.seed.setToolTip("The seed of every random draw of this experiment")
        right = QWidget()
        right.setLayout(hbox(hint("History"), self.memory, 10, hint("seed"), self.seed, margins=(0, 0, 10, 0), gap=5))
        self.addPermanentWidget(right)

        self._tick = QTimer(self)
        self._tick.setInterval(100)
        self._tick.timeout.connect(self._refresh)
        self._refresh()

    # ------------------------------------------------------------------------------------------ what it is told

    def set_status(self, status: Status, text: str) -> None:
        """Follow the engine. A new fit puts old messages away; running puts hints away, but no error and no warning."""
        busy = BUSY.get(status, "")
        if busy:
            work = f"{busy} {text}".strip()
            self._since = self._since if work == self._busy else time.monotonic()  # said again, as at a pause
            self._busy = work
            self._tick.start()
        else:
            self._busy = ""
            if self._progress is None or not self._progress.gives_up:  # what goes on beside the fit, whatever that does
                self._progress = None
                self._tick.stop()
        if status is Status.LOADING:
            self.message, self._covered = None, []
        elif status is Status.RUNNING and self.message is not None and self.message.level == "info":
            self.clear_message()
        self._refresh()

    def set_progress(self, progress: Progress) -> None:
        now = time.monotonic()
        self._progress = None if progress.done else progress
        if self._progress is not None and not self._tick.isActive():
            kind, ended = self._ended
            self._since = self._since if progress.gives_up == kind and now - ended < ONE_WAIT_S else now
            self._tick.start()
        elif self._progress is None and not self._busy:
            self._ended = progress.gives_up, now
            self._tick.stop()
        self._refresh()

    def show_message(self, message: Message) -> None:
        """An error is not put away by a mere hint."""
        if self.message is not None and self.message.level == "error" and message.level == "info":
            return
        if self.message is not None and self.message.level == "warning":
            self._covered = [*self._covered, self.message][-COVERED:]
        self._covered = [warning for warning in self._covered if warning.text != message.text]
        self.message = message
        self._refresh()

    def clear_message(self) -> None:
        """Put the message away; the warning that it covered is seen again."""
        self.message = self._covered.pop() if self._covered else None
        self._refresh()

    def acted(self) -> None:
        """A hand went on: an error was read. Warnings stay until they are put away."""
        if self.message is not None and self.message.level != "warning":
            self.clear_message()

    def set_hint(self, text: str) -> None:
        """What may be done next, shown when there is nothing else to say."""
        self._hint = text
        self._refresh()

    def set_memory(self, used: int, limit: int) -> None:
        text = f"{used / 2**20:.0f} of {limit / 2**20:.0f} MB"
        if text != self.memory.text():
            self.memory.setText(text)

    # ------------------------------------------------------------------------------------------ what it shows

    def _refresh(self) -> None:
        waited = time.monotonic() - self._since
        working = bool(self._busy or self._progress) and 1000 * waited >= PATIENCE_MS
        message = None if working else self.message
        self.spinner.setVisible(working)
        self.seconds.setVisible(working)
        self.cancel.setVisible(working and bool(self._busy or (self._progress and self._progress.gives_up)))
        self.glyph.setVisible(message is not None)
        self.remedy.setVisible(bool(message and message.remedy))
        self.refusal.setVisible(bool(message and message.refusal))
        self.details.setVisible(bool(message and message.details))
        self.dismiss.setVisible(message is not None)
        if working:
            self.text.setText(self._work())
            self.seconds.setText(f"{waited:.1f} s")
        elif message is not None:
            self.glyph.set_icon(*ICONS.get(message.level, ICONS["info"]))
            self.text.setText(" ".join(message.text.split()))
            self.remedy.set_label(message.remedy)
            self.remedy.setToolTip(message.remedy)
            self.refusal.set_label(message.refusal)
            self.refusal.setToolTip(message.refusal)
        else:
            self.text.setText(self._hint)
        tone = "text2" if not working and message is None else "text"
        if self.text.property("tone") != tone:
            self.text.setProperty("tone", tone)
            self.text.style().polish(self.text)  # type: ignore[union-attr]

    def _work(self) -> str:
        task = self._progress
        if task is None:
            return self._busy
        share = "" if task.fraction is None else f"  {100 * task.fraction:.0f} %"
        return f"{task.task}{share}"
