"""States as they are stored: what grows with every step, losses and terms, in blocks that the states of a run share.

A fit of a hundred thousand steps has a timeline of a hundred states; each of them whole would hold all losses again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from core.errors import RimlightError
from core.experiment import Experiment
from core.record.packing import pack, unpack

BLOCK = 2_048
"""Steps of a block. What is left over stays in the state: 32 KB for a loss of one term."""


class Block(NamedTuple):
    """losses (BLOCK,) and terms (BLOCK, T) of as many steps one after the other."""

    losses: np.ndarray
    terms: np.ndarray


@dataclass(frozen=True, eq=False)
class StoredState:
    """head: Session.state_bytes as uint8, without the first blocks of steps. past: those blocks, per lane of a race (one
    otherwise). beside: the ledger (core/record/ledger.py) that has the blocks before these, and how many per lane."""

    head: np.ndarray
    past: tuple[tuple[Block, ...], ...] = ()
    beside: tuple[str, tuple[int, ...]] | None = None

    def arrays(self) -> Iterator[np.ndarray]:
        """Every array that takes memory, shared ones too."""
        yield self.head
        for lane in self.past:
            for block in lane:
                yield from block

    def whole(self) -> np.ndarray:
        """Session.state_bytes as they came, uint8. Blocks of a file that do not fit the state are left out."""
        if not any(self.past):
            return self.head
        try:
            facts, arrays = unpack(self.head)
            if "lanes" not in facts:
                return _grown(self.head, self.past[0])
            return _bytes(facts, {str(i): _grown(arrays[str(i)], lane) for i, lane in enumerate(self.past)})
        except (RimlightError, KeyError, ValueError):
            return self.head


class Checkpoint(NamedTuple):
    """What an engine left to go on from."""

    experiment: Experiment
    iteration: int
    state: StoredState


def stored(state: np.ndarray, before: StoredState | None = None) -> StoredState:
    """A state (Session.state_bytes, uint8) to be stored, its blocks shared with a state `before` it where they are the
    same. What cannot be read stays as it is: whoever goes on from it is told."""
    known = before.past if before is not None else ()
    try:
        facts, arrays = unpack(state)
        if "lanes" not in facts:
            head, blocks = _cut(state, known[0] if known else ())
            return StoredState(head, (blocks,)) if blocks else StoredState(state)
        parts = [_cut(arrays[str(i)], known[i] if i < len(known) else ()) for i in range(facts["lanes"])]
        past = tuple(blocks for _, blocks in parts)
        if not any(past):
            return StoredState(state)
        return StoredState(_bytes(facts, {str(i): head for i, (head, _) in enumerate(parts)}), past)
    except (RimlightError, KeyError, TypeError):
        return StoredState(state)


def losses_of(state: StoredState) -> np.ndarray:
    """Of every step that led to a state; none of a race's or of one that cannot be read."""
    try:
        return unpack(state.whole())[1].get("losses", np.empty(0))
    except RimlightError:
        return np.empty(0)


def lost(state: StoredState, counts: Sequence[int]) -> tuple[tuple[Block, ...], ...]:
    """So many blocks per lane of steps whose numbers are gone: NaN."""
    facts, arrays = unpack(state.head)
    heads = [unpack(arrays[str(i)])[1] for i in range(len(counts))] if "lanes" in facts else [arrays]
    found = []
    for head, count in zip(heads, counts, strict=True):
        gone = Block(np.full(BLOCK, np.nan), np.full((BLOCK, *head["terms"].shape[1:]), np.nan))
        found.append((gone,) * count)
    return tuple(found)


def _cut(state: np.ndarray, known: Sequence[Block]) -> tuple[np.ndarray, tuple[Block, ...]]:
    """A run's state without its whole blocks, and those."""
    facts, arrays = unpack(state)
    losses, terms = arrays["losses"], arrays["terms"]
    blocks: list[Block] = []
    for start in range(0, len(losses) - BLOCK + 1, BLOCK):
        new = Block(losses[start : start + BLOCK], terms[start : start + BLOCK])
        old = known[len(blocks)] if len(blocks) < len(known) else None
        # Copies, or every block would keep the whole state it came with.
        blocks.append(old if old is not None and same_block(old, new) else Block(*(part.copy() for part in new)))
    if not blocks:
        return state, ()
    cut = BLOCK * len(blocks)
    return _bytes(facts, {**arrays, "losses": losses[cut:], "terms": terms[cut:]}), tuple(blocks)


def _grown(head: np.ndarray, blocks: Sequence[Block]) -> np.ndarray:
    facts, arrays = unpack(head)
    for name in Block._fields:
        arrays[name] = np.concatenate([*(getattr(block, name) for block in blocks), arrays[name]])
    return _bytes(facts, arrays)


def same_block(one: Block, other: Block) -> bool:
    """Bit for bit: NaN is NaN."""
    bits = lambda a: np.ascontiguousarray(a).view(np.uint8)
    return all(a.shape == b.shape and np.array_equal(bits(a), bits(b)) for a, b in zip(one, other))


def _bytes(facts: dict[str, Any], arrays: dict[str, np.ndarray]) -> np.ndarray:
    return np.frombuffer(pack(facts, arrays), np.uint8)
