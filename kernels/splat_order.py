"""Which surface a splat and its target pixel share: the choice between S+, S0 and S- (Cole et al. 2021, Sec. 3.3.2).

Depths are compared as 1/w, which is affine in the depth buffer's z; empty is 0, the farthest value, inside the image
and beyond its border alike. Host side; K layers, nearest first.
"""

from __future__ import annotations

import numpy as np
from numba import int8

from kernels.jit import kernel
from kernels.raster import workers
from kernels.raster.arrays import aligned_empty, read_only


@kernel
def _two_layers(source_front, source_back, target_front, target_back, out):
    """Surface indices of one stretch of a row for two layers: contiguous rows and no branches, so that it vectorises."""
    for i in range(out.shape[0]):
        fronts = abs(source_front[i] - target_front[i])
        behind = abs(source_back[i] - target_front[i])
        nearest = min(fronts, behind)
        other = min(fronts, abs(target_back[i] - source_front[i]))
        out[i] = int8(-1) if other < nearest else (int8(1) if behind < fronts else int8(0))


@kernel
def _any_layers(source, target, out):
    """Surface indices of one stretch of a row; source, target: (K, n). The first least distance wins a tie."""
    for i in range(out.shape[0]):
        nearest = abs(source[0, i] - target[0, i])
        other, at, other_at = nearest, 0, 0
        for layer in range(1, source.shape[0]):
            distance = abs(source[layer, i] - target[0, i])
            if distance < nearest:
                nearest, at = distance, layer
            distance = abs(target[layer, i] - source[0, i])
            if distance < other:
                other, other_at = distance, layer
        out[i] = -other_at if other < nearest else at


@kernel
def _stretch(source, source_row, source_start, target, row, start, out):
    """Fill out (n,) from n pixels of `source` (K, H, W) at source_row, source_start and of `target` at row, start."""
    stop, source_stop = start + out.shape[0], source_start + out.shape[0]
    if target.shape[0] == 2:
        _two_layers(
            source[0, source_row, source_start:source_stop],
            source[1, source_row, source_start:source_stop],
            target[0, row, start:stop],
            target[1, row, start:stop],
            out,
        )
    else:
        _any_layers(source[:, source_row, source_start:source_stop], target[:, row, start:stop], out)


@kernel
def _index_rows(inverse_depth, outside, out, first_row, last_row):
    """Fill rows of out (8, H, W); outside: (K, 1, W) zeros, what lies beyond the border."""
    _, height, width = inverse_depth.shape
    for row in range(first_row, last_row):
        for tap in range(8):
            place = tap if tap < 4 else tap + 1
            source_row, dx = row - (place // 3 - 1), place % 3 - 1
            if source_row < 0 or source_row >= height:
                _stretch(outside, 0, 0, inverse_depth, row, 0, out[tap, row])
                continue
            start, stop = max(0, dx), width + min(0, dx)
            _stretch(inverse_depth, source_row, start - dx, inverse_depth, row, start, out[tap, row, start:stop])
            if dx != 0:
                edge = 0 if dx > 0 else width - 1
                _stretch(outside, 0, 0, inverse_depth, row, edge, out[tap, row, edge : edge + 1])


def surface_indices(inverse_depth: np.ndarray) -> np.ndarray:
    """1/w of K layers (K, H, W) float32 -> (8, H, W) int8, one plane for each of splatting.OUTER_TAPS.

    Entry (tap, y, x) = s means that layer s of the splat at (y, x) - tap is the surface that (y, x) sees, or, where
    negative, that the splat's front surface is layer -s of (y, x). A splat of layer k is in front for k < s, on the
    surface for k = s, behind for k > s.
    """
    inverse_depth = read_only(inverse_depth, np.float32)
    layers, height, width = inverse_depth.shape
    outside = read_only(np.zeros((layers, 1, width), np.float32), np.float32)
    out = aligned_empty((8, height, width), np.int8)

    def work(worker: int, start: int, stop: int) -> None:
        _index_rows(inverse_depth, outside, out, start, stop)

    workers.share(work, height, max(1, 16_384 // width), workers.default_workers())
    return out
