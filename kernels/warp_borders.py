"""The borders of pixels that silhouettes leave them by: which there are, and rays along each with what they stand for.

Border b < H (W + 1) lies left of pixel column b % (W + 1) in row b // (W + 1); the others, by rows of W, lie above theirs.
Neighbouring pixels share a border and so its rays: what leaves one enters the other, exactly.
"""

from __future__ import annotations

import functools

import numpy as np

from kernels.warp_rays import RayPoints, RayTracer

JITTER = 0.3
"""How far the rays between a border's ends leave their regular places, in units of their spacing."""
STEEP = 3.0
"""Neighbouring rays that both hit see two surfaces, perhaps, where depths differ by more pixels than this."""
HALVINGS = 6
"""Of the gap between two rays, to find where one surface ends: to a 200th of a pixel with four rays a border."""


def border_count(height: int, width: int) -> int:
    return height * (width + 1) + (height + 1) * width


def borders_of(pixels: np.ndarray, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """(n,) int64 borders of these pixels (row * W + column), each once, and (4, P) int32: each pixel's left, right, top
    and bottom one, as places in that list."""
    row, column = pixels // width, pixels % width
    upright, flat = row * (width + 1) + column, height * (width + 1) + row * width + column
    around = np.stack([upright, upright + 1, flat, flat + width])
    present = np.zeros(border_count(height, width), np.bool_)
    present[around] = True
    place = np.cumsum(present, dtype=np.int32) - 1
    return np.flatnonzero(present), place[around].astype(np.int32)


def border_rays(
    tracer: RayTracer, borders: np.ndarray, height: int, width: int, each: int, pixel: float, seed: int
) -> tuple[np.ndarray, np.ndarray, RayPoints]:
    """(n, E, 2) positions along each border, its two ends included, (n, E) float32 what part of it each stands for, and
    the quadrature points of all of them.

    A ray stands for what lies half-way to its neighbours; where one of two hits and the other misses, or another
    surface, the place between them where that changes is searched for. pixel: its size at depth 1, object units.
    """
    start, axis = _places(borders, height, width)
    along = _along(border_count(height, width), each, seed)[borders]
    u = np.repeat(start[:, None], each, axis=1)
    u[np.arange(len(u)), :, axis] += along
    found = tracer.points(u.reshape(-1, 2), False)
    depth = found.depth.reshape(len(u), each).astype(np.float64)
    ends = 0.5 * (along[:, 1:] + along[:, :-1])
    near, far = np.minimum(depth[:, 1:], depth[:, :-1]), np.maximum(depth[:, 1:], depth[:, :-1])
    which, gap = np.nonzero(np.where(near > 0, far - near > STEEP * pixel * near, far > 0))
    low, high, at = along[which, gap], along[which, gap + 1], depth[which, gap]
    beyond = depth[which, gap + 1]
    for _ in range(HALVINGS if len(which) else 0):
        middle, u_middle = 0.5 * (low + high), start[which]
        u_middle[np.arange(len(which)), axis[which]] += middle
        there = tracer.hits(u_middle, True)[0].astype(np.float64)
        like_low = _like(there, at, beyond)
        low, high = np.where(like_low, middle, low), np.where(like_low, high, middle)
        at, beyond = np.where(like_low, there, at), np.where(like_low, beyond, there)
    ends[which, gap] = 0.5 * (low + high)
    edges = np.concatenate([np.zeros((len(u), 1)), ends, np.ones((len(u), 1))], axis=1)
    return u, np.diff(edges, axis=1).astype(np.float32), found


def _like(depth: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Whether a depth is nearer to `one` than to `other`, 0 (a miss) being nearest to a miss."""
    missed = (one == 0) | (other == 0)
    return np.where(missed, (depth == 0) == (one == 0), np.abs(depth - one) <= np.abs(depth - other))


def _places(borders: np.ndarray, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) pixel positions where borders begin, and the axis (0: x, 1: y) each runs along."""
    upright = borders < height * (width + 1)
    rest = borders - height * (width + 1)
    x = np.where(upright, borders % (width + 1), rest % width)
    y = np.where(upright, borders // (width + 1), rest // width)
    return np.stack([x, y], axis=-1).astype(np.float64), upright.astype(np.int64)


@functools.lru_cache(maxsize=8)
def _along(count: int, each: int, seed: int) -> np.ndarray:
    """(count, each) places from 0 to 1, both ends included, jittered between. Seeded; the same in every step."""
    places = np.broadcast_to(np.arange(each, dtype=np.float64), (count, each)).copy()
    places[:, 1:-1] += JITTER * (2 * np.random.default_rng(seed).random((count, each - 2)) - 1)
    return places / (each - 1)
