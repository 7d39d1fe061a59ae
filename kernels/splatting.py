"""Depth-aware splatting of layered samples onto their own pixels (Cole et al. 2021, Rasterize-then-splat, Sec. 3.3).

Every sample sits on a pixel centre, so in value a splat is a fixed 3x3 filter; what its motion d (pixels) does to the
weights is their derivative there, w_o' = w_o (o . d) / sigma^2 (eq. 1, with W_p stationary). A splat goes into one of
three buffers of its target pixel: S+ in front of the surface seen there, S0 on it, S- behind it. "Tap" is the offset o
from a splat to the pixel it reaches, as (dy, dx); planes are (height, width).
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from kernels.linear import instantiate, is_zero, linear_map
from kernels.planes import padded, read, stored
from kernels.types import Plane, Planes

TAPS = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1))
OUTER_TAPS = tuple(tap for tap in TAPS if tap != (0, 0))
FRONT, SAME, BACK = 0, 1, 2


class Weights(NamedTuple):
    """Scalars: the three values of a tap's weight, and how strongly motion changes it (1/sigma^2, or compensated)."""

    centre: Any
    edge: Any
    corner: Any
    response: Any

    def tap(self, dy: int, dx: int) -> Any:
        return (self.centre, self.edge, self.corner)[abs(dy) + abs(dx)]


def splat_weights(sigma: Any, eps: Any, compensate: bool) -> Weights:
    """Weights of eq. 1; sigma in pixels. With 0.5 and 0.05: 0.65031 centre, 0.08801 edge, 0.01191 corner.

    An axis-aligned edge that moves by one pixel changes the paper's image by only 2 (1 + eps) a1 / sigma^2 (0.895 of
    what it should, at the defaults; a1 is the side weight of the 1-D kernel). `compensate` divides that out.
    """
    side = jnp.exp(-0.5 / (sigma * sigma))
    a0 = 1.0 / (1.0 + 2.0 * side)
    a1 = side * a0
    full = 1.0 + eps
    response = 1.0 / (sigma * sigma)
    if compensate:
        response = 1.0 / jnp.maximum(2.0 * full * a1, 1e-6)
    return Weights(full * a0 * a0, full * a0 * a1, full * a1 * a1, response)


def splat(layers: tuple[Planes, ...], motion: tuple[Planes, ...], surface: Planes, weights: Weights) -> Any:
    """Accumulate splats.

    layers: per layer, planes to splat, 0 where empty, the last one the splat's own weight (1 where covered).
    motion: per layer (dx, dy), zero in value. surface: per outer tap the surface index of kernels/splat_order.py, ()
    for one layer. Returns per buffer (S+, S0, S-; only S0 for one layer) as many planes as a layer has, not normalised.
    """
    weights = jax.lax.stop_gradient(weights)
    return _splat(layers, motion, surface, weights)


@jax.custom_jvp
def _splat(layers: Any, motion: Any, surface: Any, weights: Weights) -> Any:
    return _accumulate(tuple(_frames(planes) for planes in layers), (), surface, weights)


@functools.partial(_splat.defjvp, symbolic_zeros=True)
def _splat_jvp(primals: Any, tangents: Any) -> Any:
    layers, motion, surface, weights = primals
    d_layers, d_motion, _, _ = tangents
    out = _splat(layers, motion, surface, weights)
    moving = tuple(tuple(not is_zero(t) for t in planes) for planes in d_layers)
    changes = tuple(tuple(t for t in planes if not is_zero(t)) for planes in d_layers)
    shifts = any(not is_zero(t) for pair in d_motion for t in pair)
    operands = (changes, instantiate(d_motion) if shifts else ())
    if not jax.tree.leaves(operands):
        return out, jax.tree.map(jnp.zeros_like, out)
    forward = functools.partial(_spread, moving=moving)
    backward = functools.partial(_collect, moving=moving, shifts=shifts)
    return out, linear_map(forward, backward, (layers, surface, weights), operands)


def _frames(planes: Planes) -> Any:
    """C planes -> (C, H + 2, W + 2), padded: one loop over all channels shares the choice of buffers."""
    return padded(jnp.stack(planes))


