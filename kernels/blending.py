"""Blending neighbouring pixels by pairs: what analytic antialiasing does to an image, and its derivative by the weights.

Of a pair, pixel 0 receives alpha (c1 - c0) where alpha > 0, else pixel 1 does: a bright pixel that an edge covers to 0.3
keeps 0.8 of the difference, one covered to 0.8 gives 0.3 of it away. Planes are (height, width); a pair lies at pixel 0.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from kernels.linear import instantiate, linear_map
from kernels.micro_edges import AXES
from kernels.planes import padded, read, shifted, stored
from kernels.types import Planes


@jax.custom_jvp
def blend_pairs(image: Planes, alpha: Planes) -> Planes:
    """Planes and two weights (pairs along x, pairs along y) -> blended planes; differentiable in both."""
    return _blend(image, alpha, image)


@functools.partial(blend_pairs.defjvp, symbolic_zeros=True)
def _blend_jvp(primals: Any, tangents: Any) -> tuple[Planes, Planes]:
    image, alpha = (tuple(p) for p in primals)
    changes = tuple(tuple(instantiate(t)) for t in tangents)
    return _blend(image, alpha, image), linear_map(_spread, _collect, (image, alpha), changes)


def _blend(image: Planes, alpha: Planes, base: Planes, owner: Planes | None = None) -> Planes:
    """base + what the pairs of `alpha` bring of `image`; owner: the weights whose sign says who receives."""
    owner = alpha if owner is None else owner
    out = []
    for plane, start in zip(image, base):
        frame, total = padded(plane), start
        for weight, sign, (dy, dx) in zip(alpha, owner, AXES):
            moved = padded(stored(weight * (read(frame, dy, dx) - plane)) * jnp.where(sign > 0, 0.0, 1.0))
            total = total + jnp.where(sign > 0, weight * (read(frame, dy, dx) - plane), 0.0) + read(moved, -dy, -dx)
        out.append(total)
    return stored(tuple(out))


def _spread(residuals: Any, operands: Any) -> Planes:
    image, alpha = residuals
    d_image, d_alpha = operands
    from_image = _blend(d_image, alpha, d_image)
    return _blend(image, d_alpha, from_image, owner=alpha)


def _collect(residuals: Any, cotangents: Planes) -> Any:
    """The transpose of _spread."""
    image, alpha = residuals
    d_image, d_alpha = [], [jnp.zeros_like(plane) for plane in alpha]
    for plane, g in zip(image, stored(tuple(cotangents))):
        frame, back, total = padded(plane), padded(g), g
        for axis, (weight, (dy, dx)) in enumerate(zip(alpha, AXES)):
            received = stored(jnp.where(weight > 0, g, read(back, dy, dx)))
            d_alpha[axis] = d_alpha[axis] + (read(frame, dy, dx) - plane) * received
            given = stored(weight * received)
            total = total + shifted(given, -dy, -dx) - given
        d_image.append(total)
    return stored(tuple(d_image)), stored(tuple(d_alpha))
