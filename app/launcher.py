"""The one file of the window that starts threads and processes: a client for the engine in its own process.

The window calls `send`, `poll_events` and `take_snapshot` from its timer; none of them ever waits. A background
thread drives the process: it sends, receives, copies snapshots out of shared memory, and replaces an engine that
died or whose compile was cancelled. Between the two threads are deques only, each written at one end.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import signal
import subprocess
import threading
import traceback
from collections import deque
from collections.abc import Callable
from multiprocessing import connection, get_context
from queue import Empty, SimpleQueue
from typing import Any

from app.engine_child import ASK_S, KILL_S, TERMINATE_S, EngineChild
from core import protocol
from core.engine import process as engine_process
from core.engine import wire
from core.engine.mailbox import Letter
from core.engine.pasts import Pasts
from core.engine.rooms import Rooms
from core.engine.succession import Succession
from core.errors import RimlightError
from core.protocol import Command, Event, Message, Snapshot, Status, StatusChanged
from core.record.stored_state import Checkpoint

FACTORY = "core.comparison.race:session_for"

RESTART, RETRY = "Restart engine", "Retry"


class EngineClient:
    """The engine as the window sees it. Every public method returns at once; `close` within about a second."""

    def __init__(self, factory: str = FACTORY) -> None:
        """factory: "module:name" of what makes a session, resolved in the engine's process."""
        self._factory = factory
        self._events: deque[Event] = deque()
        self._snapshots: deque[tuple[EngineChild, Letter]] = deque(maxlen=1)
        self._next: tuple[EngineChild, Letter] | None = None
        self._requests: deque[Callable[[], None]] = deque()
        self._checkpoints: SimpleQueue[Checkpoint | None] = SimpleQueue()
        self._checkpoint_wanted = False
        self._told_generation = 0
        self._generation = 0
        self._succession = Succession()
        self._pasts = Pasts()
        self._child: EngineChild | None = None
        self._task: str | None = None
        self._closing = False
        self._wake_reader, self._wake_writer = connection.Pipe(duplex=False)
        self._awake = False
        self._thread = threading.Thread(target=self._run, name="engine-client", daemon=True)

    # ------------------------------------------------------------------------------------------ for the window

    def start(self) -> None:
        """Start the engine, in the background. Commands may be sent before it is there."""
        atexit.register(self.close)
        self._thread.start()

    def send(self, command: Command) -> None:
        self._request(lambda: self._send(command))

    def poll_events(self) -> list[Event]:
        """All events since the last call, oldest first."""
        events = []
        while self._events:
            event = self._events.popleft()
            if isinstance(event, protocol.Loaded):
                self._told_generation = event.generation
            events.append(event)
        return events

    def take_snapshot(self) -> Snapshot | None:
        """The latest snapshot, if it is new and its problem's Loaded was polled. The arrays are the caller's."""
        with contextlib.suppress(IndexError):
            self._next = self._snapshots.pop()
        if self._next is None or self._next[1].header.generation > self._told_generation:
            return None
        (child, letter), self._next = self._next, None
        self._request(lambda: child.send(wire.Taken(letter.sequence)))
        if letter.header.generation < self._told_generation:
            return None  # of a problem that is gone
        return dataclasses.replace(letter.header, arrays=letter.arrays)

    def next_checkpoint(self, seconds: float) -> Checkpoint | None:
        """The newest state that the engine left and that was not asked for yet, waiting for it; None where none comes. For
        a thread of its own, which may not be the window's."""
        self._request(self._want_checkpoint)
        with contextlib.suppress(Empty):
            return self._checkpoints.get(timeout=seconds)
        return None

    def cancel_compile(self) -> None:
        """Give up what is being compiled or loaded: another engine takes over at the last state, paused."""
        self._request(self._cancel)

    def restart(self) -> None:
        """A new engine, at the last state, paused."""
        self._request(self._restart)

    @property
    def is_alive(self) -> bool:
        """Whether an engine process is there."""
        child = self._child
        return child is not None and child.process.is_alive()

    @property
    def process_id(self) -> int | None:
        """The engine's process, for diagnosis."""
        child = self._child
        return None if child is None else child.process.pid

    def close(self) -> None:
        """End the engine and the thread. Never hangs, whatever the engine is doing; again is harmless."""
        atexit.unregister(self.close)
        if self._closing:
            return
        self._closing = True
        self._checkpoints.put(None)
        if self._thread.ident is None:
            return
        self._request(lambda: None)
        self._thread.join(ASK_S + TERMINATE_S + KILL_S)
        child = self._child
        if self._thread.is_alive() and child is not None:
            child.kill()  # the thread may be waiting for a process that the system has stopped
            self._thread.join(KILL_S)

    def _request(self, request: Callable[[], None]) -> None:
        self._requests.append(request)
        if not self._awake:
            self._awake = True
            with contextlib.suppress(OSError):  # closed meanwhile
                self._wake_writer.send_bytes(b"!")

    # ------------------------------------------------------------------------------------------ background thread

    def _run(self) -> None:
        try:
            self._spawn()
            while not self._closing:
                self._wait()
                while self._requests:
                    self._requests.popleft()()
                self._pump()
        except Exception as error:
            self._say(StatusChanged(Status.DEAD, "the engine cannot be reached"))
            self._say(
                Message("error", f"The window lost its engine: {error}; open Rimlight again", traceback.format_exc())
            )
        finally:
            if self._child is not None:  # it stays in reach of `close` until it is gone
                self._child.farewell()
            self._child = None
            self._wake_reader.close()
            self._wake_writer.close()

    def _say(self, event: Event) -> None:
        self._events.append(event)

    def _wait(self) -> None:
        child = self._child
        watched: list[Any] = [self._wake_reader]
        if child is not None:
            watched += [child.events, child.process.sentinel]
        if self._wake_reader in connection.wait(watched):
            self._wake_reader.recv_bytes()
            self._awake = False

    def _spawn(self) -> None:
        """Start an engine where the last one stood."""
        self._say(StatusChanged(Status.STARTING, "the engine"))
        try:
            self._child = start_engine(self._factory, self._generation, self._pasts)
        except (OSError, RimlightError) as error:
            self._say(StatusChanged(Status.DEAD, "the engine cannot start"))
            self._say(Message("error", f"The engine cannot start: {error}", traceback.format_exc(), RESTART))
            return
        self._bring(self._child, self._succession.commands())

    def _bring(self, child: EngineChild, commands: list[Command]) -> None:
        """Send an engine where the last one stood, and say where that is."""
        for command in commands:
            child.send(command)
        stand = self._succession.stand() if commands else None
        if stand is not None:
            self._say(protocol.Resumed(stand))

    def _send(self, command: Command) -> None:
        self._succession.sent(command)
        if self._child is not None:
            self._child.send(command)
        elif isinstance(command, protocol.Load):  # what killed the last engine is replaced
            self._spawn()

    def _pump(self) -> None:
        """Hand on what the engine said, and notice its death."""
        child = self._child
        if child is None:
            return
        received, there = child.receive()
        for item in received:
            if isinstance(item, Letter):
                self._snapshots.append((child, item))
                continue
            if isinstance(item, protocol.Loaded):
                self._generation = item.generation
            elif isinstance(item, protocol.Progress):
                self._task = None if item.done else item.task
            self._succession.heard(item)
            self._say(item)
            self._bring(child, self._succession.back(item))
        self._hand_checkpoint()
        if not there:
            self._died(child)

    def _want_checkpoint(self) -> None:
        self._checkpoint_wanted = True
        self._hand_checkpoint()

    def _hand_checkpoint(self) -> None:
        """Copy a new checkpoint out for the one who waits for it."""
        child = self._child
        if child is None or not child.kept or not self._checkpoint_wanted:
            return
        child.kept = False
        checkpoint = child.checkpoint()
        if checkpoint is not None:
            self._checkpoint_wanted = False
            self._checkpoints.put(checkpoint)

    def _abandon(self) -> None:
        """The engine is no longer the one that is listened to: what it was busy with is over."""
        self._child = None
        if self._task is not None:
            self._say(protocol.Progress(self._task, None, done=True))
            self._task = None

    def _died(self, child: EngineChild) -> None:
        self._abandon()
        child.process.join(KILL_S)
        self._succession.died(child.last_words())
        cause = _cause(child.process.exitcode)
        child.close()
        if self._closing:
            return
        self._say(StatusChanged(Status.DEAD, cause))
        self._say(Message("error", f"The engine {cause}; its last state is kept", remedy=RESTART))

    def _cancel(self) -> None:
        child = self._child
        if child is None:
            return
        if child.status not in (Status.LOADING, Status.COMPILING):
            self._send(protocol.Pause())  # it was done meanwhile
            return
        self._replace(child, "Loading was cancelled" if child.status is Status.LOADING else "Compiling was cancelled")

    def _restart(self) -> None:
        child = self._child
        if child is None:
            self._spawn()
        else:
            self._replace(child, "The engine was restarted")

    def _replace(self, child: EngineChild, what: str) -> None:
        loading = child.status is Status.LOADING
        child.kill()
        self._abandon()
        self._succession.died(child.last_words(), cancelled=loading)
        back = self._succession.stand() is not None
        self._say(Message("info", f"{what}; the last state is back" if back else what, remedy="" if back else RETRY))
        self._spawn()
        child.close()


