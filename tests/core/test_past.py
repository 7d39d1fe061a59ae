"""An engine tells each block of steps once; its states go without them, and are whole again on the launcher's side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.comparison.race import Race
from core.engine.pasts import ERAS, Pasts
from core.engine.wire import Told
from core.experiment import Experiment, LaneSpec, MethodSpec, ParametersSpec, PoseSpec, ShapeSpec, ViewsSpec
from core.record.packing import pack, unpack
from core.record.past import Past
from core.record.stored_state import Block, losses_of
from core.session import Session

SMALL = Experiment(
    shape=ShapeSpec(primitive="cube", start=PoseSpec(translation=(0.1, 0.0, 0.0))),
    views=ViewsSpec(kind="orbit", count=1, width=16, height=16),
    parameters=ParametersSpec(free=("pose.translation",)),
    method=MethodSpec("edge-grad"),
)


class Listener:
    """What a launcher hears."""

    def __init__(self) -> None:
        self.pasts, self.told = Pasts(), []

    def __call__(self, era: str, index: int, block: Block) -> None:
        self.told.append((era, index))
        self.pasts.hear(Told(era, index, block))


@pytest.fixture(autouse=True)
def blocks_of_four(monkeypatch):
    monkeypatch.setattr("core.record.stored_state.BLOCK", 4)


def array(data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.uint8)


def steps(past: Past, count: int) -> None:
    for _ in range(count):
        past.append(float(len(past.losses)), (0.5, float(len(past.losses))))


def test_a_block_is_told_once_and_in_order():
    past, told = Past(), []
    tell = lambda era, index, block: told.append((era, index, block))
    for count, blocks, left in ((3, 0, 3), (1, 1, 0), (9, 3, 1), (0, 3, 1)):
        steps(past, count)
        losses, terms, mark = past.kept(tell)
        assert (len(told), len(losses), terms.shape) == (blocks, left, (left, 2 if left else terms.shape[1]))
        assert mark == (told[0][0] if told else mark[0], blocks)
    assert [index for _, index, _ in told] == [0, 1, 2]
    assert np.concatenate([block.losses for *_, block in told]).tolist() == list(range(12))
    assert told[2][2].terms.tolist() == [[0.5, 8.0], [0.5, 9.0], [0.5, 10.0], [0.5, 11.0]]
    whole = past.kept(None)
    assert (len(whole[0]), whole[1].shape, whole[2]) == (13, (13, 2), None)
    past.append(13.0, (0.5, 13.0))  # no array that was handed out keeps it from growing
    assert past.kept(None)[0][-1] == 13.0
    assert Past().kept(None)[1].shape == (0, 0)


def test_a_state_without_its_steps_is_whole_again():
    listener, session = Listener(), Session(SMALL)
    for _ in range(3):
        session.step()
    short = listener.pasts.of(array(session.state_bytes(listener)))
    assert short.past == ()
    for _ in range(7):
        session.step()
    head = array(session.state_bytes(listener))
    state = listener.pasts.of(head)
    assert [index for _, index in listener.told] == [0, 1]
    assert len(unpack(head)[1]["losses"]) == 2
    assert losses_of(state).tolist() == session.losses.tolist()
    other = Session(SMALL)
    other.restore_state(state.whole().tobytes())
    assert other.losses == session.losses
    assert other.past.terms == session.past.terms
    assert other.step().loss == session.step().loss
    again = listener.pasts.of(array(other.state_bytes(listener)))
    assert [index for _, index in listener.told] == [0, 1, 0, 1]  # another era
    assert all(a is b for a, b in zip(again.past[0], state.past[0], strict=True))  # of the same numbers
    session.reset()
    session.step()
    assert losses_of(listener.pasts.of(array(session.state_bytes(listener)))).tolist() == session.losses.tolist()


def test_lanes_have_a_past_each():
    listener = Listener()
    race = Race(replace(SMALL, lanes=(LaneSpec(), LaneSpec(learning_rate=0.3))))
    for _ in range(9):
        race.step()
    state = listener.pasts.of(array(race.state_bytes(listener)))
    assert [len(lane) for lane in state.past] == [2, 2]
    other = Race(race.experiment)
    other.restore_state(state.whole().tobytes())
    assert [lane.losses for lane in other.lanes] == [lane.losses for lane in race.lanes]
    assert other.lanes[0].losses != other.lanes[1].losses


def test_a_state_waits_for_what_is_still_on_its_way():
    past, late, listener = Past(), [], Listener()
    steps(past, 9)
    losses, terms, mark = past.kept(lambda *told: late.append(told))
    head = array(pack({"past": mark}, {"losses": losses, "terms": terms}))
    assert listener.pasts.of(head) is None
    listener(*late[0])
    assert listener.pasts.of(head) is None
    listener(*late[1])
    assert losses_of(listener.pasts.of(head)).tolist() == list(range(9))
    other = array(b"of another kind")
    assert listener.pasts.of(other).whole() is other


def test_old_eras_are_let_go():
    listener, pasts = Listener(), []
    for number in range(ERAS + 1):
        past = Past()
        for _ in range(4):
            past.append(float(number), (0.0,))
        pasts.append(array(pack({"past": past.kept(listener)[2]}, {"losses": np.empty(0), "terms": np.empty((0, 1))})))
    assert listener.pasts.of(pasts[0]) is None
    assert losses_of(listener.pasts.of(pasts[1])).tolist() == [1.0] * 4
