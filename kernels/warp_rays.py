"""The warp's quadrature along rays (Bangaru et al. 2022, eqs. 5 to 14): where to look at a field, and with what weights.

Host, compiled, object space. A ray is x = origin + s q(u), q = matrix @ (u, 1) linear in the pixel position u, so that
dx/du_c = s m_c + q ds/du_c with m_c the columns of the matrix. The tracing depths s depend on u, and their derivative
is carried along: frozen depths put a false derivative off the silhouette. Of each chosen point evaluate needs
s, A (2), a = div A and tau = A . ds/du; all are constants for theta:

    W = sum A f(x),    div W = sum a f(x) + grad f(x) . (s m A + q tau).

A = -w y / (s (n . m y + (n . d)^2)), y = (m^T m)^-1 m^T n: the motion of a silhouette point (n . d = 0) in pixels.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from kernels.field import ObjectRays
from kernels.host_field import HostField, normal, normal_rate, sample
from kernels.host_trace import direction, march, span, step_factor
from kernels.raster import workers

PIECE = 512
"""Rays a thread takes at a time."""
CONVERGED = 1e-6
"""A tracing step below this (object units) adds nothing: the quadrature's segments vanish with it."""
CLOSE = 1.5
"""Pixels: a ray that passes a surface this closely may share its pixel with the outline (3 x 3 pixels are asked)."""
TRUST = 3.0
"""Exponent, see `ray_weights`."""
STEEPEST_MOTION = 8.0
"""Relative change of the warp over a pixel, at most. Behind a grazing spot the tracing points slide so fast with the
pixel position that one ray in a thousand of a spiky grid has a divergence hundreds of times the others', and the mean
drowns in it; on smooth scenes fewer than one ray in 10,000 is touched."""
STEPS_MORE = 400
"""Of the hit test, past the quadrature's points: unconverged rays would read as misses."""


class Quadrature(NamedTuple):
    """How points are placed and weighted. points: most tracing points. chosen: k of the top-k subset, 0 for all.

    gamma: exponent of eq. 12. lambda_d: share of |n . d| in S, eq. 11. epsilon: added to S. attached: whether tracing
    depths move with u. tolerance: of a hit, object units at depth 1.
    """

    points: int
    chosen: int
    gamma: float
    lambda_d: float
    epsilon: float
    attached: bool
    tolerance: float


class RayPoints(NamedTuple):
    """Of N rays with K points each, float32. depth: (N,) of the hit, 0 for none. inside: (N,) bool, hit from inside.

    s, ax, ay, a, tau: (K, N), zero weight where a ray has fewer; K is one less than asked for, since the top-k weights
    of eq. 14 leave the last of them nothing. least: (N,) the least S.
    """

    depth: np.ndarray
    inside: np.ndarray
    s: np.ndarray
    ax: np.ndarray
    ay: np.ndarray
    a: np.ndarray
    tau: np.ndarray
    least: np.ndarray


