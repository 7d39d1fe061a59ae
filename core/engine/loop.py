"""The engine: one loop that turns commands into steps, snapshots and derivative images. No JAX, processes or Qt here.

A `Session` (core/session.py) does the numeric work; what carries commands and events is the caller's: a process with
pipes (core/engine/process.py), or plain functions for tests and the command line. The order of a turn is what keeps
the window live: commands first, then one step, then a snapshot if the last one was taken, then a slice of derivative
images. Whatever goes wrong becomes one Message and a paused fit.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable

from core import protocol
from core.derivatives.questions import Drop, Question
from core.engine.answer_service import AnswerService
from core.engine.between_steps import BetweenSteps
from core.engine.checkpoints import Checkpoints
from core.engine.derive_service import DeriveService
from core.engine.inbox import Inbox
from core.engine.ports import Factory, Receive, SaveCheckpoint, SessionLike, SnapshotSink
from core.engine.scalars import ScalarsTelling
from core.engine.showing import Showing
from core.engine.voice import Voice
from core.experiment import Experiment
from core.memory import Bound
from core.protocol import Command, Event, Status
from core.record.past import Tell

COMPILING_S = 0.01
"""Between two looks whether a derivative image has compiled, while there is nothing else to do."""

IDLE_S = 0.5
"""Longest wait for a command while there is nothing to do. A command ends it at once."""


class Engine:
    """Runs a problem. `run` serves until Quit; `turn` and `handle` let a caller drive it by hand."""

    def __init__(
        self,
        receive: Receive,
        post: Callable[[Event], None],
        sink: SnapshotSink | None,
        factory: Factory,
        save: SaveCheckpoint | None = None,
        generation: int = 0,
        clock: Callable[[], float] = time.perf_counter,
        tell: Tell | None = None,
    ) -> None:
        """tell: who keeps the steps' numbers (core/record/past.py). generation: of the problem before this engine's first, so that a successor's snapshots are told apart."""
        self._inbox, self._post = Inbox(receive), post
        self._factory, self._clock = factory, clock
        self.session: SessionLike | None = None
        self._voice = Voice(post)
        self._derive = DeriveService(clock)
        self._showing = Showing(sink, self._derive, clock, tell)
        self._answers = AnswerService(post, clock)
        self._between = BetweenSteps(self._derive, self._answers, self._showing, self._voice, self._inbox.gather)
        self._checkpoints = Checkpoints(save, clock, tell)
        self._code = Bound()
        self._experiment = Experiment()
        self._generation = generation
        self._iteration = 0
        self._view = 0
        self._left = 0.0
        self._scalars = ScalarsTelling(post, self._fail, clock)

    @property
    def status(self) -> Status | None:
        return self._voice.status

    # ------------------------------------------------------------------------------------------ the loop

    def run(self) -> None:
        """Serve until Quit."""
        self._voice.set_status(Status.EMPTY)
        while self.turn():
            pass

    def turn(self) -> bool:
        """Wait for as long as there is nothing to do, then do one round of it. False after Quit."""
        self._inbox.gather(self._patience())
        for command in self._inbox.take():
            if isinstance(command, protocol.Quit):
                return False
            self.handle(command)
        if self.session is None:
            return True
        if self._left > 0:
            self._advance(self.session)
        self._show(self.session)
        if self._left == 0 and self._scalars.waiting and not self._inbox.gather():
            self._scalars.at_rest(self.session)
        self._between.serve(self.session, self._view, self._iteration, running=self._left > 0)
        self._checkpoint(self.session)
        return True

    def _patience(self) -> float:
        """Seconds that may pass before the next turn has something to do."""
        if self.session is None:
            return IDLE_S
        if self._left > 0 or self._scalars.waiting:
            return 0.0
        due = [service for service in (self._derive, self._answers) if service.due(running=False)]
        if due:
            return COMPILING_S if all(service.waiting for service in due) else 0.0
        return min(IDLE_S, self._showing.patience(), self._checkpoints.seconds_left())

    def handle(self, command: Command) -> None:
        """Carry out one command. Failures are posted, never raised."""
        try:
            self._carry_out(command)
        except Exception as error:
            self._fail(error, f"{type(command).__name__} failed")

    def _carry_out(self, command: Command) -> None:
        session = self.session
        match command:
            case protocol.Load(experiment, keep_state):
                self._load(experiment, session.replace if keep_state and session is not None else None)
            case protocol.Restore(experiment, state, iteration):
                self._load(experiment, None, state, iteration)
            case protocol.Look(view):
                self._look(view)
            case protocol.Derive():
                self._derive.ask(command)
                self._showing.changed()
            case _ if session is None:
                return
            case Drop("Derive"):
                self._derive.give_up()
            case Drop(kind):
                self._answers.drop(kind)
            case _ if isinstance(command, Question):
                self._answers.ask(command)
            case protocol.Play():
                self._play(session, math.inf)
            case protocol.Step(count):
                self._play(session, max(1, count))
            case protocol.Pause():
                self._pause()
            case protocol.Reset():
                self._reset(session)
            case protocol.SetValue(path, value):
                session.set_value(path, value)
                self._changed(edited=True)
            case protocol.Fork(state, iteration):
                self._fork(session, state, iteration)
            case protocol.Export(what, path):
                session.export(what, path)
                self._voice.end_progress()
                self._post(protocol.Exported(what, path))

    # ------------------------------------------------------------------------------------------ loading

    def _load(
        self,
        experiment: Experiment,
        replace: Callable[[Experiment], SessionLike] | None,
        state: bytes | None = None,
        iteration: int = 0,
    ) -> None:
        """Make a session: from the one before (`replace`), from a state, or from its start. On failure keep the old."""
        self._left = 0.0
        if self.session is not None:
            self._checkpoint(self.session, at_once=True)
        self._voice.end_progress()
        self._voice.set_status(Status.LOADING, experiment.title)
        self._code.visit()
        try:
            session = self._factory(experiment, self._voice.progress) if replace is None else replace(experiment)
            if state is not None:
                session.restore_state(state)
            loaded = session.loaded()
        except Exception:
            self._voice.end_progress()
            self._voice.set_status(Status.EMPTY if self.session is None else Status.PAUSED)
            raise
        continued = replace is not None or state is not None
        self.session, self._experiment = session, experiment
        self._iteration = iteration if replace is None else self._iteration
        self._present(session, loaded, continued)

    def _fork(self, session: SessionLike, state: bytes, iteration: int) -> None:
        """The same problem, from a state it was in before."""
        self._pause()
        session.restore_state(state)
        self._iteration = iteration
        self._present(session, session.loaded(), continued=True)

    def _present(self, session: SessionLike, loaded: protocol.Loaded, continued: bool) -> None:
        """Tell of a problem that is ready, and show its first picture."""
        self._generation += 1
        self._view = min(self._view, max(0, len(loaded.views) - 1))
        self._scalars.forget()
        self._showing.changed(topology=True)
        self._derive.clear()
        self._answers.clear()
        self._voice.end_progress()
        self._post(
            dataclasses.replace(loaded, generation=self._generation, iteration=self._iteration, continued=continued)
        )
        self._changed()
        self._voice.progress("Compiling the first picture", None)
        self._show(session, first=True)
        self._voice.end_progress()
        self._checkpoints.changed(at_once=True)
        self._checkpoint(session)
        self._voice.set_status(Status.PAUSED)

    def _reset(self, session: SessionLike) -> None:
        self._pause()
        session.reset()
        self._tell_stage(session)
        self._iteration = 0
        self._scalars.forget()
        self._derive.clear()
        self._changed()

    def _look(self, view: int) -> None:
        if view != self._view:
            self._view = view
            self._derive.clear()
            self._showing.changed()

    def _changed(self, *, edited: bool = False) -> None:
        self._showing.changed()
        self._checkpoints.changed()
        self._derive.moved(edited=edited)

    # ------------------------------------------------------------------------------------------ stepping

    def _play(self, session: SessionLike, count: float) -> None:
        reason = session.finished() if math.isinf(count) else None
        if reason is not None:
            self._post(protocol.Message("info", f"{_sentence(reason)}; Reset starts again, Step goes on"))
            return
        self._left = count
        self._scalars.begin()
        if not session.needs_compile():
            self._voice.set_status(Status.RUNNING)

    def _pause(self) -> None:
        self._left = 0.0
        self._voice.set_status(Status.PAUSED)

    def _advance(self, session: SessionLike) -> None:
        """Compile, or take one step."""
        try:
            if session.needs_compile():
                self._voice.end_progress()
                self._voice.set_status(Status.COMPILING, session.compile_text())
                session.compile()
                self._voice.end_progress()
                if self._inbox.gather():  # a Pause or a Load that came meanwhile goes first
                    return
            self._voice.set_status(Status.RUNNING)
            begin = self._clock()
            scalars = session.step()
            self._derive.earn(self._clock() - begin)
            self._answers.earn(self._clock() - begin)
            self._tell_stage(session)
        except Exception as error:
            self._fail(error, "The step failed")
            return
        self._iteration = scalars.iteration
        self._scalars.step(session, scalars)
        if scalars.warning:
            self._post(protocol.Message("warning", scalars.warning))
        self._changed()
        self._left -= 1
        reason = session.finished() if math.isinf(self._left) else None
        if reason is not None:
            self._post(protocol.Message("info", _sentence(reason)))
        if reason is not None or self._left == 0:
            self._pause()

    def _tell_stage(self, session: SessionLike) -> None:
        """Post what a stage has changed: the shape's triangles or the size of the images are others now."""
        staged = session.staged()
        if staged is not None:
            self._derive.clear()
            self._showing.changed(topology=True)
            self._post(staged)
            self._checkpoints.changed(at_once=True)

    # ------------------------------------------------------------------------------------------ showing

    def _show(self, session: SessionLike, *, first: bool = False) -> None:
        try:
            self._showing.show(session, self._view, self._generation, running=self._left > 0, first=first)
        except Exception as error:
            self._fail(error, "The picture failed")

    def _checkpoint(self, session: SessionLike, *, at_once: bool = False) -> None:
        try:
            (self._checkpoints.settle if at_once else self._checkpoints.visit)(
                session, self._experiment, self._iteration
            )
        except Exception as error:
            self._voice.fail(error, "The checkpoint failed")

    def _fail(self, error: Exception, what: str) -> None:
        """Say what happened and pause."""
        self._voice.fail(error, what)
        self._left = 0.0
        if self.session is not None:
            self._voice.set_status(Status.PAUSED)


def _sentence(reason: str) -> str:
    """What a report says after a comma, as a line of its own."""
    return reason[:1].upper() + reason[1:]
