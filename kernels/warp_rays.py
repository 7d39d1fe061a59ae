"""The warp's quadrature along rays (Bangaru et al. 2022, eqs. 5 to 14): where to look at a field, and with what weights.

Host, compiled, object space. A ray is x = origin + s q(u), q = matrix @ (u, 1) linear in the pixel position u, so that
dx/du_c = s m_c + q ds/du_c with m_c the columns of the matrix. The tracing depths s depend on u, and their derivative
is carried along: frozen depths put a false derivative off the silhouette. Of each chosen point evaluate needs
s, A (2), a = div A and tau = A . ds/du; all are constants for theta:

    W = sum A f(x),    div W = sum a f(x) + grad f(x) . (s m A + q tau).

A = -w y / (s (n . m y + (n . d)^2)), y = (m^T m)^-1 m^T n: the motion of a silhouette point (n . d = 0) in pixels.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from kernels.field import ObjectRays
from kernels.host_field import HostField
from kernels.host_trace import march, span, step_factor
from kernels.jit import kernel
from kernels.raster import workers
from kernels.warp_points import (
    COLUMNS,
    point_motions,
    ray_at,
    trace_points,
    weigh_points,
    write_motions,
)

PIECE = 512
"""Rays a thread takes at a time."""
CLOSE = 1.5
"""Pixels: a ray that passes a surface this closely may share its pixel with the outline (3 x 3 pixels are asked)."""
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
    traced: (N,) int32, how many points the tracing took.

    s, ax, ay, a, tau: (K, N), zero weight where a ray has fewer; K is one less than asked for, since the top-k weights
    of eq. 14 leave the last of them nothing.
    """

    depth: np.ndarray
    inside: np.ndarray
    traced: np.ndarray
    s: np.ndarray
    ax: np.ndarray
    ay: np.ndarray
    a: np.ndarray
    tau: np.ndarray


