"""What a fit leaves behind while it runs: its numbers, its edits and small pictures, within a stated bound.

When a list is full every second entry goes and the spacing doubles, so a long fit is covered evenly from its start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from core.protocol import Scalars, Snapshot

SCALARS = 20_000
"""Steps kept: more than a curve has pixels, under 10 MB."""

PICTURES = 64
"""Pictures kept: a timeline's width."""

PICTURE_SIDE = 96
"""Longest side of a picture, pixels; 64 of them take 1.8 MB."""

EDITS = 10_000
"""Edits kept by hand: hours of dragging."""

Entry = TypeVar("Entry")


class Thinned(Generic[Entry]):
    """At most `limit` entries, evenly spaced over all that were offered."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._stride = 1
        self._offered = 0
        self.entries: list[Entry] = []

    def offer(self, make: Callable[[], Entry]) -> None:
        """Count one more; `make` is called only if it is kept."""
        if self._offered % self._stride == 0:
            self.entries.append(make())
        self._offered += 1
        if len(self.entries) > self._limit:
            self.entries = self.entries[::2]
            self._stride *= 2


@dataclass(frozen=True)
class Edit:
    """What a hand changed, and before which step: with the experiment's file it makes a run repeatable."""

    iteration: int
    path: str
    value: Any


class History:
    """One fit's past, oldest first."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._scalars: Thinned[Scalars] = Thinned(SCALARS)
        self._pictures: Thinned[tuple[int, np.ndarray]] = Thinned(PICTURES)
        self.edits: list[Edit] = []

    @property
    def scalars(self) -> list[Scalars]:
        return self._scalars.entries

    @property
    def pictures(self) -> list[tuple[int, np.ndarray]]:
        """(iteration, float32 linear image [h, w, C]) of the render that the window saw then."""
        return self._pictures.entries

    def note(self, scalars: Scalars) -> None:
        self._scalars.offer(lambda: scalars)

    def edited(self, iteration: int, path: str, value: Any) -> None:
        """Record an edit. Values that follow each other within one iteration (a drag) leave only the last."""
        edit = Edit(iteration, path, value)
        if self.edits and (self.edits[-1].iteration, self.edits[-1].path) == (iteration, path):
            self.edits[-1] = edit
        elif len(self.edits) < EDITS:
            self.edits.append(edit)

    def saw(self, snapshot: Snapshot) -> None:
        """Keep a small copy of the render, if its turn has come."""
        image = snapshot.arrays.get("render")
        if image is None:
            return
        stride = -(-max(image.shape[:2]) // PICTURE_SIDE)
        self._pictures.offer(lambda: (snapshot.iteration, np.array(image[::stride, ::stride])))
