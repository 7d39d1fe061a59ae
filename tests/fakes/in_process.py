"""The real engine and session in the process of a test, driven by the window's own polls."""

from __future__ import annotations

from collections import deque
from typing import Any

from core.engine.loop import Engine


class InProcess:
    """The window's client on an engine in this process: one turn a poll."""

    def __init__(self) -> None:
        from core.session import Session

        self.commands: deque[Any] = deque()
        self.events: list[Any] = []
        self.shown: Any = None
        self.engine = Engine(
            lambda _: self.commands.popleft() if self.commands else None, self.events.append, self, Session
        )

    def wanted(self) -> bool:
        return self.shown is None

    def post_snapshot(self, snapshot: Any) -> None:
        self.shown = snapshot

    def start(self) -> None: ...

    def send(self, command: Any) -> None:
        self.commands.append(command)

    def poll_events(self) -> list[Any]:
        self.engine.turn()
        events, self.events[:] = list(self.events), []
        return events

    def next_checkpoint(self, seconds: float) -> None:
        """The thread that writes autosaves asks: nothing of these fits is kept."""

    def take_snapshot(self) -> Any:
        taken, self.shown = self.shown, None
        return taken

    def cancel_compile(self) -> None: ...
    def restart(self) -> None: ...
    def close(self) -> None: ...
