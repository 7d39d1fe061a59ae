"""What a session file's manifest says, as records again; every number, text and array is looked at on the way.

A checksum tells of damage, not of what somebody wrote: KeyError, ValueError and the like for anything that the window
could not rely on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from core.record.session_record import StoredBranch, StoredFrame, StoredRun
from core.record.stored_state import Block, StoredState


def state_of(facts: Any, arrays: Mapping[int, np.ndarray]) -> StoredState | None:
    if facts is None or isinstance(facts, int):
        return None if facts is None else StoredState(_shaped(arrays[facts], 1, np.uint8))
    past = tuple(tuple(Block(_shaped(arrays[x], 1), _shaped(arrays[y], 2)) for x, y in lane) for lane in facts["past"])
    beside = facts["beside"] and (str(facts["beside"][0]), tuple(map(count, facts["beside"][1])))
    if beside and len(beside[1]) != len(past):
        raise ValueError("a state's past is not as long as it says")
    return StoredState(_shaped(arrays[facts["head"]], 1, np.uint8), past, beside)


def branch_of(facts: Mapping[str, Any], arrays: Mapping[int, np.ndarray], number: int) -> StoredBranch:
    """number: its place in the list; a branch grows from one before it."""
    parent = None if facts["parent"] is None else place(facts["parent"], number)
    frames = tuple(_frame(frame, arrays) for frame in facts["frames"])
    return StoredBranch(text(facts["method"]), count(facts["start"]), parent, frames)


def _frame(facts: Mapping[str, Any], arrays: Mapping[int, np.ndarray]) -> StoredFrame:
    thumbnail = facts["thumbnail"]
    return StoredFrame(
        iteration=count(facts["iteration"]),
        view=count(facts["view"]),
        arrays={name: arrays[number] for name, number in facts["arrays"].items()},
        stamps={name: count(stamp) for name, stamp in facts["stamps"].items()},
        values=table(facts["values"]),
        theta=None if facts["theta"] is None else text(facts["theta"]),
        derived=tuple(map(text, facts["derived"])),
        thumbnail=None if thumbnail is None else _shaped(arrays[thumbnail], 3, np.uint8),
        state=state_of(facts["state"], arrays),
    )


def run_of(facts: Mapping[str, Any], arrays: Mapping[int, np.ndarray]) -> StoredRun:
    curves = {name: (_shaped(arrays[x], 1), _shaped(arrays[y], 1)) for name, (x, y) in facts["curves"].items()}
    if any(len(x) != len(y) for x, y in curves.values()):
        raise ValueError("a curve has not as many values as steps")
    return StoredRun(text(facts["method"]), count(facts["start"]), text(facts["title"]), bool(facts["pinned"]), curves)


# What a manifest may hold where the window relies on it: ValueError for anything else.


def count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 53:
        raise ValueError(f"{str(value)[:20]!r} is no count")
    return value


def place(value: Any, end: int) -> int:
    if count(value) >= end:
        raise ValueError(f"{value} of {end} is no place in a list")
    return value


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{str(value)[:20]!r} is no text")
    return value


def table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{str(value)[:20]!r} is no table")
    return value


def _shaped(array: np.ndarray, axes: int, kind: type | None = None) -> np.ndarray:
    if array.ndim != axes or (kind is not None and array.dtype != kind):
        raise ValueError(f"an array has the form {array.shape} of {array.dtype}")
    return array
