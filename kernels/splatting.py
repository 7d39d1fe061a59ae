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
    return _accumulate(tuple(tuple(padded(plane) for plane in planes) for planes in layers), None, surface, weights)


@functools.partial(_splat.defjvp, symbolic_zeros=True)
def _splat_jvp(primals: Any, tangents: Any) -> Any:
    layers, motion, surface, weights = primals
    d_layers, d_motion, _, _ = tangents
    out = _splat(layers, motion, surface, weights)
    moving = tuple(tuple(not is_zero(t) for t in planes) for planes in d_layers)
    changes = tuple(tuple(t for t in planes if not is_zero(t)) for planes in d_layers)
    shifts = any(not is_zero(t) for pair in d_motion for t in pair)
    operands = (changes, instantiate(d_motion) if shifts else ())
    residuals = (layers if shifts else (), surface, weights)
    if not jax.tree.leaves(operands):
        return out, jax.tree.map(jnp.zeros_like, out)
    count = len(layers[0])
    forward = functools.partial(_spread, moving=moving, count=count)
    return out, linear_map(forward, functools.partial(_collect, moving=moving), residuals, operands)


def _spread(residuals: Any, operands: Any, *, moving: Any, count: int) -> Any:
    """Tangents of the planes and of the motion -> tangents of the buffers."""
    layers, surface, weights = residuals
    changes, d_motion = operands
    values, drifts = [], []
    for k, flags in enumerate(moving):
        waiting = list(changes[k])
        values.append(tuple(padded(waiting.pop(0)) if flag else None for flag in flags))
        if d_motion:
            dx, dy = (weights.response * d for d in d_motion[k])
            drifts.append(tuple((padded(dx * plane), padded(dy * plane)) for plane in layers[k]))
        else:
            drifts.append((None,) * count)
    return _accumulate(tuple(values), tuple(drifts), surface, weights)


def _accumulate(values: Any, drifts: Any, surface: Planes, weights: Weights) -> Any:
    """Sum taps into the buffers. values, drifts: per layer and plane, frames (drifts as x, y pairs) or None."""
    many, count = len(values) > 1, len(values[0])
    buffers = []
    for buffer in (FRONT, SAME, BACK) if many else (SAME,):
        planes = []
        for c in range(count):
            total: Any = 0.0
            for dy, dx in TAPS:
                for k in range(len(values)):
                    reached = _reached(values[k][c], drifts[k][c] if drifts else None, dy, dx)
                    if reached is not None:
                        chosen = _in_buffer(surface, k, dy, dx, buffer, len(values), reached)
                        total = total if chosen is None else total + weights.tap(dy, dx) * chosen
            planes.append(jnp.zeros_like(read(_any_frame(values, drifts), 0, 0)) if isinstance(total, float) else total)
        buffers.append(tuple(planes))
    return stored(tuple(buffers))


def _any_frame(values: Any, drifts: Any) -> Any:
    return jax.tree.leaves((values, drifts))[0]


def _reached(value: Any, drift: Any, dy: int, dx: int) -> Any:
    """What the splats at tap (dy, dx) away bring to each pixel, before weighting."""
    total = None if value is None else read(value, -dy, -dx)
    for frame, step in zip(drift or (), (dx, dy)):
        if step:
            part = step * read(frame, -dy, -dx)
            total = part if total is None else total + part
    return total


def _in_buffer(surface: Planes, k: int, dy: int, dx: int, buffer: int, layers: int, plane: Plane) -> Plane | None:
    """`plane` where layer k's splat from this tap belongs to `buffer`, else 0; None where it never does."""
    if layers == 1:
        return plane
    if (dy, dx) == (0, 0):
        return plane if buffer == (SAME if k == 0 else BACK) else None
    index = surface[OUTER_TAPS.index((dy, dx))]
    if buffer == FRONT and k == layers - 1:
        return None  # the surface index is at most layers - 1
    belongs = (index > k, index == k, index < k)[buffer]
    return jnp.where(belongs, plane, 0.0)


def _collect(residuals: Any, cotangents: Any, *, moving: Any) -> Any:
    """The transpose of _spread."""
    layers, surface, weights = residuals
    many = len(moving) > 1
    frames = tuple(tuple(padded(g) for g in planes) for planes in cotangents)
    indices = tuple(padded(plane) for plane in surface)
    changes, shifts = [], []
    for k, flags in enumerate(moving):
        found, across, down = [], 0.0, 0.0
        for c, flag in enumerate(flags):
            here, gx, gy = _pull(tuple(planes[c] for planes in frames), indices, weights, k, many, flag, bool(layers))
            if flag:
                found.append(here)
            if layers:
                across = across + gx * layers[k][c]
                down = down + gy * layers[k][c]
        changes.append(tuple(found))
        if layers:
            shifts.append((weights.response * across, weights.response * down))
    return stored((tuple(changes), tuple(shifts)))


def _pull(frames: Any, indices: Any, weights: Weights, k: int, many: bool, value: bool, drift: bool) -> Any:
    """Cotangents of one plane's value and of its x and y drift, from the frames of the buffers' cotangents."""
    here: Any = 0.0
    across: Any = 0.0
    down: Any = 0.0
    for dy, dx in TAPS:
        centre = (dy, dx) == (0, 0)
        if centre and not value:
            continue
        if not many:
            g = read(frames[0], dy, dx)
        elif centre:
            g = read(frames[SAME if k == 0 else BACK], dy, dx)
        else:
            index = read(indices[OUTER_TAPS.index((dy, dx))], dy, dx)
            front, same, back = (read(frame, dy, dx) for frame in frames)
            g = jnp.where(index == k, same, jnp.where(index > k, front, back))
        g = weights.tap(dy, dx) * g
        here = here + g
        if dx:
            across = across + dx * g
        if dy:
            down = down + dy * g
    out = [p for p, wanted in ((here, value), (across, drift), (down, drift)) if wanted]
    out = list(stored(tuple(out)))
    return (out.pop(0) if value else None, *(out if drift else (None, None)))


def normalise(planes: Planes) -> Planes:
    """A buffer over max(sum of weights - 1, 0) + 1 (eq. 3); the last plane becomes its alpha."""
    scale = 1.0 / (jnp.maximum(planes[-1] - 1.0, 0.0) + 1.0)
    return tuple(plane * scale for plane in planes)
