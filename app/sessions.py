"""Saving and opening sessions, and what a killed program was doing, which is offered at the next start.

Saving goes on in slices between the window's other work. What is kept for the case of a crash (app/autosave.py) is removed
when the window closes. One that is taken up again stays until the window has kept its own.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

import platformdirs
from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from app.autosave import BESIDE, Autosave
from app.controller import Controller
from app.left_behind import LeftBehind
from app.session_io import from_record, to_record, with_curves
from core.errors import RimlightError
from core.experiment import Experiment
from core.io.suffixes import SESSION_SUFFIX
from core.record.files import read_session, write_session
from core.record.ledger import joined
from core.record.session_record import SessionRecord

SLICE_S = 0.008
"""Writing goes on for so long at a time."""


class Sessions(QObject):
    """`saved(path)` when a session file is whole."""

    saved = pyqtSignal(object)

    def __init__(self, parent: QObject, controller: Controller, folder: Path) -> None:
        """folder: where autosaves lie."""
        super().__init__(parent)
        self._controller, self._folder = controller, folder
        self.left = LeftBehind(folder)
        self._own = self.left.own()
        self._work: Iterator[float] | None = None
        self._target: Path | None = None
        self._taken_up: tuple[Path, Experiment, int] | None = None
        """Another program's autosave that was opened here, until this window's own holds the same."""
        self._slices = QTimer(self)
        self._slices.setInterval(0)
        self._slices.timeout.connect(self._go_on)
        self.autosave = Autosave(self, controller, self._own)
        self.autosave.failed.connect(
            lambda text: controller.say("warning", f"The fit is not kept for the case of a crash: {text}")
        )
        self.autosave.kept.connect(self._kept)
        controller.loaded_changed.connect(self._kept)
        controller.open_failed.connect(self._not_taken_up)

    # ------------------------------------------------------------------------------------------ saving, opening

    @property
    def saving(self) -> bool:
        return self._work is not None

    def save(self, path: str | Path) -> None:
        """Write everything to a session file, in the background."""
        c, self._target = self._controller, Path(path).with_suffix(SESSION_SUFFIX)
        record = to_record(c.experiment, c.replay, c.runs, edits=True)
        self._work = write_session(dataclasses.replace(record, experiment=c.as_shown()), self._target)
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
        self._open(self._read(path))

    def _open(self, record: SessionRecord) -> None:
        self._controller.open(record.experiment, from_record(record))

    def _read(self, path: str | Path) -> SessionRecord:
        return read_session(path, Path(platformdirs.user_cache_dir("rimlight", appauthor=False)) / "sessions")

    # ------------------------------------------------------------------------------------------ after a crash

    def take_up(self, file: Path) -> None:
        """Open another program's autosave. It goes when what it held has come and is kept anew, and not before. Raises
        RimlightError."""
        record = self._read(file)
        curves, ledger = (self._beside(file, suffix) for suffix in BESIDE)
        if record.state is not None:
            record = dataclasses.replace(record, state=joined(record.state, None if ledger is None else ledger.state))
        self._open(record if curves is None else with_curves(record, curves))
        self._taken_up = file, record.experiment, record.iteration

    def _beside(self, file: Path, suffix: str) -> SessionRecord | None:
        """What lies beside a state; without it, or where it cannot be read, the state is still the run."""
        beside = file.with_suffix(suffix)
        with contextlib.suppress(RimlightError):
            return self._read(beside) if beside.exists() else None
        return None

    def _kept(self) -> None:
        """A state was kept, or a problem came: is it what was taken up?"""
        if self._taken_up is None:
            return
        file, experiment, iteration = self._taken_up
        loaded = self._controller.loaded
        came = (
            loaded is not None and loaded.continued and (loaded.experiment, loaded.iteration) == (experiment, iteration)
        )
        if came and self.autosave.holds(experiment, iteration):
            self.left.forget(file)
            self._taken_up = None

    def _not_taken_up(self) -> None:
        """What was to be opened was not."""
        self._taken_up = None

    def discard(self) -> None:
        """Nothing of what programs that ended unexpectedly left is wanted."""
        count = self.left.discard()
        self._controller.say("info", f"Discarded {count} kept run{'s' if count != 1 else ''}")

    def close(self) -> None:
        """The window closes: nothing is left to offer, unless what was taken up has not come."""
        if self._taken_up is not None and self._controller.shown is not None:
            self.left.forget(self._taken_up[0])
        self.finish()
        self.autosave.close()
