"""Fuzzy metaballs: where a ray meets each Gaussian, and how the meetings blend into depth, coverage, normals, colour.

Keselman and Hebert 2022. Arrays are (N, P): Gaussians down, pixels across, so that every operation runs over pixels.
Camera space here has x right, y DOWN and z = depth; a ray is v = (x, y, 1), so t is the depth along the view axis.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp

from kernels.types import Values

INTERSECTIONS = ("linear", "quadratic", "cubic")
FORMS = ("code", "paper")

LOG_DIAGONAL = 13.8
"""Bound on the logarithm of a factor's diagonal: the paper keeps it at least 1e-6 = exp(-13.8) (section 3)."""
LEAST_DEPTH = 1e-3
"""A mean this close to the camera's plane is moved to it: its projection divides by depth. Unit-sphere units."""
LEAST_SHARE = 1e-20
"""Added to every depth weight, so that their sum is never zero (the authors' code)."""
BEHIND = -1e30
"""Exponent given to what lies behind the camera before the maximum is taken."""


class Gaussians(NamedTuple):
    """means (N, 3). factors (N, 3, 3) lower triangular, precision = factors^T factors. log_weights (N,). colours (N, 3)."""

    means: Any
    factors: Any
    log_weights: Any
    colours: Any


class GaussianShape(Protocol):
    """The Gaussians face of a shape."""

    def gaussians(self, values: Values) -> Gaussians:
        """The Gaussians of traced or host `values`, in object space."""
        ...


def factor_matrices(parameters: Any, xp: Any = jnp) -> Any:
    """Six numbers a Gaussian -> lower triangular factor (N, 3, 3) with a positive diagonal.

    parameters (N, 6): three logarithms of the diagonal, then the entries 10, 20, 21 in units of their row's diagonal,
    so that all six are pure numbers and one learning rate fits all sizes.
    """
    d = xp.exp(xp.clip(parameters[:, :3], -LOG_DIAGONAL, LOG_DIAGONAL))
    off, zero = parameters[:, 3:], xp.zeros_like(d[:, 0])
    rows = [
        xp.stack([d[:, 0], zero, zero], -1),
        xp.stack([d[:, 1] * off[:, 0], d[:, 1], zero], -1),
        xp.stack([d[:, 2] * off[:, 1], d[:, 2] * off[:, 2], d[:, 2]], -1),
    ]
    return xp.stack(rows, -2)


def gaussians_of(values: Values) -> Gaussians:
    """ "means", "precision_factors", "log_weights" and "colours" -> Gaussians."""
    factors = factor_matrices(values["precision_factors"])
    return Gaussians(values["means"], factors, values["log_weights"], values["colours"])


class Quadrics(NamedTuple):
    """The Gaussians as polynomials in (dx, dy) = (x, y) - centre; the centre is the projected mean, held constant.

    With A = factor^T factor the precision, m the mean and v = (x, y, 1): q = v^T A v (N, 6), b = m^T A v (N, 3), and
    n = |L m x L v|^2 (N, 6), so that the ray's point of highest probability is t = b / q and its squared distance n / q.
    Columns: 1, dx, dy, dx^2, dx dy, dy^2. Around the projected mean the first three of n are 0 in value (they carry
    derivatives only) and nothing cancels: |m|^2 - b^2 / q would lose four digits in float32.
    """

    centre: Any
    """(N, 3): x, y and depth of the mean, constants."""
    q: Any
    b: Any
    n: Any
    log_weight: Any
    """(N, 1)."""
    mean: Any
    """(N, 3)."""
    precision: Any
    """(N, 3, 3)."""
    zoom: Any
    """(): how much x and y are stretched against depth (a focal length); normals undo it."""


class Hits(NamedTuple):
    """(N, P) each. depth: t of the intersection. distance: squared Mahalanobis distance there."""

    depth: Any
    distance: Any


def to_camera(gaussians: Gaussians, matrix: Any, inverse: Any, offset: Any) -> Gaussians:
    """Gaussians moved by x -> matrix x + offset; inverse: of the matrix."""
    return gaussians._replace(means=gaussians.means @ matrix.T + offset, factors=gaussians.factors @ inverse)