def start_engine(factory: str, generation: int, pasts: Pasts) -> EngineChild:
    """An engine process, spawned. pasts: of it and of those before it. Raises OSError or RimlightError where the system has
    no room for one."""
    context, rooms = get_context("spawn"), Rooms()
    try:
        theirs, commands = context.Pipe(duplex=False)
        events, sent_by_them = context.Pipe(duplex=False)
        process = context.Process(
            target=engine_process.main,
            args=(theirs, sent_by_them, rooms.names(), factory, generation),
            name="rimlight-engine",
            daemon=True,
        )
        process.start()
    except BaseException:
        rooms.close()
        raise
    # With these open here too, neither side would notice that the other is gone.
    theirs.close()
    sent_by_them.close()
    return EngineChild(process, commands, events, rooms, pasts)


def start_thread(name: str, run: Callable[[], None]) -> threading.Thread:
    """A thread beside the window's that ends with the program. Only NumPy may keep it busy: that lets the window go on.
    It is no nicer than the window: set aside while it holds the interpreter's lock, it would hold the window up."""
    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread


def start_encoder(command: list[str]) -> subprocess.Popen[bytes]:
    """A process that turns the pictures written to its input into a video. It ends when its input does."""
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _cause(code: int | None) -> str:
    """What an exit code means, to go on from "the engine"."""
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"was ended by {name} (often: out of memory)" if name == "SIGKILL" else f"crashed ({name})"
    return f"ended unexpectedly (exit code {code})"
