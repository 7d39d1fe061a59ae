"""An image with what a pane asks of it, found once for each image and in whatever thread made it. No Qt.

Convention: a plate belongs to one array and one channel; an image that did not change keeps its plate.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from app.frames import same
from app.panes.maps import CHANNELS, natural_picture, not_finite, plane, robust_range


@dataclass(frozen=True, eq=False)
class Plate:
    """array [H, W, C]. invalid: pixels that are not finite. values (H, W) and own: what the signed map shows of
    `channel`, and its robust range; None for a picture that is not signed. asked: how `natural` was read."""

    array: np.ndarray
    invalid: int
    channel: str = ""
    values: np.ndarray | None = None
    own: float | None = None
    asked: set[str] = field(default_factory=set)
    _pictures: dict[str, np.ndarray] = field(default_factory=dict)

    def natural(self, channel: str) -> np.ndarray:
        """app/panes/maps.natural_picture of the image, made once."""
        self.asked.add(channel)
        return self._made(channel)

    def make_ready(self, before: Plate) -> None:
        """Make the pictures that the image before this one was asked for."""
        for channel in tuple(before.asked):
            self._made(channel)

    def _made(self, channel: str) -> np.ndarray:
        if channel not in self._pictures:
            self._pictures[channel] = natural_picture(self.array, channel)
        return self._pictures[channel]


def plate_of(array: np.ndarray, channel: str | None = CHANNELS[0], before: Plate | None = None) -> Plate:
    """The plate of an image; `before` itself where it shows the same. channel: None for one that is not signed."""
    before = before if before is not None and same(before.array, array) else None
    if before is not None and before.channel == (channel or ""):
        return before
    invalid = not_finite(array) if before is None else before.invalid
    if channel is None:
        return Plate(array, invalid)
    values = plane(array, channel)
    return Plate(array, invalid, channel, values, robust_range(values))
