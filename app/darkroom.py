"""Snapshots developed in a thread beside the window's: thumbnail, what changed since the one before, every image's plate.

Convention: one snapshot at a time; one that comes while another waits takes its place. The rest of the window gets
`developed` in its own thread.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, pyqtSignal

from app.frames import Frame, lean
from app.panes.kinds import BY_NAME
from app.panes.maps import CHANNELS
from app.panes.plates import Plate, plate_of
from core.comparison.lanes import split_lane
from core.protocol import Snapshot
from core.record.stored_state import StoredState

if TYPE_CHECKING:
    import numpy as np

JOIN_S = 2.0


@dataclass(frozen=True, eq=False)
class Developed:
    """A snapshot, what the timeline keeps of it (None without a picture), and plates by the names of its images. state:
    the newest one up to this snapshot, not all of which have one."""

    snapshot: Snapshot
    frame: Frame | None
    plates: Mapping[str, Plate] = field(default_factory=dict)
    state: StoredState | None = None


def develop(snapshot: Snapshot, before: Developed | None = None, channel: str = CHANNELS[0]) -> Developed:
    """What the window needs of a completed snapshot. before: what is not found to have changed since is shared."""
    state = before.state if before is not None else None
    frame = lean(snapshot, before.frame if before is not None else None, state)
    kept = frame.snapshot.arrays if frame is not None else {}
    old: Mapping[str, Plate] = before.plates if before is not None else {}
    plates = {
        name: _plate(name, kept.get(name, array), channel, old.get(name))
        for name, array in snapshot.arrays.items()
        if _shown(name)
    }
    return Developed(snapshot, frame, plates, frame.state or state if frame is not None else state)


def _shown(name: str) -> bool:
    return split_lane(name)[1] in BY_NAME


def _plate(name: str, array: np.ndarray, channel: str, before: Plate | None) -> Plate:
    plate = plate_of(array, channel if BY_NAME[split_lane(name)[1]].signed else None, before)
    if before is not None:
        plate.make_ready(before)
    return plate


class Darkroom(QObject):
    """developed(Developed). `channel`: of the signed maps that are shown."""

    developed = pyqtSignal(object)
    _done = pyqtSignal(object)
    """From the thread to the window's: a Developed, or what went wrong."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.channel = CHANNELS[0]
        self._awaited: Snapshot | None = None
        """The last one put, until it is developed; the window's side alone reads and writes it."""
        self._waiting: Snapshot | None = None
        self._closing = False
        self._work = threading.Condition()
        self._thread: threading.Thread | None = None
        self._done.connect(self._on_done)

    @property
    def busy(self) -> bool:
        """Whether a snapshot is on its way to `developed`."""
        return self._awaited is not None

    def put(self, snapshot: Snapshot) -> None:
        """Develop a completed snapshot instead of one that still waits."""
        self._awaited = snapshot
        if self._thread is None:
            from app.launcher import start_thread  # after the first paint, as the engine's client

            self._thread = start_thread("darkroom", self._run)
        with self._work:
            self._waiting = snapshot
            self._work.notify()

    def _on_done(self, developed: Developed | Exception) -> None:
        if isinstance(developed, Exception):
            self._awaited = None
            raise developed
        if developed.snapshot is self._awaited:
            self._awaited = None
        self.developed.emit(developed)

    def close(self) -> None:
        """End the thread; what it holds is dropped."""
        with self._work:
            self._closing = True
            self._work.notify()
        if self._thread is not None:
            self._thread.join(JOIN_S)

    def _run(self) -> None:
        before: Developed | None = None
        while True:
            with self._work:
                self._work.wait_for(lambda: self._closing or self._waiting is not None)
                if self._closing:
                    return
                snapshot, self._waiting = self._waiting, None
            assert snapshot is not None
            try:
                before = develop(snapshot, before, self.channel)
            except Exception as error:  # raised where the window can say so
                before = None
                self._tell(error)
            else:
                self._tell(before)

    def _tell(self, what: Developed | Exception) -> None:
        if not self._closing:
            self._done.emit(what)
