"""What the engine must be told when an experiment is edited: a live value, or a load that keeps the state or not.

Pure data, no Qt. A continuous setting, a rate or a weight is a SetValue and recompiles nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
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
        if name not in live_settings:
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


class UndoStack:
    """Experiments before and after edits. Edits of one thing in a row (a slider's drag) are one step."""

    LIMIT = 200
    """Steps kept: experiments are small records that share their parts."""

    def __init__(self) -> None:
        self._undo: list[tuple[str, Experiment]] = []
        self._redo: list[tuple[str, Experiment]] = []
        self._open = ""

    def note(self, what: str, before: Experiment) -> None:
        """Remember `before`, unless `what` is the edit still being made (see `close`)."""
        self._redo.clear()
        if what == self._open and self._undo:
            return
        self._open = what
        self._undo = [*self._undo[-(self.LIMIT - 1) :], (what, before)]

    def close(self) -> None:
        """The hand let go: the next edit is a step of its own."""
        self._open = ""

    def clear(self) -> None:
        self._undo, self._redo, self._open = [], [], ""

    def next_undo(self) -> str:
        """What undo would take back, "" if nothing."""
        return self._undo[-1][0] if self._undo else ""

    def next_redo(self) -> str:
        return self._redo[-1][0] if self._redo else ""

    def undo(self, now: Experiment) -> Experiment | None:
        """The experiment before the last edit, None if there is none."""
        if not self._undo:
            return None
        self._open = ""
        what, before = self._undo.pop()
        self._redo.append((what, now))
        return before

    def knows(self, experiment: Experiment) -> bool:
        """Whether `experiment` was there before one of the edits."""
        return any(before == experiment for _, before in self._undo)

    def back_to(self, experiment: Experiment, now: Experiment) -> None:
        """Take edits back until `experiment` is there; where it never was between two of them, none is."""
        while now != experiment and self.knows(experiment):
            now = self.undo(now) or experiment

    def redo(self, now: Experiment) -> Experiment | None:
        if not self._redo:
            return None
        self._open = ""
        what, after = self._redo.pop()
        self._undo.append((what, now))
        return after
