"""Stored snapshots of the running fit, so that the timeline can show every pane as it was. No Qt; bounded memory.

Geometry that did not change between snapshots is shared, and counted once.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from core.colour import linear_to_srgb
from core.protocol import Snapshot

FRAMES = 48
"""Frames kept: a few more than fit beside each other at 2560 pixels."""

BYTES = 256 * 2**20
"""Memory the frames may hold together: 48 of a 200K-vertex mesh with seven 256 x 256 panes."""

THUMBNAIL_SIDE = 96
"""48 points at device ratio 2."""


@dataclass(frozen=True)
class Frame:
    """A whole snapshot, geometry included, and its picture: uint8 [h, w, 3] sRGB of the render."""

    snapshot: Snapshot
    thumbnail: np.ndarray

    @property
    def iteration(self) -> int:
        return self.snapshot.iteration


class Replay:
    """Frames in order of iteration, evenly spaced over the fit; the last one is always the newest."""

    def __init__(self, frames: int = FRAMES, limit: int = BYTES) -> None:
        self._count, self.limit = frames, limit
        self.frames: list[Frame] = []
        self._geometry: dict[str, np.ndarray] = {}
        self._stride = 1

    def clear(self) -> None:
        self.frames, self._geometry, self._stride = [], {}, 1

    def complete(self, snapshot: Snapshot) -> Snapshot:
        """`snapshot` with the faces and vertices it leaves out because they did not change."""
        for name in ("vertices", "faces"):
            if name in snapshot.arrays:
                self._geometry[name] = snapshot.arrays[name]
        missing = {name: array for name, array in self._geometry.items() if name not in snapshot.arrays}
        return dataclasses.replace(snapshot, arrays={**missing, **snapshot.arrays}) if missing else snapshot

    def add(self, snapshot: Snapshot) -> None:
        """Store a completed snapshot. One of the newest frame's iteration replaces it; one before it drops the rest."""
        render = snapshot.arrays.get("render")
        if render is None:
            return
        if self.frames:
            snapshot = _sharing(snapshot, self.frames[-1].snapshot)
        while self.frames and self.frames[-1].iteration >= snapshot.iteration:
            self.frames.pop()
        if len(self.frames) >= 2 and self.frames[-1].iteration - self.frames[-2].iteration < self._stride:
            self.frames.pop()  # the newest is provisional until it lies a stride from the one before
        self.frames.append(Frame(snapshot, thumbnail(render)))
        while len(self.frames) > 2 and (len(self.frames) > self._count or self.bytes() > self.limit):
            self._thin()

    def _thin(self) -> None:
        """Every second frame goes, the first and the newest stay."""
        last = self.frames[-1].iteration
        self._stride = max(1, -(-2 * last // len(self.frames)))
        self.frames = [*self.frames[:-1:2], self.frames[-1]]

    def bytes(self) -> int:
        """Memory held, shared arrays counted once."""
        arrays = {id(a): a.nbytes for frame in self.frames for a in frame.snapshot.arrays.values()}
        return sum(arrays.values()) + sum(frame.thumbnail.nbytes for frame in self.frames)

    def nearest(self, iteration: int) -> int:
        """Index of the frame nearest to an iteration; there must be one."""
        return int(np.argmin([abs(frame.iteration - iteration) for frame in self.frames]))


def _sharing(snapshot: Snapshot, before: Snapshot) -> Snapshot:
    """`snapshot`, with the arrays that did not change taken from `before`: the target, still geometry, waiting images."""
    arrays = {}
    for name, array in snapshot.arrays.items():
        old = before.arrays.get(name)
        arrays[name] = old if old is not None and np.array_equal(old, array) else array
    return dataclasses.replace(snapshot, arrays=arrays)


def thumbnail(image: np.ndarray, side: int = THUMBNAIL_SIDE) -> np.ndarray:
    """[H, W, 1 or 3] linear float -> uint8 [h, w, 3] sRGB, area-filtered to about `side` pixels."""
    factor = max(1, -(-max(image.shape[:2]) // side))
    height, width = (image.shape[0] // factor) * factor, (image.shape[1] // factor) * factor
    blocks = image[:height, :width].reshape(height // factor, factor, width // factor, factor, image.shape[2])
    small = np.nan_to_num(blocks.mean(axis=(1, 3)))
    if small.shape[2] != 3:
        small = np.repeat(small[..., :1], 3, axis=2)
    return np.round(255 * linear_to_srgb(small)).astype(np.uint8)
