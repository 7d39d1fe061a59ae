"""A slow float64 NumPy twin of the linear, quadratic and cubic renderer, written straight from the paper's equations.

Camera space as in kernels/metaballs.py: x right, y down, z = depth. Every ray and Gaussian is treated alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def render_reference(
    means: np.ndarray,
    factors: np.ndarray,
    log_weights: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    beta: Mapping[str, float],
    intersection: str = "linear",
    form: str = "code",
) -> tuple[np.ndarray, np.ndarray]:
    """alpha and depth (P,) of rays (x, y, 1); precision = factors^T factors. Float64."""
    means, factors = np.asarray(means, np.float64), np.asarray(factors, np.float64)
    log_weights = np.asarray(log_weights, np.float64)
    alpha, depth = np.zeros(len(x)), np.zeros(len(x))
    for p, ray in enumerate(np.stack([x, y, np.ones(len(x))], -1).astype(np.float64)):
        met = [_meet(m, f.T @ f, ray, intersection) for m, f in zip(means, factors)]
        t, s = (np.array(column) for column in zip(*met))
        density = np.exp(-0.5 * s + log_weights)
        near = beta["beta2"] / beta["eta"] * t
        if form == "code":
            front = t > 0
            alpha[p] = 1.0 - np.exp(-density[front].sum())
            exponent = np.where(front, beta["beta1"] * (-0.5 * s + log_weights) - near, -np.inf)
        else:
            alpha[p] = 1.0 / (1.0 + np.exp(-(beta["beta4"] * density.sum() + beta["beta5"])))
            seen = 1.0 / (1.0 + np.exp(-beta["beta3"] / beta["eta"] * t))
            exponent = -0.5 * beta["beta1"] * s * seen - near
        weights = np.exp(exponent - exponent.max()) + 1e-20
        depth[p] = (weights * t).sum() / weights.sum()
    return alpha, depth


def _meet(mean: np.ndarray, precision: np.ndarray, ray: np.ndarray, intersection: str) -> tuple[float, float]:
    """(t, squared Mahalanobis distance) of one ray and one Gaussian (section 4.1)."""
    t = mean @ precision @ ray / (ray @ precision @ ray)
    if intersection == "quadratic":
        a, b, c = ray @ precision @ ray, -2.0 * mean @ precision @ ray, mean @ precision @ mean - 1.0
        t = (-b - np.sqrt(max(b * b - 4.0 * a * c, 0.0))) / (2.0 * a)
    if intersection == "cubic":
        t = _first_steepest(mean, precision, ray)
    offset = ray * t - mean
    return float(t), float(offset @ precision @ offset)


def _first_steepest(mean: np.ndarray, precision: np.ndarray, ray: np.ndarray) -> float:
    """The nearest stationary point of eq. 7's |grad p|^2 along the ray: the smallest real root of its cubic."""
    m, r = precision @ mean, precision @ ray
    polynomial = [
        -(r @ r) * (ray @ r),
        2.0 * (m @ r) * (ray @ r) + (r @ r) * (ray @ m),
        -((m @ m) * (ray @ r) + 2.0 * (m @ r) * (ray @ m) - r @ r),
        (m @ m) * (ray @ m) - r @ m,
    ]
    roots = np.roots(polynomial)
    scale = 1.0 / np.sqrt(ray @ r)
    return float(np.min(roots[np.abs(roots.imag) < 1e-5 * scale].real))
