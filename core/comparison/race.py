"""Two to four fits on the same problem, side by side in one engine: the session of an experiment with lanes.

The lanes take turns, one step each, so that two cores serve all of them and each one's seconds are its own. To whoever
drives it a race is a session; lane 0 speaks for it where only one can (core/comparison/lanes.py has the names).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from core import protocol
from core.comparison.lanes import follows, lane_experiment, lane_names, of_lane
from core.derivatives.questions import Answer, Question
from core.engine.ports import SessionLike, Waiting
from core.errors import RimlightError
from core.experiment import Experiment
from core.parameters import display_values
from core.record.history import History, history_from
from core.record.packing import pack, unpack
from core.record.past import Tell
from core.session import Session

Report = Callable[[str, float | None], None]

SHOWN = ("render", "difference", "model", "vertices")
"""Arrays of a lane beside the first one's: what a column shows, and where its shape stands."""

RATE_STEPS = 20
"""Steps that a lane's speed is the mean of."""


def session_for(experiment: Experiment, progress: Report | None = None) -> SessionLike:
    """The session of an experiment: a race where it has lanes. What the engine's process is told to call."""
    return Race(experiment, progress) if experiment.lanes else Session(experiment, progress)


class Race:
    """See core/engine/ports.SessionLike. `lanes` are the sessions; `failed` says why a lane takes no more steps."""

    def __init__(self, experiment: Experiment, progress: Report | None = None) -> None:
        self.experiment = experiment
        self._report = progress or (lambda task, fraction: None)
        self.names = lane_names(experiment)
        self.lanes: list[Session] = []
        for name, lane in zip(self.names, experiment.lanes):
            tell = lambda task, fraction, name=name: self._report(f"{name}: {task[:1].lower()}{task[1:]}", fraction)
            self.lanes.append(Session(lane_experiment(experiment, lane), tell))
        self.history = History(experiment)
        self.failed: dict[int, str] = {}
        self.agreements: dict[int, protocol.Agreement] = {}
        """The newest of each lane."""
        self._last: dict[int, protocol.Scalars] = {}
        self._seconds: list[list[float]] = [[] for _ in self.lanes]

    @property
    def iteration(self) -> int:
        """Steps that the lane furthest on has taken."""
        return max(lane.state.iteration for lane in self.lanes)

    def loaded(self) -> protocol.Loaded:
        first = self.lanes[0].loaded()
        warnings = tuple(dict.fromkeys(w for lane in self.lanes for w in lane.scene.warnings))
        return dataclasses.replace(first, experiment=self.experiment, warnings=warnings)

    # ------------------------------------------------------------------------------------------ stepping

    def compile_text(self) -> str:
        return " and ".join(lane.compile_text() for lane in self.lanes if lane.needs_compile())

    def needs_compile(self) -> bool:
        return any(lane.needs_compile() for lane in self.lanes)

    def compile(self) -> None:
        for lane in self.lanes:
            if lane.needs_compile():
                lane.compile()

    def running(self) -> list[int]:
        """The lanes that have steps left to take."""
        return [i for i, lane in enumerate(self.lanes) if i not in self.failed and lane.finished() is None]

    def step(self) -> protocol.Scalars:
        """One step of every lane that has not finished; of every one that can, where all have. Raises where none can."""
        turn = self.running() or [i for i in range(len(self.lanes)) if i not in self.failed]
        for i in turn:
            before, stood = self.lanes[i].seconds, _place(self.lanes[i])
            try:
                scalars = self.lanes[i].step()
            except RimlightError as error:
                self.failed[i] = str(error)
                if len(self.failed) == len(self.lanes):
                    raise
                continue
            self._seconds[i] = [*self._seconds[i][1 - RATE_STEPS :], self.lanes[i].seconds - before]
            speed = len(self._seconds[i]) / max(sum(self._seconds[i]), 1e-9)
            self._last[i] = dataclasses.replace(scalars, steps_per_second=speed, places=(stood, _place(self.lanes[i])))
        told = self.told()
        warnings = [
            f"{self.names[i]}: {self._last[i].warning}" for i in turn if i not in self.failed and self._last[i].warning
        ]
        return dataclasses.replace(told, warning="; ".join(warnings))

    def told(self) -> protocol.Scalars:
        """The newest numbers of all lanes, as those of the first with the others' beside them."""
        empty = lambda i: protocol.Scalars(self.lanes[i].state.iteration, float("nan"))
        told = tuple(
            dataclasses.replace(self._last.get(i, empty(i)), seconds=lane.seconds, trouble=self.failed.get(i, ""))
            for i, lane in enumerate(self.lanes)
        )
        newest = max(told, key=lambda scalars: scalars.iteration)
        return dataclasses.replace(told[0], iteration=newest.iteration, lanes=told)

    def staged(self) -> protocol.Staged | None:
        found = [lane.staged() for lane in self.lanes]
        return found[0]

    def finished(self) -> str | None:
        if self.running():
            return None
        reasons = [self.failed.get(i) or lane.finished() or "" for i, lane in enumerate(self.lanes)]
        same = len(set(reasons)) == 1
        return f"all {reasons[0]}" if same else "; ".join(f"{n}: {r}" for n, r in zip(self.names, reasons))

    def reset(self) -> None:
        self.failed, self._last = {}, {}
        self.history = self.history.reset(self.experiment)
        self._seconds = [[] for _ in self.lanes]
        for lane in self.lanes:
            lane.reset()

    def set_value(self, path: str, value: Any) -> None:
        """To every lane that has it and has none of its own: a method's setting to those that run that method."""
        for lane, spec in zip(self.lanes, self.experiment.lanes):
            if not follows(self.experiment, spec, path):
                continue
            if lane is not self.lanes[0] and not _has(lane, path):
                continue
            lane.set_value(path, value)
        self.history = self.history.noted(self.iteration, path, value)

    # ------------------------------------------------------------------------------------------ looking

    def snapshot(self, view: int, *, include_topology: bool = True) -> protocol.Snapshot:
        first = self.lanes[0].snapshot(view, include_topology=include_topology)
        arrays, stamps, values = dict(first.arrays), dict(first.stamps), dict(first.values)
        for i, lane in enumerate(self.lanes[1:], 1):
            other = lane.snapshot(view, include_topology=False)
            for name in SHOWN:
                if name in other.arrays:
                    arrays[of_lane(name, i)] = other.arrays[name]
                    stamps[of_lane(name, i)] = other.stamps[name]
            values |= {of_lane(name, i): value for name, value in other.values.items()}
        return dataclasses.replace(first, iteration=self.iteration, arrays=arrays, stamps=stamps, values=values)

    def derive_begin(
        self, request: protocol.Derive, view: int
    ) -> Iterator[tuple[dict[str, np.ndarray], protocol.Agreement | None] | Waiting | None]:
        """One lane after the other, each judged where it stands itself; those without the parameter are left out."""
        for i, lane in enumerate(self.lanes):
            if i and request.theta is not None and not _has(lane, f"value.{request.theta}"):
                continue
            for part in lane.derive_begin(request, view):
                if part is None or isinstance(part, Waiting):
                    yield part
                    continue
                arrays, agreement = part
                named = {of_lane(n, i): a for n, a in arrays.items() if i == 0 or n != "vertex_gradient"}
                if agreement is not None:
                    agreement = self.agreements[i] = dataclasses.replace(agreement, lane=i)
                yield named, agreement

    def answer(self, question: Question) -> Iterator[Answer | Waiting | None]:
        return self.lanes[0].answer(question)

    def metrics(self) -> dict[str, float]:
        return self._by_lane(lambda lane: lane.metrics())

    def all_metrics(self) -> dict[str, float]:
        """The same over all views."""
        return self._by_lane(lambda lane: lane.all_metrics())

    def _by_lane(self, measure: Callable[[Session], Mapping[str, float]]) -> dict[str, float]:
        return {of_lane(n, i): v for i, lane in enumerate(self.lanes) for n, v in measure(lane).items()}

    def export(self, what: str, path: str) -> None:
        """A comparison's table and curves ("compare"), the script of all lanes, or what a session writes of the first."""
        if what == "compare":
            from core.comparison.headless import write_comparison

            write_comparison(self, path)
            return
        if what == "script":
            from core.record.script import save_script

            save_script(self.experiment, path, self.history)
            return
        self.lanes[0].export(what, path)

    # ------------------------------------------------------------------------------------------ state

    def replace(self, experiment: Experiment) -> SessionLike:
        """Lanes that were there go on from where they stand; without lanes the first one goes on alone."""
        if not experiment.lanes:
            return self.lanes[0].replace(experiment)
        new = Race(experiment, self._report)
        for i, lane in enumerate(new.lanes[: len(self.lanes)]):
            new.lanes[i] = self.lanes[i].replace(lane.experiment)
        new.history = self.history.replaced(self.iteration, experiment)
        return new

    def state_bytes(self, tell: Tell | None = None) -> bytes:
        states = {str(i): np.frombuffer(lane.state_bytes(tell), np.uint8) for i, lane in enumerate(self.lanes)}
        return pack({"lanes": len(self.lanes), "history": self.history.facts()}, states)

    def restore_state(self, data: bytes) -> None:
        facts, states = unpack(data)
        if facts.get("lanes") != len(self.lanes):
            raise RimlightError("the stored state is of another comparison; start this one anew")
        self.failed, self._last = {}, {}
        self.history = history_from(facts.get("history"), self.experiment)
        for i, lane in enumerate(self.lanes):
            lane.restore_state(states[str(i)].tobytes())


def _place(lane: Session) -> tuple[float, ...]:
    """Translation and rotation vector of a lane, in displayed units."""
    values = lane.state.values
    shown = display_values({name: values[name] for name in ("pose.translation", "pose.rotation") if name in values})
    return tuple(float(number) for name in ("pose.translation", "pose.rotation") for number in shown.get(name, ()))


def _has(lane: Session, path: str) -> bool:
    """Whether a lane, whose shape may be another, has the parameter that `path` or a theta names."""
    kind, _, name = path.partition(".")
    if kind not in ("value", "along"):
        return True
    name = name.removeprefix("random:")
    known = lane.state.values
    return name.startswith("random") or name in known or any(name.startswith(f"{each}.") for each in known)
