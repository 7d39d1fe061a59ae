"""The slow twin of kernels/field_trace.py: float64 NumPy, even steps along every ray, bisection where the sign changes.

Same conventions; it sees no surface that a ray enters and leaves within one step.
"""

from __future__ import annotations

import numpy as np

from kernels.field import ObjectRays


def trilinear(values: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Grid values at grid coordinates (..., 3), nodes at integers, clamped to the box."""
    last = np.array(values.shape) - 1
    place = np.clip(place, 0, last)
    low = np.minimum(place.astype(int), last - 1)
    fraction = place - low
    total = np.zeros(place.shape[:-1])
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(corner, fraction, 1.0 - fraction), axis=-1)
        total += weight * values[tuple(np.moveaxis(low + corner, -1, 0))]
    return total


def trace_reference(
    values: np.ndarray, origin: np.ndarray, spacing: np.ndarray, rays: ObjectRays, height: int, width: int, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """(world distance of the first zero along each ray, 0 for a miss; least |value| along it): (H, W) float64.

    steps: how many even steps a ray makes from its entry into the box to its exit.
    """
    y, x = np.mgrid[:height, :width] + 0.5
    direction = np.stack([x, y, np.ones_like(x)], axis=-1) @ rays.matrix.T
    depth = np.linalg.norm(direction, axis=-1, keepdims=True)
    direction /= depth
    far = origin + spacing * (np.array(values.shape) - 1)
    with np.errstate(divide="ignore"):
        sides = np.stack([(origin - rays.origin) / direction, (far - rays.origin) / direction])
    enter = np.maximum(sides.min(axis=0).max(axis=-1), rays.near * depth[..., 0])
    leave = sides.max(axis=0).min(axis=-1)
    inside_box = enter < leave
    field = lambda t: trilinear(values, (rays.origin + t[..., None] * direction - origin) / spacing)
    found = np.zeros((height, width))
    previous, before = enter, field(enter)
    least = np.where(inside_box, np.abs(before), np.inf)
    for step in range(1, steps + 1):
        t = enter + (leave - enter) * step / steps
        now = field(t)
        crossed = inside_box & (found == 0) & ((now < 0) != (before < 0))
        if crossed.any():
            found[crossed] = _bisect(field, previous, t, before)[crossed]
        least = np.where(inside_box, np.minimum(least, np.abs(now)), np.inf)
        previous, before = t, now
    return found * rays.scale, least


def _bisect(field, low: np.ndarray, high: np.ndarray, at_low: np.ndarray) -> np.ndarray:
    for _ in range(40):
        middle = 0.5 * (low + high)
        same = (field(middle) < 0) == (at_low < 0)
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return 0.5 * (low + high)
