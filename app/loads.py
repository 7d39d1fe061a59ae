"""The experiment that is opened and what the engine makes of it, which is the last word.

Convention: an experiment that cannot be opened or built leaves the one before it, in the window and in the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QObject, pyqtSignal

from app import edits
from app.darkroom import Developed
from app.feed import Client, Feed
from app.replay import Replay
from app.runs import RunBook
from app.session_io import Past
from app.shelf import Shelf, needs_load
from core import protocol
from core.experiment import Experiment
from core.protocol import Command, Message, Status


class Loads(Feed):
    """`experiment` is what the panel shows; what the engine has may lag behind it while it loads."""

    experiment_changed = pyqtSignal(object)
    derive_changed = pyqtSignal()
    """theta, the on/off switch or the finite differences' options."""
    view_changed = pyqtSignal(int)
    undo_changed = pyqtSignal()
    open_failed = pyqtSignal()
    """An experiment could not be opened or was given up, and the one before is shown again."""
    followed = pyqtSignal()
    """Neither: the engine is at one that was opened in between."""
    lab_wanted = pyqtSignal(str)
    """A lesson asks for something of the lab."""
    failed_first = pyqtSignal()
    """The first one could not be opened, and there is none before."""

    def __init__(self, make_client: Callable[[], Client], parent: QObject | None = None) -> None:
        super().__init__(make_client, parent)
        self.experiment = Experiment()
        self.saved = self.experiment
        """What the file holds, or what was opened: the title says "edited" where it differs."""
        self.origin: tuple[Path | None, Any] = (None, None)
        """The file and the lesson that were opened (app/files.py)."""
        self.undo_stack = edits.UndoStack()
        self.view, self.theta = 0, None
        self.derive_on, self.step_pixels, self.supersampling = True, 0.25, 4
        self.derive_own = False
        self._sent = self.experiment
        self._asked = self.experiment
        """What the engine was told last to load."""
        self._void = False
        """That was given up: a Loaded that comes all the same is followed."""
        self._started = False
        self._shelf = Shelf(self)
        self._past: Past | None = None
        """Of a session that is being opened."""
        self._owed: Message | None = None

    @property
    def running(self) -> bool:
        return self.resuming or (self.status in (Status.RUNNING, Status.COMPILING) and not self.pausing)

    # ------------------------------------------------------------------------------------------ life

    def start(self) -> None:
        """Start the engine and open what was chosen meanwhile. Failures become a message."""
        try:
            self.client.start()
        except Exception as error:
            self.say("error", f"The engine did not start: {error}", remedy="Restart engine")
            return
        self._started = True
        self.timer.start()
        self._open()

    def close(self) -> None:
        """End the engine; called once, never waits long (the client sees to that)."""
        if self.closed:
            return
        self.closed = True
        self.timer.stop()
        self.let_go()
        self.turns.stop()
        self.darkroom.close()
        if self._client is not None:
            self._client.close()

    # ------------------------------------------------------------------------------------------ opening

    def open(self, experiment: Experiment, past: Past | None = None) -> None:
        """Start anew with another experiment, paused; with a `past` it goes on where that ends. Where it cannot be
        loaded, what was there comes back."""
        self.let_go()
        self._shelf.put_by(self.experiment)
        self.runs, self.replay, self.undo_stack = RunBook(self.runs.pinned()), Replay(), edits.UndoStack()
        self._past = past
        self.experiment = self.saved = self._sent = experiment
        self.theta = experiment.derive.parameter or first_component(experiment.parameters.free)
        self.step_pixels, self.supersampling = experiment.derive.step_pixels, experiment.derive.supersampling
        self.view = experiment.derive.view
        self.forget_run()
        if past is not None:
            self.runs, self.replay = RunBook([*past.runs.runs, *self.runs.runs]), past.replay
            self.frames_changed.emit()
        self.undo_changed.emit()
        self.experiment_changed.emit(experiment)
        self.derive_changed.emit()
        self.view_changed.emit(self.view)
        if self._started:
            self._open()

    def _set_status(self, status: Status, text: str) -> None:
        super()._set_status(status, text)
        stands = status in (Status.PAUSED, Status.RUNNING) and not self.loading
        if stands and self.loaded is not None and self.loaded.experiment == self._asked:
            self._shelf.clear()  # with its first picture, which is what a cancel comes back to

    def _on_loaded(self, loaded: protocol.Loaded) -> None:
        if self._void and needs_load(loaded.experiment, self._sent):
            self._follow(loaded.experiment)
        super()._on_loaded(loaded)
        owed, self._owed = self._owed, None
        if owed is not None:
            super()._on_message(owed)

    def _tell(self, batch: list[protocol.Scalars]) -> None:
        if batch and not self.dropping and self._shelf.going_on:
            self._shelf.take_steps(batch)  # on their way when another problem was asked for: no curve of that one's
        else:
            super()._tell(batch)

    def _replay_of_engine(self) -> Replay:
        return self._shelf.replay if self._shelf.going_on else self.replay

    def _on_developed(self, developed: Developed) -> None:
        if self._shelf.going_on:
            self._shelf.take_picture(developed)
        else:
            super()._on_developed(developed)

    def _on_message(self, message: Message) -> None:
        failed, goes_on = self.loading and message.level == "error", False
        if failed and self.loaded is None:
            self._owed = message  # a load puts messages away: told again after it
            self.failed_first.emit()
        elif failed and self.loaded is not None:
            goes_on = self._shelf.running and self._shelf.opened
            goes_on = self._return_to(self.loaded.experiment) and goes_on
            self._asked = self.loaded.experiment  # it stands there, whatever was put back
        super()._on_message(message)  # last: what is shown again must not take the message away
        if goes_on:  # a file that cannot be opened is no reason to stop the fit
            self.resuming = True
            self._send(protocol.Play())

    def _on_resumed(self, experiment: Experiment) -> None:
        self._return_to(experiment)

    def _return_to(self, stand: Experiment) -> bool:
        """What was being loaded is void, and the engine stands at `stand`: show that. Whether it is what was put by."""
        if not needs_load(stand, self._sent):
            return False
        self.let_go()
        self._asked, self._void = stand, True
        if self._shelf.experiment is None or needs_load(stand, self._shelf.experiment):
            self._follow(stand)
            return False
        experiment = self._shelf.experiment
        if self._shelf.give_back():
            self.open_failed.emit()
        self._show_again(experiment)
        if self.shown is not None:
            self.snapshot_shown.emit(self.shown)
        return True

    def _follow(self, stand: Experiment) -> None:
        """The engine stands at something that came between, and was asked for here: show it."""
        opened = self._shelf.experiment is None or self._shelf.opened
        self._asked = stand
        self._shelf.clear()
        if opened:
            self.undo_stack, self.saved = edits.UndoStack(), stand
            self.followed.emit()
        if edits.problem_of(stand) != edits.problem_of(self.experiment):
            self.runs.clear()
            self.forget_run()
        self._show_again(stand)

    def _show_again(self, experiment: Experiment) -> None:
        """Tell every part that this is the experiment, after all."""
        self.undo_stack.back_to(experiment, self.experiment)
        self.experiment = self._sent = experiment
        self.experiment_changed.emit(experiment)
        if self.loaded is not None:
            self.loaded_changed.emit(self.loaded)
        self.derive_changed.emit()
        self._send(protocol.Look(self.view))
        self.view_changed.emit(self.view)
        self._send_derive()
        self.undo_changed.emit()
        self.frames_changed.emit()

    def _open(self) -> None:
        past, self._past = self._past, None
        if past is not None and past.state is not None:
            self._send(protocol.Restore(self.experiment, past.state, past.iteration))
        else:
            self._send(protocol.Load(self.experiment))
        self._send(protocol.Look(self.view))
        self._send_derive()

    def let_go(self) -> None:
        """What a hand has not let go of is void."""

    # ------------------------------------------------------------------------------------------ sending

    def _send(self, command: Command) -> None:
        if isinstance(command, protocol.Load | protocol.Restore):
            self._asked, self._void = command.experiment, False
        if self._started and not self.closed:
            self.client.send(command)

    def _send_derive(self) -> None:
        theta = self.theta if self.derive_on else None
        self._send(protocol.Derive(theta, self.step_pixels, self.supersampling, own=self.derive_own))


def first_component(free: tuple[str, ...]) -> str | None:
    """A derivative to begin with: the first free parameter, its x where it has components."""
    if not free:
        return None
    name = free[0]
    if name == "vertices":
        return "vertices.normal"
    return f"{name}.x" if name in ("pose.rotation", "pose.translation", "light.direction") else name
