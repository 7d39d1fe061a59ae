"""A state of many steps is written small, and read whole."""

from __future__ import annotations

import numpy as np
import pytest

from core.record.ledger import STEPS, Ledger, joined
from core.record.packing import pack, unpack

LOSSES = np.random.default_rng(4).random(70_000)


def state(losses: np.ndarray) -> np.ndarray:
    arrays = {"value/vertices": np.ones((5, 3)), "losses": losses, "terms": np.stack([losses, 2 * losses], 1)}
    return np.frombuffer(pack({"iteration": len(losses), "seconds": 1.5}, arrays), np.uint8)


def same(one: np.ndarray, other: np.ndarray) -> bool:
    (facts, arrays), (others, other_arrays) = unpack(one.tobytes()), unpack(other.tobytes())
    return facts == others and all(np.array_equal(arrays[name], other_arrays[name]) for name in arrays | other_arrays)


def test_a_short_fit_has_no_ledger():
    whole = state(LOSSES[:STEPS])
    assert Ledger().split(whole) == (whole, None)
    assert joined(whole, None) is whole


def test_a_state_of_another_kind_is_kept_as_it_is():
    odd = np.frombuffer(b"nothing that is known here", np.uint8)
    assert Ledger().split(odd) == (odd, None)
    assert joined(odd, None) is odd


def test_a_long_fit_is_written_small_and_read_whole():
    ledger, written, lefts = Ledger(), None, {}
    for count in (30_000, 40_000, 45_000, 50_001, 70_000):
        left, new = ledger.split(state(LOSSES[:count]))
        assert (new is not None) == (count in (30_000, 50_001))
        written = written if new is None else new
        assert left.nbytes < 8 * 3 * (STEPS + 100)
        assert same(joined(left, written), state(LOSSES[:count]))
        lefts[count] = left
    assert len({unpack(left.tobytes())[0]["ledger"][0] for left in lefts.values()}) == 1
    assert same(joined(lefts[45_000], written), state(LOSSES[:45_000]))  # killed before the state after the ledger


@pytest.mark.parametrize("begins", [25_000, 40_000])
def test_another_run_has_another_ledger(begins):
    ledger = Ledger()
    before, first = ledger.split(state(LOSSES[:30_000]))
    other, second = ledger.split(state(1.0 - LOSSES[:begins]))
    assert second is not None
    assert same(joined(other, second), state(1.0 - LOSSES[:begins]))
    assert same(joined(before, first), state(LOSSES[:30_000]))
    for wrong in (second, None):
        facts, arrays = unpack(joined(before, wrong).tobytes())
        assert facts == {"iteration": 30_000, "seconds": 1.5}
        assert arrays["terms"].shape == (30_000, 2)
        assert np.isnan(arrays["losses"]).all()