def quadrics(gaussians: Gaussians, zoom: Any = 1.0) -> Quadrics:
    """Polynomials of Gaussians in camera space, x and y stretched by `zoom`."""
    means, factors = gaussians.means, gaussians.factors
    z = means[:, 2]
    z = jnp.where(jnp.abs(z) < LEAST_DEPTH, jnp.where(z < 0, -LEAST_DEPTH, LEAST_DEPTH), z)
    mean = jnp.stack([means[:, 0], means[:, 1], z], -1)
    centre = jax.lax.stop_gradient(jnp.stack([mean[:, 0] / z, mean[:, 1] / z, z], -1))
    a, b, c = (factors[:, :, i] for i in range(3))
    towards = centre[:, :1] * a + centre[:, 1:2] * b + c
    u = jnp.einsum("nij,nj->ni", factors, mean)
    zero = jnp.cross(u, towards)
    zero = zero - jax.lax.stop_gradient(zero)
    ua, ub = jnp.cross(u, a), jnp.cross(u, b)
    return Quadrics(
        centre=centre,
        q=_square(towards, a, b),
        b=jnp.stack([_dot(u, towards), _dot(u, a), _dot(u, b)], -1),
        n=_square(zero, ua, ub),
        log_weight=gaussians.log_weights[:, None],
        mean=mean,
        precision=jnp.einsum("nki,nkj->nij", factors, factors),
        zoom=zoom,
    )


def _dot(first: Any, second: Any) -> Any:
    return jnp.sum(first * second, -1)


def _square(constant: Any, dx: Any, dy: Any) -> Any:
    """|constant + dx X + dy Y|^2 as coefficients (N, 6)."""
    return jnp.stack(
        [
            _dot(constant, constant), 2.0 * _dot(constant, dx), 2.0 * _dot(constant, dy),
            _dot(dx, dx), 2.0 * _dot(dx, dy), _dot(dy, dy),
        ],
        -1,
    )  # fmt: skip


@jax.custom_jvp
def peaks(centre: Any, q: Any, b: Any, n: Any, x: Any, y: Any) -> tuple[Any, Any, Any]:
    """Eq. 6, the most probable point of every ray: its depth t, squared distance s, and 1 / q, each (N, P).

    Differentiable in q, b, n (and nothing else), in both modes: the coefficients' tangents meet the pixels only through
    matrix products with the six monomials, where plain autodiff sums fifteen (N, P) products.
    """
    return _peaks(centre, q, b, n, x, y)


def _peaks(centre: Any, q: Any, b: Any, n: Any, x: Any, y: Any) -> tuple[Any, Any, Any]:
    column = lambda table, i: table[:, i, None]
    z = column(centre, 2)
    dx, dy = x[None] - column(centre, 0), y[None] - column(centre, 1)
    form = lambda c: (column(c, 3) * dx + column(c, 4) * dy) * dx + column(c, 5) * dy * dy
    square, slope = form(q), column(q, 1) * dx + column(q, 2) * dy
    inverse = 1.0 / jnp.maximum(column(q, 0) + slope + square, 1e-12)
    return z - z * (0.5 * slope + square) * inverse, form(n) * inverse, inverse


@peaks.defjvp
def _peaks_jvp(primals: Any, tangents: Any) -> tuple[Any, Any]:
    centre, _, _, _, x, y = primals
    t, s, inverse = _peaks(*primals)
    dq, db, dn = (_spread(centre, tangent, x, y) for tangent in tangents[1:4])
    return (t, s, inverse), ((db - t * dq) * inverse, (dn - s * dq) * inverse, -dq * inverse * inverse)


def _spread(centre: Any, coefficients: Any, x: Any, y: Any) -> Any:
    """Polynomials with (N, 3) or (N, 6) coefficients at the rays (P,): (N, P), as one matrix product each way."""
    moved = _uncentred(centre, coefficients)
    columns = [jnp.ones_like(x), x, y, x * x, x * y, y * y][: coefficients.shape[1]]
    return moved @ jnp.stack(columns)