def _spread(residuals: Any, operands: Any, *, moving: Any) -> Any:
    """Tangents of the planes and of the motion -> tangents of the buffers."""
    layers, surface, weights = residuals
    changes, d_motion = operands
    values, drifts = [], []
    for k, flags in enumerate(moving):
        if any(map(any, moving)):
            waiting = list(changes[k])
            filled = (waiting.pop(0) if flag else jnp.zeros_like(p) for flag, p in zip(flags, layers[k]))
            values.append(_frames(tuple(filled)))
        if d_motion:
            along = (weights.response * d for d in d_motion[k])
            drifts.append(tuple(_frames(tuple(d * plane for plane in layers[k])) for d in along))
    return _accumulate(tuple(values), tuple(drifts), surface, weights)


def _accumulate(values: Any, drifts: Any, surface: Planes, weights: Weights) -> Any:
    """Sum the taps of every layer into buffers of planes; values: frames a layer, drifts: (x, y) frames a layer."""
    count = max(len(values), len(drifts))
    buffers = []
    for buffer in (FRONT, SAME, BACK) if count > 1 else (SAME,):
        total: Any = 0.0
        for dy, dx in TAPS:
            for k in range(count):
                belongs = _belongs(surface, k, dy, dx, buffer, count)
                reached = None if belongs is False else _reached(values, drifts, k, dy, dx)
                if reached is not None:
                    total = total + weights.tap(dy, dx) * (
                        reached if belongs is True else jnp.where(belongs, reached, 0.0)
                    )
        buffers.append(stored(total))
    return tuple(tuple(stack[c] for c in range(stack.shape[0])) for stack in buffers)


def _reached(values: Any, drifts: Any, k: int, dy: int, dx: int) -> Any:
    """What layer k's splats at tap (dy, dx) away bring to each pixel, before weighting; None for nothing."""
    total = read(values[k], -dy, -dx) if values else None
    for frame, step in zip(drifts[k] if drifts else (), (dx, dy)):
        if step:
            part = step * read(frame, -dy, -dx)
            total = part if total is None else total + part
    return total


def _belongs(surface: Planes, k: int, dy: int, dx: int, buffer: int, layers: int) -> Any:
    """Where layer k's splat from this tap goes to `buffer`: a plane, or True or False where that is known."""
    if layers == 1:
        return True
    if (dy, dx) == (0, 0):
        return buffer == (SAME if k == 0 else BACK)
    if buffer == FRONT and k == layers - 1:
        return False  # the surface index is at most layers - 1
    index = surface[OUTER_TAPS.index((dy, dx))]
    return (index > k, index == k, index < k)[buffer]


def _collect(residuals: Any, cotangents: Any, *, moving: Any, shifts: bool) -> Any:
    """The transpose of _spread."""
    layers, surface, weights = residuals
    frames = tuple(_frames(planes) for planes in cotangents)
    indices = tuple(padded(plane) for plane in surface)
    changes, motion = [], []
    for k, flags in enumerate(moving):
        value, across, down = _pull(frames, indices, weights, k, len(moving))
        changes.append(tuple(stored(value)[c] for c, flag in enumerate(flags) if flag))
        if shifts:
            sides = (stored(across), stored(down))
            sums = (sum(side[c] * plane for c, plane in enumerate(layers[k])) for side in sides)
            motion.append(tuple(stored(weights.response * total) for total in sums))
    return tuple(changes), tuple(motion)


def _pull(frames: Any, indices: Any, weights: Weights, k: int, layers: int) -> tuple[Any, Any, Any]:
    """Cotangents of layer k's values and of their drift in x and y, from the frames of the buffers' cotangents."""
    value: Any = 0.0
    across: Any = 0.0
    down: Any = 0.0
    for dy, dx in TAPS:
        if layers == 1:
            g = read(frames[0], dy, dx)
        elif (dy, dx) == (0, 0):
            g = read(frames[SAME if k == 0 else BACK], dy, dx)
        else:
            index = read(indices[OUTER_TAPS.index((dy, dx))], dy, dx)
            front, same, back = (read(frame, dy, dx) for frame in frames)
            g = jnp.where(index < k, back, same) if k == layers - 1 else _choose(index, k, front, same, back)
        g = weights.tap(dy, dx) * g
        value = value + g
        across = across + dx * g if dx else across
        down = down + dy * g if dy else down
    return value, across, down


def _choose(index: Plane, k: int, front: Plane, same: Plane, back: Plane) -> Plane:
    return jnp.where(index == k, same, jnp.where(index > k, front, back))


def normalise(planes: Planes) -> Planes:
    """A buffer over max(sum of weights - 1, 0) + 1 (eq. 3); the last plane becomes its alpha."""
    scale = 1.0 / (jnp.maximum(planes[-1] - 1.0, 0.0) + 1.0)
    return tuple(plane * scale for plane in planes)
