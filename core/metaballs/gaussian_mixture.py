"""Expectation-maximisation of a Gaussian mixture with full covariances (Dempster et al. 1977), on points.

Densities are evaluated as one matrix product of the points' ten monomials with the mixture's coefficients, in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.errors import RimlightError

FLOOR = 1e-6
"""Added to a covariance's diagonal, relative to the points' mean square radius: flat parts of a surface have none of
their own (scikit-learn's reg_covar is 1e-6 for data of unit scale)."""

CANDIDATES = 4
"""Centres tried for each place of k-means++, the best is kept (its authors' greedy form): fewer bad beginnings."""


@dataclass(frozen=True)
class Mixture:
    """weights (k,), sum 1. means (k, 3). covariances (k, 3, 3). log_likelihoods: mean a point, one an iteration."""

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    log_likelihoods: tuple[float, ...]


def fit_mixture(
    points: np.ndarray,
    components: int,
    *,
    seed: int = 0,
    iterations: int = 100,
    tolerance: float = 1e-4,
    progress: Callable[[float], None] = lambda fraction: None,
) -> Mixture:
    """Fit by EM from k-means++ centres (and five rounds of k-means); stops when the mean log-likelihood gains less
    than `tolerance` in a step. points: (n, 3). Raises RimlightError where there are too few points."""
    points = np.asarray(points, np.float64)
    if len(points) < 4 * components:
        raise RimlightError(
            f"components: {components} Gaussians need at least {4 * components} points, and there are {len(points)}; "
            "ask for fewer components"
        )
    centre = points.mean(0)
    size = float(np.sqrt(np.mean(np.sum((points - centre) ** 2, 1)))) or 1.0
    unit = (points - centre) / size
    labels = _kmeans(unit, components, np.random.default_rng(seed))
    share = np.zeros((len(unit), components))
    share[np.arange(len(unit)), labels] = 1.0
    history: list[float] = []
    monomials = _monomials(unit)
    weights, means, covariances = _maximise(unit, monomials, share)
    for step in range(iterations):
        share, likelihood = _expect(monomials, weights, means, covariances)
        weights, means, covariances = _maximise(unit, monomials, share)
        progress((step + 1) / iterations)
        gained = likelihood - history[-1] if history else np.inf
        history.append(likelihood)
        if gained < tolerance:
            break
    return Mixture(weights, means * size + centre, covariances * size**2, tuple(history))


def responsibilities(points: np.ndarray, mixture: Mixture) -> np.ndarray:
    """(n, k): the share of each component in each point."""
    return _expect(_monomials(np.asarray(points, np.float64)), mixture.weights, mixture.means, mixture.covariances)[0]


def _monomials(points: np.ndarray) -> np.ndarray:
    x, y, z = points.T
    return np.stack([np.ones_like(x), x, y, z, x * x, y * y, z * z, x * y, x * z, y * z], 1)


def _expect(
    monomials: np.ndarray, weights: np.ndarray, means: np.ndarray, covariances: np.ndarray
) -> tuple[np.ndarray, float]:
    """Shares (n, k) and the mean log-likelihood."""
    precision = np.linalg.inv(covariances)
    turned = np.einsum("kij,kj->ki", precision, means)
    constant = np.log(np.maximum(weights, 1e-300)) - 1.5 * np.log(2 * np.pi)
    constant += 0.5 * np.linalg.slogdet(precision)[1] - 0.5 * np.einsum("ki,ki->k", means, turned)
    columns = [constant, *turned.T, *(-0.5 * precision[:, i, i] for i in range(3))]
    columns += [-precision[:, i, j] for i, j in ((0, 1), (0, 2), (1, 2))]
    logs = monomials @ np.stack(columns)
    top = logs.max(1, keepdims=True)
    share = np.exp(logs - top)
    total = share.sum(1, keepdims=True)
    share /= total
    return share, float(np.mean(top + np.log(total)))


def _maximise(
    points: np.ndarray, monomials: np.ndarray, share: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    moments = share.T @ monomials
    mass = np.maximum(moments[:, 0], 1e-12)
    means = moments[:, 1:4] / mass[:, None]
    xx, yy, zz, xy, xz, yz = (moments[:, 4:] / mass[:, None]).T
    second = np.stack([np.stack([xx, xy, xz], -1), np.stack([xy, yy, yz], -1), np.stack([xz, yz, zz], -1)], -2)
    covariances = second - means[:, :, None] * means[:, None, :] + FLOOR * np.eye(3)
    least = np.linalg.eigvalsh(covariances)[:, 0]  # rounding can leave a flat one slightly negative
    covariances += np.maximum(FLOOR - least, 0.0)[:, None, None] * np.eye(3)
    return mass / len(points), means, covariances


def _kmeans(points: np.ndarray, components: int, rng: np.random.Generator) -> np.ndarray:
    """Labels (n,) of k-means++ centres (Arthur and Vassilvitskii 2007) after five Lloyd rounds."""
    from scipy.spatial import cKDTree

    centres = [points[rng.integers(len(points))]]
    nearest = np.sum((points - centres[0]) ** 2, 1)
    for _ in range(components - 1):
        total = nearest.sum()
        tried = rng.choice(len(points), CANDIDATES, p=nearest / total if total > 0 else None)
        after = [np.minimum(nearest, np.sum((points - points[t]) ** 2, 1)) for t in tried]
        best = int(np.argmin([left.sum() for left in after]))
        centres.append(points[tried[best]])
        nearest = after[best]
    middles = np.array(centres)
    labels = cKDTree(middles).query(points)[1]
    for _ in range(5):
        count = np.bincount(labels, minlength=components)
        sums = np.stack([np.bincount(labels, points[:, i], components) for i in range(3)], 1)
        middles = np.where(count[:, None] > 0, sums / np.maximum(count, 1)[:, None], middles)
        labels = cKDTree(middles).query(points)[1]
    return labels