def _uncentred(centre: Any, c: Any) -> Any:
    """Coefficients in x - centre -> coefficients in x."""
    x, y = centre[:, 0], centre[:, 1]
    constant = c[:, 0] - c[:, 1] * x - c[:, 2] * y
    if c.shape[1] == 3:
        return jnp.stack([constant, c[:, 1], c[:, 2]], -1)
    xx, xy, yy = c[:, 3], c[:, 4], c[:, 5]
    constant = constant + xx * x * x + xy * x * y + yy * y * y
    return jnp.stack([constant, c[:, 1] - 2 * xx * x - xy * y, c[:, 2] - xy * x - 2 * yy * y, xx, xy, yy], -1)


def gradient_planes(g: Quadrics, x: Any, y: Any) -> tuple[Any, Any, Any]:
    """A v, three (N, P): the normal of the plane in which eq. 6's points lie."""
    rows = g.precision
    return tuple(rows[:, i, 0, None] * x[None] + rows[:, i, 1, None] * y[None] + rows[:, i, 2, None] for i in range(3))  # type: ignore[return-value]


def mean_gradient(g: Quadrics) -> tuple[Any, Any, Any]:
    """A m, three (N, 1)."""
    product = jnp.einsum("nij,nj->ni", g.precision, g.mean)
    return tuple(product[:, i, None] for i in range(3))  # type: ignore[return-value]


def hits(g: Quadrics, x: Any, y: Any, intersection: str) -> Hits:
    """Where rays (P,) meet the Gaussians, by one of INTERSECTIONS (section 4.1)."""
    depth, distance, inverse = peaks(g.centre, g.q, g.b, g.n, x, y)
    linear = Hits(depth, distance)
    if intersection == "linear":
        return linear
    if intersection == "quadratic":
        inside = 1.0 - linear.distance
        back = jnp.where(inside > 1e-6, jnp.sqrt(jnp.where(inside > 1e-6, inside, 1.0)), 0.0)
    else:
        back = -_steepest(g, x, y, linear, 1.0 / inverse)
    return Hits(linear.depth - back * jnp.sqrt(inverse), linear.distance + back * back)


def _steepest(g: Quadrics, x: Any, y: Any, linear: Hits, q: Any) -> Any:
    """The first maximum of |grad p| along each ray, in standard deviations from the linear point (negative: before it).

    Eq. 7 around the linear point, with tau in standard deviations, p = g1 sqrt(q) / r and k = g0 q / r (r = |Av|^2,
    g0 = |Ad|^2, g1 = Ad.Av), is tau^3 + 2 p tau^2 + (k - 1) tau - p = 0. The smallest root is found without
    derivatives and then follows the implicit function theorem; where two roots meet its slope is bounded, so the
    result may be inexact and is never NaN.
    """
    av, am = gradient_planes(g, x, y), mean_gradient(g)
    ad = tuple(linear.depth * a - m for a, m in zip(av, am))
    r = jnp.maximum(sum(a * a for a in av), 1e-12)
    p = sum(a * b for a, b in zip(ad, av)) * jnp.sqrt(q) / r
    k = sum(a * a for a in ad) * q / r
    root = jax.lax.stop_gradient(_smallest_root(2.0 * p, k - 1.0, -p))
    value = ((root + 2.0 * p) * root + (k - 1.0)) * root - p
    slope = jax.lax.stop_gradient((3.0 * root + 4.0 * p) * root + (k - 1.0))
    return root - (value - jax.lax.stop_gradient(value)) / jnp.maximum(slope, 0.05)


