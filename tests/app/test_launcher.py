"""The launcher with real processes and a session that only counts: killed, cancelled, abandoned, closed at any time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.launcher import EngineClient
from core import protocol
from core.errors import RimlightError
from core.protocol import Load, Look, Pause, Play, SetValue, Status, StatusChanged, Step
from core.record.packing import unpack
from core.record.stored_state import BLOCK, StoredState, losses_of
from tests.fakes.fake_session import experiment

FAKE = "tests.fakes.fake_session:FakeSession"
PATIENCE_S = 60.0
"""Nothing here takes longer than a second or two on an idle machine; it only must not hang."""

ROOT = Path(__file__).resolve().parents[2]
SHM = Path("/dev/shm")


class Window:
    """What a window does with a client: polls, and remembers."""

    def __init__(self, client: EngineClient) -> None:
        self.client = client
        self.events: list[protocol.Event] = []
        self.snapshots: list[protocol.Snapshot] = []

    def until(self, done: Callable[[], Any]) -> None:
        end = time.monotonic() + PATIENCE_S
        while True:
            self.events += self.client.poll_events()
            snapshot = self.client.take_snapshot()
            if snapshot is not None:
                self.snapshots.append(snapshot)
            if done():
                return
            assert time.monotonic() < end, self.events[-10:]
            time.sleep(0.005)

    def until_status(self, status: Status) -> None:
        self.until(lambda: self.statuses and self.statuses[-1] is status)

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def statuses(self) -> list[Status]:
        return [event.status for event in self.of(StatusChanged)]

    @property
    def iterations(self) -> list[int]:
        """Of every step told, without the one that a pause repeats."""
        told = [scalars.iteration for scalars in self.of(protocol.Scalars)]
        return [now for before, now in zip([None, *told], told) if now != before]


@pytest.fixture
def window() -> Iterator[Window]:
    client = EngineClient(FAKE)
    client.start()
    yield Window(client)
    pid = client.process_id
    client.close()
    assert not client.is_alive
    assert pid is None or is_gone(pid)
    assert multiprocessing.active_children() == []
    assert memory_of(os.getpid()) == []


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def memory_of(pid: int) -> list[str]:
    """Names of Rimlight's shared memory that process `pid` made, where the system lists them."""
    return [path.name for path in SHM.glob(f"rimlight-{pid}-*")] if SHM.is_dir() else []


def test_a_fit_runs_in_another_process_and_loses_no_step(window: Window) -> None:
    window.client.send(Load(experiment(step_s=0.001)))
    window.client.send(Play())
    window.until(lambda: len(window.iterations) > 300 and len(window.snapshots) > 3)
    window.client.send(Pause())
    window.until_status(Status.PAUSED)
    assert window.iterations == list(range(1, window.iterations[-1] + 1))
    assert window.statuses == [
        Status.STARTING,
        Status.EMPTY,
        Status.LOADING,
        Status.PAUSED,
        Status.COMPILING,
        Status.RUNNING,
        Status.PAUSED,
    ]
    assert window.client.process_id != os.getpid()
    assert memory_of(os.getpid()) == []
    iterations = [snapshot.iteration for snapshot in window.snapshots]
    assert iterations == sorted(set(iterations))
    for snapshot in window.snapshots:
        assert (snapshot.arrays["render"] == snapshot.iteration).all()
    last = window.iterations[-1]
    window.until(lambda: window.snapshots[-1].iteration == last)


def test_a_snapshot_larger_than_its_room_moves_to_a_larger_one(window: Window) -> None:
    for i, side in enumerate((4, 1200, 2000, 4)):
        window.client.send(Load(experiment(snapshot_side=side)))
        window.client.send(Look(i))
        window.until(lambda side=side: window.snapshots and window.snapshots[-1].arrays["render"].shape[0] == side)
    assert window.of(protocol.Message) == []


def test_a_checkpoint_larger_than_its_room_moves_to_a_larger_one(window: Window) -> None:
    window.client.send(Load(experiment(state_bytes=40_000_000)))
    window.client.send(Step(2))
    window.until(lambda: saved(window) == 2)
    kill(window)
    window.client.restart()
    window.until(lambda: len(window.of(protocol.Loaded)) == 2)
    assert window.of(protocol.Loaded)[-1].iteration == 2


