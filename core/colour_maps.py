"""Colour maps as (256, 3) uint8 tables: one signed map, zero-centred and colour-blind safe, and one sequential map.

Interpolated in OKLab, so that lightness is monotone; the window and the headless pictures use the same tables.
"""

from __future__ import annotations

from functools import cache

import numpy as np

SIGNED_DARK = ("#B5D0FF", "#5F9FDC", "#23598A", "#101316", "#7F3A17", "#D0743F", "#FFC9A8")
SIGNED_LIGHT = ("#0B2F5E", "#2F74B0", "#93BCDE", "#ECEEF1", "#E7AD88", "#BB5521", "#5E1C06")
"""Blue negative, orange positive; the middle is the well that pictures lie in, so that zero looks empty."""

# Crameri, "Scientific colour maps" (doi 10.5281/zenodo.1243862), lipari, MIT licence: every 16th of its 256 entries.
# OKLab interpolation between them stays within 2.4 of 255 of the original.
_LIPARI = (
    "#031326", "#092844", "#183E61", "#365176", "#525B7A", "#655E77", "#785F72", "#8D616D", "#A56267",
    "#BE6561", "#D86E5E", "#E88265", "#E99973", "#E5AD82", "#E7C398", "#F0DBB7", "#FDF5DA",
)  # fmt: skip

# Ottosson, "A perceptual color space for image processing" (2020): linear sRGB -> cone responses -> OKLab.
_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def hex_to_rgb(colour: str) -> np.ndarray:
    """ "#RRGGBB" -> (3,) float64 in [0, 1], sRGB."""
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0


def srgb_to_oklab(rgb: np.ndarray) -> np.ndarray:
    """(..., 3) sRGB in [0, 1] -> (..., 3) OKLab."""
    linear = np.where(rgb < 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ _TO_CONES.T) @ _TO_LAB.T


def oklab_to_srgb(lab: np.ndarray) -> np.ndarray:
    """(..., 3) OKLab -> (..., 3) sRGB, clipped to [0, 1]."""
    linear = ((lab @ np.linalg.inv(_TO_LAB).T) ** 3) @ np.linalg.inv(_TO_CONES).T
    curved = 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055
    return np.clip(np.where(linear < 0.0031308, 12.92 * linear, curved), 0.0, 1.0)


def _interpolate(anchors: tuple[str, ...], positions: np.ndarray) -> np.ndarray:
    """Anchors spread evenly over [0, 1], interpolated in OKLab at `positions`; (n, 3) uint8, read-only."""
    lab = srgb_to_oklab(np.array([hex_to_rgb(anchor) for anchor in anchors]))
    grid = np.linspace(0.0, 1.0, len(anchors))
    mixed = np.stack([np.interp(positions, grid, lab[:, channel]) for channel in range(3)], axis=-1)
    lut = np.round(oklab_to_srgb(mixed) * 255.0).astype(np.uint8)
    lut.setflags(write=False)
    return lut


@cache
def signed_lut(anchors: tuple[str, ...] = SIGNED_DARK) -> np.ndarray:
    """Entry 128 is zero; entries 1 and 255 are -r and +r. Read-only."""
    signed = np.clip((np.arange(256) - 128) / 127.0, -1.0, 1.0)
    return _interpolate(anchors, 0.5 + 0.5 * signed)


@cache
def sequential_lut() -> np.ndarray:
    """Crameri's lipari, dark to light. Read-only."""
    return _interpolate(_LIPARI, np.linspace(0.0, 1.0, 256))


def colourise_signed(values: np.ndarray, limit: float, anchors: tuple[str, ...] = SIGNED_DARK) -> np.ndarray:
    """(H, W) signed values -> (H, W, 3) uint8: -limit to the first colour, 0 to the middle, +limit to the last.

    What is not finite becomes magenta.
    """
    scaled = np.clip(np.nan_to_num(values) / max(limit, 1e-30), -1.0, 1.0)
    picture = signed_lut(anchors)[(128 + np.rint(127 * scaled)).astype(int)]
    return np.where(np.isfinite(values)[..., None], picture, np.array([255, 0, 255], np.uint8))
