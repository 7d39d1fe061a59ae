"""The window's session as a record for a file, and back: the experiment, its runs' curves and the timeline's steps."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from app.edits import problem_of
from app.frames import Frame, makeable
from app.replay import Branch, Replay
from app.runs import Run, RunBook, Series
from core.experiment import Experiment
from core.protocol import Snapshot
from core.record.history import history_of
from core.record.session_record import SessionRecord, StoredBranch, StoredFrame, StoredRun
from core.record.stored_state import losses_of


@dataclass(frozen=True)
class Past:
    """What was done before the window opened on it. state: bytes to go on from, at `iteration`."""

    runs: RunBook
    replay: Replay
    state: bytes | None
    iteration: int


def to_record(experiment: Experiment, replay: Replay, runs: RunBook, *, edits: bool = False) -> SessionRecord:
    """Everything a session file keeps. Arrays are handed over, not copied. edits: list what a hand changed beside the
    state, which knows it anyhow: an autosave goes without."""
    places = {id(branch): i for i, branch in enumerate(replay.branches)}
    stored = []
    for branch in replay.branches:
        parent = places.get(id(branch.parent))
        stored.append(StoredBranch(branch.method, branch.start, parent, tuple(map(_stored, branch.frames))))
    newest = replay.resumable()
    return SessionRecord(
        experiment=experiment,
        state=newest.state if newest else None,
        iteration=newest.iteration if newest else 0,
        branches=tuple(stored),
        current=places[id(replay.current)],
        runs=stored_runs(runs),
        edits=history_of(newest.state.head if newest and newest.state else None, experiment).edits if edits else (),
    )


def from_record(record: SessionRecord) -> Past:
    """The window's own records of it."""
    replay, runs = Replay(), RunBook()
    newest = [Branch(run.method, run.start) for run in record.runs[-1:]] or [replay.current]
    branches = [Branch(b.method, b.start) for b in record.branches] or newest
    for branch, stored in zip(branches, record.branches):
        branch.parent = None if stored.parent is None else branches[stored.parent]
        for frame in stored.frames:
            branch.frames.append(_frame(frame))
        gaps = np.diff([frame.iteration for frame in branch.frames])
        branch.stride = int(gaps[:-1].max()) if len(gaps) > 1 else 1
    replay.adopt(branches, record.current if record.branches else 0)
    for stored_run in record.runs:
        runs.runs.append(_run(stored_run))
    state = None if record.state is None else record.state.whole().tobytes()
    return Past(runs, replay, state, record.iteration)


def _stored(frame: Frame) -> StoredFrame:
    s = frame.snapshot
    return StoredFrame(
        s.iteration, s.view, s.arrays, s.stamps, s.values, s.theta, frame.derived, frame.thumbnail, frame.state
    )


def _frame(stored: StoredFrame) -> Frame:
    snapshot = Snapshot(stored.iteration, stored.view, stored.arrays, stored.stamps, stored.values, stored.theta)
    thumbnail = stored.thumbnail if stored.thumbnail is not None else np.zeros((1, 1, 3), np.uint8)
    derived = tuple(name for name in stored.derived if makeable(stored.arrays, name))
    return Frame(snapshot, thumbnail, derived, stored.state)


def stored_runs(runs: RunBook, *, current: bool = False) -> tuple[StoredRun, ...]:
    """The curves of every run that took a step, which may grow meanwhile, by the window's thread. current: the one at
    hand in any case."""
    return tuple(_stored_run(run) for run in runs.runs if len(run.loss) or (current and run is runs.current))


def _stored_run(run: Run) -> StoredRun:
    curves = {"loss": run.loss, **dict(run.metrics)}
    return StoredRun(run.method, run.start, run.title, run.pinned, {name: s.copied() for name, s in curves.items()})


def with_curves(record: SessionRecord, curves: SessionRecord) -> SessionRecord:
    """An autosave's state with its runs, which were written a little before it: the loss of the steps between is the
    state's (a race's states lie deeper: its curves end where they end)."""
    if problem_of(record.experiment) != problem_of(curves.experiment) or record.state is None:
        return record
    runs, losses = list(curves.runs), losses_of(record.state)
    last = runs[-1] if runs else StoredRun(record.experiment.method.name, 0, record.experiment.title, False, {})
    x, y = last.curves.get("loss", (np.empty(0, np.int64), np.empty(0)))
    kept = x <= record.iteration
    first = max(int(x[kept][-1]) if kept.any() else last.start, record.iteration - len(losses))
    x = np.concatenate([x[kept], np.arange(first + 1, record.iteration + 1)])
    y = np.concatenate([y[kept], losses[len(losses) - (record.iteration - first) :]])
    whole = dataclasses.replace(last, curves={**last.curves, "loss": (x, y)})
    return dataclasses.replace(record, runs=(*runs[:-1], whole) if len(x) else tuple(runs[:-1]))


def _run(stored: StoredRun) -> Run:
    run = Run(stored.method, stored.start)
    run.title, run.pinned = stored.title, stored.pinned
    for name, (x, y) in stored.curves.items():
        series = run.loss if name == "loss" else run.metrics.setdefault(name, Series())
        for iteration, value in zip(x.tolist(), y.tolist()):
            series.put(iteration, value)
    return run
