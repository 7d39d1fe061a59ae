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
from multiprocessing.connection import Connection
from typing import Any

from core import caches, wire
from core.engine import Engine
from core.engine_ports import Factory
from core.engine_voice import Voice
from core.experiment import Experiment
from core.mailbox import MailboxWriter, Room
from core.protocol import Command, Event, Scalars, Snapshot, Status, StatusChanged

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
        self._asked: set[str] = set()
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

    def receive(self, seconds: float) -> Command | None:
        """See engine_ports.Receive."""
        if seconds > 0 or time.monotonic() - self._flushed >= FLUSH_S:
            self.flush()
        while True:
            try:
                message = self._inbox.get(timeout=seconds) if seconds > 0 else self._inbox.get_nowait()
            except queue.Empty:
                return None
            if isinstance(message, wire.RoomGiven):
                self._move(message)
            elif message is not _NEWS:
                return message
            seconds = 0.0

    def _move(self, given: wire.RoomGiven) -> None:
        self._asked.discard(given.kind)
        try:
            room = Room.attach(given.name)
        except FileNotFoundError:  # the launcher has given up on this engine
            return
        self._writers[given.kind].move(room)
        self._send(wire.Attached(given.name))

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
        return self._taken >= self._posted and wire.SNAPSHOTS not in self._asked

    def post_snapshot(self, snapshot: Snapshot) -> bool:
        """See engine_ports.SnapshotSink."""
        header = dataclasses.replace(snapshot, arrays={})
        sequence = self._write(wire.SNAPSHOTS, header, snapshot.arrays)
        if sequence is None:
            return False
        self._posted = sequence
        self._send(wire.Posted(self._writers[wire.SNAPSHOTS].room_name))
        return True

    def save(self, experiment: Experiment, iteration: int, state: bytes) -> bool:
        """See engine_ports.SaveCheckpoint."""
        if wire.CHECKPOINTS in self._asked:
            return False
        return self._write(wire.CHECKPOINTS, (experiment, iteration), {"state": wire.as_array(state)}) is not None

    def _write(self, kind: str, header: Any, arrays: Any) -> int | None:
        writer = self._writers[kind]
        sequence = writer.post(header, arrays)
        if sequence is None:
            self._asked.add(kind)
            self._send(wire.RoomNeeded(kind, writer.needed))
        return sequence


def resolve(factory: str) -> Factory:
    """What "package.module:name" names. A string crosses to the child without the parent importing JAX."""
    module, _, name = factory.partition(":")
    return getattr(importlib.import_module(module), name)


def main(commands: Connection, events: Connection, rooms: dict[str, str], factory: str, generation: int) -> None:
    """The child's main: serve until Quit or until the parent is gone. rooms: kind -> name of the memory to write to."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in the terminal is the window's to handle
    link = Link(commands, events, rooms)
    link.post(StatusChanged(Status.STARTING, "the engine"))
    failed = 0
    try:
        caches.configure()
        Engine(link.receive, link.post, link, resolve(factory), link.save, generation).run()
    except Exception as error:
        Voice(link.post).fail(error, "The engine cannot go on")
        failed = 1
    link.flush()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(failed)  # JAX's own threads may abort an orderly exit
