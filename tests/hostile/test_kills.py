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
from tests.hostile.kills import MOMENTS, Watched, is_status, one_kill, program_kill

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
    # A second and what saving takes; on a machine that does other things too, a little more.
    assert loss.seconds < 2.0
    if moment == "step":
        assert watched.told[-1][1] > 0


@pytest.mark.window
def test_a_killed_program_offers_its_run(tmp_path: Path, qapp: Any) -> None:
    seconds, steps = program_kill(random.Random(0), tmp_path, "tests.fakes.fake_session:FakeSession")
    assert seconds < 2.0
    assert steps >= 0
    assert list((tmp_path / "rimlight" / "autosave").iterdir()) == []  # it was taken


def test_an_interruption_does_not_postpone_the_next_state_for_minutes() -> None:
    """A system that stands still for 20 s while a state is taken: the next one comes within 10 s, not in 400."""
    from core.engine.checkpoints import Checkpoints
    from core.record.keyframes import Keyframes

    now = [0.0]

    class Stopped:
        def state_bytes(self, tell: object = None) -> bytes:
            now[0] += 20.0
            return b"state"

    session: Any = Stopped()
    saved: list[int] = []
    checkpoints = Checkpoints(lambda experiment, iteration, state: saved.append(iteration), lambda: now[0])
    checkpoints.changed()
    checkpoints.visit(session, COUNTING, 1)
    checkpoints.changed()
    assert (saved, checkpoints.seconds_left()) == ([1], 10.0)
    keyframes = Keyframes(lambda: now[0])
    assert keyframes.arrays(session, running=True)
    assert not keyframes.arrays(session, running=True)
    now[0] += 10.0
    assert keyframes.arrays(session, running=True)


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