def hit_rays(
    field: HostField, box: np.ndarray, rays: ObjectRays, u: np.ndarray, tolerance: float, max_steps: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the rays at pixel positions u (N, 2): depth of the hit (N,) float32, 0 for none; (N,) bool, hit from inside;
    (N,) bool, whether the ray passed a surface closer than CLOSE pixels before, or without hitting any."""
    depth, inside, close = np.zeros(len(u), np.float32), np.zeros(len(u), np.bool_), np.zeros(len(u), np.bool_)
    settings = (step_factor(field), max_steps, tolerance)
    work = lambda _, first, end: _hit_rays(
        field, box, rays.origin, rays.matrix, rays.near, rays.pixel, settings, u, depth, inside, close, first, end
    )
    workers.share(work, len(u), PIECE, workers.default_workers())
    return depth, inside, close


def warp_rays(
    field: HostField, box: np.ndarray, rays: ObjectRays, u: np.ndarray, quadrature: Quadrature, rates: bool = True
) -> RayPoints:
    """Quadrature points of the rays at pixel positions u (N, 2) float64. rates: whether a and tau are wanted."""
    count = len(u)
    planes = np.zeros((5, quadrature.chosen - 1 if quadrature.chosen else quadrature.points, count), np.float32)
    out = (np.zeros(count, np.float32), np.zeros(count, np.bool_), np.zeros(count, np.float32))
    gram = np.linalg.inv(rays.matrix[:, :2].T @ rays.matrix[:, :2])
    factor = step_factor(field)
    work = lambda _, first, end: _warp_rays(
        field, box, rays.origin, rays.matrix, gram, rays.near, factor, quadrature, rates, u, planes, *out, first, end
    )
    workers.share(work, count, PIECE, workers.default_workers())
    depth, inside, least = out
    return RayPoints(depth, inside, planes[0], planes[1], planes[2], planes[3], planes[4], least)


@njit(nogil=True, cache=True, error_model="numpy")
def _hit_rays(field, box, origin, matrix, near, pixel, settings, u, depth, inside, close, first, end):
    for ray in range(first, end):
        qx, qy, qz = direction(matrix, u[ray, 0], u[ray, 1])
        enter, leave, _ = span(box, origin, qx, qy, qz, near)
        found = march(field, origin, qx, qy, qz, enter, leave, settings)
        depth[ray] = abs(found)
        inside[ray] = found < 0.0
        if enter < leave:
            end = abs(found) if found != 0.0 else leave
            close[ray] = _passes(field, origin, qx, qy, qz, enter, end, settings[0], CLOSE * pixel)


@njit(nogil=True, cache=True, error_model="numpy")
def _passes(field, origin, qx, qy, qz, start, end, factor, pixels):
    """Whether the distance along a ray dips below `pixels` (object units at depth 1) and rises again before its end."""
    length = math.sqrt(qx * qx + qy * qy + qz * qz)
    depth, before = start, 1e30
    for _ in range(STEPS_MORE):
        f = abs(sample(field, origin[0] + depth * qx, origin[1] + depth * qy, origin[2] + depth * qz)[0])
        if f > before and before < pixels * depth:
            return True
        before = f
        depth += max(f * factor, 0.25 * pixels * depth) / length
        if depth >= end - 2.0 * pixels * depth / length:
            return False
    return False


@njit(nogil=True, cache=True, error_model="numpy")
def trace_points(field, box, origin, matrix, near, factor, quadrature, x, y, s, rate):
    """Fill depths s (n,) and ds/du rate (n, 2) of the tracing points of the ray at (x, y); returns how many.

    s_{i+1} = min(s_i + f / |q|, s_end): no early stop but at CONVERGED.
    """
    qx, qy, qz = direction(matrix, x, y)
    enter, leave, axis = span(box, origin, qx, qy, qz, near)
    if not enter < leave:
        return 0
    length = math.sqrt(qx * qx + qy * qy + qz * qz)
    q = (qx, qy, qz)
    moving = quadrature.attached
    s[0] = enter
    for c in range(2):
        # The face a ray enters by stays: origin + s q = const on that axis.
        rate[0, c] = -enter * matrix[axis, c] / q[axis] if moving and axis >= 0 else 0.0
    for i in range(quadrature.points - 1):
        f, gx, gy, gz = sample(field, origin[0] + s[i] * qx, origin[1] + s[i] * qy, origin[2] + s[i] * qz)
        step = f * factor / length
        for c in range(2):
            if moving:
                mx, my, mz = matrix[0, c], matrix[1, c], matrix[2, c]
                along = gx * (s[i] * mx + qx * rate[i, c]) + gy * (s[i] * my + qy * rate[i, c])
                along += gz * (s[i] * mz + qz * rate[i, c])
                stretch = (qx * mx + qy * my + qz * mz) / (length * length)
                rate[i + 1, c] = rate[i, c] + along * factor / length - step * stretch
            else:
                rate[i + 1, c] = 0.0
        s[i + 1] = s[i] + step
        if s[i + 1] >= leave:
            # Beyond the end: a last point at a frozen depth, where nothing is near.
            s[i + 1] = leave
            rate[i + 1, 0] = rate[i + 1, 1] = 0.0
            return i + 2
        if abs(step) * length < CONVERGED:
            return i + 2
    return quadrature.points


@njit(nogil=True, cache=True, error_model="numpy")
def _segment(s, i, count):
    """Trapezoid segment of point i: half of what lies between its neighbours (eq. 13, its absolute value)."""
    return 0.5 * abs(s[min(i + 1, count - 1)] - s[max(i - 1, 0)])


@njit(nogil=True, cache=True, error_model="numpy")
def ray_weights(field, origin, matrix, quadrature, x, y, s, count, weight, trust):
    """Fill unnormalised weights (n,) of eq. 12 with eq. 13's segments, scaled by the least S; returns that S.

    trust (n,) is room for |n|^2 to the TRUST where it is below 1: half-way between two surfaces, where the gradient
    vanishes, no silhouette is near and the motion of a level set has no bound.
    """
    qx, qy, qz = direction(matrix, x, y)
    length = math.sqrt(qx * qx + qy * qy + qz * qz)
    least = 1e30
    for i in range(count):
        px, py, pz = origin[0] + s[i] * qx, origin[1] + s[i] * qy, origin[2] + s[i] * qz
        f = abs(sample(field, px, py, pz)[0])
        nx, ny, nz = normal(field, px, py, pz)
        facing = abs(nx * qx + ny * qy + nz * qz) / length
        weight[i] = f + quadrature.lambda_d * facing + quadrature.epsilon
        trust[i] = min(nx * nx + ny * ny + nz * nz, 1.0) ** TRUST
        if trust[i] > 0.5:
            least = min(least, weight[i])
    if least > 1e29:
        least = weight[0]
    for i in range(count):
        weight[i] = trust[i] * (weight[i] / least) ** -quadrature.gamma * _segment(s, i, count)
    return least


@njit(nogil=True, cache=True, error_model="numpy")
def choose(weight, count, kept, chosen):
    """Indices of the `kept` largest weights into `chosen`, largest first; returns how many there are."""
    found = 0
    for i in range(count):
        w = weight[i]
        if found == kept and w <= weight[chosen[found - 1]]:
            continue
        place = found if found < kept else kept - 1
        while place > 0 and weight[chosen[place - 1]] < w:
            if place < kept:
                chosen[place] = chosen[place - 1]
            place -= 1
        chosen[place] = i
        found = min(found + 1, kept)
    return found


@njit(nogil=True, cache=True, error_model="numpy")
def _warp_rays(
    field, box, origin, matrix, gram, near, factor, quadrature, rates, u, planes, depth, inside, least, first, end
):
    points, kept = quadrature.points, quadrature.chosen or quadrature.points
    s, rate = np.empty(points), np.empty((points, 2))
    weight, trust, chosen = np.empty(points), np.empty(points), np.empty(points, np.int64)
    share = np.empty((points, 3))
    settings = (factor, STEPS_MORE, quadrature.tolerance)
    for ray in range(first, end):
        x, y = u[ray, 0], u[ray, 1]
        count = trace_points(field, box, origin, matrix, near, factor, quadrature, x, y, s, rate)
        if count == 0:
            continue
        least[ray] = ray_weights(field, origin, matrix, quadrature, x, y, s, count, weight, trust)
        found = choose(weight, count, kept, chosen)
        threshold = weight[chosen[found - 1]] if quadrature.chosen and found == kept else 0.0
        if rates:
            _rate_shares(field, origin, matrix, quadrature, x, y, s, rate, count, weight, chosen, found, share)
        total, total_x, total_y = 1e-30, 0.0, 0.0
        for j in range(found):
            total += weight[chosen[j]] - threshold
            if rates:
                total_x += share[j, 0]
                total_y += share[j, 1]
        last = found - 1
        lost = found if quadrature.chosen and found == kept else 0
        if rates:
            total_x -= lost * share[last, 0]
            total_y -= lost * share[last, 1]
        for j in range(found):
            w = (weight[chosen[j]] - threshold) / total
            if w <= 0.0:
                continue
            wx = wy = 0.0
            if rates:
                wx = (share[j, 0] - (share[last, 0] if lost else 0.0) - w * total_x) / total
                wy = (share[j, 1] - (share[last, 1] if lost else 0.0) - w * total_y) / total
            place = s[chosen[j]], rate[chosen[j], 0], rate[chosen[j], 1]
            ax, ay, a = _motion(field, origin, matrix, gram, x, y, place, (w, wx, wy), rates)
            planes[0, j, ray], planes[1, j, ray], planes[2, j, ray], planes[3, j, ray] = place[0], ax, ay, a
            planes[4, j, ray] = ax * place[1] + ay * place[2]
        if rates:
            _bound(planes, ray)
        qx, qy, qz = direction(matrix, x, y)
        enter, leave, _ = span(box, origin, qx, qy, qz, near)
        hit = march(field, origin, qx, qy, qz, max(enter, s[max(count - 3, 0)]), leave, settings)
        depth[ray] = abs(hit)
        inside[ray] = hit < 0.0


@njit(nogil=True, cache=True, error_model="numpy")
def _bound(planes, ray):
    """Keep |sum a| below STEEPEST_MOTION sum |A|, by taking from each a what its |A| is of theirs."""
    size = total = 0.0
    for j in range(planes.shape[1]):
        size += math.hypot(planes[1, j, ray], planes[2, j, ray])
        total += planes[3, j, ray]
    excess = abs(total) - STEEPEST_MOTION * size
    if excess > 0.0:
        for j in range(planes.shape[1]):
            share = math.hypot(planes[1, j, ray], planes[2, j, ray]) / size
            planes[3, j, ray] -= math.copysign(excess * share, total)


@njit(nogil=True, cache=True, error_model="numpy")
def _rate_shares(field, origin, matrix, quadrature, x, y, s, rate, count, weight, chosen, found, share):
    """Fill dw/du of the chosen points (unnormalised, as `weight` is: the scale by the least S is a constant)."""
    qx, qy, qz = direction(matrix, x, y)
    length = math.sqrt(qx * qx + qy * qy + qz * qz)
    dx, dy, dz = qx / length, qy / length, qz / length
    for j in range(found):
        i = chosen[j]
        px, py, pz = origin[0] + s[i] * qx, origin[1] + s[i] * qy, origin[2] + s[i] * qz
        f, gx, gy, gz = sample(field, px, py, pz)
        nx, ny, nz = normal(field, px, py, pz)
        facing = nx * dx + ny * dy + nz * dz
        size = abs(f) + quadrature.lambda_d * abs(facing) + quadrature.epsilon
        after, before = min(i + 1, count - 1), max(i - 1, 0)
        gap = s[after] - s[before]
        for c in range(2):
            mx, my, mz = matrix[0, c], matrix[1, c], matrix[2, c]
            vx, vy, vz = s[i] * mx + qx * rate[i, c], s[i] * my + qy * rate[i, c], s[i] * mz + qz * rate[i, c]
            along = gx * vx + gy * vy + gz * vz
            change = along if f > 0.0 else -along
            hx, hy, hz = normal_rate(field, px, py, pz, vx, vy, vz)
            stretch = dx * mx + dy * my + dz * mz
            turn = (nx * (mx - dx * stretch) + ny * (my - dy * stretch) + nz * (mz - dz * stretch)) / length
            turn += hx * dx + hy * dy + hz * dz
            change += quadrature.lambda_d * (turn if facing > 0.0 else -turn)
            wide = (rate[after, c] - rate[before, c]) / gap if gap != 0.0 else 0.0
            squared = nx * nx + ny * ny + nz * nz
            if squared < 1.0:
                wide += TRUST * 2.0 * (nx * hx + ny * hy + nz * hz) / max(squared, 1e-12)
            share[j, c] = weight[i] * (wide - quadrature.gamma * change / size)


@njit(nogil=True, cache=True, error_model="numpy")
def _motion(field, origin, matrix, gram, x, y, place, weight, rates):
    """(A_x, A_y, div A) of a point. place: s and ds/du. weight: the normalised w and dw/du."""
    s = place[0]
    qx, qy, qz = direction(matrix, x, y)
    length = math.sqrt(qx * qx + qy * qy + qz * qz)
    dx, dy, dz = qx / length, qy / length, qz / length
    px, py, pz = origin[0] + s * qx, origin[1] + s * qy, origin[2] + s * qz
    nx, ny, nz = normal(field, px, py, pz)
    b0 = matrix[0, 0] * nx + matrix[1, 0] * ny + matrix[2, 0] * nz
    b1 = matrix[0, 1] * nx + matrix[1, 1] * ny + matrix[2, 1] * nz
    y0, y1 = gram[0, 0] * b0 + gram[0, 1] * b1, gram[1, 0] * b0 + gram[1, 1] * b1
    facing = nx * dx + ny * dy + nz * dz
    below = b0 * y0 + b1 * y1 + facing * facing + 1e-12
    n0, n1 = y0 / (s * below), y1 / (s * below)
    total = 0.0
    for c in range(2):
        if not rates:
            break
        mx, my, mz = matrix[0, c], matrix[1, c], matrix[2, c]
        rate = place[1 + c]
        hx, hy, hz = normal_rate(field, px, py, pz, s * mx + qx * rate, s * my + qy * rate, s * mz + qz * rate)
        h0 = matrix[0, 0] * hx + matrix[1, 0] * hy + matrix[2, 0] * hz
        h1 = matrix[0, 1] * hx + matrix[1, 1] * hy + matrix[2, 1] * hz
        stretch = dx * mx + dy * my + dz * mz
        turn = (nx * (mx - dx * stretch) + ny * (my - dy * stretch) + nz * (mz - dz * stretch)) / length
        turn += hx * dx + hy * dy + hz * dz
        below_rate = 2.0 * (y0 * h0 + y1 * h1 + facing * turn)
        z = gram[c, 0] * h0 + gram[c, 1] * h1
        n = n0 if c == 0 else n1
        n_rate = z / (s * below) - n * (rate / s + below_rate / below)
        total -= weight[1 + c] * n + weight[0] * n_rate
    return -weight[0] * n0, -weight[0] * n1, total


class RayProfile(NamedTuple):
    """The quadrature along one ray, (n,) each, in the order of tracing. depth: along the view axis. distance: f, object
    units. weight: normalised, of all points; chosen: of the top k (eq. 14). points: (n, 3), object space."""

    depth: np.ndarray
    points: np.ndarray
    distance: np.ndarray
    weight: np.ndarray
    chosen: np.ndarray


def ray_profile(
    field: HostField, box: np.ndarray, rays: ObjectRays, x: float, y: float, quadrature: Quadrature
) -> RayProfile:
    """What the warp sees along the ray through the pixel position (x, y): their Fig. 5. Empty where it misses the box."""
    n = quadrature.points
    s, rate, weight, trust = np.empty(n), np.empty((n, 2)), np.empty(n), np.empty(n)
    count = trace_points(field, box, rays.origin, rays.matrix, rays.near, step_factor(field), quadrature, x, y, s, rate)
    points = rays.origin + s[:count, None] * (rays.matrix @ np.array([x, y, 1.0]))
    distance = np.array([sample(field, *point)[0] for point in points])
    chosen_weight = np.zeros(count)
    if count:
        ray_weights(field, rays.origin, rays.matrix, quadrature, x, y, s, count, weight, trust)
        kept = quadrature.chosen or n
        chosen = np.empty(n, np.int64)
        found = choose(weight, count, kept, chosen)
        threshold = weight[chosen[found - 1]] if quadrature.chosen and found == kept else 0.0
        top = chosen[:found]
        chosen_weight[top] = weight[top] - threshold
    normalised = lambda w: w / max(float(w.sum()), 1e-30)
    return RayProfile(s[:count].copy(), points, distance, normalised(weight[:count].copy()), normalised(chosen_weight))
