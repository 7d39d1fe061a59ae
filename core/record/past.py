"""Losses and terms of every step so far, as a session has them, and how its states hand them on.

A state has all of them, or, where somebody listens, those since the last whole block: each block is told once, and the
states after it only name it. So a state costs what its values cost, however long the fit has been.
"""

from __future__ import annotations

import secrets
from array import array
from collections.abc import Callable, Sequence

import numpy as np

from core.record import stored_state
from core.record.stored_state import Block

Tell = Callable[[str, int, Block], None]
"""(era, index, block): the next block of steps. An era is one past from its first step on: a fork and a reset begin another."""


class Past:
    """losses and terms are plain doubles, a step's terms one after the other: a fit of hours takes a million steps."""

    def __init__(self, losses: array | None = None, terms: array | None = None) -> None:
        self.losses = losses if losses is not None else array("d")
        self.terms = terms if terms is not None else array("d")
        self._era, self._told = secrets.token_hex(8), 0

    def append(self, loss: float, terms: Sequence[float]) -> None:
        self.losses.append(loss)
        self.terms.extend(terms)

    def kept(self, tell: Tell | None) -> tuple[np.ndarray, np.ndarray, tuple[str, int] | None]:
        """What a state has of it: losses (n,), terms (n, T), and (era, number of the blocks before them) where those were
        told."""
        if tell is None:
            return *self._part(0, len(self.losses)), None
        size = stored_state.BLOCK
        while len(self.losses) >= (self._told + 1) * size:
            tell(self._era, self._told, Block(*self._part(self._told * size, (self._told + 1) * size)))
            self._told += 1
        return *self._part(self._told * size, len(self.losses)), (self._era, self._told)

    def _part(self, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        """Copies: an array that is looked at cannot grow."""
        wide = len(self.terms) // len(self.losses) if self.losses else 0
        terms = np.array(self.terms[start * wide : end * wide]).reshape(end - start, wide)
        return np.array(self.losses[start:end]), terms
