"""What one snapshot makes the window do, a piece in each turn of the event loop, so that keys and timers run between.

Convention: a piece has a key and reads the state when it runs, not when it is posted. Posted again before it ran, it
keeps its place and runs once: the newest state wins. A piece of a widget that cannot be seen waits until it can.
"""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QEvent, QObject, Qt, QTimer
from PyQt6.QtWidgets import QWidget

GAP_MS = 1
"""Between two pieces. Not 0: such a timer fires again before what else is due, so that all pieces were one turn."""

Piece = Callable[[], object]
Post = Callable[[str, Piece, QWidget | None], None]
"""`Turns.post`: key, piece, the widget that must be seen."""


def at_once(key: str, piece: Piece, widget: QWidget | None) -> None:
    """What a widget that stands alone does instead of `Turns.post`."""
    piece()


class Turns(QObject):
    """One for the window; its parts are handed `post`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._due: dict[str, tuple[Piece, QWidget | None]] = {}
        self._asleep: dict[str, tuple[Piece, QWidget]] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(GAP_MS)
        self._timer.timeout.connect(self._take)

    @property
    def busy(self) -> bool:
        """Whether pieces wait for their turn; those of hidden widgets do not count."""
        return bool(self._due)

    def post(self, key: str, piece: Piece, widget: QWidget | None) -> None:
        """Run `piece` in a turn of its own; where `widget` is hidden, once it is shown."""
        if widget is not None and not widget.isVisible():
            self._due.pop(key, None)
            self._sleep(key, piece, widget)
            return
        self._asleep.pop(key, None)
        self._due[key] = (piece, widget)
        if not self._timer.isActive():
            self._timer.start()

    def flush(self) -> None:
        """Run what is left now, all of it in this turn: before a picture is taken of the window."""
        while self._due:
            self._run_next()

    def stop(self) -> None:
        """Forget what is left."""
        self._timer.stop()
        self._due.clear()
        self._asleep.clear()

    def _take(self) -> None:
        try:
            self._run_next()
        finally:
            if self._due:
                self._timer.start()

    def _run_next(self) -> None:
        """The first piece whose widget can be seen."""
        while self._due:
            key = next(iter(self._due))
            piece, widget = self._due.pop(key)
            if widget is None or widget.isVisible():
                piece()
                return
            self._sleep(key, piece, widget)

    def _sleep(self, key: str, piece: Piece, widget: QWidget) -> None:
        self._asleep[key] = (piece, widget)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if event is not None and event.type() == QEvent.Type.Show and watched is not None:
            watched.removeEventFilter(self)
            mine = {key: entry for key, entry in self._asleep.items() if entry[1] is watched}
            for key, (piece, _) in mine.items():
                del self._asleep[key]
                self.post(key, piece, None)
        return False
