"""What a session holds, whatever file it comes from or goes to (core/record/files.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.experiment import Experiment
from core.record.history import Edit
from core.record.stored_state import StoredState


@dataclass(frozen=True)
class StoredFrame:
    """arrays: as in a Snapshot, without what `derived` names."""

    iteration: int
    view: int
    arrays: Mapping[str, np.ndarray]
    stamps: Mapping[str, int]
    values: Mapping[str, Any]
    theta: str | None = None
    derived: tuple[str, ...] = ()
    thumbnail: np.ndarray | None = None
    state: StoredState | None = None


@dataclass(frozen=True)
class StoredBranch:
    """parent: place in the list, None for a run from the problem's start."""

    method: str
    start: int
    parent: int | None
    frames: tuple[StoredFrame, ...]


@dataclass(frozen=True)
class StoredRun:
    """A run's curves: name -> (iterations, values); "loss" is every step's."""

    method: str
    start: int
    title: str
    pinned: bool
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class SessionRecord:
    """A session as it is saved. state: the newest one, at `iteration`; None where no step was stored. current: the
    branch at hand. edits: what a hand changed (core/record/history.py)."""

    experiment: Experiment
    state: StoredState | None = None
    iteration: int = 0
    branches: tuple[StoredBranch, ...] = ()
    current: int = 0
    runs: tuple[StoredRun, ...] = ()
    edits: tuple[Edit, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
