"""Which surface a splat and its target pixel share: the choice between S+, S0 and S- (Cole et al. 2021, Sec. 3.3.2).

Depths are compared as 1/w, which is affine in the depth buffer's z; empty is 0, the farthest value, inside the image
and beyond its border alike. Host side; K layers, nearest first.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from kernels.raster import workers
from kernels.raster.arrays import aligned_empty, read_only


@njit(nogil=True, cache=True, error_model="numpy")
def _index_rows(inverse_depth, out, first_row, last_row):
    layers, height, width = inverse_depth.shape
    zero = inverse_depth.dtype.type(0)
    for row in range(first_row, last_row):
        for tap in range(8):
            place = tap if tap < 4 else tap + 1
            source_row, dx = row - (place // 3 - 1), place % 3 - 1
            row_inside = 0 <= source_row < height
            for column in range(width):
                source = column - dx
                inside = row_inside and 0 <= source < width
                target_front = inverse_depth[0, row, column]
                source_front = inverse_depth[0, source_row, source] if inside else zero
                nearest = abs(source_front - target_front)
                other, at, other_at = nearest, 0, 0
                for layer in range(1, layers):
                    value = inverse_depth[layer, source_row, source] if inside else zero
                    distance = abs(value - target_front)
                    if distance < nearest:
                        nearest, at = distance, layer
                    distance = abs(inverse_depth[layer, row, column] - source_front)
                    if distance < other:
                        other, other_at = distance, layer
                out[tap, row, column] = -other_at if other < nearest else at


def surface_indices(inverse_depth: np.ndarray) -> np.ndarray:
    """1/w of K layers (K, H, W) float32 -> (8, H, W) int8, one plane for each of splatting.OUTER_TAPS.

    Entry (tap, y, x) = s means that layer s of the splat at (y, x) - tap is the surface that (y, x) sees, or, where
    negative, that the splat's front surface is layer -s of (y, x). A splat of layer k is in front for k < s, on the
    surface for k = s, behind for k > s.
    """
    inverse_depth = read_only(inverse_depth, np.float32)
    _, height, width = inverse_depth.shape
    out = aligned_empty((8, height, width), np.int8)
    parts = max(1, min(workers.default_workers(), height * width // 16_384))

    def task(part: int) -> None:
        _index_rows(inverse_depth, out, height * part // parts, height * (part + 1) // parts)

    workers.run(task, parts)
    return out
