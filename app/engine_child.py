"""One engine process as the window's side has it: its pipes, its shared memory, and how it is ended.

Used by the launcher's background thread alone, but for `kill`. The launcher starts the process (app/launcher.py).
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from core import protocol
from core.engine import wire
from core.engine.mailbox import Letter
from core.engine.pasts import Pasts
from core.engine.rooms import Rooms
from core.errors import RimlightError
from core.protocol import Command, Event, Message, Status, StatusChanged
from core.record.stored_state import Checkpoint, StoredState

ASK_S, TERMINATE_S, KILL_S = 0.3, 0.3, 0.4
"""Seconds that an engine gets to end by itself, by request of the system, and by force: a second in all. One that is
busy for long (loading, compiling) is not asked."""

BUSY = (Status.STARTING, Status.LOADING, Status.COMPILING)


class EngineChild:
    """commands, events: this side's ends of the pipes. The rooms are this side's to give back. pasts: where goes what the
    engine tells of its steps."""

    def __init__(
        self, process: BaseProcess, commands: Connection, events: Connection, rooms: Rooms, pasts: Pasts
    ) -> None:
        self.process, self._commands, self.events, self.rooms, self._pasts = process, commands, events, rooms, pasts
        self.status = Status.STARTING
        self.kept = False
        """Whether there is a checkpoint that nobody has asked for."""

    def send(self, message: Command | wire.ToEngine) -> None:
        """Never waits for long: the child drains its pipe whatever it does. A dead child is noticed elsewhere."""
        with contextlib.suppress(OSError):
            self._commands.send(message)

    def receive(self) -> tuple[list[Event | Letter], bool]:
        """Events and snapshots that have come, in order, and whether more may come."""
        received: list[Event | Letter] = []
        there = self.process.is_alive()  # asked first: what it said before it ended is still read
        try:
            while self.events.poll():
                for message in self.events.recv():
                    item = self._sort(message)
                    if item is not None:
                        received.append(item)
        except (EOFError, OSError):
            return received, False
        return received, there

    def _sort(self, message: Event | wire.FromEngine) -> Event | Letter | None:
        match message:
            case wire.Attached(name):
                self.rooms.attached(name)
            case wire.RoomNeeded(kind, size):
                try:
                    self.send(self.rooms.grow(kind, size))
                except RimlightError as error:
                    self.send(wire.RoomRefused(kind))
                    return Message("error", str(error))
            case wire.Posted(name):
                letter = self.rooms.snapshot(name)
                return None if letter is None else self._with_past(letter)
            case wire.Kept():
                self.kept = True
            case wire.Told():
                self._pasts.hear(message)
            case _:
                if isinstance(message, StatusChanged):
                    if message.status is self.status is Status.STARTING:
                        return None  # said already, when the process was spawned
                    self.status = message.status
                return message
        return None

    def _with_past(self, letter: Letter) -> Letter:
        """A snapshot whose state has its steps. One whose steps are not known comes without a state."""
        if "state" not in letter.arrays:
            return letter
        state = self._pasts.of(letter.arrays["state"])
        if state is None:
            del letter.arrays["state"]
            return letter
        return letter._replace(header=dataclasses.replace(letter.header, past=state.past))

    def checkpoint(self) -> Checkpoint | None:
        """What the engine left last; None where there is nothing, or where what belongs to it is still on its way."""
        left = self.rooms.checkpoint()
        state = None if left is None else self._pasts.of(left.state)
        return None if left is None or state is None else Checkpoint(left.experiment, left.iteration, state)

    def last_words(self) -> protocol.Restore | None:
        """To go on from where an engine stood that is dead or was killed."""
        self.process.join(KILL_S)  # until then it may write
        self.receive()  # what it told of its steps before it ended
        left = self.rooms.checkpoint()
        if left is None:
            return None
        # Without its first steps a fit goes on all the same.
        state = self._pasts.of(left.state) or StoredState(left.state)
        return protocol.Restore(left.experiment, state.whole().tobytes(), left.iteration)

    def kill(self) -> None:
        """End it now, whatever it does. Returns at once."""
        self.process.kill()

    def close(self) -> None:
        """Wait for a child that was killed or ended, and give everything back."""
        self.process.join(KILL_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join(KILL_S)
        self._commands.close()
        self.events.close()
        self.rooms.close()

    def farewell(self) -> None:
        """Ask, then terminate, then kill; about a second at the worst."""
        if self.status not in BUSY:
            self.send(protocol.Quit())
            deadline = time.monotonic() + ASK_S
            while self.process.is_alive() and time.monotonic() < deadline:
                connection.wait([self.process.sentinel, self.events], deadline - time.monotonic())
                if not self.receive()[1]:
                    break
            self.process.join(max(0.0, deadline - time.monotonic()))
        if self.process.is_alive():
            self.process.terminate()
            self.process.join(TERMINATE_S)
        if self.process.is_alive():
            self.process.kill()
        self.close()
