"""A state of many steps is written small, and read whole."""

from __future__ import annotations

import numpy as np
import pytest

from core.record.ledger import AHEAD, Ledger, joined
from core.record.packing import unpack
from core.record.stored_state import BLOCK, StoredState, losses_of, stored
from tests.core.test_stored_state import race, state

LOSSES = np.random.default_rng(4).random(36 * BLOCK)


def size(kept: StoredState) -> int:
    return sum(array.nbytes for array in kept.arrays())


def test_a_short_fit_has_no_ledger():
    whole = stored(state(LOSSES[: AHEAD * BLOCK]))
    assert Ledger().split(whole) == (whole, None)
    assert joined(whole, None) is whole
    odd = stored(np.frombuffer(b"nothing that is known here", np.uint8))
    assert Ledger().split(odd) == (odd, None)


@pytest.mark.parametrize("made", [state, lambda losses: race(state(losses), state(1.0 - losses[: len(losses) // 2]))])
def test_a_long_fit_is_written_small_and_read_whole(made):
    ledger, written, lefts, before = Ledger(), None, {}, None
    for blocks in (15, 20, 22, 26, 35):
        whole = made(LOSSES[: blocks * BLOCK + 3])
        before = stored(whole, before)
        left, new = ledger.split(before)
        assert (new is not None) == (blocks in (15, 26))
        written = written if new is None else new
        assert size(left) < 2 * 8 * 3 * (AHEAD + 1) * BLOCK
        assert joined(left, written).whole().tobytes() == whole.tobytes()
        lefts[blocks] = left, whole
    assert len({left.beside[0] for left, _ in lefts.values()}) == 1
    left, whole = lefts[22]
    assert joined(left, written).whole().tobytes() == whole.tobytes()  # killed before the state after the ledger


@pytest.mark.parametrize("begins", [12, 20])
def test_another_run_has_another_ledger(begins):
    ledger = Ledger()
    one = stored(state(LOSSES[: 15 * BLOCK]))
    before, first = ledger.split(one)
    two = stored(state(1.0 - LOSSES[: begins * BLOCK]), one)
    other, second = ledger.split(two)
    assert second is not None
    assert joined(other, second).whole().tobytes() == two.whole().tobytes()
    assert joined(before, first).whole().tobytes() == one.whole().tobytes()
    for wrong in (second, None):
        facts, arrays = unpack(joined(before, wrong).whole().tobytes())
        assert facts == {"iteration": 15 * BLOCK, "seconds": 1.5}
        assert arrays["terms"].shape == (15 * BLOCK, 2)
        assert np.isnan(arrays["losses"]).all()


def test_a_run_that_begins_again_needs_no_ledger():
    ledger = Ledger()
    long = stored(state(LOSSES[: 15 * BLOCK]))
    ledger.split(long)
    short = stored(state(LOSSES[: 3 * BLOCK]), long)
    assert ledger.split(short) == (short, None)
    assert losses_of(short).tolist() == LOSSES[: 3 * BLOCK].tolist()
