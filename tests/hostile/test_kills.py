"""A killed engine takes nothing along: a few of the rounds of tests/hostile/kills.py, on a session that only counts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.launcher import EngineClient
from core.protocol import Load, Status
from tests.fakes.fake_session import experiment
from tests.hostile import kills
from tests.hostile.kills import (
    ENDINGS,
    MOMENTS,
    MOST_LOST_S,
    Loss,
    Told,
    Watched,
    complaints,
    is_status,
    missing,
    one_kill,
    program_kill,
    unreadable,
)

COUNTING = experiment(step_s=0.002, compile_s=0.3, load_s=0.2)


@pytest.fixture
def watched() -> Iterator[Watched]:
    client = EngineClient("tests.fakes.fake_session:FakeSession")
    client.start()
    yield Watched(client)
    client.close()
    assert not client.is_alive


class Chosen(random.Random):
    """Draws the moment it was given; the rest as seeded."""

    def __init__(self, moment: str) -> None:
        super().__init__(moment)
        self._moment = moment

    def choice(self, seq):
        return self._moment if self._moment in seq else super().choice(seq)


@pytest.mark.parametrize("moment", MOMENTS)
def test_at_most_a_second_is_lost(watched: Watched, moment: str, tmp_path: Path) -> None:
    watched.client.send(Load(COUNTING))
    watched.until(is_status(Status.PAUSED))
    loss = one_kill(watched, COUNTING, Chosen(moment), tmp_path)
    assert loss.own <= MOST_LOST_S
    assert loss.seconds < 2.0  # on a machine that does other things too, its clock counts them
    assert loss.ending in ENDINGS
    if moment == "step":
        assert watched.told[-1].step > 0


@pytest.mark.window
def test_a_killed_program_offers_its_run(tmp_path: Path, qapp: Any) -> None:
    seconds, own, _steps = program_kill(random.Random(0), tmp_path, "tests.fakes.fake_session:FakeSession")
    assert own <= MOST_LOST_S
    assert seconds < 2.0
    assert list((tmp_path / "rimlight" / "autosave").iterdir()) == []  # it was taken


def test_an_interruption_does_not_postpone_the_next_state_for_minutes() -> None:
    """A system that stands still for 20 s while a state is taken: the next one comes as ever, not in 400 s. One that takes
    20 s of work comes 10 s later."""
    from core.engine.checkpoints import LONGEST_S, PERIOD_S, Checkpoints
    from core.record.keyframes import Keyframes

    now, worked = [0.0], [0.0]

    class Stopped:
        def state_bytes(self, tell: object = None) -> bytes:
            now[0] += 20.0
            return b"state"

    session: Any = Stopped()
    saved: list[int] = []
    keep = lambda experiment, iteration, state: saved.append(iteration)
    checkpoints = Checkpoints(keep, lambda: now[0], None, lambda: worked[0])
    checkpoints.changed()
    checkpoints.visit(session, COUNTING, 1)
    checkpoints.changed()
    assert (saved, checkpoints.seconds_left()) == ([1], pytest.approx(PERIOD_S))
    now[0] += 2 * PERIOD_S
    worked = now  # from here on it is the engine's own work
    checkpoints.visit(session, COUNTING, 2)
    checkpoints.changed()
    assert (saved, checkpoints.seconds_left()) == ([1, 2], pytest.approx(LONGEST_S))
    keyframes = Keyframes(lambda: now[0])
    assert keyframes.arrays(session, running=True)
    assert not keyframes.arrays(session, running=True)
    now[0] += 10.0
    assert keyframes.arrays(session, running=True)


def steps(count: int, each: float = 0.01) -> list[Told]:
    return [Told(10 + each * i, each * i, i) for i in range(1, count + 1)]


def test_what_is_missing_is_counted_from_the_first_step_that_is() -> None:
    told = steps(300)
    assert missing(told, 300) == missing([], 0) == (0.0, 0.0, 0)
    assert missing(told, 200) == (pytest.approx(1.0), pytest.approx(1.0), 100)
    assert missing(told, 0) == (pytest.approx(3.0), pytest.approx(3.0), 300)  # it began again from nothing
    told.append(Told(100.0, 3.0, 300))  # at a pause, with its metrics
    assert missing(told, 200) == (pytest.approx(1.0), pytest.approx(1.0), 100)
    held_up = [one._replace(at=one.at + (50 if one.step > 250 else 0)) for one in steps(300)]
    assert missing(held_up, 200) == (pytest.approx(51.0, rel=0.02), pytest.approx(1.0), 100)


@pytest.mark.parametrize(("moment", "lost"), [("step", 300), ("trace", 300), ("export", 300), ("load", 0)])
def test_a_fit_that_begins_again_from_nothing_is_lost(monkeypatch: pytest.MonkeyPatch, moment: str, lost: int) -> None:
    """Unless the kill hit the load of another one, which was to begin at its start."""
    from core import protocol

    class Client:
        process_id = 1

        def restart(self) -> None:
            pass

    said = (
        protocol.Exported("all", ""),
        protocol.Message("error", "It died", remedy="Restart engine"),
        protocol.Loaded(COUNTING, {}, (), ()),
        protocol.StatusChanged(Status.PAUSED, ""),
    )
    watched: Any = Watched(Client())  # type: ignore[arg-type]
    watched.told = steps(300)
    watched.poll = watched.for_seconds = lambda *arguments: None
    watched.until = lambda hit: next(event for event in said if hit(event))
    monkeypatch.setattr(kills, "begin", lambda *arguments: None)
    monkeypatch.setattr(kills, "end_it", lambda *arguments: None)
    assert one_kill(watched, COUNTING, Chosen(moment), Path()).steps == lost


def test_a_broken_promise_is_an_exit_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for seconds, gone, left, status in ((1.0, 0.4, [], 0), (1.01, 0.4, [], 1), (0.2, 1.3, [], 1), (0.2, 0.4, ["x"], 1)):
        losses = [Loss("step", "SIGKILL", seconds, 0.0, 7)]
        monkeypatch.setattr(kills, "engine_kills", lambda *a, losses=losses, left=left: (losses, left, 3))
        monkeypatch.setattr(kills, "program_kill", lambda *a, gone=gone: (gone, 0.0, 7))
        monkeypatch.setattr("sys.argv", ["kills", "--programs", "2"])
        assert kills.main() == status
        assert bool(capsys.readouterr().err) == bool(status)
    assert complaints([0.5, 2.0], ["a.ply"]) == ["more than 1 s lost: 2.00 s", "half-written: a.ply"]


def test_every_file_of_an_export_is_opened(tmp_path: Path) -> None:
    """Each as it is, and a half of each."""
    from core.experiment import Experiment, MethodSpec, ShapeSpec, ViewsSpec
    from core.session import Session

    views = ViewsSpec("single", width=24, height=24)
    session = Session(Experiment(shape=ShapeSpec(primitive="cube"), method=MethodSpec("naive"), views=views))
    for _ in range(3):
        session.step()
    session.export("all", str(tmp_path))
    assert unreadable(tmp_path) == []
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) > 5
    for name in names:
        data = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(data[: int(0.6 * len(data))])
    (tmp_path / ".shape.ply-1234").write_bytes(b"ply")
    assert unreadable(tmp_path) == [".shape.ply-1234", *names]


def test_large_states_reach_the_window_less_often() -> None:
    """Whoever is sent a state copies it in the thread that paints."""
    from core.record.keyframes import BYTES_PER_SECOND, Keyframes

    now = [0.0]

    class Large:
        def __init__(self, seconds: float) -> None:
            self._bytes = bytes(int(seconds * BYTES_PER_SECOND))

        def state_bytes(self, tell: object = None) -> bytes:
            return self._bytes

    for seconds, sent in ((2.0, 5), (0.001, 100)):
        session: Any = Large(seconds)
        keyframes = Keyframes(lambda: now[0])
        count = 0
        for _ in range(100):
            count += bool(keyframes.arrays(session, running=True))
            now[0] += 0.1001
        assert count == sent
        assert keyframes.arrays(session, running=False)  # at a pause each picture has its state
