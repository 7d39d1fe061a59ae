"""Planes inside jit: storing one, and reading one at a neighbour's place. Planes are (height, width), x right, y down.

XLA:CPU fuses elementwise code into each of its readers and so computes it again for each; a chain of such readers costs
many times its work, in compiling too. `optimization_barrier` does not stop that (it is gone before fusion runs), but a
division does: XLA does not duplicate expensive operations. These helpers are called a hundred times a trace, so they
speak to lax: the same through jnp takes twice as long to trace.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from kernels.types import Plane


def stored(planes: Any) -> Any:
    """The same planes (any pytree of floating arrays), computed once and kept; so are their tangents and cotangents.

    Divides by ones that the barrier hides from XLA's simplifier: exact, and a few microseconds a plane.
    """
    one = lambda plane: lax.optimization_barrier(lax.full(plane.shape, 1, plane.dtype))
    return jax.tree.map(lambda plane: lax.div(plane, one(plane)), planes)


def padded(plane: Plane) -> Any:
    """(..., H, W) -> (..., H + 2, W + 2) with a border of zeros, stored.

    The plane itself is stored before (its corner is read, too, for a zero that XLA does not see through): computed
    inside the pad, under the test of bounds, it would not be vectorised.
    """
    if not jnp.issubdtype(plane.dtype, jnp.floating):
        return lax.optimization_barrier(_framed(plane))
    plane = stored(plane)
    corner = lax.slice(plane, (0,) * plane.ndim, (*plane.shape[:-2], 1, 1))
    frame = _framed(plane)
    zero = lax.min(lax.abs(corner), lax.full(corner.shape, 0, plane.dtype))
    return stored(lax.add(frame, lax.broadcast_in_dim(zero, frame.shape, tuple(range(frame.ndim)))))


def _framed(plane: Any) -> Any:
    """(..., H, W) -> (..., H + 2, W + 2), zeros around."""
    border = ((0, 0, 0),) * (plane.ndim - 2) + ((1, 1, 0), (1, 1, 0))
    return lax.pad(plane, np.zeros((), plane.dtype), border)


def read(frame: Any, dy: int, dx: int) -> Plane:
    """What is inside a `padded` frame (..., H + 2, W + 2), read at (y + dy, x + dx); dy, dx in -1, 0, 1."""
    height, width = frame.shape[-2] - 2, frame.shape[-1] - 2
    outer = frame.shape[:-2]
    start = (*(0 for _ in outer), 1 + dy, 1 + dx)
    return lax.slice(frame, start, (*outer, 1 + dy + height, 1 + dx + width))


def shifted(plane: Plane, dy: int, dx: int) -> Plane:
    """A stored plane read once at (y + dy, x + dx), 0 outside.

    A pad that is read once is computed inside its reader, where the test of bounds keeps the whole loop from being
    vectorised. Reading the frame's corner too, which is 0, makes XLA store the frame.
    """
    frame = lax.optimization_barrier(_framed(plane))
    return read(frame, dy, dx) + frame[..., 0, 0]


def displacement(plane: Plane) -> Plane:
    """Zero in value, with the derivative of `plane`."""
    return plane - lax.stop_gradient(plane)
