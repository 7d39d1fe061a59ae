"""The experiment on screen: edited, undone, and sent to the engine, at once or when the hand rests."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QObject, QTimer

from app import edits
from app.aside import Aside
from app.feed import Client
from app.loads import Loads, first_component
from app.replay import Replay
from app.runs import RunBook
from app.session_io import Past
from app.shelf import live_settings, needs_load
from core import protocol
from core.experiment import Experiment
from core.protocol import Command

SETTLE_MS = 220
"""Edits that need a load wait so long for the next one: ticking three boxes loads once."""


class Workbench(Loads):
    """What the engine has may lag behind `experiment` while a hand is still editing, too."""

    def __init__(self, make_client: Callable[[], Client], parent: QObject | None = None) -> None:
        super().__init__(make_client, parent)
        self._aside: Aside | None = None
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._flush)
        self.loaded_changed.connect(self._keep_in_range)

    def open(self, experiment: Experiment, past: Past | None = None) -> None:
        super().open(experiment, past)
        self._aside = None

    def let_go(self) -> None:
        self._settle.stop()

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
            restoring = self._turned(before)
            self._send(restoring or command)
            if not comparable and restoring is None:
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

    def _keep_in_range(self, loaded: protocol.Loaded) -> None:
        """The view and theta that are shown must exist in the new problem."""
        if self.view >= sum(not view.held_out for view in loaded.views):
            self.look(0)
        known = {name for p in loaded.parameters for name in (p.name, *(f"{p.name}.{c}" for c in p.components))}
        theta = self.theta
        arrays = tuple(f"{p.name}." for p in loaded.parameters if not p.components)  # elements of one: "means.7.x"
        if theta is not None and theta not in known and not theta.startswith(("random", *arrays)):
            self.choose_theta(first_component(self.experiment.parameters.free))
