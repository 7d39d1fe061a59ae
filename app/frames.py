"""Frames: what the timeline keeps of a snapshot. What did not change is shared with the frame before, images that are the
difference of two others are left out and made again when a frame is shown, and states share their past. No Qt.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from core.colour import linear_to_srgb
from core.comparison.lanes import of_lane, split_lane
from core.protocol import Snapshot
from core.record.stored_state import StoredState, stored

THUMBNAIL_SIDE = 96
"""48 points at device ratio 2."""

DERIVED = {"difference": ("render", "target"), "disagreement": ("derivative", "reference")}
"""Images that are the first less the second, exactly, and therefore not stored."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A snapshot, geometry included, its picture (uint8 [h, w, 3] sRGB of the render) and what a fork goes on from.

    derived: images left out of the snapshot (DERIVED). state: None where the engine sent none.
    """

    snapshot: Snapshot
    thumbnail: np.ndarray
    derived: tuple[str, ...] = ()
    state: StoredState | None = None

    @property
    def iteration(self) -> int:
        return self.snapshot.iteration

    def whole(self) -> Snapshot:
        """The snapshot as it came."""
        arrays = dict(self.snapshot.arrays)
        for name in self.derived:
            first, second = _parts(name)
            arrays[name] = arrays[first] - arrays[second]
        return dataclasses.replace(self.snapshot, arrays=arrays)

    def held(self) -> Iterator[np.ndarray]:
        """Every array that takes memory."""
        yield from self.snapshot.arrays.values()
        yield self.thumbnail
        if self.state is not None:
            yield from self.state.arrays()


def lean(snapshot: Snapshot, before: Frame | None, state_before: StoredState | None = None) -> Frame | None:
    """The frame of a snapshot: what follows from other images left out, what did not change shared with `before` and with
    the newest state before it. None where it holds no picture."""
    render = snapshot.arrays.get("render")
    if render is None:
        return None
    arrays = dict(snapshot.arrays)
    state = arrays.pop("state", None)
    derived = tuple(name for name in arrays if split_lane(name)[1] in DERIVED and _follows(arrays, name))
    for name in derived:
        del arrays[name]
    if before is not None:
        for name, array in arrays.items():
            old = before.snapshot.arrays.get(name)
            if old is not None and same(old, array):
                arrays[name] = old
    kept = _kept(state, snapshot, state_before) if state is not None else None
    return Frame(dataclasses.replace(snapshot, arrays=arrays, past=()), thumbnail(render), derived, kept)


def _kept(state: np.ndarray, snapshot: Snapshot, before: StoredState | None) -> StoredState:
    return StoredState(state, snapshot.past) if snapshot.past else stored(state, before)


def makeable(arrays: Mapping[str, np.ndarray], name: str) -> bool:
    """Whether an image that was left out can be made of these: what a file says need not be so."""
    if split_lane(name)[1] not in DERIVED:
        return False
    first, second = (arrays.get(part) for part in _parts(name))
    return first is not None and second is not None and first.shape == second.shape


def _parts(name: str) -> tuple[str, str]:
    """The two images whose difference an image is, of the same lane; all lanes have one target."""
    lane, plain = split_lane(name)
    first, second = DERIVED[plain]
    return of_lane(first, lane), second if second == "target" else of_lane(second, lane)


def _follows(arrays: Mapping[str, np.ndarray], name: str) -> bool:
    """Whether an image is, bit for bit, the difference that DERIVED says."""
    image, (first, second) = arrays.get(name), (arrays.get(part) for part in _parts(name))
    whole = image is not None and first is not None and second is not None and first.shape == second.shape
    return whole and bool(np.array_equal(image, first - second))  # type: ignore[arg-type, operator]


def same(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two arrays hold the same; where they do not, a few rows mostly tell."""
    return first is second or (
        np.array_equal(first[:: 1 + len(first) // 8], second[:: 1 + len(second) // 8]) and np.array_equal(first, second)
    )


def thumbnail(image: np.ndarray, side: int = THUMBNAIL_SIDE) -> np.ndarray:
    """[H, W, 1 or 3] linear float -> uint8 [h, w, 3] sRGB, area-filtered to about `side` pixels."""
    factor = max(1, -(-max(image.shape[:2]) // side))
    height, width = (image.shape[0] // factor) * factor, (image.shape[1] // factor) * factor
    # Sums of whole planes: ten times as fast as a mean over the axes of blocks.
    corners = [image[i:height:factor, j:width:factor] for i in range(factor) for j in range(factor)]
    small = np.nan_to_num(sum(corners[1:], start=corners[0]) / np.float32(factor * factor))
    if small.shape[2] != 3:
        small = np.repeat(small[..., :1], 3, axis=2)
    return np.round(255 * linear_to_srgb(small)).astype(np.uint8)
