"""What goes to the engine beside the experiment: run, pause, fork, values set by hand, what is derived, questions.

Convention: widgets call the controller's methods and listen to its signals; none talks to the engine's client itself.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Any

from PyQt6.QtCore import pyqtSignal

from app import edits
from app.workbench import Workbench
from core import protocol
from core.derivatives.questions import Drop, Question
from core.experiment import DeriveSpec, Experiment
from core.protocol import Message, Status


class Controller(Workbench):
    """The one object that the window's parts call. `gave_up(kind)`: what was prepared beside the fit was cancelled."""

    gave_up = pyqtSignal(str)
    _past_number = 0
    """Of the fit's pasts: another after a reset and after a fork."""

    @property
    def ready(self) -> bool:
        """Whether there is a problem to step."""
        return self.loaded is not None and self.status not in (Status.DEAD, Status.STARTING)

    def as_shown(self) -> Experiment:
        """The experiment with the theta, the view and the finite differences' options that are on screen."""
        return replace(self.experiment, derive=DeriveSpec(self.theta, self.step_pixels, self.supersampling, self.view))

    def play(self) -> None:
        self.go_live()
        self._flush()
        self._send(protocol.Play())
        self._show_pausing(False)

    def pause(self) -> None:
        self.resuming = False
        self._send(protocol.Pause())
        self._show_pausing(self.status is Status.COMPILING)

    def _show_pausing(self, pausing: bool) -> None:
        """The engine hears of a Pause when it has compiled; the button answers at once."""
        if pausing is not self.pausing:
            self.pausing = pausing
            self.status_changed.emit(self.status, self.status_text)

    def step(self, count: int = 1) -> None:
        self.go_live()
        self._flush()
        self._send(protocol.Step(count))
        self._show_pausing(False)

    def reset(self) -> None:
        self._flush()
        self._past_number += 1
        self.dropping = self.status in (Status.RUNNING, Status.COMPILING)
        self._send(protocol.Reset())
        self.runs.begin(self.experiment.method.name, title=self.experiment.title)
        self.replay.begin(self.experiment.method.name)
        self.show_nothing()
        self.stepped.emit([])

    def fork(self) -> None:
        """A new run from the stored step on screen, paused; the run it was part of stays as it is."""
        frame = self.frame
        if frame is not None and frame.state is not None:
            self._flush()
            self._past_number += 1
            self.dropping = self.status in (Status.RUNNING, Status.COMPILING)
            self._fork = self.replay.owner(frame)
            self._send(protocol.Fork(frame.state.whole().tobytes(), frame.iteration))

    @property
    def cancellable(self) -> bool:
        """Whether something is being loaded or compiled that can be given up."""
        return self.status in (Status.COMPILING, Status.LOADING) or bool(self.task and self.task.gives_up)

    def cancel(self) -> None:
        """Give up compiling or loading. What is prepared beside the fit goes alone: the fit and the engine stay as they
        are, and what XLA has begun ends unseen and is there the next time."""
        task = self.task
        if self.status in (Status.COMPILING, Status.LOADING) or task is None or not task.gives_up:
            self.resuming = False
            self.client.cancel_compile()
            return
        if task.gives_up == "Derive":
            self._give_up_derivative()
        else:
            self.ask(Drop(task.gives_up))
        self.gave_up.emit(task.gives_up)
        self._set_task(replace(task, done=True))

    def _give_up_derivative(self) -> None:
        """Back to the parameter whose derivative was there; where none was, derivative images are off."""
        if self.derived == self.theta:
            self.ask(Drop("Derive"))  # a part of it is on screen
        elif self.derived is not None:
            self.choose_theta(self.derived)
        else:
            self.set_derive(False)

    def restart(self) -> None:
        """Another engine in place of a dead or stuck one."""
        self.resuming = False
        try:
            self.client.restart()
        except Exception as error:
            self.say("error", f"The engine did not start: {error}", remedy="Restart engine")
            return
        if not self._started:
            self._started = True
            self.timer.start()
            self._open()

    def retry(self) -> None:
        """Load again what is on screen."""
        self._open()

    def set_value(self, name: str, value: Any) -> None:
        """Move a parameter, a component or an element of it by hand, in the units it is shown in; the fit goes on from
        there. "along.THETA" moves by so much along what can be derived by."""
        self.go_live()
        self._send(protocol.SetValue(name if name.startswith("along.") else f"value.{name}", value))

    def move(self, what: str, name: str, back: Any, value: Any) -> None:
        """As set_value, by a hand that drags: undone as one step until `settle`. what: the step's name in the menu. back:
        what takes it back."""
        self.note_moved(what, ((name, back, value),))
        self.set_value(name, value)

    def present(self, theta: str) -> float | None:
        """The displayed value that theta names; None where it is an offset, or nothing is shown yet."""
        values = self.shown.values if self.shown else {}
        if theta in values and not isinstance(values[theta], list):
            return float(values[theta])
        name, _, component = theta.rpartition(".")
        info = next((p for p in self.loaded.parameters if p.name == name), None) if self.loaded else None
        if info is None or component not in info.components or name not in values:
            return None
        return float(values[name][info.components.index(component)])

    def moved_here(self, what: str) -> edits.Moved | None:
        """The move of this name, where undo would take it back and the fit has not gone on since."""
        last = self.undo_stack.last()
        here = isinstance(last, edits.Moved) and self.undo_stack.next_undo() == what and last.stand == self._stand()
        return last if here and isinstance(last, edits.Moved) else None

    def put(self, name: str, value: float) -> None:
        """As set_value, by a hand that types one displayed number: a step of its own to undo."""
        back = self.present(name)
        if back is None:
            self.set_value(name, value)
        else:
            self.move(f"change of {name}", name, back, value)
            self.settle()

    def note_moved(self, what: str, changes: tuple[tuple[str, Any, Any], ...]) -> None:
        """Remember what a hand moved: (name, what takes it back, what does it again)."""
        self.undo_stack.note_moved(what, edits.Moved(changes, self._stand()))
        self.undo_changed.emit()

    def _stand(self) -> Hashable:
        """Where the fit stands: the step, and in which past."""
        return self._past_number, self.last.iteration if self.last else self.loaded.iteration if self.loaded else 0

    def _move_again(self, moved: edits.Moved, back: bool) -> None:
        if self.running or moved.stand != self._stand():
            word = "taken back" if back else "done again"
            self.say("info", f"The fit went on since that was moved by hand, so it is not {word}; Reset starts again")
            return
        for name, before, after in moved.changes:
            self.set_value(name, before if back else after)

    def show_term(self, index: int) -> None:
        """Colour the mesh by the gradient of one term of the loss alone; -1: of all together."""
        self._send(protocol.SetValue("overlay.term", index))

    def ask(self, question: Question | Drop) -> None:
        """Ask the engine beside the fit, or give a question up; `answered` tells."""
        self._send(question)

    def set_derive(self, on: bool) -> None:
        """Switch the derivative images on or off."""
        if on != self.derive_on:
            self.derive_on = on
            self._send_derive()
            self.derive_changed.emit()

    def set_derive_options(self, step_pixels: float, supersampling: int) -> None:
        if (step_pixels, supersampling) != (self.step_pixels, self.supersampling):
            self.step_pixels, self.supersampling = step_pixels, supersampling
            self._send_derive()
            self.derive_changed.emit()

    def set_derive_own(self, on: bool) -> None:
        """Whether finite differences of the method's own forward image are wanted too."""
        if on != self.derive_own:
            self.derive_own = on
            self._send_derive()

    def derive_again(self) -> None:
        """Ask for the derivative images once more: the engine tries what failed."""
        self._send_derive()

    def export(self, what: str, path: str) -> None:
        self._send(protocol.Export(what, path))

    def remedy_for(self, message: Message) -> str:
        if message.remedy:
            return message.remedy
        if "not finite" in message.text and not self.loading:  # a file whose numbers are not is no matter of the rate
            return "Halve the learning rate"
        if message.level == "error" and self.loading and self.undo_stack.next_undo():
            return "Undo"
        if message.level == "error" and self.loading and self.loaded is None:
            return "Retry"
        return "Reset" if "Reset starts again" in message.text else ""

    def halve_rate(self) -> None:
        """The remedy for a loss that is no longer finite."""
        optimizer = self.experiment.optimizer
        self.edit(
            "learning rate",
            replace(self.experiment, optimizer=replace(optimizer, learning_rate=optimizer.learning_rate / 2)),
        )
        self.settle()