class RayTracer(Protocol):
    """What the warp asks of a field at pixel positions u (N, 2) float64; another kind of field answers in its own way."""

    def hits(self, u: np.ndarray, final: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(depth of the hit (N,) float32, 0 for none; (N,) bool, hit from inside; (N,) bool, whether the ray passed a
        surface closer than CLOSE pixels before, or without hitting any). final: whether this is what is seen; else it
        tells which pixels are near an outline, and rays there are looked at again."""
        ...

    def points(self, u: np.ndarray, rates: bool) -> RayPoints:
        """The quadrature; rates: whether a and tau are wanted (zero otherwise)."""
        ...


@dataclass(frozen=True)
class HostTracer:
    """Of a compiled field. box: (2, 3), what rays are traced in (kernels/host_trace.py reach_of)."""

    field: HostField
    box: np.ndarray
    rays: ObjectRays
    quadrature: Quadrature

    @functools.cached_property
    def factor(self) -> float:
        """What steps are multiplied by."""
        return step_factor(self.field)

    def hits(self, u: np.ndarray, final: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        found = np.zeros(len(u), np.float32), np.zeros(len(u), np.bool_), np.zeros(len(u), np.bool_)
        rays, settings = self.rays, (self.factor, STEPS_MORE, self.quadrature.tolerance)
        fixed = (self.field, self.box, rays.origin, rays.matrix, rays.near, CLOSE * rays.pixel, settings, u, *found)
        self._share(lambda _, first, end: _hit_rays(*fixed, first, end), len(u))
        return found

    def points(self, u: np.ndarray, rates: bool) -> RayPoints:
        count, quadrature, rays = len(u), self.quadrature, self.rays
        planes = np.zeros((5, quadrature.chosen - 1 if quadrature.chosen else quadrature.points, count), np.float32)
        hit = np.zeros(count, np.float32), np.zeros(count, np.bool_), np.zeros(count, np.int32)
        gram = np.linalg.inv(rays.matrix[:, :2].T @ rays.matrix[:, :2])
        lens = (rays.origin, rays.matrix, gram)
        fixed = (self.field, self.box, lens, rays.near, self.factor, quadrature, rates, u, planes, *hit)
        self._share(lambda _, first, end: _warp_rays(*fixed, first, end), count)
        return RayPoints(*hit, *planes)

    @staticmethod
    def _share(work, count: int) -> None:
        workers.share(work, count, PIECE, workers.default_workers())


@kernel
def _hit_rays(field, box, origin, matrix, near, close_by, settings, u, depth, inside, close, first, end):
    for index in range(first, end):
        _, _, q, _ = ray_at(matrix, u[index, 0], u[index, 1])
        enter, leave, _ = span(box, origin, q[0], q[1], q[2], near)
        found, passed = march(field, origin, q[0], q[1], q[2], enter, leave, settings)
        depth[index] = abs(found)
        inside[index] = found < 0.0
        close[index] = passed < close_by


@kernel
def _warp_rays(field, box, lens, near, factor, quadrature, rates, u, planes, depth, inside, traced, first, end):
    n, origin = quadrature.points, lens[0]
    kept = quadrature.chosen or n
    s, rate, distance = np.empty(n), np.empty((n, 2)), np.empty(n)
    weight, chosen, made, bent = np.empty(n), np.empty(n, np.int64), np.zeros((n, COLUMNS)), np.empty((3, 3))
    settings, moving = (factor, STEPS_MORE, quadrature.tolerance), rates and quadrature.attached
    for index in range(first, end):
        ray = ray_at(lens[1], u[index, 0], u[index, 1])
        count = trace_points(field, box, lens, near, factor, quadrature, moving, ray, s, rate, distance)
        traced[index] = count
        if count == 0:
            continue
        points = (s, rate, distance, count)
        found = weigh_points(field, lens, quadrature, ray, s, distance, count, kept, weight, chosen)
        point_motions(field, lens, quadrature, rates, ray, points, weight, chosen, found, made, bent)
        capped = quadrature.chosen > 0 and found == kept
        write_motions(planes, index, points, weight, chosen, found, capped, rates, made)
        q = ray[2]
        enter, leave, _ = span(box, origin, q[0], q[1], q[2], near)
        hit, _ = march(field, origin, q[0], q[1], q[2], max(enter, s[max(count - 3, 0)]), leave, settings)
        depth[index] = abs(hit)
        inside[index] = hit < 0.0


class RayProfile(NamedTuple):
    """The quadrature along one ray, (n,) each, in the order of tracing. depth: along the view axis. distance: f, object
    units. weight: normalised, of all points; chosen: of the top k (eq. 14). points: (n, 3), object space."""

    depth: np.ndarray
    points: np.ndarray
    distance: np.ndarray
    weight: np.ndarray
    chosen: np.ndarray


def ray_profile(tracer: HostTracer, x: float, y: float) -> RayProfile:
    """What the warp sees along the ray through the pixel position (x, y): their Fig. 5. Empty where it misses the box."""
    field, rays, quadrature = tracer.field, tracer.rays, tracer.quadrature
    n = quadrature.points
    s, rate, distance = np.empty(n), np.empty((n, 2)), np.empty(n)
    weight, order = np.empty(n), np.empty(n, np.int64)
    lens, ray = (rays.origin, rays.matrix, np.eye(2)), ray_at(rays.matrix, float(x), float(y))
    count = trace_points(field, tracer.box, lens, rays.near, tracer.factor, quadrature, False, ray, s, rate, distance)
    points = rays.origin + s[:count, None] * np.array(ray[2])
    chosen = np.zeros(count)
    if count:
        found = weigh_points(field, lens, quadrature, ray, s, distance, count, n, weight, order)
        top = order[: min(found, quadrature.chosen or n)]
        chosen[top] = weight[top] - (weight[top[-1]] if len(top) == quadrature.chosen else 0.0)
    normalised = lambda w: w / max(float(w.sum()), 1e-30)
    return RayProfile(s[:count].copy(), points, distance[:count].copy(), normalised(weight[:count]), normalised(chosen))
