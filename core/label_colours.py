"""The colours that labels are shown in: told apart by everybody, whatever colours they see well.

Label 0 is the background. Tol's "muted" scheme (Paul Tol, SRON/EPS/TN/09-002, 2021, fig. 4) and its pale grey.
"""

from __future__ import annotations

import numpy as np

from core.colour import from_bytes
from kernels.types import SEGMENTATION

LABEL_COLOURS = (
    "#15181C", "#CC6677", "#88CCEE", "#DDCC77", "#117733", "#332288", "#44AA99", "#AA4499", "#999933", "#882255", "#DDDDDD",
)  # fmt: skip
"""sRGB, by label; neighbours differ in lightness too."""

MOST_LABELS = len(LABEL_COLOURS) - 1
"""Beside the background: as many as the palette tells apart. Each is a plane of every image."""


def label_bytes() -> np.ndarray:
    """(MOST_LABELS + 1, 3) uint8 sRGB."""
    return np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in LABEL_COLOURS], np.uint8)


def as_shown(channel: str, image: np.ndarray) -> np.ndarray:
    """An image or derivative image [H, W, C] as panes show it: label planes as the mixture of their linear colours
    [H, W, 3] (a linear map, so that a derivative stays one); every other channel as it is."""
    if channel != SEGMENTATION:
        return image
    return (image @ from_bytes(label_bytes())[: image.shape[-1]]).astype(np.float32)


def shown_channel(channels: tuple[str, ...]) -> str:
    """Of the channels that a loss sees, the one that the panes show."""
    return next((c for c in ("colour", SEGMENTATION) if c in channels), channels[0])
