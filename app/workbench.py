"""The experiment on screen: opened, edited, undone, and sent to the engine, at once or when the hand rests.

Convention: an experiment that cannot be opened or built leaves the one before it, in the window and in the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from app import edits
from app.aside import Aside
from app.darkroom import Developed
from app.feed import Client, Feed
from app.replay import Replay
from app.runs import RunBook
from app.session_io import Past
from app.shelf import Shelf, live_settings, needs_load
from core import protocol
from core.experiment import Experiment
from core.protocol import Command, Message, Status

SETTLE_MS = 220
"""Edits that need a load wait so long for the next one: ticking three boxes loads once."""


class Workbench(Feed):
    """`experiment` is what the panel shows; what the engine has may lag behind it while a hand is still editing."""

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
        self._aside: Aside | None = None
        self._past: Past | None = None
        """Of a session that is being opened."""
        self._owed: Message | None = None
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._flush)
        self.loaded_changed.connect(self._keep_in_range)

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
        self._settle.stop()
        self.turns.stop()
        self.darkroom.close()
        if self._client is not None:
            self._client.close()

    # ------------------------------------------------------------------------------------------ the experiment

    def open(self, experiment: Experiment, past: Past | None = None) -> None:
        """Start anew with another experiment, paused; with a `past` it goes on where that ends. Where it cannot be
        loaded, what was there comes back."""
        self._settle.stop()
        self._shelf.put_by(self.experiment)
        self.runs, self.replay, self.undo_stack = RunBook(self.runs.pinned()), Replay(), edits.UndoStack()
        self._past, self._aside = past, None
        self.experiment = self.saved = self._sent = experiment
        self.theta = experiment.derive.parameter or _first_component(experiment.parameters.free)
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
        self._settle.stop()
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

    def _keep_in_range(self, loaded: protocol.Loaded) -> None:
        """The view and theta that are shown must exist in the new problem."""
        if self.view >= sum(not view.held_out for view in loaded.views):
            self.look(0)
        known = {name for p in loaded.parameters for name in (p.name, *(f"{p.name}.{c}" for c in p.components))}
        theta = self.theta
        arrays = tuple(f"{p.name}." for p in loaded.parameters if not p.components)  # elements of one: "means.7.x"
        if theta is not None and theta not in known and not theta.startswith(("random", *arrays)):
            self.choose_theta(_first_component(self.experiment.parameters.free))

    def _open(self) -> None:
        past, self._past = self._past, None
        if past is not None and past.state is not None:
            self._send(protocol.Restore(self.experiment, past.state, past.iteration))
        else:
            self._send(protocol.Load(self.experiment))
        self._send(protocol.Look(self.view))
        self._send_derive()

    def edit(self, what: str, experiment: Experiment) -> None:
        """Take an edited experiment. Live changes reach the engine at once, others when the hand rests or settles."""
        if experiment == self.experiment:
            return
        self.undo_stack.note(what, self.experiment)
        self._take(experiment)

    def settle(self) -> None:
        """The hand let go of a control."""
        self.undo_stack.close()
        if self._settle.isActive():
            self._flush()

    def undo(self) -> None:
        self._go(self.undo_stack.undo(self.experiment), back=True)

    def redo(self) -> None:
        self._go(self.undo_stack.redo(self.experiment))

    def _go(self, step: Experiment | edits.Moved | None, back: bool = False) -> None:
        if isinstance(step, edits.Moved):
            self._move_again(step, back)
            self.undo_changed.emit()
        elif step is not None:
            self._take(step)
            self._flush()

    def _move_again(self, moved: edits.Moved, back: bool) -> None:
        """What a hand moved is taken `back`, or moved once more."""

    def _take(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.undo_changed.emit()
        self.experiment_changed.emit(experiment)
        if needs_load(self._sent, experiment):
            self._settle.start()
        else:
            self._settle.stop()
            self._flush()

    def _difference(self) -> list[Command]:
        return edits.commands(self._sent, self.experiment, live_settings(self.experiment.method.name))

    def _flush(self) -> None:
        """Send what the engine does not know yet."""
        self._settle.stop()
        difference, comparable = self._difference(), edits.problem_of(self._sent) == edits.problem_of(self.experiment)
        running, before, self._sent = self.running, self._sent, self.experiment
        if any(isinstance(command, protocol.Load) for command in difference):
            self.go_live()  # what is edited is the fit, not the stored step on screen
        for command in difference:
            if not isinstance(command, protocol.Load):
                self._send(command)
                continue
            self._shelf.put_by(before)
            self._send(self._turned(before) or command)
            if not comparable:
                self.runs, self.replay = RunBook(self.runs.pinned()), Replay()
                self.show_nothing()
            self._send_derive()
            if running and command.keep_state:
                self.resuming = True
                self._send(protocol.Play())

    def _turned(self, before: Experiment) -> protocol.Restore | None:
        """Compare is entered, and the fit put aside; or left, and what goes on with the fit that was."""
        entered, left = (self.experiment.lanes and not before.lanes), (before.lanes and not self.experiment.lanes)
        if entered and edits.problem_of(before) == edits.problem_of(self.experiment):
            self._aside = Aside(before, self.runs, self.replay)
            self.runs, self.replay = RunBook(self.runs.pinned()), self._aside.timeline_beside()
            self.show_nothing()
        aside = self._aside
        if not left or aside is None:
            return None
        self._aside = None
        restoring = aside.restoring() if aside.experiment == self.experiment else None
        if restoring is not None:
            self.runs, self.replay = aside.runs, aside.replay
            self.show_nothing()
        return restoring

    def mark_saved(self, experiment: Experiment) -> None:
        """The file now holds `experiment`."""
        self.saved = experiment
        self.experiment_changed.emit(self.experiment)

    # ------------------------------------------------------------------------------------------ what the panes show

    def look(self, view: int) -> None:
        """Show another view in the panes."""
        if view != self.view:
            self.view = view
            self._send(protocol.Look(view))
            self.view_changed.emit(view)

    def choose_theta(self, theta: str | None) -> None:
        if theta != self.theta:
            self.theta = theta
            self._send_derive()
            self.derive_changed.emit()

    # ------------------------------------------------------------------------------------------ sending

    def _send(self, command: Command) -> None:
        if isinstance(command, protocol.Load | protocol.Restore):
            self._asked, self._void = command.experiment, False
        if self._started and not self.closed:
            self.client.send(command)

    def _send_derive(self) -> None:
        theta = self.theta if self.derive_on else None
        self._send(protocol.Derive(theta, self.step_pixels, self.supersampling, own=self.derive_own))


def _first_component(free: tuple[str, ...]) -> str | None:
    """A derivative to begin with: the first free parameter, its x where it has components."""
    if not free:
        return None
    name = free[0]
    if name == "vertices":
        return "vertices.normal"
    return f"{name}.x" if name in ("pose.rotation", "pose.translation", "light.direction") else name
