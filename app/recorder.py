"""Videos: the viewport, the panes or both, recorded while a fit goes on, or of the timeline's stored steps.

Convention: one picture for every snapshot that is shown; the fit is never asked to wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from PyQt6.QtCore import QObject, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QColor, QImage, QPainter
from PyQt6.QtWidgets import QFileDialog, QWidget

from app.controller import Controller
from app.encoder import Encoder
from app.frames import Frame
from app.widgets import current_theme
from core.errors import RimlightError

FILTERS = "Video (*.mp4);;Animated picture (*.gif)"
WIDEST = 1920
"""Pixels; larger windows are scaled down."""
WHAT = ("viewport", "panes", "both")
POLL_MS = 100


class Recorder(QObject):
    """`changed()` when a recording begins or ends. `what`: one of WHAT."""

    changed = pyqtSignal()

    def __init__(self, window: QWidget, controller: Controller, middle: QWidget, panes: QWidget) -> None:
        super().__init__(window)
        self._window, self._controller, self._middle, self._panes = window, controller, middle, panes
        self.what = "both"
        self._path: Path | None = None
        self._encoder: Encoder | None = None
        self._ending: Encoder | None = None
        self._film: list[Frame] = []
        self._owed = False
        self._poll = QTimer(self)
        self._poll.setInterval(POLL_MS)
        self._poll.timeout.connect(self._look_for_file)
        controller.snapshot_shown.connect(self._on_shown)

    @property
    def recording(self) -> bool:
        return self._path is not None

    # ------------------------------------------------------------------------------------------ from the user

    def toggle(self) -> None:
        """Ask for a file and record what is shown from now on, or end the recording."""
        if self.recording:
            self.stop()
            return
        path = self._ask("Record a video")
        if path:
            self.start(path)
        self.changed.emit()

    def film(self) -> None:
        """Ask for a file and write the timeline's stored steps as a video."""
        path = self._ask("Export a video of the timeline")
        if path:
            self.start_film(path)

    def start(self, path: str | Path) -> None:
        """Record to `path` (.mp4 or .gif)."""
        self._path, self._encoder, self._film = Path(path), None, []
        self._controller.say("info", f"Recording to {self._path.name}; press Record again to end it")
        self._on_shown()
        self.changed.emit()

    @property
    def busy(self) -> bool:
        """Whether a file is being made: pictures are still taken, or the encoder works on."""
        return self.recording or self._ending is not None

    def start_film(self, path: str | Path, frames: Iterable[Frame] | None = None) -> None:
        """Show one stored step after the other (`frames`, or those on the timeline) and record each."""
        self.start(path)
        self._film = list(self._controller.replay.frames if frames is None else frames)
        QTimer.singleShot(0, self._next_of_film)

    def stop(self) -> None:
        """End the recording; the file appears when the encoder is done."""
        self._path = None
        encoder, self._encoder = self._encoder, None
        if encoder is not None:
            encoder.finish()
            self._ending = encoder
            self._poll.start()
        self.changed.emit()

    def close(self) -> None:
        """The window closes: what was recorded is kept if that takes no longer than a moment."""
        self.stop()
        self._poll.stop()
        if self._ending is not None:
            self._ending.cancel() if not self._ended_soon(self._ending) else None
            self._ending = None

    @staticmethod
    def _ended_soon(encoder: Encoder) -> bool:
        import time

        end = time.monotonic() + 2.0
        try:
            while not encoder.done():
                if time.monotonic() > end:
                    return False
                time.sleep(0.02)
        except RimlightError:
            return True
        return True

    def _ask(self, title: str) -> str:
        path, chosen = QFileDialog.getSaveFileName(self._window, title, "rimlight.mp4", FILTERS)
        if path and Path(path).suffix.lower() not in (".mp4", ".gif"):
            path += ".gif" if "gif" in chosen else ".mp4"
        return path

    # ------------------------------------------------------------------------------------------ pictures

    def _on_shown(self, *_: object) -> None:
        """A snapshot is on screen soon: grab it once it is painted."""
        if self.recording and not self._owed:
            self._owed = True
            QTimer.singleShot(0, self._take)

    def _take(self) -> None:
        self._owed = False
        if self._path is None:
            return
        try:
            picture = self.picture()
            if self._encoder is None:
                self._encoder = Encoder(self._path, (picture.width(), picture.height()))
            self._encoder.add(picture)
        except (RimlightError, OSError) as error:
            self._encoder = None
            self.stop()
            self._controller.say("error", str(error))

    def _next_of_film(self) -> None:
        if not self.recording:
            return
        if not self._film:
            self._controller.go_live()
            self.stop()
            return
        self._controller.show_frame(self._film.pop(0))
        QTimer.singleShot(0, lambda: QTimer.singleShot(0, self._next_of_film))

    def picture(self) -> QImage:
        """What is recorded, as it is on screen."""
        self._controller.turns.flush()
        parts = {"viewport": (self._middle,), "panes": (self._panes,), "both": (self._middle, self._panes)}[self.what]
        shown = [part for part in parts if part.isVisible()] or [self._middle]
        images = [part.grab().toImage() for part in shown]
        width, height = max(i.width() for i in images), sum(i.height() for i in images)
        result = QImage(width, height, QImage.Format.Format_RGB32)
        result.fill(QColor(current_theme().ground))
        painter, top = QPainter(result), 0
        for image in images:
            image.setDevicePixelRatio(1.0)
            painter.drawImage((width - image.width()) // 2, top, image)
            top += image.height()
        painter.end()
        if width > WIDEST:
            result = result.scaledToWidth(WIDEST, Qt.TransformationMode.SmoothTransformation)
        return result

    def _look_for_file(self) -> None:
        encoder = self._ending
        if encoder is None:
            self._poll.stop()
            return
        tell: Callable[[], None] | None = None
        try:
            if encoder.done():
                tell = lambda: self._controller.say("info", f"Wrote {encoder.path}, {encoder.count} pictures")
        except RimlightError as error:
            text = str(error)
            tell = lambda: self._controller.say("error", text)
        if tell is not None:
            self._ending = None
            self._poll.stop()
            tell()
