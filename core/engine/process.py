"""The engine's process: what runs in the child that the launcher spawns. It never outlives the launcher's process.

A reader thread drains the command pipe from the first moment, so that the launcher never waits, and ends the process
when the pipe closes, whatever the main thread is doing. JAX is imported by the main thread once the engine has said
that it is starting. What a spawned child imports anew must stay light: no Qt and no JAX at the top of this module.
"""

from __future__ import annotations

import dataclasses
import importlib
import os
import queue
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from core.engine import caches, wire
from core.engine.loop import Engine
from core.engine.mailbox import MailboxWriter, Room
from core.engine.ports import Factory
from core.engine.voice import Voice
from core.experiment import Experiment
from core.memory import keep_giving_back
from core.priorities import give_way
from core.protocol import Command, Event, Scalars, Snapshot, Status, StatusChanged
from core.record.stored_state import Block

FLUSH_S = 0.016
"""Scalars are sent at most this often: a frame. Thousands of steps a second would otherwise wake the window as often."""

_NEWS = object()


class Link:
    """The engine's ends of the pipes and mailboxes."""

    def __init__(self, commands: Connection, events: Connection, rooms: dict[str, str]) -> None:
        self._commands, self._events = commands, events
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._batch: list[Any] = []
        self._flushed = -FLUSH_S
        self._posted = self._taken = 0
        self._writers: dict[str, MailboxWriter] = {}
        self._held: deque[Any] = deque()
        self._refused: dict[str, int] = {}
        """kind -> size of the last letter that no room could be had for; only half of it is worth asking again."""
        threading.Thread(target=self._read, name="commands", daemon=True).start()
        for kind, name in rooms.items():
            self._writers[kind] = MailboxWriter(Room.attach(name))
            self._batch.append(wire.Attached(name))

    def _read(self) -> None:
        """The reader thread. When nobody can send any more, nobody is there to compute for."""
        try:
            while True:
                message = self._commands.recv()
                if isinstance(message, wire.Taken):
                    self._taken = message.sequence
                    message = _NEWS
                self._inbox.put(message)
        except (EOFError, OSError):
            os._exit(0)
        except BaseException:  # no memory to read with: an engine that hears nothing is no engine
            os._exit(1)

    def receive(self, seconds: float) -> Command | None:
        """See engine_ports.Receive."""
        if seconds > 0 or time.monotonic() - self._flushed >= FLUSH_S:
            self.flush()
        while True:
            try:
                message = self._held.popleft() if self._held else self._inbox.get(seconds > 0, seconds)
            except queue.Empty:
                return None
            if message is not _NEWS:
                return message
            seconds = 0.0

    def post(self, event: Event) -> None:
        """Send an event, in order. Scalars may wait for FLUSH_S or the next other event."""
        self._batch.append(event)
        if not isinstance(event, Scalars) or time.monotonic() - self._flushed >= FLUSH_S:
            self.flush()

    def _send(self, message: wire.FromEngine) -> None:
        self._batch.append(message)
        self.flush()

    def flush(self) -> None:
        """Send what waits as one message."""
        if not self._batch:
            return
        try:
            self._events.send(self._batch)
        except OSError:
            os._exit(0)
        self._batch = []
        self._flushed = time.monotonic()

    def wanted(self) -> bool:
        """See engine_ports.SnapshotSink."""
        return self._taken >= self._posted

    def post_snapshot(self, snapshot: Snapshot) -> None:
        """See engine_ports.SnapshotSink. One that no memory is left for is dropped."""
        sequence = self._write(wire.SNAPSHOTS, dataclasses.replace(snapshot, arrays={}), snapshot.arrays)
        if sequence is not None:
            self._posted = sequence
            self._send(wire.Posted(self._writers[wire.SNAPSHOTS].room_name))

    def tell(self, era: str, index: int, block: Block) -> None:
        """See past.Tell. It goes before the state that leaves it out."""
        self._send(wire.Told(era, index, block))

    def save(self, experiment: Experiment, iteration: int, state: bytes) -> None:
        """See engine_ports.SaveCheckpoint. One that no memory is left for is dropped."""
        if (
            self._write(wire.CHECKPOINTS, (experiment, iteration), {"state": np.frombuffer(state, np.uint8)})
            is not None
        ):
            self._send(wire.Kept())

    def _write(self, kind: str, header: Any, arrays: Mapping[str, np.ndarray]) -> int | None:
        """Post a letter, if need be in a larger room. None where there is none to be had."""
        writer = self._writers[kind]
        sequence = writer.post(header, arrays)
        if sequence is None and 2 * writer.needed <= self._refused.get(kind, 2 * writer.needed):
            self._send(wire.RoomNeeded(kind, writer.needed))
            if self._move(kind):
                return writer.post(header, arrays)
            self._refused[kind] = writer.needed
        return sequence

    def _move(self, kind: str) -> bool:
        """Wait for the launcher's answer, which takes it a moment, and move. What else comes meanwhile is kept."""
        while True:
            message = self._inbox.get()
            if isinstance(message, wire.RoomRefused) and message.kind == kind:
                return False
            if isinstance(message, wire.RoomGiven) and message.kind == kind:
                self._writers[kind].move(Room.attach(message.name))
                self._send(wire.Attached(message.name))
                return True
            self._held.append(message)


def resolve(factory: str) -> Factory:
    """What "package.module:name" names. A string crosses to the child without the parent importing JAX."""
    module, _, name = factory.partition(":")
    return getattr(importlib.import_module(module), name)


def main(commands: Connection, events: Connection, rooms: dict[str, str], factory: str, generation: int) -> None:
    """The child's main: serve until Quit or until the parent is gone. rooms: kind -> name of the memory to write to."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in the terminal is the window's to handle
    give_way()
    keep_giving_back()
    link = Link(commands, events, rooms)
    link.post(StatusChanged(Status.STARTING, "the engine"))
    failed = 0
    try:
        caches.configure()
        Engine(link.receive, link.post, link, resolve(factory), link.save, generation, tell=link.tell).run()
    except Exception as error:
        Voice(link.post).fail(error, "The engine cannot go on")
        failed = 1
    link.flush()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(failed)  # JAX's own threads may abort an orderly exit
