"""The part of a state that grows with every step, losses and terms, kept in a file of its own.

A state is written four times a second. Where it has many steps, most of their numbers go to the ledger, which is written
again when as many more have come; the state keeps the ones since, and says which ledger has the others.
"""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np

from core.errors import RimlightError
from core.record.packing import pack, unpack

STEPS = 20_000
"""Most that a state keeps beside a ledger: some 0.3 MB. After so many the ledger is written anew, every ten minutes of a
fast fit."""
LOOKED_AT = 64
"""Last losses of a ledger, by which a state is known to go on from it."""

_GROWING = ("losses", "terms")


class Ledger:
    """What of the states that come goes where."""

    def __init__(self) -> None:
        self._mark, self._steps, self._last = "", 0, np.empty(0)

    def split(self, state: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """(a state to be written, the ledger to be written before it or None). state: Session.state_bytes, uint8."""
        facts, arrays = _read(state)
        losses, terms = (arrays.get(name) for name in _GROWING)
        if losses is None or terms is None or len(losses) <= STEPS:
            return state, None  # a race's states lie deeper; they stay whole
        ledger = None
        if not self._begins(losses) or len(losses) - self._steps > STEPS:
            self._mark = self._mark if self._begins(losses) else secrets.token_hex(8)
            self._steps, self._last = len(losses), losses[-LOOKED_AT:].copy()
            ledger = _bytes({"ledger": self._mark}, {"losses": losses, "terms": terms})
        left = {name: arrays[name][self._steps :] for name in _GROWING}
        return _bytes({**facts, "ledger": [self._mark, self._steps]}, {**arrays, **left}), ledger

    def _begins(self, losses: np.ndarray) -> bool:
        """Whether these losses go on from the ledger's."""
        told = losses[: self._steps][-LOOKED_AT:]
        return 0 < self._steps <= len(losses) and np.array_equal(told, self._last, equal_nan=True)


def joined(state: np.ndarray, ledger: np.ndarray | None) -> np.ndarray:
    """The whole of a state that `split` left, whose ledger may have grown since. Without its ledger, or with another's,
    the state goes on all the same, and the numbers that are gone are NaN."""
    facts, arrays = _read(state)
    if "ledger" not in facts:
        return state
    mark, steps = facts.pop("ledger")
    whose, kept = _read(ledger) if ledger is not None else ({}, {})
    there = whose.get("ledger") == mark and len(kept["losses"]) >= steps
    for name in _GROWING:
        since = arrays[name]
        before = kept[name][:steps] if there else np.full((steps, *since.shape[1:]), np.nan)
        arrays[name] = np.concatenate([before, since])
    return _bytes(facts, arrays)


def _read(state: np.ndarray) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Nothing for what cannot be read: who goes on from it is told."""
    try:
        return unpack(state.tobytes())
    except RimlightError:
        return {}, {}


def _bytes(facts: dict[str, Any], arrays: dict[str, np.ndarray]) -> np.ndarray:
    return np.frombuffer(pack(facts, arrays), np.uint8)
