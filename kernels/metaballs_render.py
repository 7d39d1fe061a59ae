"""Rendering Gaussians ray by ray, in chunks that stay in the cache. Pixels come as flat (P,) ray slopes x, y.

A ray is (x, y, 1) in camera space with y down (kernels/metaballs.py), so the depth that comes out is along the view axis.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from kernels.metaballs import Quadrics, coverage, depth_weights, hits, mixed, total, unit_normals

PLANE = 262_144
"""Entries of one (N, P) plane of a chunk: 6,553 rays of 40 Gaussians. Half of it costs 20 % more a forward pass at
256 x 256 (5.5 against 4.4 ms), and twice of it doubles the gradient's time at 160 x 120 (the cache is left)."""
WHOLE = 2048
"""Rays up to which there is one chunk only; 80 x 60 is faster in two halves (0.49 and 1.1 ms, not 0.68 and 1.25)."""


def render_rays(
    g: Quadrics,
    colours: Any,
    x: Any,
    y: Any,
    beta: Mapping[str, Any],
    *,
    intersection: str = "linear",
    form: str = "code",
    wanted: frozenset[str] = frozenset({"alpha", "depth"}),
    chunk: int | None = None,
) -> dict[str, Any]:
    """Rays (P,) -> "alpha", "depth" (P,), "normals" (camera space, unit, facing) and "colours": three (P,) each.

    beta: beta1 to beta5 and eta (see depth_weights, coverage). chunk: most rays at a time, where PLANE and WHOLE shall
    not decide. Depth and the rest are defined on every ray, hit or not.
    """

    def body(rays: tuple[Any, Any]) -> dict[str, Any]:
        return _one_chunk(g, colours, rays[0], rays[1], beta, intersection, form, wanted)

    count = x.shape[0]
    parts = _parts(count, g.q.shape[0]) if chunk is None else -(-count // chunk)
    if parts <= 1:
        return body((x, y))
    each = -(-count // parts)  # equal parts: 4,800 rays would fill the third of three full chunks by a third only
    padding = int(parts * each - count)
    fold = lambda plane: jnp.pad(plane, (0, padding)).reshape(parts, each)
    out = jax.lax.map(jax.checkpoint(body), (fold(x), fold(y)))
    return jax.tree.map(lambda plane: plane.reshape(-1)[:count], out)


def _parts(rays: int, gaussians: int) -> int:
    """How many chunks the rays are taken in."""
    return 1 if rays <= WHOLE else max(2, -(-rays * gaussians // PLANE))


def _one_chunk(
    g: Quadrics,
    colours: Any,
    x: Any,
    y: Any,
    beta: Mapping[str, Any],
    intersection: str,
    form: str,
    wanted: frozenset[str],
) -> dict[str, Any]:
    met = hits(g, x, y, intersection)
    log_density = g.log_weight - 0.5 * met.distance
    out: dict[str, Any] = {}
    if "alpha" in wanted:
        out["alpha"] = coverage(log_density, met, beta, form)
    if wanted - {"alpha"}:
        weights = depth_weights(log_density, met, beta, form)
        weight = total(weights)
        if "depth" in wanted:
            out["depth"] = mixed(weights, weight, met.depth)
        if "normals" in wanted:
            blended = [mixed(weights, weight, n) for n in unit_normals(g, met, x, y, intersection)]
            inverse = jax.lax.rsqrt(jnp.maximum(sum(n * n for n in blended), 1e-12))
            out["normals"] = tuple(n * inverse for n in blended)
        if "colours" in wanted:
            out["colours"] = tuple(mixed(weights, weight, colours[:, i, None]) for i in range(3))
    return out