def _smallest_root(b: Any, c: Any, d: Any) -> Any:
    """Smallest real root of t^3 + b t^2 + c t + d, elementwise: closed form, then two guarded Newton steps."""
    shift = b / 3.0
    p = c - b * shift
    q = (2.0 * shift * shift - c) * shift + d
    discriminant = q * q / 4.0 + p * p * p / 27.0
    single = discriminant > 0
    radical = jnp.sqrt(jnp.where(single, discriminant, 0.0))
    u = jnp.cbrt(-0.5 * q - jnp.where(q > 0, radical, -radical))
    alone = u - p / (3.0 * jnp.where(jnp.abs(u) > 1e-6, u, 1.0)) * (jnp.abs(u) > 1e-6)
    m = 2.0 * jnp.sqrt(jnp.maximum(-p, 1e-12) / 3.0)
    cosine = jnp.clip(3.0 * q / (jnp.minimum(p, -1e-12) * m), -1.0, 1.0)
    three = m * jnp.cos(jnp.arccos(cosine) / 3.0 + 2.0 * jnp.pi / 3.0)
    root = jnp.where(single, alone, three) - shift
    for _ in range(2):
        slope = jnp.maximum((3.0 * root + 2.0 * b) * root + c, 1e-3)
        root = root - jnp.clip((((root + b) * root + c) * root + d) / slope, -0.1, 0.1)
    return root


def coverage(log_density: Any, met: Hits, beta: Mapping[str, Any], form: str) -> Any:
    """alpha (P,) of log densities (N, P), -s / 2 + log lambda.

    "code": 1 - exp(-sum_i exp(log density)) over what lies in front of the camera (the authors' code counts what lies
    behind as well, and calls that a bug); "paper": eq. 5.
    """
    density = jnp.exp(log_density)
    if form == "code":
        return -jnp.expm1(-total(jnp.where(met.depth > 0, density, 0.0)))
    return jax.nn.sigmoid(beta["beta4"] * total(density) + beta["beta5"])


def depth_weights(log_density: Any, met: Hits, beta: Mapping[str, Any], form: str) -> Any:
    """Weights (N, P) of eq. 9, up to a factor a ray: shifted by their largest exponent, plus LEAST_SHARE.

    "code": [t > 0] exp(beta1 (-s / 2 + log lambda) - beta2 t / eta); "paper": exp(-beta1 s h / 2 - beta2 t / eta) with
    eq. 10's h. beta["eta"] is the scale of the object.
    """
    near = beta["beta2"] / beta["eta"] * met.depth
    if form == "code":
        exponent = jnp.where(met.depth > 0, beta["beta1"] * log_density - near, BEHIND)
    else:
        seen = jax.nn.sigmoid(beta["beta3"] / beta["eta"] * met.depth)
        exponent = -0.5 * beta["beta1"] * met.distance * seen - near
    return jnp.exp(exponent - jax.lax.stop_gradient(jnp.max(exponent, 0))) + LEAST_SHARE


def total(planes: Any) -> Any:
    """Sum over the Gaussians, (N, P) -> (P,), as a matrix product: three times as fast as a reduction on XLA:CPU."""
    return (jnp.ones((1, planes.shape[0]), planes.dtype) @ planes)[0]


def mixed(weights: Any, sum_of_weights: Any, what: Any) -> Any:
    """The weighted mean (P,) of (N, P) or (N, 1): eq. 8."""
    return total(weights * what) / sum_of_weights


def unit_normals(g: Quadrics, met: Hits, x: Any, y: Any, intersection: str) -> tuple[Any, Any, Any]:
    """Unit normals (3 of (N, P), unstretched) of every Gaussian where it is met, turned towards the camera.

    linear: A v, the plane in which the most probable points lie; else the gradient A (t v - m) of the Gaussian.
    """
    direction = gradient_planes(g, x, y)
    if intersection == "linear":
        turned = tuple(-a for a in direction)
    else:
        turned = tuple(met.depth * a - m for a, m in zip(direction, mean_gradient(g)))
        facing = turned[0] * x[None] + turned[1] * y[None] + turned[2]
        sign = jax.lax.stop_gradient(jnp.where(facing > 0, -1.0, 1.0))
        turned = tuple(a * sign for a in turned)
    turned = (turned[0] * g.zoom, turned[1] * g.zoom, turned[2])
    squared = jnp.maximum(sum(a * a for a in turned), 1e-20)
    inverse = jax.lax.rsqrt(squared)
    return tuple(a * inverse for a in turned)  # type: ignore[return-value]
