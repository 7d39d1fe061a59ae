"""Keeping what a killed program would lose: every state that the engine leaves is written by a thread of its own.

Files beside each other, each replaced whole: the state with its experiment (`.rimlight`), small and often; the curves of
its runs (`.curves`), which grow and are written seldom; and, of a long fit, the losses of all but the last steps
(`.ledger`, core/record/ledger.py). The loss of the steps between is in the state. Nothing is forced to the disk: who kills
a program leaves what it has handed to the system.
"""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QObject, pyqtSignal

from app.controller import Controller
from app.edits import problem_of
from app.session_io import stored_runs
from app.shelf import needs_load
from core.errors import RimlightError
from core.experiment import Experiment
from core.record.files import write_session
from core.record.ledger import Ledger
from core.record.session_record import SessionRecord
from core.record.stored_state import Checkpoint, StoredState

PERIOD_S = 0.25
"""Shortest time between two states: with the engine's own (core/engine/checkpoints.py) and what writing takes, a killed
program loses about half a second, and less than one on a machine that does other things too."""
CURVES_S = 3.0
SHARE = 0.05
"""What takes long to write is written less often, so that it costs at most this share of a core."""
BYTES_PER_SECOND = 4 << 20
"""What is written at most, for the disk's sake: states of more than 3 MB (80,000 free vertices) less than once a second."""
RETRY_S = 10.0
"""After a state that could not be written: the disk may have room again."""
WAIT_S = 0.5
"""Longest wait for a state before a look whether the window has closed."""
CURVES, LEDGER = ".curves", ".ledger"
BESIDE = (CURVES, LEDGER)
"""What lies beside a state."""


class Autosave(QObject):
    """`failed(text)` once when a state cannot be kept, `kept()` when one is: both in the window's thread."""

    failed = pyqtSignal(str)
    kept = pyqtSignal()

    def __init__(self, parent: QObject, controller: Controller, file: Path) -> None:
        """file: what is written; its thread begins with the first problem that is loaded."""
        super().__init__(parent)
        self._controller, self._file = controller, file
        self._thread: threading.Thread | None = None
        self._closed = False
        self._last: tuple[Experiment, int] | None = None
        self._curves: Any = None
        """Of which problem and runs the curves are written."""
        self._curves_due = 0.0
        self._ledger = Ledger()
        controller.loaded_changed.connect(self._begin)

    def _begin(self) -> None:
        if self._thread is None and not self._closed:
            from app.launcher import start_thread  # after the first paint, as the engine's client

            self._thread = start_thread("autosave", self._run)

    def holds(self, experiment: Experiment, iteration: int) -> bool:
        """Whether the last state that was kept is of this step or a later one."""
        return self._last is not None and self._last[0] == experiment and self._last[1] >= iteration

    def close(self) -> None:
        """Nothing is written any more, and what was is gone. The client is closed before."""
        self._closed = True
        if self._thread is not None:
            self._thread.join(4 * WAIT_S)
        self._remove()

    def _remove(self) -> None:
        for file in (self._file, *map(self._file.with_suffix, BESIDE)):
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)

    # ------------------------------------------------------------------------------------------ its thread

    def _run(self) -> None:
        wait, told, unkept = 0.0, False, None
        while not self._closed:
            checkpoint = self._controller.client.next_checkpoint(WAIT_S) or unkept
            if checkpoint is None:
                time.sleep(0.01)  # a client that is closed does not wait
                continue
            try:
                state = self._beside_ledger(checkpoint)
                begin = time.thread_time()  # a clock that rests while the program is stopped
                size = self._keep(checkpoint, state)
            except (RimlightError, OSError) as error:
                if not told:
                    self.failed.emit(str(error))
                wait, told, unkept = RETRY_S, True, checkpoint
            else:
                wait = max(PERIOD_S, (time.thread_time() - begin) / SHARE, size / BYTES_PER_SECOND)
                told, unkept = False, None
                self.kept.emit()
            end = time.monotonic() + wait
            while not self._closed and time.monotonic() < end:
                time.sleep(min(0.05, wait))
        self._remove()  # where the last one was finished after the window had closed

    def _beside_ledger(self, checkpoint: Checkpoint) -> StoredState:
        """What of a state is to be written, the ledger having the rest. That is written seldom, and delays no state."""
        state, ledger = self._ledger.split(checkpoint.state)
        if ledger is not None:
            record = SessionRecord(checkpoint.experiment, ledger, checkpoint.iteration)
            try:
                self._write(record, self._file.with_suffix(LEDGER))
            except (RimlightError, OSError):
                self._ledger = Ledger()  # what states say of this one is not so
                raise
        return state

    def _keep(self, checkpoint: Checkpoint, state: StoredState) -> int:
        """Write a state, and the curves where they are due; bytes written."""
        shown = self._controller.experiment
        experiment = checkpoint.experiment if needs_load(checkpoint.experiment, shown) else shown
        size = self._write(SessionRecord(experiment, state, checkpoint.iteration), self._file)
        runs = self._controller.runs
        which = problem_of(experiment), [(run.method, run.start, run.pinned) for run in runs.runs]
        if which != self._curves or time.monotonic() > self._curves_due:
            begin = time.thread_time()
            record = SessionRecord(experiment, runs=stored_runs(runs, current=True))
            size += self._write(record, self._file.with_suffix(CURVES))
            self._curves = which
            self._curves_due = time.monotonic() + max(CURVES_S, (time.thread_time() - begin) / SHARE)
        self._last = checkpoint.experiment, checkpoint.iteration
        return size

    def _write(self, record: SessionRecord, file: Path) -> int:
        work = write_session(record, file, with_data=False, compressed=False)
        for _ in work:
            if self._closed:
                work.close()  # the file there before stays, the half of this one goes
                return 0
        return file.stat().st_size
