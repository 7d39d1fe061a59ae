"""What the launcher and the engine's process tell each other beside core/protocol.py: about shared memory, mostly.

The launcher creates rooms (core/engine/mailbox.py), the engine writes into them. There are two kinds: SNAPSHOTS, copied out
as they come, and CHECKPOINTS, read when an engine has died, from the memory it left, and where one is to be written to disk.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.record.stored_state import Block

SNAPSHOTS = "snapshots"
CHECKPOINTS = "checkpoints"

FIRST_CAPACITY = {SNAPSHOTS: 8 << 20, CHECKPOINTS: 1 << 20}
"""Bytes a letter may take in an engine's first rooms. 8 MB hold ten colour images of 256 x 256. Untouched pages cost
nothing on Linux and macOS."""

SLOTS = {SNAPSHOTS: 3, CHECKPOINTS: 2}
"""Slots of a room. Two are enough for checkpoints: a reader that is overtaken waits for the next."""

GROWTH = 1.5
"""A larger room gets this much more than was asked for, so that a growing shape does not move house every time."""


@dataclass(frozen=True)
class Attached:
    """Engine: the room is open here, so its name can go."""

    name: str


@dataclass(frozen=True)
class RoomNeeded:
    """Engine: a letter of `size` bytes does not fit."""

    kind: str
    size: int


@dataclass(frozen=True)
class RoomGiven:
    """Launcher: move here."""

    kind: str
    name: str


@dataclass(frozen=True)
class RoomRefused:
    """Launcher: there is no shared memory left; the user was told."""

    kind: str


@dataclass(frozen=True)
class Posted:
    """Engine: room `name` has a snapshot."""

    name: str


@dataclass(frozen=True)
class Kept:
    """Engine: there is a new checkpoint."""


@dataclass(frozen=True)
class Told:
    """Engine: the block of steps number `index` of a session's past; states that come later leave it out."""

    era: str
    index: int
    block: Block


@dataclass(frozen=True)
class Taken:
    """Launcher: the window took the snapshot with this sequence number."""

    sequence: int


FromEngine = Attached | RoomNeeded | Posted | Kept | Told
ToEngine = RoomGiven | RoomRefused | Taken
