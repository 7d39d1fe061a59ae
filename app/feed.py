"""What comes from the engine: events, steps and snapshots, polled from one timer and handed to every widget at once.

Convention: a snapshot of another problem than the one loaded is never shown; one that comes before its Loaded waits. What
is to be done with one is found in the darkroom's thread and shown in turns (app/darkroom.py, app/turns.py).
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from app.darkroom import Darkroom, Developed
from app.frames import Frame
from app.panes.plates import Plate
from app.replay import WORTH_GIVING_BACK, Branch, Replay
from app.runs import RunBook
from app.thumbnail_feed import ThumbnailFeed
from app.turns import Turns
from core import protocol
from core.derivatives.questions import Answer
from core.experiment import Experiment
from core.memory import GIVE_BACK_S, give_back
from core.protocol import Command, Event, Loaded, Message, Snapshot, Status
from core.record.stored_state import Checkpoint

FASTEST_MS, SLOWEST_MS = 16, 120
"""Bounds of the polling timer: a screen's refresh, and what still feels live on software GL."""


REST = 1.0
"""Share of time left to the engine and to hands: with software GL a frame costs 50 ms of the same two cores."""


LOOK_MS = 4
"""Between two looks whether everything has had its turn."""

LONGEST_S = 0.25
"""Seconds after which the next tick comes even so: what never settles must not keep the engine's news from the window."""


class Client(Protocol):
    """What the controller asks of the engine's client (app/launcher.py; a scripted one in tests)."""

    def start(self) -> None: ...
    def send(self, command: Command) -> None: ...
    def poll_events(self) -> list[Event]: ...
    def take_snapshot(self) -> Snapshot | None: ...
    def next_checkpoint(self, seconds: float) -> Checkpoint | None: ...
    def cancel_compile(self) -> None: ...
    def restart(self) -> None: ...
    def close(self) -> None: ...