@pytest.mark.parametrize("killed", [True, False])
def test_a_long_fit_hands_on_each_step_once_and_goes_on_with_all(window: Window, killed: bool) -> None:
    window.client.send(Load(experiment()))
    window.client.send(Step(2 * BLOCK + 100))
    window.until(lambda: saved(window) == 2 * BLOCK + 100)
    state = kept_state(window)
    window.until(lambda: window.snapshots[-1].iteration == 2 * BLOCK + 100)
    shown = window.snapshots[-1]
    assert [a is b for a, b in zip(shown.past[0], state.past[0], strict=True)] == [True, True]
    for head in (shown.arrays["state"], state.head):
        assert len(unpack(head)[1]["losses"]) == 100
        assert head.nbytes < 4000
    if killed:
        kill(window)
    window.client.restart()
    window.until(lambda: window.statuses[-1] is Status.PAUSED and window.snapshots[-1].generation == 2)
    assert window.of(protocol.Loaded)[-1].iteration == 2 * BLOCK + 100
    window.client.send(Step(BLOCK))
    window.until(lambda: saved(window) == 3 * BLOCK + 100)
    again = kept_state(window)
    assert losses_of(again).tolist() == [1.0 / i for i in range(1, 3 * BLOCK + 101)]
    assert [a is b for a, b in zip(again.past[0], state.past[0])] == [True, True]
    window.client.send(protocol.Fork(state.whole().tobytes(), 2 * BLOCK + 100))
    window.until(lambda: saved(window) == 2 * BLOCK + 100)
    assert losses_of(kept_state(window)).tolist() == losses_of(state).tolist()


def kept_state(window: Window) -> StoredState:
    child = window.client._child
    assert child is not None
    kept = child.checkpoint()
    assert kept is not None
    return kept.state


def saved(window: Window) -> int:
    """The iteration of the engine's last checkpoint, -1 before the first."""
    child = window.client._child
    checkpoint = None if child is None else child.checkpoint()
    return -1 if checkpoint is None else checkpoint.iteration


def kill(window: Window) -> None:
    pid = window.client.process_id
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    window.until_status(Status.DEAD)
    window.until(lambda: any(message.remedy == "Restart engine" for message in window.of(protocol.Message)))
    assert not window.client.is_alive


def test_an_engine_killed_in_mid_step_is_told_once_and_resumes(window: Window) -> None:
    window.client.send(Load(experiment(step_s=0.02)))
    window.client.send(SetValue("method.sigma", 3.0))
    window.client.send(Play())
    window.until(lambda: saved(window) > 0 and window.snapshots)
    kill(window)
    time.sleep(0.2)
    window.events += window.client.poll_events()
    assert window.statuses.count(Status.DEAD) == 1
    (message,) = window.of(protocol.Message)
    assert (message.level, message.remedy) == ("error", "Restart engine")
    assert "\n" not in message.text
    reached = window.iterations[-1]
    window.client.restart()
    window.until(lambda: window.statuses[-1] is Status.PAUSED and window.snapshots[-1].generation == 2)
    loaded = window.of(protocol.Loaded)[-1]
    assert loaded.continued
    assert 0 < loaded.iteration <= reached
    window.until(lambda: window.snapshots[-1].values["value"] == 3.0)
    window.client.send(Step())
    window.until(lambda: window.iterations[-1] == loaded.iteration + 1)


@pytest.mark.parametrize("busy", [False, True], ids=["in C", "in Python"])
def test_a_compile_is_cancelled_and_the_state_is_back(window: Window, busy: bool) -> None:
    window.client.send(Load(experiment("one")))
    window.client.send(Step(5))
    window.until(lambda: window.iterations[-1:] == [5])
    window.client.send(Load(experiment("two", compile_s=500.0, busy_compile=busy), keep_state=True))
    window.client.send(Play())
    window.until_status(Status.COMPILING)
    old = window.client.process_id
    window.client.cancel_compile()
    window.until_status(Status.PAUSED)
    assert window.client.process_id != old
    assert is_gone(old or 0)
    loaded = window.of(protocol.Loaded)[-1]
    assert (loaded.experiment.title, loaded.iteration, loaded.continued) == ("two", 5, True)
    assert Status.DEAD not in window.statuses
    assert window.of(protocol.Message)[-1].text == "Compiling was cancelled; the last state is back"


