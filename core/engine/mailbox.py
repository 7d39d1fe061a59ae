"""Arrays between two processes: a latest-wins mailbox of slots in shared memory. NumPy and the standard library only.

Who owns what: the window's process creates a `Room`, the engine attaches to it by name and says so, and the window
then unlinks the name at once. From there the memory lives exactly as long as somebody holds it open, so neither
process can leak it, however it ends; on Windows, where memory has no name to unlink, that is so from the start.
(Creating and unlinking in ONE process, before the other detaches, also keeps Python 3.11's resource tracker quiet:
attaching registers the name a second time in the tracker that both share, and one unlink strikes it out.)

How it is read: a writer fills the slot after the published one, then publishes it; it never waits. Each letter has
a sequence number, written before its content (`begin`) and after it (`end`). A reader copies out and looks again: a
letter whose numbers differ was overwritten meanwhile, and the one that replaced it is read instead. The news of a
letter travels by a pipe, which also orders the two processes' memory on machines that reorder stores.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import secrets
import shutil
from collections.abc import Mapping
from multiprocessing.shared_memory import SharedMemory
from typing import Any, NamedTuple

import numpy as np

from core.errors import RimlightError

SLOTS = 3
"""Published, being read, being written: with three a writer that is one letter ahead disturbs nobody."""

PAGE = 4096
"""Bytes before the first slot, and what a slot is rounded up to: a memory page on every system in use."""

ALIGN = 64
"""Bytes an array's start is rounded up to: a cache line, and enough for any vector load."""

_MAGIC, _SLOTS, _CAPACITY, _PUBLISHED, _MARKS = 0, 1, 2, 3, 8
_SIGNATURE = 0x52494D4C49474854
"""The words (uint64) of the first page: the signature ("RIMLIGHT"), slots, bytes a slot, the published sequence
number; from word 8 on, three a slot: begin, end, length of the pickled header."""

_SHM_FOLDER = "/dev/shm"
"""Where Linux keeps POSIX shared memory. A container often gives it 64 MB, and writing beyond kills with SIGBUS."""


class Letter(NamedTuple):
    """What a reader gets: private copies of the arrays."""

    sequence: int
    header: Any
    arrays: dict[str, np.ndarray]


class _Layout(NamedTuple):
    preamble: bytes
    arrays: list[tuple[np.ndarray, int]]
    size: int


class Room:
    """A block of shared memory: a page of words, then `slots` slots of `capacity` bytes each."""

    def __init__(self, memory: SharedMemory, *, owned: bool) -> None:
        self.name = memory.name
        self._memory = memory
        self._named = owned
        assert memory.buf is not None  # None once closed
        self._buffer = memoryview(memory.buf)
        self._words = self._buffer[:PAGE].cast("Q")
        if not owned and self._words[_MAGIC] != _SIGNATURE:
            self.close()
            raise RimlightError(f"Shared memory {self.name} is not one of Rimlight's; restart the engine")

    @classmethod
    def create(cls, capacity: int, slots: int = SLOTS) -> Room:
        """A new room of `slots` slots of at least `capacity` bytes. Raises RimlightError where there is no space."""
        capacity = _round_up(max(capacity, 1), PAGE)
        size = PAGE + slots * capacity
        _check_space(size)
        try:
            memory = SharedMemory(f"rimlight-{os.getpid()}-{secrets.token_hex(4)}", create=True, size=size)
        except OSError as error:
            raise RimlightError(
                f"No shared memory for pictures ({size >> 20} MB): {error}; free some memory"
            ) from error
        room = cls(memory, owned=True)
        room._words[_SLOTS], room._words[_CAPACITY], room._words[_PUBLISHED] = slots, capacity, 0
        room._words[_MAGIC] = _SIGNATURE
        return room

    @classmethod
    def attach(cls, name: str) -> Room:
        """The room that the other process created. Raises FileNotFoundError where it is gone."""
        return cls(SharedMemory(name), owned=False)

    @property
    def capacity(self) -> int:
        """Bytes one letter may take."""
        return self._words[_CAPACITY]

    @property
    def published(self) -> int:
        """Sequence number of the latest letter; 0 before the first."""
        return self._words[_PUBLISHED]

    def unlink(self) -> None:
        """Give up the name (its creator only; again is harmless). Who has it open keeps it."""
        if self._named:
            self._named = False
            try:
                self._memory.unlink()
            except FileNotFoundError:  # somebody emptied /dev/shm: the name is gone, as wanted
                return

    def close(self) -> None:
        """Unlink if that is still ours to do, and unmap. Again is harmless."""
        self.unlink()
        self._words.release()
        self._buffer.release()
        self._memory.close()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()

    def write(self, sequence: int, layout: _Layout) -> None:
        """Fill the slot of `sequence` and publish it."""
        words, slot = self._words, sequence % self._words[_SLOTS]
        mark = _MARKS + 3 * slot
        start = PAGE + slot * self.capacity
        words[mark] = sequence
        words[mark + 2] = len(layout.preamble)
        self._buffer[start : start + len(layout.preamble)] = layout.preamble
        for array, offset in layout.arrays:
            place = np.ndarray(array.shape, array.dtype, buffer=self._buffer, offset=start + offset)
            np.copyto(place, array)
            del place
        words[mark + 1] = sequence
        words[_PUBLISHED] = sequence

    def read(self) -> Letter | None:
        """The latest letter, copied out; None before the first, or where the writer overtook the reader thrice."""
        for _ in range(SLOTS):
            sequence = self.published
            if sequence == 0:
                return None
            letter = self._copy_out(sequence)
            if letter is not None:
                return letter
        return None

    def _copy_out(self, sequence: int) -> Letter | None:
        words, slot = self._words, sequence % self._words[_SLOTS]
        mark = _MARKS + 3 * slot
        start = PAGE + slot * self.capacity
        if words[mark + 1] != sequence:
            return None
        preamble = bytes(self._buffer[start : start + words[mark + 2]])
        if words[mark] != sequence:
            return None
        header, entries = pickle.loads(preamble)
        arrays = {}
        for name, dtype, shape, offset in entries:
            place = np.ndarray(shape, np.dtype(dtype), buffer=self._buffer, offset=start + offset)
            arrays[name] = place.copy()
            del place
        return Letter(sequence, header, arrays) if words[mark] == sequence else None


