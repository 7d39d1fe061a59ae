"""What the engine needs from outside: a session that does the numeric work, and ways in and out."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from core import protocol
from core.derivatives.questions import Answer, Question
from core.experiment import Experiment
from core.protocol import Command, Snapshot
from core.record.past import Tell

Receive = Callable[[float], Command | None]
"""Wait up to so many seconds for a command; None if none came, or early for news that a snapshot was taken."""

Factory = Callable[[Experiment, Callable[[str, float | None], None]], "SessionLike"]
"""A session from an experiment and a function that reports (task, fraction or None)."""

SaveCheckpoint = Callable[[Experiment, int, bytes], None]
"""Keep (experiment, iteration, Session.state_bytes) for a successor."""


class Waiting(enum.Enum):
    """What sliced work yields while there is nothing to do but wait: the caller should do something else."""

    COMPILING = "compiling"


class SessionLike(Protocol):
    """A fit in progress; core/session.py says what each of these does."""

    def loaded(self) -> protocol.Loaded: ...
    def compile_text(self) -> str: ...
    def needs_compile(self) -> bool: ...
    def compile(self) -> None: ...
    def step(self) -> protocol.Scalars: ...
    def staged(self) -> protocol.Staged | None: ...
    def finished(self) -> str | None: ...
    def reset(self) -> None: ...
    def set_value(self, path: str, value: Any) -> None: ...
    def snapshot(self, view: int, *, include_topology: bool = True) -> Snapshot: ...
    def derive_begin(
        self, request: protocol.Derive, view: int
    ) -> Iterator[tuple[dict[str, np.ndarray], protocol.Agreement | None] | Waiting | None]: ...
    def answer(self, question: Question) -> Iterator[Answer | Waiting | None]: ...
    def metrics(self) -> dict[str, float]: ...
    def export(self, what: str, path: str) -> None: ...
    def replace(self, experiment: Experiment) -> SessionLike: ...
    def state_bytes(self, tell: Tell | None = None) -> bytes: ...
    def restore_state(self, data: bytes) -> None: ...


class SnapshotSink(Protocol):
    """Where snapshots go. The engine builds one only when it is wanted."""

    def wanted(self) -> bool:
        """Whether the last snapshot was taken, so that the next is worth building."""
        ...

    def post_snapshot(self, snapshot: Snapshot) -> None:
        """Hand over a snapshot."""
        ...
