"""Shapes of few numbers evaluated on a lattice: a swept sphere, and a union of spheres (Cole et al. 2021, Fig. 9).

Each is a distance at points (planes x, y, z of any shape), negative inside; the ring and the spheres' centres lie in the
plane y = 0. Traced or not: JAX functions, differentiable in the parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from kernels.types import Plane, Planes, Values

LatticeField = Callable[[Values, Planes], Plane]

TINY = 1e-12
"""Least squared length under a root: its derivative stays finite where a point meets a centre."""


def swept_sphere(values: Values, points: Planes) -> Plane:
    """A sphere of radius "sweep.radius" swept along a circle of radius "sweep.ring"; a ball where that is 0."""
    x, y, z = points
    out = _length(x, z) - values["sweep.ring"]
    return _length(out, y) - values["sweep.radius"]


def sphere_union(values: Values, points: Planes) -> Plane:
    """The nearest of n spheres: "spheres.centres" (n, 2), x and z, and "spheres.radii" (n,).

    Which one is nearest is not differentiated, nor need it be: at a tie either sphere's derivative is one of the union's.
    """
    centres, radii = jnp.asarray(values["spheres.centres"]), jnp.asarray(values["spheres.radii"])
    x, y, z = points
    nearest = jax.lax.stop_gradient(_nearest(centres, radii, x, y, z))
    dx, dz = x - centres[nearest, 0], z - centres[nearest, 1]
    return jnp.sqrt(dx * dx + y * y + dz * dz + TINY) - radii[nearest]


def _nearest(centres: Any, radii: Any, x: Any, y: Any, z: Any) -> Any:
    """The index of the sphere of least distance at each point; a loop over spheres, points side by side."""
    centres, radii = jax.lax.stop_gradient(centres), jax.lax.stop_gradient(radii)

    def closer(i: Any, best: Any) -> Any:
        distance, index = best
        dx, dz = x - centres[i, 0], z - centres[i, 1]
        found = jnp.sqrt(dx * dx + y * y + dz * dz) - radii[i]
        return jnp.minimum(distance, found), jnp.where(found < distance, i, index)

    start = (jnp.full(jnp.shape(x), jnp.inf, jnp.result_type(x)), jnp.zeros(jnp.shape(x), jnp.int32))
    return jax.lax.fori_loop(0, radii.shape[0], closer, start)[1]


def _length(a: Any, b: Any) -> Any:
    return jnp.sqrt(a * a + b * b + TINY)
