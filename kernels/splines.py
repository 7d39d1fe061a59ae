"""Uniform bicubic B-spline patches: positions and normals exactly, from a patch and its (u, v), and their G-buffer.

A patch has 16 points, numbered point[4 * row + column] with u along columns and v along rows; u, v in [0, 1] span the
middle square of the 4 x 4. Points are linear in the control points: points = sum of weights * control[columns].
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from kernels.barycentrics import pixel_barycentrics
from kernels.linear import linear_map
from kernels.shading import unit_planes
from kernels.surface import SurfaceSamples, evaluate_fragments, needs_normals
from kernels.types import Fragments, GBuffer, Lens, Planes, Values

POINTS = "derived.points"
"""Name under which `prepare` hands on the patches' points, computed once a step instead of once a view."""

CONTROL = frozenset({"control_points", "profile"})
"""What moves a spline surface besides its pose."""


class SplineSamples(NamedTuple):
    """surface: fragments of the tessellation, whose corners and barycentrics give patch and (u, v); without corners,
    where the control points are not free, positions and normals are exact already.
    """

    surface: SurfaceSamples

    @property
    def fragments(self) -> Fragments:
        return self.surface.fragments


def basis(t: Any) -> tuple[Any, Any, Any, Any]:
    """The four uniform cubic B-spline weights at t in [0, 1]; they sum to 1."""
    s = 1.0 - t
    third = 1.0 / 6.0
    return (
        s * s * s * third,
        (4.0 - 6.0 * t * t + 3.0 * t * t * t) * third,
        (4.0 - 6.0 * s * s + 3.0 * s * s * s) * third,
        t * t * t * third,
    )


def basis_slope(t: Any) -> tuple[Any, Any, Any, Any]:
    """Their derivatives by t; they sum to 0."""
    s = 1.0 - t
    return -0.5 * s * s, t * (1.5 * t - 2.0), s * (2.0 - 1.5 * s), 0.5 * t * t


def patch_weights(u: Any, v: Any) -> tuple[list[Any], list[Any], list[Any]]:
    """The 16 weights of the position, of dS/du and of dS/dv."""
    bu, bv, du, dv = basis(u), basis(v), basis_slope(u), basis_slope(v)
    outer = lambda rows, columns: [r * c for r in rows for c in columns]
    return outer(bv, bu), outer(bv, du), outer(dv, bu)


def effective_control(values: Values) -> Any:
    """Control points (n, 3) with the rings' radii applied: x and z are scaled by profile / const.radii of the ring."""
    xp = np if isinstance(values["control_points"], np.ndarray) and isinstance(values["profile"], np.ndarray) else jnp
    factor = (values["profile"] / values["const.radii"])[values["const.ring"]]
    return values["control_points"] * xp.stack([factor, xp.ones_like(factor), factor], axis=-1)


def patch_points(values: Values) -> Any:
    """The points (r, 3) that patches index: refined control points. NumPy or JAX as `values` are."""
    control = effective_control(values)
    return (control[values["const.columns"]] * values["const.weights"][..., None]).sum(axis=1)


