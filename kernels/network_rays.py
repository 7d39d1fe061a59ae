"""The warp's rays through a network: placed and weighed by a lattice of its distances, grazing ones decided by the network.

A lattice's outline lies up to a tenth of a pixel beside the network's. Which pixel an outline is in is then told wrongly,
and the derivative with it (2 % of its total beside outlines, at 64 x 64 pixels).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kernels.host_field import sample
from kernels.host_trace import march, span
from kernels.jit import kernel
from kernels.network_trace import Distances, first_zeros
from kernels.warp_points import ray_at
from kernels.warp_rays import STEPS_MORE, HostTracer, RayPoints

DOUBT = 0.5
"""Pixels: how far the lattice is believed to be off at most."""
PLACES = 9
"""Along what is in doubt of a ray, some ten pixels, where the network is asked first."""


@dataclass(frozen=True)
class NetworkTracer(HostTracer):
    """field, box: of the lattice. distances: the network's."""

    distances: Distances

    def hits(self, u: np.ndarray, final: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        depth, inside, close = super().hits(u, final)
        if final:
            self._decide(u, depth, inside)
        return depth, inside, close

    def points(self, u: np.ndarray, rates: bool) -> RayPoints:
        found = super().points(u, rates)
        self._decide(u, found.depth, found.inside)
        return found

    def _decide(self, u: np.ndarray, depth: np.ndarray, inside: np.ndarray) -> None:
        """Replace the hits of rays that come within DOUBT of a surface of the lattice and do not pass it by as much: the
        network tells there, and beyond it the lattice again."""
        rays, asked = self.rays, np.arange(len(u))
        begin, end = np.zeros(len(u)), np.zeros(len(u))
        fixed = (self.field, self.box, rays.origin, rays.matrix, rays.near, DOUBT * rays.pixel)
        settings = (self.factor, STEPS_MORE, self.quadrature.tolerance)
        while len(asked):
            work = lambda _, first, last, asked=asked: _doubtful_rays(
                *fixed, settings, u, asked, begin, end, depth, inside, first, last
            )
            self._share(work, len(asked))
            asked = asked[begin[asked] > 0]
            q = np.concatenate([u[asked], np.ones((len(asked), 1))], axis=1) @ rays.matrix.T
            found, back = first_zeros(self.distances, rays.origin, q, begin[asked], end[asked], PLACES)
            hit = found > 0
            depth[asked[hit]], inside[asked[hit]] = found[hit], back[hit]
            asked = asked[~hit]


@kernel
def _doubtful_rays(field, box, origin, matrix, near, doubt, settings, u, asked, begin, end, depth, inside, first, last):
    """Fill begin and end (n,) of the `asked` rays: the next doubtful stretch, 0 for none. Rays that have been followed
    to their `end` already are traced anew from there."""
    for place in range(first, last):
        index = asked[place]
        _, _, q, length = ray_at(matrix, u[index, 0], u[index, 1])
        enter, leave, _ = span(box, origin, q[0], q[1], q[2], near)
        begin[index] = 0.0
        if end[index] > 0.0:
            enter = end[index]
            found, _ = march(field, origin, q[0], q[1], q[2], enter, leave, settings)
            depth[index], inside[index] = abs(found), found < 0.0
        if enter < leave:
            begin[index], end[index] = _doubtful(field, origin, q, length, enter, leave, settings[0], doubt)


@kernel
def _doubtful(field, origin, q, length, depth, leave, factor, doubt):
    """(depth before which the field's sign is known, depth from where it is again) around the first place where the field
    comes within `doubt` (object units at depth 1) of zero and goes away from it again; (0, leave) where there is none
    before the ray has surely passed a surface."""
    side, known, within = 0.0, depth, False
    while True:
        f, _, _, _ = sample(field, origin[0] + depth * q[0], origin[1] + depth * q[1], origin[2] + depth * q[2])
        if side == 0.0:
            side = -1.0 if f < 0.0 else 1.0
        f *= side
        if f < -doubt * depth:
            return 0.0, leave
        if f >= doubt * depth:
            if within:
                return known, depth
            known = depth
        else:
            within = True
        if depth >= leave:
            return (known if within else 0.0), leave
        depth = min(depth + max(abs(f) * factor, 0.25 * doubt * depth) / length, leave)
