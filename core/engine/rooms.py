"""The launcher's side of the shared memory: it creates the rooms, the engine writes into them (core/engine/process.py).

At most two rooms of a kind are open, the current one and, until the engine has moved, the one before.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core.engine import wire
from core.engine.mailbox import Letter, Room
from core.experiment import Experiment


class Left(NamedTuple):
    """A checkpoint as the engine wrote it; state: Session.state_bytes, uint8, without the steps that it told."""

    experiment: Experiment
    iteration: int
    state: np.ndarray


class Rooms:
    """The rooms of one engine process. Raises RimlightError where there is no shared memory left."""

    def __init__(self) -> None:
        self._open: dict[str, list[Room]] = {kind: [] for kind in wire.FIRST_CAPACITY}
        try:
            for kind, capacity in wire.FIRST_CAPACITY.items():
                self._add(kind, capacity)
        except BaseException:
            self.close()
            raise

    def names(self) -> dict[str, str]:
        """kind -> name of its newest room."""
        return {kind: rooms[-1].name for kind, rooms in self._open.items()}

    def attached(self, name: str) -> None:
        """The engine has it open: the name is no longer needed."""
        for room in self._all():
            if room.name == name:
                room.unlink()

    def grow(self, kind: str, size: int) -> wire.RoomGiven:
        """A room for letters of `size` bytes and some more."""
        room = self._add(kind, int(wire.GROWTH * size))
        while len(self._open[kind]) > 2:
            self._open[kind].pop(0).close()
        return wire.RoomGiven(kind, room.name)

    def snapshot(self, name: str) -> Letter | None:
        """The latest snapshot in room `name`; older rooms are given up."""
        rooms = self._open[wire.SNAPSHOTS]
        while len(rooms) > 1 and rooms[0].name != name:
            rooms.pop(0).close()
        return rooms[0].read()

    def checkpoint(self) -> Left | None:
        """What the engine saved last; None where there is nothing, or where it went on saving over it meanwhile."""
        rooms = self._open[wire.CHECKPOINTS]
        while len(rooms) > 1 and rooms[1].published > rooms[0].published:  # the engine has moved
            rooms.pop(0).close()
        letter = rooms[0].read()
        if letter is None:
            return None
        experiment, iteration = letter.header
        return Left(experiment, iteration, letter.arrays["state"])

    def close(self) -> None:
        """Give everything back; again is harmless."""
        for rooms in self._open.values():
            while rooms:
                rooms.pop().close()

    def _add(self, kind: str, capacity: int) -> Room:
        room = Room.create(capacity, wire.SLOTS[kind])
        self._open[kind].append(room)
        return room

    def _all(self) -> list[Room]:
        return [room for rooms in self._open.values() for room in rooms]
