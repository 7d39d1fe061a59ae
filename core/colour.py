"""The sRGB transfer function, in one place. Linear light is the working space; sRGB exists only in 8-bit files.

Source: IEC 61966-2-1.
"""

from __future__ import annotations

import numpy as np

LIGHT_GREY: tuple[float, float, float] = (0.6, 0.6, 0.6)
"""Linear albedo of a shape whose file names no colour."""


def srgb_to_linear(srgb: np.ndarray) -> np.ndarray:
    """sRGB values in [0, 1] -> linear light, float32, any shape."""
    srgb = np.asarray(srgb, dtype=np.float32)
    low = srgb / np.float32(12.92)
    high = ((np.maximum(srgb, 0) + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    return np.where(srgb <= np.float32(0.04045), low, high)


def linear_to_srgb(linear: np.ndarray) -> np.ndarray:
    """Linear light -> sRGB values, float32, any shape; clipped to [0, 1]."""
    linear = np.clip(np.asarray(linear, dtype=np.float32), 0, 1)
    low = linear * np.float32(12.92)
    high = np.float32(1.055) * linear ** np.float32(1 / 2.4) - np.float32(0.055)
    return np.where(linear <= np.float32(0.0031308), low, high)


def to_bytes(linear: np.ndarray) -> np.ndarray:
    """Linear light -> uint8 sRGB, rounded; what is not finite becomes 0."""
    return np.rint(linear_to_srgb(np.nan_to_num(linear)) * 255).astype(np.uint8)


def from_bytes(srgb: np.ndarray) -> np.ndarray:
    """uint8 sRGB -> linear light, float32."""
    return srgb_to_linear(np.arange(256, dtype=np.float32) / np.float32(255))[srgb]