def test_a_load_is_cancelled_back_to_what_was_there(window: Window) -> None:
    window.client.send(Load(experiment("one")))
    window.until_status(Status.PAUSED)
    window.client.send(Load(experiment("huge", load_s=500.0)))
    window.until(lambda: protocol.Progress("reading", None) in window.events)
    window.client.cancel_compile()
    window.until_status(Status.PAUSED)
    assert window.of(protocol.Loaded)[-1].experiment.title == "one"
    assert [event.experiment.title for event in window.of(protocol.Resumed)] == ["one"]
    assert protocol.Progress("reading", None, done=True) in window.events


def test_the_first_load_is_cancelled_to_nothing(window: Window) -> None:
    window.client.send(Load(experiment("huge", load_s=500.0)))
    window.until(lambda: protocol.Progress("reading", None) in window.events)
    window.client.cancel_compile()
    window.until(lambda: window.statuses[-2:] == [Status.STARTING, Status.EMPTY])
    (message,) = window.of(protocol.Message)
    assert (message.text, message.remedy) == ("Loading was cancelled", "Retry")
    assert window.of(protocol.Resumed) == []


def test_cancelling_what_is_done_only_pauses(window: Window) -> None:
    window.client.send(Load(experiment(step_s=0.01)))
    window.client.send(Play())
    window.until_status(Status.RUNNING)
    pid = window.client.process_id
    window.client.cancel_compile()
    window.until_status(Status.PAUSED)
    assert window.client.process_id == pid


def test_what_an_engine_died_of_is_not_loaded_again(window: Window) -> None:
    window.client.send(Load(experiment("good")))
    window.until_status(Status.PAUSED)
    window.client.send(Load(experiment("deadly", die_on_load=True)))
    window.until_status(Status.DEAD)
    window.client.restart()
    window.until_status(Status.PAUSED)
    assert window.of(protocol.Loaded)[-1].experiment.title == "good"


def test_a_refused_load_changes_nothing_for_a_successor(window: Window) -> None:
    window.client.send(Load(experiment("good")))
    window.client.send(Step(2))
    window.client.send(SetValue("method.sigma", 3.0))
    window.until(lambda: saved(window) == 2)
    window.client.send(Load(experiment("bad", bad=True)))
    window.until(lambda: window.of(protocol.Message))
    kill(window)
    window.client.restart()
    window.until(lambda: len(window.of(protocol.Loaded)) == 2 and window.snapshots[-1].values["value"] == 3.0)
    assert window.of(protocol.Loaded)[-1].experiment.title == "good"
    assert window.of(protocol.Loaded)[-1].iteration == 2


