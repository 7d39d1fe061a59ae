"""One ray of the warp's quadrature, compiled: its tracing points, their weights, and how each point moves its pixel.

Conventions: kernels/warp_rays.py. A ray is the tuple (x, y, q, |q|) of its pixel position and direction; `lens` is
(origin (3,), matrix (3, 3), gram (2, 2)) of all rays, gram the inverse of m^T m.
"""

from __future__ import annotations

import math

from kernels.host_field import bend, normal, sample
from kernels.host_trace import direction, span
from kernels.jit import kernel

CONVERGED = 1e-6
"""A tracing step below this (object units) adds nothing: the quadrature's segments vanish with it."""
FASTEST = 1e18
"""Points that move their pixel by more than this are left out (pixels per object unit, and what it changes by): where a
field is no distance at all, squares of what is summed up would overflow."""
COLUMNS = 5
"""Of what `point_motions` finds of a point: dw/du (2, unnormalised), the motion n (2) per unit of weight, div n."""


@kernel
def ray_at(matrix, x, y):
    """A ray's tuple, see the module docstring."""
    q = direction(matrix, x, y)
    return x, y, q, math.sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2])


@kernel
def trace_points(field, box, lens, near, factor, quadrature, moving, ray, s, rate, distance):
    """Fill depths s (n,), their ds/du rate (n, 2) where `moving`, and f (n,) of the ray's tracing points; returns how
    many. s_{i+1} = min(s_i + f / |q|, s_end): no early stop but at CONVERGED."""
    origin, matrix, _ = lens
    q, length = ray[2], ray[3]
    enter, leave, axis = span(box, origin, q[0], q[1], q[2], near)
    if not enter < leave:
        return 0
    s[0] = enter
    for c in range(2):
        # The face a ray enters by stays: origin + s q = const on that axis.
        rate[0, c] = -enter * matrix[axis, c] / q[axis] if moving and axis >= 0 else 0.0
    last = quadrature.points - 1
    for i in range(quadrature.points):
        f, gx, gy, gz = sample(field, origin[0] + s[i] * q[0], origin[1] + s[i] * q[1], origin[2] + s[i] * q[2])
        distance[i] = f
        step = f * factor / length
        if i == last or s[i] >= leave or (i > 0 and abs(s[i] - s[i - 1]) * length < CONVERGED):
            return i + 1
        s[i + 1] = s[i] + step
        rate[i + 1, 0] = rate[i + 1, 1] = 0.0
        if s[i + 1] >= leave:
            s[i + 1] = leave  # beyond the end: a last point at a frozen depth, where nothing is near
            continue
        if not moving:
            continue
        for c in range(2):
            mx, my, mz = matrix[0, c], matrix[1, c], matrix[2, c]
            along = gx * (s[i] * mx + q[0] * rate[i, c]) + gy * (s[i] * my + q[1] * rate[i, c])
            along += gz * (s[i] * mz + q[2] * rate[i, c])
            stretch = (q[0] * mx + q[1] * my + q[2] * mz) / (length * length)
            rate[i + 1, c] = rate[i, c] + along * factor / length - step * stretch
    return quadrature.points


@kernel
def _segment(s, i, count):
    """Trapezoid segment of point i: half of what lies between its neighbours (eq. 13, its absolute value)."""
    return 0.5 * abs(s[min(i + 1, count - 1)] - s[max(i - 1, 0)])


@kernel
def _harmonic(size, gamma):
    """size^-gamma; the default exponent without a call of pow."""
    if gamma == 4.0:
        square = size * size
        return 1.0 / (square * square)
    return size**-gamma


@kernel
def _trust(squared):
    """|n|^6 where |n| is below 1: half-way between two surfaces, where the smooth gradient vanishes, no silhouette is
    near and the motion of a level set has no bound. squared: |n|^2."""
    return squared * squared * squared if squared < 1.0 else 1.0


@kernel
def weigh_points(field, lens, quadrature, ray, s, distance, count, kept, weight, chosen):
    """Fill weights (n,) of eq. 12 with eq. 13's segments, unnormalised, and the indices of the `kept` largest, largest
    first; returns how many those are.

    From the ray's end backwards: once enough points are heavy, one whose distance alone makes it lighter than all of
    them gets the weight 0, and its normal is never looked up.
    """
    origin, q, length = lens[0], ray[2], ray[3]
    found = 0
    for i in range(count - 1, -1, -1):
        size = abs(distance[i]) + quadrature.epsilon
        segment = _segment(s, i, count)
        weight[i] = 0.0
        full = found == kept
        if full and _harmonic(size, quadrature.gamma) * segment <= weight[chosen[found - 1]]:
            continue
        nx, ny, nz = normal(field, origin[0] + s[i] * q[0], origin[1] + s[i] * q[1], origin[2] + s[i] * q[2])
        size += quadrature.lambda_d * abs(nx * q[0] + ny * q[1] + nz * q[2]) / length
        w = _trust(nx * nx + ny * ny + nz * nz) * _harmonic(size, quadrature.gamma) * segment
        weight[i] = w
        if full and w <= weight[chosen[found - 1]]:
            continue
        place = kept - 1 if full else found
        while place > 0 and weight[chosen[place - 1]] < w:
            chosen[place] = chosen[place - 1]
            place -= 1
        chosen[place] = i
        found = min(found + 1, kept)
    return found


@kernel
def point_motions(field, lens, quadrature, moving, ray, points, weight, chosen, found, into, bent):
    """Fill into (n, COLUMNS) of the chosen points. points: (s, rate, distance, count). bent: (3, 3), scratch."""
    s, rate, distance, count = points
    for j in range(found):
        i = chosen[j]
        if moving:
            _motion_and_rates(field, lens, quadrature, ray, s, rate, distance[i], count, i, weight[i], into[j], bent)
        else:
            origin, q = lens[0], ray[2]
            n = normal(field, origin[0] + s[i] * q[0], origin[1] + s[i] * q[1], origin[2] + s[i] * q[2])
            _, into[j, 2], into[j, 3], _, _, _, _ = _motion(lens, ray, s[i], n)


