"""The launcher's side of a session's past (core/record/past.py): the blocks that engines have told, and states with them."""

from __future__ import annotations

import numpy as np

from core.engine.wire import Told
from core.errors import RimlightError
from core.record.packing import unpack
from core.record.stored_state import Block, StoredState, same_block

ERAS = 8
"""Pasts that are kept: of a comparison's four runs the present one and the one before."""


class Pasts:
    """Blocks that two pasts have in common, as a fork and a new engine's, are one."""

    def __init__(self) -> None:
        self._eras: dict[str, list[Block]] = {}

    def hear(self, told: Told) -> None:
        blocks = self._eras.pop(told.era, [])
        if len(blocks) == told.index:
            others = (other[told.index] for other in self._eras.values() if len(other) > told.index)
            blocks.append(next((other for other in others if same_block(other, told.block)), told.block))
        self._eras[told.era] = blocks
        while len(self._eras) > ERAS:
            del self._eras[next(iter(self._eras))]

    def of(self, state: np.ndarray) -> StoredState | None:
        """A state that an engine left, with its past; None where that has not been told yet."""
        past = []
        for mark in _marks(state):
            blocks = self._eras.get(mark[0], []) if mark is not None else []
            count = mark[1] if mark is not None else 0
            if len(blocks) < count:
                return None
            past.append(tuple(blocks[:count]))
        return StoredState(state, tuple(past)) if any(past) else StoredState(state)


def _marks(state: np.ndarray) -> list[tuple[str, int] | None]:
    """(era, blocks told) of every lane, None of one that has all its steps; nothing of what cannot be read."""
    try:
        facts, arrays = unpack(state)
        lanes = [unpack(arrays[str(i)])[0] for i in range(facts["lanes"])] if "lanes" in facts else [facts]
        return [lane.get("past") for lane in lanes]
    except (RimlightError, KeyError, TypeError):
        return []
