"""States of a long fit share their steps' numbers, and each is whole again where it is wanted."""

from __future__ import annotations

import numpy as np
import pytest

from app.darkroom import develop
from app.replay import Replay
from core.protocol import Snapshot
from core.record.packing import pack, unpack
from core.record.stored_state import BLOCK, Block, StoredState, losses_of, stored

LOSSES = np.random.default_rng(4).random(10 * BLOCK)
LOSSES[100] = np.nan


def state(losses: np.ndarray, **facts: object) -> np.ndarray:
    arrays = {"value/vertices": np.ones((5, 3)), "losses": losses, "terms": np.stack([losses, 2 * losses], 1)}
    return np.frombuffer(pack({"iteration": len(losses), "seconds": 1.5, **facts}, arrays), np.uint8)


def race(*lanes: np.ndarray) -> np.ndarray:
    return np.frombuffer(pack({"lanes": len(lanes)}, {str(i): lane for i, lane in enumerate(lanes)}), np.uint8)


def test_a_short_fit_and_what_is_unknown_are_kept_as_they_are():
    odd = np.frombuffer(b"nothing that is known here", np.uint8)
    for given in (state(LOSSES[: BLOCK - 1]), odd, np.empty(0, np.uint8), race(odd), race(state(LOSSES[:5]))):
        kept = stored(given)
        assert kept.head is given
        assert kept.whole() is given
        assert list(kept.arrays()) == [given]
    assert losses_of(stored(odd)).tolist() == losses_of(stored(race(odd))).tolist() == []


@pytest.mark.parametrize("count", [BLOCK, BLOCK + 1, 3 * BLOCK + 7])
def test_a_long_fit_is_whole_again_bit_for_bit(count):
    whole = state(LOSSES[:count])
    kept = stored(whole)
    assert kept.whole().tobytes() == whole.tobytes()
    assert np.array_equal(losses_of(kept), LOSSES[:count], equal_nan=True)
    assert len(unpack(kept.head.tobytes())[1]["losses"]) == count % BLOCK
    lanes = race(whole, state(LOSSES[:7]), state(LOSSES[: 2 * BLOCK]))
    assert stored(lanes).whole().tobytes() == lanes.tobytes()


def test_states_of_a_run_share_what_they_have_in_common_and_nothing_else():
    first = stored(state(LOSSES[: 3 * BLOCK]))
    later = stored(state(LOSSES[: 5 * BLOCK + 9]), first)
    assert all(a is b for a, b in zip(first.past[0], later.past[0]))
    assert len(later.past[0]) == 5
    forked = LOSSES[: 5 * BLOCK].copy()
    forked[BLOCK + 3] = 0.5
    other = stored(state(forked), later)
    assert [a is b for a, b in zip(other.past[0], later.past[0])] == [True, False, True, True, True]
    assert np.array_equal(losses_of(other), forked, equal_nan=True)
    assert all(part.base is None for block in later.past[0] for part in block)  # none keeps the state it came with
    again = stored(race(state(LOSSES[: 3 * BLOCK]), state(forked)), stored(race(state(LOSSES[: 2 * BLOCK]))))
    assert [len(lane) for lane in again.past] == [3, 5]


@pytest.mark.parametrize("by_the_darkroom", [True, False])
def test_the_timeline_of_a_long_fit_holds_its_losses_once(by_the_darkroom):
    replay = Replay(frames=40)
    image = np.zeros((8, 8, 3), np.float32)
    developed = None
    for count in range(BLOCK, len(LOSSES), 256):
        arrays = {"render": image} if count % 512 else {"render": image, "state": state(LOSSES[:count])}
        snapshot = Snapshot(count, 0, arrays, {}, {})
        developed = develop(snapshot, developed) if by_the_darkroom else None
        replay.add(snapshot, developed.frame if developed is not None else None)
    losses = 3 * 8 * len(LOSSES)
    left = len(replay.frames) * (3 * 8 * BLOCK + 1024 + image.nbytes)
    assert len(replay.frames) > 20
    assert replay.bytes() < losses + left < sum(24 * frame.iteration for frame in replay.frames)
    for frame in replay.frames[:-1]:
        assert frame.state.whole().tobytes() == state(LOSSES[: frame.iteration]).tobytes()


def test_blocks_of_another_state_are_left_out():
    whole = state(LOSSES[: 2 * BLOCK + 3])
    kept = stored(whole)
    narrow = Block(np.zeros(4), np.zeros((4, 7)))
    wrong = StoredState(kept.head, ((narrow,),))
    assert wrong.whole() is kept.head
    assert len(losses_of(wrong)) == 3