class Feed(QObject):
    """`loaded` is the problem the engine has, `snapshot` the newest one (completed), `shown` the one on screen."""

    loaded_changed = pyqtSignal(object)
    status_changed = pyqtSignal(object, str)
    stepped = pyqtSignal(object)
    """The batch of Scalars since the last tick."""
    snapshot_shown = pyqtSignal(object)
    frames_changed = pyqtSignal()
    agreement_changed = pyqtSignal(object)
    message_posted = pyqtSignal(object)
    progress_changed = pyqtSignal(object)
    exported = pyqtSignal(object)
    answered = pyqtSignal(object)
    """An answer to one of core/derivatives/questions.py."""

    def __init__(self, make_client: Callable[[], Client], parent: QObject | None = None) -> None:
        """make_client: called when the engine is started, so that a window can be painted before."""
        super().__init__(parent)
        self._make_client = make_client
        self._client: Client | None = None
        self.loaded: Loaded | None = None
        self.status, self.status_text = Status.STARTING, ""
        self.runs, self.replay = RunBook(), Replay()
        self.last: protocol.Scalars | None = None
        self.snapshot: Snapshot | None = None
        self.shown: Snapshot | None = None
        self.plates: Mapping[str, Plate] = {}
        """Of the images of `shown`, by name; a stored frame has none."""
        self._newest_plates: Mapping[str, Plate] = {}
        self.resuming = False
        """A Play follows a Load that was sent while running: the pause between them is not shown."""
        self.pausing = False
        """A Pause waits for a compilation to end: the window shows it at once."""
        self.loading = self.closed = False
        self.dropping = False
        """After a Reset while running: the steps still on their way belong to the past."""
        self.frame: Frame | None = None
        """The stored frame on screen while `replaying`."""
        self.task: protocol.Progress | None = None
        """What the engine is said to be at beside the fit."""
        self.derived: str | None = None
        """The theta whose derivative image was there last, by this problem and method."""
        self._fork: Branch | None = None
        """The branch that a fork which is under way leaves."""
        self._early: Snapshot | None = None
        self._began = 0.0
        self._gave_back = time.monotonic()
        self.turns, self.darkroom = Turns(self), Darkroom(self)
        self.darkroom.developed.connect(self._on_developed)
        self.thumbnails = ThumbnailFeed(self)
        self.timer = QTimer(self)
        self.timer.setSingleShot(True)
        self.timer.setInterval(FASTEST_MS)
        self.timer.timeout.connect(self._on_timer)

    @property
    def client(self) -> Client:
        if self._client is None:
            self._client = self._make_client()
        return self._client

    def remedy_for(self, message: Message) -> str:
        """The label of the button beside a message; the controller knows what can be done."""
        return message.remedy

    def say(self, level: str, text: str, details: str = "", remedy: str = "", refusal: str = "") -> None:
        """Post a line of the window's own."""
        self.message_posted.emit(Message(level, text, details, remedy, refusal))

    # ------------------------------------------------------------------------------------------ stored frames

    @property
    def replaying(self) -> bool:
        """Whether a stored snapshot is on screen instead of the newest."""
        return self.shown is not None and self.snapshot is not None and self.shown is not self.snapshot

    def show_frame(self, frame: Frame) -> None:
        """Put a stored snapshot on screen, of whichever run; the newest one of the current run is the present."""
        self.replay.select(frame)
        newest = self.snapshot is not None and frame.iteration == self.snapshot.iteration
        if newest and self.replay.owner(frame) is self.replay.current:
            self.go_live()
            return
        self.frame = frame
        self._show(frame.whole(), {})
        self.frames_changed.emit()

    def go_live(self) -> None:
        """Back to the newest snapshot."""
        if (self.replaying or self.replay.selected) and self.snapshot is not None:
            self.frame, self.replay.selected = None, None
            self._show(self.snapshot, self._newest_plates)
            self.frames_changed.emit()

    def _show(self, snapshot: Snapshot, plates: Mapping[str, Plate]) -> None:
        self.shown, self.plates = snapshot, plates
        self.snapshot_shown.emit(snapshot)

    # ------------------------------------------------------------------------------------------ the timer

    @property
    def settled(self) -> bool:
        """Whether all that came is on screen: no snapshot is being developed, and every part had its turn."""
        return not (self.darkroom.busy or self.turns.busy)

    def _on_timer(self) -> None:
        """One tick; then, when what it changed is painted, rest for REST times as long as that took together."""
        self._began = time.perf_counter()
        try:
            self.tick()
        finally:
            QTimer.singleShot(0, self._rest)

    def _rest(self) -> None:
        if self.closed:
            return
        passed = time.perf_counter() - self._began
        if not self.settled and passed < LONGEST_S:
            QTimer.singleShot(LOOK_MS, self._rest)
            return
        milliseconds = 1000 * passed
        self.timer.start(int(min(max(REST * milliseconds, FASTEST_MS), SLOWEST_MS)))

    def tick(self) -> None:
        """Take what the engine has and hand it on."""
        batch: list[protocol.Scalars] = []
        for event in self.client.poll_events():
            if isinstance(event, protocol.Scalars):
                batch.append(event)
            else:
                self._tell(batch)
                batch = []
                self._dispatch(event)
        self._tell(batch)
        snapshot = self.client.take_snapshot()
        if snapshot is not None:
            self._receive(snapshot)

    def _tell(self, batch: list[protocol.Scalars]) -> None:
        if batch and not self.dropping:
            self.runs.put(batch)
            self.last = batch[-1]
            self.stepped.emit(batch)

    def _dispatch(self, event: Any) -> None:
        match event:
            case protocol.StatusChanged(status, text):
                self._set_status(status, text)
            case Loaded():
                self._on_loaded(event)
            case protocol.Staged():
                self._on_staged(event)
            case Message():
                self._on_message(event)
            case protocol.Progress():
                self._set_task(event)
            case protocol.Agreement():
                self.agreement_changed.emit(event)
            case protocol.Exported():
                self.exported.emit(event)
            case protocol.Resumed(experiment):
                self._on_resumed(experiment)
            case _ if isinstance(event, Answer):
                self.answered.emit(event)

    def _set_status(self, status: Status, text: str) -> None:
        if status in (Status.RUNNING, Status.COMPILING, Status.DEAD):
            self.resuming = False
        self.pausing = self.pausing and status is Status.COMPILING
        self.loading = self.loading or status is Status.LOADING
        self.dropping = False
        self.status, self.status_text = status, text
        self.status_changed.emit(status, text)

    def _set_task(self, progress: protocol.Progress) -> None:
        self.task = None if progress.done else progress
        self.progress_changed.emit(progress)

    def _on_loaded(self, loaded: Loaded) -> None:
        self.loading, self.derived = False, None
        self.loaded = loaded
        self._begin_run(loaded.experiment.method.name, loaded.iteration, loaded.continued)
        self._tell_loaded(loaded)
        if not loaded.continued:  # the pictures of the problem before, a hundred megabytes after a few comparisons
            self.turns.post("memory", give_back, None)
        for warning in loaded.warnings[:1]:
            more = len(loaded.warnings) - 1
            text = warning if more < 1 else f"{warning} ({more} more)"
            self.say("warning", text, "\n".join(loaded.warnings) if more else "")
        early, self._early = self._early, None
        if early is not None:
            self._receive(early)

    def _tell_loaded(self, loaded: Loaded) -> None:
        """The parts let go of their pictures: the next come by themselves, but not those of a stored step."""
        self.loaded_changed.emit(loaded)
        if self.replaying and self.shown is not None:
            self.snapshot_shown.emit(self.shown)

    def _on_resumed(self, experiment: Experiment) -> None:
        """Another engine takes over at `experiment`."""

    def _on_staged(self, staged: protocol.Staged) -> None:
        """The same problem with another topology or other image sizes."""
        if self.loaded is not None:
            self.loaded = dataclasses.replace(
                self.loaded, shape_facts=staged.shape_facts, parameters=staged.parameters, views=staged.views,
                iteration=staged.iteration, continued=True,
            )  # fmt: skip
            self._tell_loaded(self.loaded)
            self.say("info", staged.text[:1].upper() + staged.text[1:])

    def _on_message(self, message: Message) -> None:
        self._fork = self._fork if message.level != "error" else None
        remedy = self.remedy_for(message)
        self.resuming = self.resuming and message.level != "error"
        self.loading = self.loading and message.level != "error"
        self.message_posted.emit(Message(message.level, message.text, message.details, remedy))

    def _receive(self, snapshot: Snapshot) -> None:
        if self.loaded is None or snapshot.generation > self.loaded.generation:
            self._early = snapshot
        elif snapshot.generation == self.loaded.generation:
            self.darkroom.put(self._replay_of_engine().complete(snapshot))

    def _replay_of_engine(self) -> Replay:
        """The timeline of the fit that the engine tells of."""
        return self.replay

    def _on_developed(self, developed: Developed) -> None:
        snapshot = developed.snapshot
        if self.closed or self.loaded is None or snapshot.generation != self.loaded.generation:
            return
        live = not self.replaying
        if "derivative" in snapshot.arrays:
            self.derived = snapshot.theta
        self.snapshot, self._newest_plates = snapshot, developed.plates
        self.replay.add(snapshot, developed.frame)
        if live:
            self._show(snapshot, developed.plates)
        self.frames_changed.emit()
        now = time.monotonic()
        if self.replay.freed > WORTH_GIVING_BACK or now - self._gave_back > GIVE_BACK_S:
            self._gave_back = now
            self.turns.post("memory", give_back, None)  # when the timeline has let go of them too

    def _begin_run(self, method: str, start: int, continued: bool) -> None:
        """A run begins: after the one before, off a branch of it, or from the problem's start."""
        parent, self._fork = self._fork, None
        if not continued:
            self.forget_run()
        elif parent is not None or self.last is None:
            lineage = (parent or self.replay.current).lineage()
            self.last = self.runs.told_at([(branch.method, branch.start) for branch in lineage], start)
            self.frame, self.shown, self.plates = None, self.snapshot, self._newest_plates
        self.runs.begin(method, start, self.loaded.experiment.title if self.loaded else "")
        self.replay.begin(method, start, (parent or self.replay.current) if continued else None)
        self.stepped.emit([])

    def forget_run(self) -> None:
        """The fit starts again: no frame and no number of the one before is shown as its own."""
        self.replay.clear()
        self.show_nothing()

    def show_nothing(self) -> None:
        """Until the next snapshot: what is stored stays."""
        self.last = self.snapshot = self.shown = self.frame = None
        self.plates = self._newest_plates = {}
        self.frames_changed.emit()
