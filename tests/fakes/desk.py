"""The other end of an engine's loop, for tests that drive its turns by hand."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from core import protocol
from core.engine.loop import Engine
from core.experiment import Experiment
from core.protocol import Snapshot, Status
from tests.fakes.fake_session import FakeSession


class Desk:
    """The other end of an engine: what it was sent, what it said, what it showed. Turns are driven by hand."""

    def __init__(self, takes: bool = True, saves: bool = True) -> None:
        self.commands: deque[protocol.Command] = deque()
        self.events: list[protocol.Event] = []
        self.snapshots: list[Snapshot] = []
        self.saved: list[tuple[Experiment, int, bytes]] = []
        self.takes = takes
        self.waits: list[float] = []
        self.sessions: list[FakeSession] = []
        self.later = 0.0
        save = self._save if saves else None
        self.engine = Engine(self._receive, self.events.append, self, self._make, save, clock=self._clock)

    def _clock(self) -> float:
        return time.perf_counter() + self.later

    def _make(self, *arguments: Any) -> FakeSession:
        self.sessions.append(FakeSession(*arguments))
        return self.sessions[-1]

    def _receive(self, seconds: float) -> protocol.Command | None:
        self.waits.append(seconds)
        return self.commands.popleft() if self.commands else None

    def _save(self, experiment: Experiment, iteration: int, state: bytes) -> None:
        self.saved.append((experiment, iteration, state))

    def wanted(self) -> bool:
        return self.takes

    def post_snapshot(self, snapshot: Snapshot) -> None:
        self.snapshots.append(snapshot)

    def do(self, *commands: protocol.Command, turns: int = 1) -> bool:
        self.commands.extend(commands)
        return all(self.engine.turn() for _ in range(turns))

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def iterations(self) -> list[int]:
        return [scalars.iteration for scalars in self.of(protocol.Scalars)]

    @property
    def statuses(self) -> list[Status]:
        return [event.status for event in self.of(protocol.StatusChanged)]