@kernel
def _motion(lens, ray, s, n):
    """(cosine n . d, motion n0, n1, y0, y1, s times the divisor, the divisor) of the level set through a point with the
    normal n: n_c = y_c / (s (n . m y + (n . d)^2))."""
    _, matrix, gram = lens
    q, length = ray[2], ray[3]
    b0 = matrix[0, 0] * n[0] + matrix[1, 0] * n[1] + matrix[2, 0] * n[2]
    b1 = matrix[0, 1] * n[0] + matrix[1, 1] * n[1] + matrix[2, 1] * n[2]
    y0, y1 = gram[0, 0] * b0 + gram[0, 1] * b1, gram[1, 0] * b0 + gram[1, 1] * b1
    facing = (n[0] * q[0] + n[1] * q[1] + n[2] * q[2]) / length
    below = b0 * y0 + b1 * y1 + facing * facing + 1e-12
    return facing, y0 / (s * below), y1 / (s * below), y0, y1, s * below, below


@kernel
def _motion_and_rates(field, lens, quadrature, ray, s, rate, f, count, i, w, row, bent):
    """One row of `point_motions`: everything about a point that changes with the pixel position, by the chain rule."""
    origin, matrix, gram = lens
    q, length = ray[2], ray[3]
    px, py, pz = origin[0] + s[i] * q[0], origin[1] + s[i] * q[1], origin[2] + s[i] * q[2]
    _, gx, gy, gz = sample(field, px, py, pz)
    n = bend(field, px, py, pz, bent)
    facing, n0, n1, y0, y1, scaled, below = _motion(lens, ray, s[i], n)
    size = abs(f) + quadrature.lambda_d * abs(facing) + quadrature.epsilon
    squared = n[0] * n[0] + n[1] * n[1] + n[2] * n[2]
    after, before = min(i + 1, count - 1), max(i - 1, 0)
    gap = s[after] - s[before]
    dx, dy, dz = q[0] / length, q[1] / length, q[2] / length
    row[2], row[3], row[4] = n0, n1, 0.0
    for c in range(2):
        mx, my, mz = matrix[0, c], matrix[1, c], matrix[2, c]
        vx, vy, vz = s[i] * mx + q[0] * rate[i, c], s[i] * my + q[1] * rate[i, c], s[i] * mz + q[2] * rate[i, c]
        hx = bent[0, 0] * vx + bent[0, 1] * vy + bent[0, 2] * vz
        hy = bent[1, 0] * vx + bent[1, 1] * vy + bent[1, 2] * vz
        hz = bent[2, 0] * vx + bent[2, 1] * vy + bent[2, 2] * vz
        stretch = dx * mx + dy * my + dz * mz
        turn = (n[0] * (mx - dx * stretch) + n[1] * (my - dy * stretch) + n[2] * (mz - dz * stretch)) / length
        turn += hx * dx + hy * dy + hz * dz
        along = gx * vx + gy * vy + gz * vz
        change = (along if f > 0.0 else -along) + quadrature.lambda_d * (turn if facing > 0.0 else -turn)
        wide = (rate[after, c] - rate[before, c]) / gap if gap != 0.0 else 0.0
        if squared < 1.0:
            wide += 6.0 * (n[0] * hx + n[1] * hy + n[2] * hz) / max(squared, 1e-12)  # of _trust
        row[c] = w * (wide - quadrature.gamma * change / size)
        h0 = matrix[0, 0] * hx + matrix[1, 0] * hy + matrix[2, 0] * hz
        h1 = matrix[0, 1] * hx + matrix[1, 1] * hy + matrix[2, 1] * hz
        below_rate = 2.0 * (y0 * h0 + y1 * h1 + facing * turn)
        z = gram[c, 0] * h0 + gram[c, 1] * h1
        row[4] += z / scaled - (n0 if c == 0 else n1) * (rate[i, c] / s[i] + below_rate / below)


@kernel
def write_motions(planes, index, points, weight, chosen, found, capped, moving, made):
    """Normalise the top-k weights (eq. 14: less the least of them where `capped`) and write s, A, a and tau of a ray.

    planes: (5, K, N). made: what `point_motions` has filled.
    """
    s, rate, _, _ = points
    last, least, least_x, least_y = found - 1, 0.0, 0.0, 0.0
    if capped:
        least, least_x, least_y = weight[chosen[last]], made[last, 0], made[last, 1]
    total, total_x, total_y = 1e-200, 0.0, 0.0
    for j in range(found):
        total += weight[chosen[j]] - least
        total_x += made[j, 0] - least_x
        total_y += made[j, 1] - least_y
    for j in range(min(found, planes.shape[1])):
        i = chosen[j]
        w = (weight[i] - least) / total
        if w <= 0.0:
            continue
        ax, ay, spread, along = -w * made[j, 2], -w * made[j, 3], 0.0, 0.0
        if moving:
            wx = (made[j, 0] - least_x - w * total_x) / total
            wy = (made[j, 1] - least_y - w * total_y) / total
            spread = -(wx * made[j, 2] + wy * made[j, 3] + w * made[j, 4])
            along = ax * rate[i, 0] + ay * rate[i, 1]
        if abs(ax) + abs(ay) + abs(spread) + abs(along) < FASTEST:  # false of NaN too
            planes[0, j, index], planes[1, j, index], planes[2, j, index] = s[i], ax, ay
            planes[3, j, index], planes[4, j, index] = spread, along
