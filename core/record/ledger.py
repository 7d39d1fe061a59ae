"""The part of a state that grows with every step, losses and terms, kept in a file of its own.

A state is written four times a second. Where it has many steps, most blocks of their numbers go to the ledger, which is
written again when as many more have come; the state keeps the ones since, and says which ledger has the others.
"""

from __future__ import annotations

import secrets
from dataclasses import replace

import numpy as np

from core.record.stored_state import Block, StoredState, lost

AHEAD = 10
"""Most blocks that a state keeps beside a ledger: some 0.3 MB. After so many the ledger is written anew, every ten minutes
of a fast fit."""


class Ledger:
    """What of the states that come goes where."""

    def __init__(self) -> None:
        self._mark = ""
        self._past: tuple[tuple[Block, ...], ...] = ()

    def split(self, state: StoredState) -> tuple[StoredState, StoredState | None]:
        """(a state to be written, the ledger to be written before it or None). Blocks are known again by being the same
        objects: each state has to be `stored` with the one before it."""
        begins, ledger = self._begins(state), None
        if not begins and max(map(len, state.past), default=0) <= AHEAD:
            return state, None
        if not begins or max(len(lane) - len(told) for lane, told in zip(state.past, self._past)) > AHEAD:
            self._mark, self._past = self._mark if begins else secrets.token_hex(8), state.past
            ledger = StoredState(np.empty(0, np.uint8), state.past, (self._mark, tuple(map(len, state.past))))
        left = tuple(lane[len(told) :] for lane, told in zip(state.past, self._past))
        return StoredState(state.head, left, (self._mark, tuple(map(len, self._past)))), ledger

    def _begins(self, state: StoredState) -> bool:
        """Whether these blocks go on from the ledger's."""
        return any(self._past) and len(self._past) == len(state.past) and all(
            len(told) <= len(lane) and all(a is b for a, b in zip(told, lane))
            for told, lane in zip(self._past, state.past)
        )  # fmt: skip


def joined(state: StoredState, ledger: StoredState | None) -> StoredState:
    """The whole of a state that `split` left, whose ledger may have grown since. Without its ledger, or with another's,
    the state goes on all the same, and the numbers that are gone are NaN."""
    if state.beside is None:
        return state
    mark, counts = state.beside
    there = ledger is not None and ledger.beside is not None and ledger.beside[0] == mark
    before = ledger.past if ledger is not None and there else lost(state, counts)
    past = tuple((*told[:count], *since) for told, count, since in zip(before, counts, state.past, strict=True))
    return replace(state, past=past, beside=None)
