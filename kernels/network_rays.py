"""The warp's rays through a network: placed and weighed by a lattice of its distances, grazing ones decided by the network.

A lattice's outline lies up to a tenth of a pixel beside the network's. Which pixel an outline is in is then told wrongly,
and the derivative with it (2 % of its total beside outlines, at 64 x 64 pixels).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from kernels.host_field import sample
from kernels.host_trace import span
from kernels.network_trace import MOST_STEPS, Distances, trace_rays
from kernels.warp_points import ray_at
from kernels.warp_rays import HostTracer, RayPoints

DOUBT = 0.5
"""Pixels: how far the lattice is believed to be off at most."""


@dataclass(frozen=True)
class NetworkTracer(HostTracer):
    """field, box: of the lattice. distances: the network's."""

    distances: Distances

    def hits(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        depth, inside, close = super().hits(u)
        self._decide(u, depth, inside)
        return depth, inside, close

    def points(self, u: np.ndarray, rates: bool) -> RayPoints:
        found = super().points(u, rates)
        self._decide(u, found.depth, found.inside)
        return found

    def _decide(self, u: np.ndarray, depth: np.ndarray, inside: np.ndarray) -> None:
        """Replace the hits of rays that come within DOUBT of a surface of the lattice and do not pass it by as much."""
        begin, rays = np.zeros(len(u)), self.rays
        fixed = (self.field, self.box, rays.origin, rays.matrix, rays.near, self.factor, DOUBT * rays.pixel, u, begin)
        self._share(lambda _, first, end: _doubtful_rays(*fixed, first, end), len(u))
        asked = np.flatnonzero(begin)
        q = np.concatenate([u[asked], np.ones((len(asked), 1))], axis=1) @ rays.matrix.T
        tolerance = self.quadrature.tolerance
        depth[asked], inside[asked], _ = trace_rays(self.distances, rays, q, tolerance, MOST_STEPS, begin[asked])


@njit(nogil=True, cache=True, error_model="numpy")
def _doubtful_rays(field, box, origin, matrix, near, factor, doubt, u, begin, first, end):
    for index in range(first, end):
        _, _, q, length = ray_at(matrix, u[index, 0], u[index, 1])
        enter, leave, _ = span(box, origin, q[0], q[1], q[2], near)
        begin[index] = _doubtful_from(field, origin, q, length, enter, leave, factor, doubt) if enter < leave else 0.0


@njit(nogil=True, cache=True, error_model="numpy")
def _doubtful_from(field, origin, q, length, depth, leave, factor, doubt):
    """Depth before which the field's sign is known and after which it comes within `doubt` (object units at depth 1) of
    zero, and goes away from it again; 0 where there is none before the ray has surely passed a surface."""
    side, known, within = 0.0, depth, False
    while True:
        f, _, _, _ = sample(field, origin[0] + depth * q[0], origin[1] + depth * q[1], origin[2] + depth * q[2])
        if side == 0.0:
            side = -1.0 if f < 0.0 else 1.0
        f *= side
        if f < -doubt * depth:
            return 0.0
        if f >= doubt * depth:
            if within:
                return known
            known = depth
        else:
            within = True
        if depth >= leave:
            return known if within else 0.0
        depth = min(depth + max(abs(f) * factor, 0.25 * doubt * depth) / length, leave)
