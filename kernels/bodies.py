"""Analytic signed distances: spheres, boxes and tori, rounded, turned, and joined by a smooth union.

Convention: parameters are named after their body ("torus.radius", "box2.centre"), lengths are object units; see
kernels/body_parts.py. The union folds the bodies in their order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernels.body_parts import KINDS, SMOOTHING, Bodies, Body
from kernels.types import Plane, Planes, Values

COLUMNS = 17
"""Of a body's row in a table: kind, centre (3), rotation world from body (9, by rows), three lengths, rounding."""
TINY = 1e-12


def body_table(bodies: Bodies, rotations: np.ndarray, values: Values) -> tuple[np.ndarray, float]:
    """Host values -> (table (n, COLUMNS) float64, smoothing), what the compiled tracer reads. rotations: (n, 3, 3)."""
    table = np.zeros((len(bodies), COLUMNS))
    for row, body, rotation in zip(table, bodies, rotations):
        row[0] = KINDS.index(body.kind)
        row[1:4] = values[f"{body.name}.centre"]
        row[4:13] = np.asarray(rotation, np.float64).reshape(9)
        if body.kind == "sphere":
            row[13] = values[f"{body.name}.radius"]
        elif body.kind == "torus":
            row[13:15] = values[f"{body.name}.radius"], values[f"{body.name}.tube"]
        else:
            row[13:16], row[16] = values[f"{body.name}.size"], values[f"{body.name}.rounding"]
    return table, float(values[SMOOTHING]) if SMOOTHING in values else 0.0


def reach(table: np.ndarray) -> float:
    """A radius about the origin that holds every body (smooth unions only grow between bodies, by a sixth of k)."""
    kinds, lengths = table[:, 0], np.abs(table[:, 13:16])
    own = np.where(kinds == 0, lengths[:, 0], np.where(kinds == 1, np.linalg.norm(lengths, axis=1), lengths.sum(1)))
    return float(np.max(np.linalg.norm(table[:, 1:4], axis=1) + own))


def distance(bodies: Bodies, rotations: Any, values: Mapping[str, Any], point: Planes) -> Plane:
    """Traced: signed distance at object points (3 planes), differentiable in points and parameters."""
    found: Any = None
    for index, body in enumerate(bodies):
        own = _body_distance(body, rotations[index], values, point)
        found = own if found is None else _union(found, own, values[SMOOTHING])
    return found


def _body_distance(body: Body, rotation: Any, values: Mapping[str, Any], point: Planes) -> Plane:
    part = lambda name: values[f"{body.name}.{name}"]
    moved = tuple(point[i] - part("centre")[i] for i in range(3))
    if body.kind == "sphere":
        return _length(*moved) - part("radius")
    x, y, z = (sum(rotation[i, j] * moved[i] for i in range(3)) for j in range(3))  # R^T
    if body.kind == "torus":
        return _length(_length(x, y) - part("radius"), z) - part("tube")
    size, rounding = part("size"), part("rounding")
    qx, qy, qz = (jnp.abs(c) - (size[i] - rounding) for i, c in enumerate((x, y, z)))
    outside = _length(*(jnp.maximum(q, 0.0) for q in (qx, qy, qz)))
    return outside + jnp.minimum(jnp.maximum(qx, jnp.maximum(qy, qz)), 0.0) - rounding


def _length(*parts: Plane) -> Plane:
    """Guarded at zero, where a length has no gradient."""
    return jnp.sqrt(sum(p * p for p in parts) + TINY)


def _union(a: Plane, b: Plane, smoothing: Any) -> Plane:
    """Cubic smooth minimum: min(a, b) - k h^3 / 6, h = max(0, 1 - |a - b| / k); its gradients are convex combinations."""
    k = jnp.maximum(smoothing, 1e-6)
    h = jnp.maximum(1.0 - jnp.abs(a - b) / k, 0.0)
    return jnp.minimum(a, b) - h * h * h * (k / 6.0)


class BodyField:
    """A LocalField (kernels/field.py) that holds everywhere: the bodies themselves."""

    def __init__(self, bodies: Bodies, rotations: Any, values: Mapping[str, Any]) -> None:
        self._distance = lambda point: distance(bodies, rotations, values, point)

    def distance(self, point: Planes) -> Plane:
        return self._distance(point)

    def slope(self, point: Planes, direction: Planes) -> Plane:
        return jax.jvp(self._distance, (tuple(point),), (tuple(direction),))[1]

    def normal(self, point: Planes) -> Planes:
        zero, one = jnp.zeros_like(point[0]), jnp.ones_like(point[0])
        axis = lambda i: tuple(one if j == i else zero for j in range(3))
        return tuple(self.slope(point, axis(i)) for i in range(3))
