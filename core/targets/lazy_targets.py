"""Targets made when they are asked for, of which only so many bytes are kept: thousands of views never load at once.

The least recently used one goes first. One thread at a time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import overload

import jax.numpy as jnp
import numpy as np

from core.problem import Target

BUDGET = 512 << 20
"""Bytes of targets kept: 100 views of 512 x 512 with colour and silhouette, a fifteenth of a small laptop's memory."""


class LazyTargets(Sequence[Target]):
    """A sequence of `count` targets; `make(index)` reads or renders one."""

    def __init__(self, count: int, make: Callable[[int], Target], budget: int = BUDGET) -> None:
        self._count, self._make, self._budget = count, make, budget
        self._kept: OrderedDict[int, Target] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Target: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Target, ...]: ...
    def __getitem__(self, index: int | slice) -> Target | tuple[Target, ...]:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(self._count)))
        place = index + self._count if index < 0 else index
        if not 0 <= place < self._count:
            raise IndexError(f"target {index} of {self._count}")
        if place not in self._kept:
            target = self._make(place)
            self._kept[place] = target
            self._bytes += target_bytes(target)
            while self._bytes > self._budget and len(self._kept) > 1:
                self._bytes -= target_bytes(self._kept.popitem(last=False)[1])
        self._kept.move_to_end(place)
        return self._kept[place]

    def load(self, progress: Callable[[float], None]) -> None:
        """Make all of them now, if all can be kept; tells the fraction done."""
        if self.fits():
            for i in range(self._count):
                progress(i / self._count)
                self[i]

    def held(self, index: int) -> Target | None:
        """The target if it is there already, without making it."""
        return self._kept.get(index)

    def fits(self) -> bool:
        """Whether all of them can be kept, judged by the first (which is made)."""
        return self._count == 0 or self._count * target_bytes(self[0]) <= self._budget


def on_device(target: Target) -> Target:
    """The same target with its planes on the device, so that a step copies none."""
    planes = {name: tuple(jnp.asarray(p) for p in ps) for name, ps in target.planes.items()}
    return Target(planes, jnp.asarray(target.alpha))


def target_bytes(target: Target) -> int:
    """Bytes of a target's planes and alpha."""
    planes = [plane for planes in target.planes.values() for plane in planes]
    return sum(np.size(plane) * 4 for plane in (*planes, target.alpha))
