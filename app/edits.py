"""What the engine must be told when an experiment is edited: a live value, or a load that keeps the state or not.

Pure data, no Qt. A continuous setting, a rate or a weight is a SetValue and recompiles nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from core.experiment import LIVE_TERM_NUMBERS, Experiment
from core.protocol import Command, Load, SetValue


def commands(old: Experiment, new: Experiment, live_settings: Sequence[str]) -> list[Command]:
    """What turns a problem built from `old` into `new`.

    live_settings: names of the method's continuous settings. An empty list where nothing the engine sees changed.
    """
    if problem_of(old) != problem_of(new) or old.lanes != new.lanes:
        return [Load(new)]
    live = _live(old, new, live_settings)
    if live is None:
        return [Load(new, keep_state=True)]
    return [SetValue(path, value) for path, value in live.items()]


def problem_of(experiment: Experiment) -> tuple[Any, ...]:
    """What makes two fits comparable: shape, target, views, seed and scene."""
    e = experiment
    return e.shape, e.target, e.views, e.seed, e.scene


def _live(old: Experiment, new: Experiment, live_settings: Sequence[str]) -> dict[str, Any] | None:
    """The changes as path -> value, or None where one of them cannot be made live."""
    if (old.parameters, old.stages, old.stop, old.method.name, old.optimizer.name) != (
        new.parameters,
        new.stages,
        new.stop,
        new.method.name,
        new.optimizer.name,
    ):
        return None
    changes: dict[str, Any] = {}
    for name, value in _differences(old.method.settings, new.method.settings).items():
        if name not in live_settings or new.target.render == "method":  # the target is rendered by them, too
            return None
        changes[f"method.{name}"] = value
    if old.optimizer.decay != new.optimizer.decay:
        return None
    if old.optimizer.learning_rate != new.optimizer.learning_rate:
        changes["optimizer.learning_rate"] = new.optimizer.learning_rate
    for name, value in _differences(old.optimizer.settings, new.optimizer.settings).items():
        changes[f"optimizer.{name}"] = value
    if len(old.terms) != len(new.terms):
        return None
    for index, (before, after) in enumerate(zip(old.terms, new.terms)):
        still = dict.fromkeys(LIVE_TERM_NUMBERS, 0.0)
        if dataclasses.replace(before, **still) != dataclasses.replace(after, **still):
            return None
        for name in LIVE_TERM_NUMBERS:
            if getattr(before, name) != getattr(after, name):
                changes[f"term.{index}.{name}"] = getattr(after, name)
    return changes


_MISSING = object()


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of `new` that differ from `old`; one that vanished counts as None."""
    names = [*new, *(name for name in old if name not in new)]
    return {n: new.get(n) for n in names if old.get(n, _MISSING) != new.get(n, _MISSING)}


# ---------------------------------------------------------------------------------------------- undo


@dataclasses.dataclass(frozen=True)
class Moved:
    """Values that a hand moved: (name, what takes it back, what does it again), as Controller.set_value has them.

    stand: where the fit stood. It is taken back only there: from the next step on the values are the fit's own.
    """

    changes: tuple[tuple[str, Any, Any], ...]
    stand: Hashable

    def then(self, later: Moved) -> Moved:
        """Both as one: from before this to after the later one. "along." moves add up."""
        changes = []
        for (name, back, forth), (_, more_back, more_forth) in zip(self.changes, later.changes):
            adds_up = name.startswith("along.")
            changes.append((name, back + more_back, forth + more_forth) if adds_up else (name, back, more_forth))
        return Moved(tuple(changes), later.stand)

    def same_as(self, other: Moved) -> bool:
        """Whether the same values are moved, where the fit stands at the same."""
        return self.stand == other.stand and [c[0] for c in self.changes] == [c[0] for c in other.changes]


class UndoStack:
    """Experiments before and after edits, and values moved by hand between them. Edits of one thing in a row (a slider's
    or a vertex's drag) are one step."""

    LIMIT = 200
    """Steps kept: experiments are small records that share their parts."""

    def __init__(self) -> None:
        self._undo: list[tuple[str, Experiment | Moved]] = []
        self._redo: list[tuple[str, Experiment | Moved]] = []
        self._open = ""

    def note(self, what: str, before: Experiment) -> None:
        """Remember `before`, unless `what` is the edit still being made (see `close`)."""
        self._redo.clear()
        if what == self._open and self._undo:
            return
        self._open = what
        self._undo = [*self._undo[-(self.LIMIT - 1) :], (what, before)]

    def note_moved(self, what: str, moved: Moved) -> None:
        """Remember what a hand moved, as one step with the move that still goes on (see `close`)."""
        self._redo.clear()
        last = self.last()
        if isinstance(last, Moved) and last.same_as(moved):
            if what == self._open:
                self._undo[-1] = (what, last.then(moved))
                return
            moved = _after(last, moved)
        self._open = what
        self._undo = [*self._undo[-(self.LIMIT - 1) :], (what, moved)]

    def close(self) -> None:
        """The hand let go: the next edit is a step of its own."""
        self._open = ""

    def clear(self) -> None:
        self._undo, self._redo, self._open = [], [], ""

    def next_undo(self) -> str:
        """What undo would take back, "" if nothing."""
        return self._undo[-1][0] if self._undo else ""

    def last(self) -> Experiment | Moved | None:
        """What undo would go back to, or take back; None if nothing."""
        return self._undo[-1][1] if self._undo else None

    def next_redo(self) -> str:
        return self._redo[-1][0] if self._redo else ""

    def undo(self, now: Experiment) -> Experiment | Moved | None:
        """The experiment before the last edit, or what a hand moved; None if there is nothing."""
        if not self._undo:
            return None
        self._open = ""
        what, before = self._undo.pop()
        self._redo.append((what, before if isinstance(before, Moved) else now))
        return before

    def knows(self, experiment: Experiment) -> bool:
        """Whether `experiment` was there before one of the edits."""
        return any(before == experiment for _, before in self._undo)

    def back_to(self, experiment: Experiment, now: Experiment) -> None:
        """Take edits back until `experiment` is there; where it never was between two of them, none is."""
        while now != experiment and self.knows(experiment):
            before = self.undo(now)
            now = before if isinstance(before, Experiment) else now

    def redo(self, now: Experiment) -> Experiment | Moved | None:
        if not self._redo:
            return None
        self._open = ""
        what, after = self._redo.pop()
        self._undo.append((what, after if isinstance(after, Moved) else now))
        return after


def _after(last: Moved, moved: Moved) -> Moved:
    """A second drag of the same begins where the first ended, though no picture has shown that yet."""
    changes = [
        (name, back if name.startswith("along.") else end, forth)
        for (name, back, forth), (_, _, end) in zip(moved.changes, last.changes)
    ]
    return Moved(tuple(changes), moved.stand)
