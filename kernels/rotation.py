"""Rotations as unit quaternions (w, x, y, z), with a rotation-vector tangent that is smooth at zero.

The tangent acts from the left, in world axes: q' = exp(delta) * q, delta in radians.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np


def _products(rows: str) -> np.ndarray:
    """(rows, 4, 4) float32: the coefficients of q_a q_b in each row, which is a sum of such as "+wx"."""
    table = np.zeros((len(rows.split(",")), 4, 4), np.float32)
    for matrix, row in zip(table, rows.split(",")):
        for sign, a, b in row.split():
            matrix["wxyz".index(a), "wxyz".index(b)] = -1.0 if sign == "-" else 1.0
    return table


_PRODUCT = _products("+ww -xx -yy -zz, +wx +xw +yz -zy, +wy -xz +yw +zx, +wz +xy -yx +zw")
_MATRIX = 2 * _products("-yy -zz, +xy -wz, +xz +wy, +xy +wz, -xx -zz, +yz -wx, +xz -wy, +yz +wx, -xx -yy")
_MATRIX = _MATRIX.reshape(3, 3, 4, 4)


def quaternion_exp(delta):
    """Rotation vector (3,) in radians -> unit quaternion (4,), with finite derivatives of every order at zero.

    The input of the singular formula is guarded, not its value: below 1e-8 rad^2 the Taylor series is used on a
    squared angle that is never zero inside sqrt.
    """
    squared = jnp.sum(delta * delta)
    small = squared < 1e-8
    safe = jnp.where(small, 1.0, squared)
    half = 0.5 * jnp.sqrt(safe)
    real = jnp.where(small, 1.0 - squared / 8.0, jnp.cos(half))
    factor = jnp.where(small, 0.5 - squared / 48.0, jnp.sin(half) / (2.0 * half))
    return jnp.concatenate([real[None], factor * delta])


def quaternion_multiply(a, b):
    """Hamilton product of quaternions (4,), (4,) -> (4,)."""
    return jnp.sum(_PRODUCT.astype(b.dtype) * (a[:, None] * b), axis=(1, 2))


def quaternion_matrix(q):
    """Unit quaternion (4,) -> rotation matrix (3, 3). Works for NumPy and JAX arrays alike.

    Written as products with constants, of which the two that are not zero add up as in the textbook's nine formulas:
    their sixty scalars took a tenth of the time to trace a step.
    """
    xp = np if isinstance(q, np.ndarray) else jnp
    return xp.sum(_MATRIX.astype(q.dtype) * (q[:, None] * q), axis=(2, 3)) + np.eye(3, dtype=q.dtype)


def quaternion_from_vector(vector: np.ndarray) -> np.ndarray:
    """Host: rotation vector (3,) in radians -> unit quaternion (4,) float64."""
    vector = np.asarray(vector, np.float64)
    angle = float(np.linalg.norm(vector))
    if angle < 1e-12:
        return np.array([1.0, *(0.5 * vector)])
    return np.array([np.cos(angle / 2), *(np.sin(angle / 2) / angle * vector)])


def vector_from_quaternion(q: np.ndarray) -> np.ndarray:
    """Host: unit quaternion (4,) -> rotation vector (3,) in radians, angle in [0, pi]."""
    q = np.asarray(q, np.float64)
    q = q if q[0] >= 0 else -q
    sine = float(np.linalg.norm(q[1:]))
    if sine < 1e-12:
        return 2.0 * q[1:]
    return q[1:] / sine * (2.0 * np.arctan2(sine, q[0]))


def rotation_angle(a: np.ndarray, b: np.ndarray) -> float:
    """Host: angle in radians between two orientations given as unit quaternions (4,)."""
    a, b = (np.asarray(q, np.float64) / np.linalg.norm(q) for q in (a, b))
    sign = 1.0 if float(np.dot(a, b)) >= 0 else -1.0
    return float(4.0 * np.arctan2(np.linalg.norm(a - sign * b), np.linalg.norm(a + sign * b)))
