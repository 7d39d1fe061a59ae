"""Saving and opening sessions, and the autosave: what a killed program was doing is offered at the next start.

Saving goes on in slices between the window's other work. The autosave is small (the experiment, the newest state), is
written with the first picture and then about once a second while anything changes, replaced whole, and removed when the
window closes. One that is taken up again stays until the window has written its own.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import platformdirs
from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from app.controller import Controller
from app.session_io import from_record, to_record
from core.errors import RimlightError
from core.record.files import SUFFIX, SessionRecord, read_session, write_session

PERIOD_MS = 800
"""Between two autosaves: with the time that writing and the engine's keyframes take, a killed program loses at most a
second of a fit whose state is cheap to write."""
SHARE = 0.05
"""A state that takes long to write is written less often, so that it costs the window at most this share."""
RETRY_MS = 10_000
"""After an autosave that could not be written: the disk may have room again."""
SLICE_S = 0.008
"""Writing goes on for so long at a time."""


class Sessions(QObject):
    """`saved(path)` when a session file is whole."""

    saved = pyqtSignal(object)

    def __init__(self, parent: QObject, controller: Controller, folder: Path) -> None:
        """folder: where autosaves lie."""
        super().__init__(parent)
        self._controller, self._folder = controller, folder
        self._own = folder / f"{os.getpid()}-{_birth(os.getpid())}-{secrets.token_hex(4)}{SUFFIX}"
        self._work: Iterator[float] | None = None
        self._target: Path | None = None
        self._written: tuple | None = None
        self._failed = False
        self._wait_ms = PERIOD_MS
        self._taken_up: Path | None = None
        """Another program's autosave that was opened here, until this window's own holds the same."""
        self._slices = QTimer(self)
        self._slices.setInterval(0)
        self._slices.timeout.connect(self._go_on)
        self._autosave = QTimer(self)
        self._autosave.setSingleShot(True)
        self._autosave.timeout.connect(self.autosave)
        controller.stepped.connect(self._due)
        controller.frames_changed.connect(self._due)  # a hand changes a state at a pause, without a step
        controller.open_failed.connect(self._keep)

    # ------------------------------------------------------------------------------------------ saving, opening

    @property
    def saving(self) -> bool:
        return self._work is not None

    def save(self, path: str | Path) -> None:
        """Write everything to a session file, in the background."""
        c, self._target = self._controller, Path(path).with_suffix(SUFFIX)
        self._work = write_session(to_record(c.experiment, c.replay, c.runs, edits=True), self._target)
        c.say("info", f"Saving {self._target.name}")
        self._slices.start()

    def finish(self) -> None:
        """Write what is left at once."""
        while self._work is not None:
            self._go_on()

    def _go_on(self) -> None:
        end = time.perf_counter() + SLICE_S
        try:
            while self._work is not None and time.perf_counter() < end:
                if next(self._work, None) is None:
                    self._stop()
                    self._controller.say("info", f"Saved {self._target}")
                    self.saved.emit(self._target)
        except (RimlightError, OSError) as error:
            self._stop()
            self._controller.say("error", str(error))

    def _stop(self) -> None:
        self._work = None
        self._slices.stop()

    def open(self, path: str | Path) -> None:
        """Open a session where it stood, paused. Raises RimlightError."""
        record = read_session(path, Path(platformdirs.user_cache_dir("rimlight", appauthor=False)) / "sessions")
        self._controller.open(record.experiment, from_record(record))

    # ------------------------------------------------------------------------------------------ autosave

    def _due(self) -> None:
        """The first is written as soon as there is anything: a run of its first second is a run."""
        if not self._autosave.isActive():
            self._autosave.start(self._wait_ms if self._written is not None else 0)

    def autosave(self) -> None:
        """Keep the newest state, if it is not the one kept last. A failure is told once, and tried again later."""
        c, begin = self._controller, time.thread_time()  # a clock that rests while the program is stopped
        record = to_record(c.experiment, c.replay, c.runs)
        if record.state is None or (record.experiment, id(record.state)) == self._written or c.closed:
            return
        small = SessionRecord(record.experiment, record.state, record.iteration, runs=record.runs)
        try:
            for _ in write_session(small, self._own, with_data=False):
                pass
        except (RimlightError, OSError) as error:
            if not self._failed:
                c.say("warning", f"The fit is not kept for the case of a crash: {error}")
            self._failed = True
            self._autosave.start(RETRY_MS)
            return
        self._failed = False
        self._written = (record.experiment, id(record.state))
        self._wait_ms = int(max(PERIOD_MS, 1000 * (time.thread_time() - begin) / SHARE))
        if self._taken_up is not None:
            self.forget(self._taken_up)
            self._taken_up = None
        if c.running:
            self._autosave.start(self._wait_ms)

    def take_up(self, file: Path) -> None:
        """`file` is being opened: it goes when what it held has come and is kept anew, and not before."""
        self._taken_up, self._written = file, None

    def _keep(self) -> None:
        """What was to be opened was not."""
        self._taken_up = None

    def left_behind(self) -> Path | None:
        """The newest autosave of a program that is gone, None where every one ended well."""
        return max(self._orphans(), key=lambda file: file.stat().st_mtime, default=None)

    def forget(self, file: Path) -> None:
        """It was restored, or is not wanted; older ones of programs that are gone, and what those had half written,
        go with it. Another window's are left alone."""
        newest = file.stat().st_mtime if file.exists() else 0.0
        for other in (*self._orphans(), *self._orphans(".")):
            with contextlib.suppress(OSError):
                if other == file or other.stat().st_mtime <= newest:
                    other.unlink()

    def _orphans(self, prefix: str = "") -> list[Path]:
        """Files whose program is gone. prefix: "." for those that were being written."""
        found = []
        for file in self._folder.glob(f"{prefix}*{SUFFIX}"):
            owner, birth, *_ = [*file.name.removeprefix(prefix).split("-"), ""]
            if owner.isdigit() and not _alive(int(owner), birth):
                found.append(file)
        return found

    def close(self) -> None:
        """The window closes: nothing is left to offer, unless what was taken up has not come."""
        self._autosave.stop()
        if self._taken_up is not None and self._controller.shown is not None:
            self.forget(self._taken_up)
        self.finish()
        with contextlib.suppress(OSError):
            self._own.unlink(missing_ok=True)


def _alive(process: int, birth: str) -> bool:
    """Whether that very process runs: one that took its number was born at another time."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return _birth(process) == birth
    return _birth(process) == birth


def _birth(process: int) -> str:
    """When a process began, in the system's ticks since it was started; "0" where the system does not tell."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "0"
