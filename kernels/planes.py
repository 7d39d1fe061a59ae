"""Reading a plane at a neighbour's place. Convention: planes (height, width), x right, y down, 0 outside.

A barrier after each pad makes XLA:CPU store the padded plane once; fused into its readers it would be recomputed, with
a bounds test, at every tap.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernels.types import Plane


def padded(plane: Plane) -> Any:
    """(H, W) -> (H + 2, W + 2) with a border of zeros, stored."""
    return jax.lax.optimization_barrier(jnp.pad(plane, 1))


def read(frame: Any, dy: int, dx: int) -> Plane:
    """The plane inside a `padded` frame, read at (y + dy, x + dx); dy, dx in -1, 0, 1."""
    height, width = frame.shape[0] - 2, frame.shape[1] - 2
    return frame[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]


def stored(planes: Any) -> Any:
    """The same planes, computed once and kept: readers do not recompute them."""
    return jax.lax.optimization_barrier(planes)


def displacement(plane: Plane) -> Plane:
    """Zero in value, with the derivative of `plane`."""
    return plane - jax.lax.stop_gradient(plane)
