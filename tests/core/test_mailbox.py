"""The mailbox: what goes in comes out, the latest wins, overtaken reads are refused, nothing is left behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.engine import mailbox, wire
from core.engine.mailbox import PAGE, MailboxWriter, Room, lay_out
from core.engine.rooms import Rooms
from core.errors import RimlightError

SHM = Path("/dev/shm")


def left_behind() -> list[str]:
    """Names of Rimlight's shared memory that this process made and still has, where the system lists them."""
    return [path.name for path in SHM.glob(f"rimlight-{os.getpid()}-*")] if SHM.is_dir() else []


@pytest.fixture
def room() -> Iterator[Room]:
    made = Room.create(1 << 16)
    yield made
    made.close()
    assert left_behind() == []


def test_a_letter_comes_out_as_it_went_in(room: Room, rng: np.random.Generator) -> None:
    arrays = {
        "image": rng.random((5, 7, 3), dtype=np.float32),
        "faces": rng.integers(0, 9, (4, 3), dtype=np.int32),
        "strided": rng.random((6, 6))[::2, 1::3],
        "empty": np.zeros((0, 3), np.float32),
        "scalar": np.float64(2.5).reshape(()),
        "bytes": np.frombuffer(b"abc", np.uint8),
    }
    assert MailboxWriter(Room.attach(room.name)).post({"iteration": 3}, arrays) == 1
    letter = room.read()
    assert letter is not None
    assert (letter.sequence, letter.header) == (1, {"iteration": 3})
    assert list(letter.arrays) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(letter.arrays[name], array, err_msg=name)
        assert letter.arrays[name].dtype == array.dtype, name
        assert letter.arrays[name].flags.owndata, name


def test_nothing_to_read_before_the_first_letter(room: Room) -> None:
    assert room.read() is None


def test_the_latest_wins(room: Room) -> None:
    writer = MailboxWriter(Room.attach(room.name))
    for i in range(1, 12):
        assert writer.post(i, {"a": np.full(100, i)}) == i
    letter = room.read()
    assert letter is not None
    assert letter.header == 11
    assert set(letter.arrays["a"]) == {11}


def test_a_copy_is_not_changed_by_later_letters(room: Room) -> None:
    writer = MailboxWriter(Room.attach(room.name))
    writer.post(None, {"a": np.ones(10)})
    letter = room.read()
    for _ in range(4):
        writer.post(None, {"a": np.zeros(10)})
    assert letter is not None
    assert letter.arrays["a"].sum() == 10


def test_a_letter_too_large_is_refused_and_fits_a_larger_room(room: Room) -> None:
    writer = MailboxWriter(Room.attach(room.name))
    big = {"a": np.arange(20_000)}
    writer.post("small", {})
    assert writer.post("big", big) is None
    assert room.capacity < 160_000 < writer.needed
    larger = Room.create(writer.needed)
    writer.move(Room.attach(larger.name))
    assert writer.post("big", big) == 2
    letter = larger.read()
    assert letter is not None
    np.testing.assert_array_equal(letter.arrays["a"], big["a"])
    writer.close()
    larger.close()


def test_what_a_reader_was_overtaken_in_is_not_returned(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer laps the reader while it copies: it gets a later letter, whole."""
    writer = MailboxWriter(Room.attach(room.name))
    writer.post(1, {"a": np.full(50, 1)})
    loads, laps = mailbox.pickle.loads, iter(range(mailbox.SLOTS + 1))

    def slow_loads(data: bytes) -> object:
        if next(laps, None) == 0:
            for i in range(2, 6):
                writer.post(i, {"a": np.full(50, i)})
        return loads(data)

    monkeypatch.setattr(mailbox.pickle, "loads", slow_loads)
    letter = room.read()
    assert letter is not None
    assert letter.header == 5
    assert set(letter.arrays["a"]) == {5}


def test_a_writer_killed_in_mid_letter_leaves_the_one_before(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = MailboxWriter(Room.attach(room.name))
    writer.post("good", {"a": np.ones(10)})

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(mailbox.np, "copyto", killed)
    with pytest.raises(KeyboardInterrupt):
        writer.post("torn", {"a": np.zeros(10)})
    letter = room.read()
    assert letter is not None
    assert letter.header == "good"
    assert letter.arrays["a"].sum() == 10


def test_memory_outlives_its_name_while_somebody_holds_it() -> None:
    room = Room.create(4096)
    writer = MailboxWriter(Room.attach(room.name))
    room.unlink()
    assert left_behind() == []
    room.unlink()
    writer.post("still", {"a": np.arange(3)})
    letter = room.read()
    assert letter is not None
    assert letter.header == "still"
    room.close()
    writer.post("here", {})
    writer.close()
    room.close()


def test_a_room_that_is_gone_is_not_found() -> None:
    room = Room.create(4096)
    room.close()
    with pytest.raises(FileNotFoundError):
        Room.attach(room.name)


def test_offsets_are_aligned_and_apart() -> None:
    layout = lay_out({"text": "x" * 1000}, {f"array {i}": np.zeros(i, np.uint8) for i in range(200)})
    end = len(layout.preamble)
    for array, offset in layout.arrays:
        assert offset % mailbox.ALIGN == 0
        assert offset >= end
        end = offset + array.nbytes
    assert end <= layout.size


def test_objects_are_refused() -> None:
    with pytest.raises(TypeError, match="'names'"):
        lay_out(None, {"names": np.array(["a", None], object)})


@pytest.mark.skipif(not SHM.is_dir(), reason="only Linux bounds shared memory apart from memory")
def test_too_little_shared_memory_is_said_before_it_kills(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 5 * PAGE}))
    with pytest.raises(RimlightError, match="--shm-size"):
        Room.create(2 * PAGE)
    Room.create(PAGE).close()


def test_a_checkpoints_old_room_goes_when_the_engine_has_moved() -> None:
    rooms = Rooms()
    writer = MailboxWriter(Room.attach(rooms.names()[wire.CHECKPOINTS]))
    post = lambda iteration, size: writer.post((None, iteration), {"state": np.full(size, iteration, np.uint8)})
    read = lambda: (restored := rooms.checkpoint()) and (restored.iteration, len(restored.state))
    assert post(1, 100) == 1
    size = wire.FIRST_CAPACITY[wire.CHECKPOINTS] + 1
    assert post(2, size) is None
    given = rooms.grow(wire.CHECKPOINTS, writer.needed)
    assert len(left_behind()) == 3
    assert read() == (1, 100)  # nothing newer is there
    writer.move(Room.attach(given.name))
    assert post(2, size) == 2
    assert read() == (2, size)
    assert len(left_behind()) == 2
    writer.close()
    rooms.close()
    assert left_behind() == []
