"""Where the fragments of a rigid shape are on the screen: all that a fit of its pose or camera to silhouettes needs.

A fragment sampled at pixel centre (x, y) is, in homogeneous object space, a fixed matrix (camera.pixel_to_object) times
u = (x, y, 1, 1/w), so that no position need be stored. Another pose or camera sees it at (m0.u, m1.u) / m2.u, with a
3 x 4 matrix m that is the identity where nothing has moved. The derivative with respect to m is written out, since its
transpose is but twelve sums over the image.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from kernels.linear import linear_map
from kernels.planes import stored
from kernels.types import Plane, Planes


@jax.custom_jvp
def rigid_planes(matrix: Any, inverse_depth: Plane) -> Planes:
    """matrix (3, 4) and the sampled 1/w (H, W) -> planes x, y (pixels) and 1/w; 0 where empty.

    Differentiable in `matrix`, once; inverse_depth is a sample.
    """
    return _seen(matrix, inverse_depth)[:3]


@rigid_planes.defjvp
def _rigid_planes_jvp(primals: Any, tangents: Any) -> tuple[Planes, Planes]:
    return rigid_planes(*primals), linear_map(_spread, _collect, primals, tangents[0])


def _centres(plane: Plane) -> tuple[Any, Any]:
    """x (1, W) and y (H, 1) of the pixel centres."""
    height, width = plane.shape
    return jnp.arange(width, dtype=plane.dtype)[None, :] + 0.5, jnp.arange(height, dtype=plane.dtype)[:, None] + 0.5


def _times(matrix: Any, inverse_depth: Plane) -> Planes:
    x, y = _centres(inverse_depth)
    return tuple(row[0] * x + row[1] * y + row[2] + row[3] * inverse_depth for row in matrix)


def _seen(matrix: Any, inverse_depth: Plane) -> tuple[Plane, Plane, Plane, Plane]:
    """x, y, the new 1/w, and how much it is of the sampled one."""
    x, y, w = _times(matrix, inverse_depth)
    seen = inverse_depth > 0
    share = jnp.where(seen, 1.0 / jnp.where(seen, w, 1.0), 0.0)
    return x * share, y * share, inverse_depth * share, share


def _spread(residuals: Any, change: Any) -> Planes:
    x, y, q, share = _seen(*residuals)
    dx, dy, dw = _times(change, residuals[1])
    return (dx - x * dw) * share, (dy - y * dw) * share, -q * dw * share


def _collect(residuals: Any, cotangents: Planes) -> Any:
    """The transpose of _spread. Sums are products with few columns: XLA:CPU's own reductions take twice as long."""
    x, y, q, share = _seen(*residuals)
    gx, gy, gq = cotangents
    across, down = _centres(q)
    right = jnp.concatenate([jnp.ones_like(across), across]).T
    left = jnp.concatenate([jnp.ones_like(down), down], axis=1).T
    times = functools.partial(jnp.matmul, precision="highest")
    rows = []
    for plane in stored((gx * share, gy * share, -(gx * x + gy * y + gq * q) * share)):
        sums = times(left, times(plane, right))
        deep = jnp.sum(times(stored(plane * residuals[1]), jnp.ones_like(across).T))
        rows.append(jnp.stack([sums[0, 1], sums[1, 0], sums[0, 0], deep]))
    return jnp.stack(rows)