class MailboxWriter:
    """The engine's side. `room` may be replaced by a larger one between letters; sequence numbers go on."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._sequence = 0
        self.needed = 0
        """Bytes that the last letter that did not fit would have taken."""

    @property
    def room_name(self) -> str:
        return self._room.name

    def move(self, room: Room) -> None:
        """Write into `room` from now on, and let go of the old one."""
        self._room.close()
        self._room = room

    def post(self, header: Any, arrays: Mapping[str, np.ndarray]) -> int | None:
        """Publish a letter and return its sequence number; None where it needs a larger room (see `needed`)."""
        layout = lay_out(header, arrays)
        if layout.size > self._room.capacity:
            self.needed = layout.size
            return None
        self._sequence += 1
        self._room.write(self._sequence, layout)
        return self._sequence

    def close(self) -> None:
        self._room.close()


def lay_out(header: Any, arrays: Mapping[str, np.ndarray]) -> _Layout:
    """Where each thing of a letter goes, in bytes from the slot's start. Raises TypeError for arrays of objects."""
    sources = {name: np.asarray(array) for name, array in arrays.items()}
    for name, array in sources.items():
        if array.dtype.hasobject:
            raise TypeError(f"array {name!r} holds Python objects, which shared memory cannot carry")
    # The offsets stand inside the pickle and depend on its length, so its length is bounded from above first.
    entries = [(name, array.dtype.str, array.shape, 0) for name, array in sources.items()]
    room_for_offsets = 16 * (len(entries) + 1)
    offset = _round_up(len(pickle.dumps((header, entries), protocol=5)) + room_for_offsets, ALIGN)
    placed = []
    for index, (name, array) in enumerate(sources.items()):
        entries[index] = (name, array.dtype.str, array.shape, offset)
        placed.append((array, offset))
        offset = _round_up(offset + array.nbytes, ALIGN)
    return _Layout(pickle.dumps((header, entries), protocol=5), placed, offset)


def _round_up(size: int, step: int) -> int:
    return -(-size // step) * step


def _check_space(size: int) -> None:
    """Raise where shared memory has no `size` bytes left: touching more than it has would kill the process."""
    if not os.path.isdir(_SHM_FOLDER):
        return
    free = shutil.disk_usage(_SHM_FOLDER).free
    if free < size:
        raise RimlightError(
            f"Shared memory ({_SHM_FOLDER}) has {free >> 20} MB left and pictures need {size >> 20} MB; "
            "free some, or start the container with --shm-size=1g"
        )