def test_without_memory_for_a_picture_the_fit_goes_on(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    window.client.send(Load(experiment("small")))
    window.until(lambda: window.snapshots)
    with monkeypatch.context() as patch:
        patch.setattr("core.engine.mailbox._check_space", refuse)
        window.client.send(Load(experiment("large", snapshot_side=1200)))
        window.client.send(Step(3))
        window.until(lambda: window.iterations[-1:] == [3] and window.of(protocol.Message))
    assert [message.text for message in window.of(protocol.Message)] == ["no memory"]
    window.client.send(Load(experiment("small")))
    window.until(lambda: window.snapshots[-1].generation == 3)


def refuse(size: int) -> None:
    raise RimlightError("no memory")


def test_opening_something_else_replaces_a_dead_engine(window: Window) -> None:
    window.client.send(Load(experiment("deadly", die_on_load=True)))
    window.until_status(Status.DEAD)
    window.client.send(Play())
    window.client.send(Load(experiment("good")))
    window.until_status(Status.PAUSED)
    assert window.of(protocol.Loaded)[-1].experiment.title == "good"


def test_what_a_new_engine_refuses_leaves_it_where_the_last_one_stood(window: Window) -> None:
    window.client.send(Load(experiment("good")))
    window.client.send(Step(2))
    window.until(lambda: saved(window) == 2)
    kill(window)
    window.until_status(Status.DEAD)
    window.client.send(Load(experiment("bad", bad=True)))
    window.until(lambda: len(window.of(protocol.Loaded)) == 2)
    window.until_status(Status.PAUSED)
    assert window.of(protocol.Loaded)[-1].experiment.title == "good"
    assert window.of(protocol.Loaded)[-1].iteration == 2
    assert any("bad" in message.text for message in window.of(protocol.Message))


def test_an_engine_that_cannot_start_says_why() -> None:
    client = EngineClient("tests.fakes.no_such_module:Session")
    client.start()
    window = Window(client)
    window.until_status(Status.DEAD)
    client.close()
    assert "no_such_module" in window.of(protocol.Message)[0].text


@pytest.mark.parametrize(
    "settings", [{"compile_s": 500.0}, {"compile_s": 500.0, "busy_compile": True}, {"load_s": 500.0}, {"step_s": 500.0}]
)
def test_closing_never_hangs(settings: dict[str, Any]) -> None:
    client = EngineClient(FAKE)
    client.start()
    client.send(Load(experiment(**settings)))
    client.send(Play())
    window = Window(client)
    window.until(lambda: window.statuses and window.statuses[-1] in (Status.COMPILING, Status.LOADING, Status.RUNNING))
    pid = client.process_id
    begin = time.monotonic()
    client.close()
    assert time.monotonic() - begin < 10.0
    assert is_gone(pid or 0)
    client.close()


def test_closing_before_the_engine_is_there() -> None:
    EngineClient(FAKE).close()
    client = EngineClient(FAKE)
    client.start()
    client.close()
    assert not client.is_alive
    assert multiprocessing.active_children() == []
    assert memory_of(os.getpid()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="a process that is stopped is a Unix matter")
def test_closing_over_a_stopped_engine(window: Window) -> None:
    window.client.send(Load(experiment()))
    window.until_status(Status.PAUSED)
    pid = window.client.process_id
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    for i in range(5000):  # more than a pipe holds
        window.client.send(SetValue(f"method.setting{i}", float(i)))
    window.client.close()
    assert not window.client.is_alive
    assert is_gone(pid)


def test_the_engine_imports_neither_qt_nor_the_window(window: Window) -> None:
    window.client.send(Load(experiment()))
    window.until(lambda: window.of(protocol.Loaded))
    modules = window.of(protocol.Loaded)[0].shape_facts["modules"]
    assert {"PyQt6", "vispy", "pyqtgraph", "jax"} & modules == set()


ABANDON = """
import os, signal, sys, time
from app.launcher import EngineClient
from core.protocol import Load, Play, Status, StatusChanged
from tests.fakes.fake_session import experiment

if __name__ == "__main__":
    client = EngineClient("tests.fakes.fake_session:FakeSession")
    client.start()
    client.send(Load(experiment(compile_s=300.0, busy_compile=True)))
    client.send(Play())
    compiling = False
    while not compiling:
        compiling = StatusChanged(Status.COMPILING, "fake for 1 view") in client.poll_events()
        time.sleep(0.01)
    print(os.getpid(), client.process_id, flush=True)
    {end}
"""


@pytest.mark.parametrize(
    "end", ["os.kill(os.getpid(), signal.SIGKILL)", "os._exit(0)", "sys.exit(0)", "raise RuntimeError('boom')"]
)
def test_the_engine_ends_with_its_window(end: str, tmp_path: Path) -> None:
    script = tmp_path / "abandon.py"
    script.write_text(ABANDON.replace("{end}", end))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    # Output goes to files: a pipe would be held open by the engine for as long as it lives.
    with open(tmp_path / "out", "w") as out, open(tmp_path / "err", "w") as err:
        subprocess.run(
            [sys.executable, str(script)], env=environment, stdout=out, stderr=err, timeout=PATIENCE_S, check=False
        )
    parent, child = map(int, (tmp_path / "out").read_text().split())
    deadline = time.monotonic() + PATIENCE_S
    while not is_gone(child):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert memory_of(parent) == []
    noise = (tmp_path / "err").read_text()
    assert "leaked" not in noise
    assert "Exception ignored" not in noise
    assert ("boom" in noise) == ("boom" in end)
