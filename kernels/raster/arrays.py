"""Arrays as the kernels and jit want them: aligned to 64 bytes on the way out, of one type on the way in."""

from __future__ import annotations

import math

import numpy as np

from kernels.types import Fragments

ALIGNMENT = 64
"""Bytes: jit on the CPU takes NumPy arrays that start at such a multiple without a copy."""


def aligned_empty(shape: tuple[int, ...], dtype) -> np.ndarray:
    """An uninitialised C-ordered array that starts at a multiple of 64 bytes."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    raw = np.empty(size + ALIGNMENT, np.uint8)
    offset = -raw.__array_interface__["data"][0] % ALIGNMENT
    return raw[offset : offset + size].view(dtype).reshape(shape)


def aligned_fragments(
    layers: int, height: int, width: int, *, corners: bool = True, positions: bool = True, slopes: bool = True
) -> Fragments:
    """Uninitialised fragments; None for what is not wanted (`corners` stands for corners and bary)."""
    return Fragments(
        face_id=aligned_empty((layers, height, width), np.int32),
        corners=aligned_empty((layers, 3, height, width), np.int32) if corners else None,
        bary=aligned_empty((layers, 3, height, width), np.float32) if corners else None,
        position=aligned_empty((layers, 3, height, width), np.float32) if positions else None,
        inverse_depth=aligned_empty((layers, height, width), np.float32),
        slope=aligned_empty((2, height, width), np.float32) if slopes else None,
    )


def read_only(array: np.ndarray, dtype) -> np.ndarray:
    """Contiguous and of one type and mutability, so that each kernel is compiled once (JAX hands out read-only views)."""
    array = np.ascontiguousarray(array, dtype).view()
    array.flags.writeable = False
    return array
