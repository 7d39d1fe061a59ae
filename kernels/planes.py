"""Planes inside jit: storing one, and reading one at a neighbour's place. Planes are (height, width), x right, y down.

XLA:CPU fuses elementwise code into each of its readers and so computes it again for each; a chain of such readers costs
many times its work, in compiling too. `optimization_barrier` does not stop that (it is gone before fusion runs), but a
division does: XLA does not duplicate expensive operations.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernels.types import Plane


def stored(planes: Any) -> Any:
    """The same planes (any pytree of floating arrays), computed once and kept; so are their tangents and cotangents.

    Divides by ones that the barrier hides from XLA's simplifier: exact, and a few microseconds a plane.
    """
    return jax.tree.map(lambda plane: plane / jax.lax.optimization_barrier(jnp.ones_like(plane)), planes)


def padded(plane: Plane) -> Any:
    """(..., H, W) -> (..., H + 2, W + 2) with a border of zeros, stored.

    The plane itself is stored before (its corner is read, too, for a zero that XLA does not see through): computed
    inside the pad, under the test of bounds, it would not be vectorised.
    """
    border = ((0, 0),) * (plane.ndim - 2) + ((1, 1), (1, 1))
    if not jnp.issubdtype(plane.dtype, jnp.floating):
        return jax.lax.optimization_barrier(jnp.pad(plane, border))
    plane = stored(plane)
    zero = jnp.minimum(jnp.abs(plane[..., :1, :1]), 0.0)
    return stored(jnp.pad(plane, border) + zero)


def read(frame: Any, dy: int, dx: int) -> Plane:
    """What is inside a `padded` frame (..., H + 2, W + 2), read at (y + dy, x + dx); dy, dx in -1, 0, 1."""
    height, width = frame.shape[-2] - 2, frame.shape[-1] - 2
    return frame[..., 1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]


def shifted(plane: Plane, dy: int, dx: int) -> Plane:
    """A stored plane read once at (y + dy, x + dx), 0 outside.

    A pad that is read once is computed inside its reader, where the test of bounds keeps the whole loop from being
    vectorised. Reading the frame's corner too, which is 0, makes XLA store the frame.
    """
    frame = jax.lax.optimization_barrier(jnp.pad(plane, 1))
    return read(frame, dy, dx) + frame[..., 0, 0]


def displacement(plane: Plane) -> Plane:
    """Zero in value, with the derivative of `plane`."""
    return plane - jax.lax.stop_gradient(plane)