def exact_on_host(
    points: np.ndarray, patches: np.ndarray, patch: np.ndarray, u: np.ndarray, v: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Positions and normals (m, 3), the latter of any length, at m places: patch (m,), u and v (m,)."""
    ids = patches[patch]
    sums = [np.zeros((len(patch), 3)) for _ in range(3)]
    for i, weights in enumerate(zip(*patch_weights(u, v))):
        rows = points[ids[:, i]]
        for total, weight in zip(sums, weights):
            total += weight[:, None] * rows
    return sums[0], np.cross(sums[1], sums[2])


def evaluate_splines(
    values: Values,
    samples: SplineSamples,
    lens: Lens,
    *,
    channels: tuple[str, ...],
    free: frozenset[str],
    attached: bool,
) -> GBuffer:
    """G-buffer of spline patches, differentiable in the names of `free` (control points and profile among them).

    Fragments keep their patch and (u, v), and lie at their pixel's centre in value: the tessellation that found them
    is off by a fraction of a pixel. Where they are `attached`, (u, v) follow the pixel over the moving tessellation.
    """
    layers, height, width = samples.fragments.inverse_depth.shape
    colour = tuple(values["surface.colour"][i] for i in range(3))
    surface = samples.surface._replace(colours=(colour,) * layers)
    others = free - CONTROL
    if samples.fragments.corners is None:
        return evaluate_fragments(values, surface, lens, channels=channels, free=others, attached=attached)
    points = values[POINTS] if POINTS in values else patch_points(values)
    positions, normals = [], []
    tessellated = {**values, "vertices": _tessellation(values, points)} if attached else {}
    for k in range(layers):
        corners = samples.fragments.corners[k]
        patch = jnp.asarray(values["const.tessellation_patch"]).at[corners[0]].get(mode="promise_in_bounds")
        if attached:
            uv = _places(values, corners, pixel_barycentrics(tessellated, samples.fragments, lens, k))
            position, normal = _exact_sliding(values, points, patch, uv)
        else:
            uv = _places(values, corners, samples.fragments.bary[k])
            position, normal = _exact(values, points, patch, uv, needs_normals(channels))
        positions.append(position)
        normals.append(normal)
    fragments = samples.fragments._replace(position=tuple(positions))
    surface = surface._replace(fragments=fragments, normals=tuple(normals) if needs_normals(channels) else None)
    gbuffer = evaluate_fragments(values, surface, lens, channels=channels, free=others - {"vertices"})
    across = jnp.arange(width, dtype=jnp.float32)[None, :] + 0.5
    down = jnp.arange(height, dtype=jnp.float32)[:, None] + 0.5
    centred = lambda planes, centre: tuple(p - jax.lax.stop_gradient(p) + centre for p in planes)
    return gbuffer._replace(x=centred(gbuffer.x, across), y=centred(gbuffer.y, down))


def _exact(values: Values, points: Any, patch: Any, uv: Planes, normals: bool) -> tuple[Planes, Planes | None]:
    """Position and unit normal planes at (patch, u, v), by one gather whose transpose is one scatter-add."""
    weights = [jnp.stack(w) for w in patch_weights(uv[0], uv[1])][: 3 if normals else 1]
    ids = jnp.moveaxis(jnp.asarray(values["const.patches"]).at[patch].get(mode="promise_in_bounds"), -1, 0)

    def gather(residuals: Any, table: Any) -> Planes:
        rows = table.at[residuals[0]].get(mode="promise_in_bounds")
        mixed = [jnp.sum(rows * w[..., None], axis=0) for w in residuals[1]]
        return tuple(m[..., i] for m in mixed for i in range(3))

    def scatter(residuals: Any, planes: Planes) -> Any:
        total = 0.0
        for i, w in enumerate(residuals[1]):
            total = total + jnp.stack(planes[3 * i : 3 * i + 3], axis=-1)[None] * w[..., None]
        return jnp.zeros(points.shape, points.dtype).at[residuals[0]].add(total, mode="promise_in_bounds")

    planes = linear_map(gather, scatter, (ids, tuple(weights)), points)
    return planes[:3], _cross(planes[3:6], planes[6:9]) if normals else None


def _places(values: Values, corners: Any, bary: Any) -> Planes:
    """(u, v) of a layer's fragments, two planes, as differentiable as the barycentrics."""
    uv = jnp.asarray(values["const.tessellation_uv"]).at[corners].get(mode="promise_in_bounds")
    return tuple(bary[0] * uv[0, ..., i] + bary[1] * uv[1, ..., i] + bary[2] * uv[2, ..., i] for i in range(2))


def _exact_sliding(values: Values, points: Any, patch: Any, uv: Planes) -> tuple[Planes, Planes]:
    """The same as _exact, differentiable in (u, v) too."""
    ids = jnp.moveaxis(jnp.asarray(values["const.patches"]).at[patch].get(mode="promise_in_bounds"), -1, 0)
    rows = jnp.asarray(points).at[ids].get(mode="promise_in_bounds")
    mixed = [jnp.sum(rows * jnp.stack(w)[..., None], axis=0) for w in patch_weights(uv[0], uv[1])]
    position, along, up = (tuple(m[..., i] for i in range(3)) for m in mixed)
    return position, _cross(along, up)


def _tessellation(values: Values, points: Any) -> Any:
    """The tessellation's vertices (n, 3), exactly on the patches, differentiable in the points."""
    uv = values["const.tessellation_uv"]
    ids = values["const.patches"][values["const.tessellation_patch"]]
    rows = jnp.asarray(points).at[ids].get(mode="promise_in_bounds")
    weights = jnp.stack(patch_weights(uv[:, 0], uv[:, 1])[0], axis=-1)
    return jnp.sum(rows * weights[..., None], axis=1)


def _cross(a: Planes, b: Planes) -> Planes:
    return unit_planes((a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]))
