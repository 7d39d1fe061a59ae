"""The surface face of a grid: marching cubes samples it on the host, its vertices are evaluated again inside jit.

A fragment has three barycentrics and, through its corners, the six lattice nodes whose values place them (Cole et al.
2021, section 3.1.3). The number of vertices is rounded up to a bucket, so that a growing surface seldom recompiles.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from kernels.field_grid import extrapolated
from kernels.linear import linear_map
from kernels.marching_cubes import Isosurface
from kernels.shading import unit_planes
from kernels.surface import NORMALS, SurfaceSamples, evaluate_fragments, needs_normals
from kernels.types import Fragments, GBuffer, Lens, Planes, Values

SMALLEST_BUCKET = 1024


class IsoSamples(NamedTuple):
    """surface: fragments as of a mesh, whose corners number the vertices below.

    ends: (2, V) int32, flat indices of each vertex's lattice nodes; share: (V,) float32, where it lies from the first (0)
    to the second (1); steady: (V,) bool, False between nearly equal values (see kernels/marching_cubes.py) and
    beyond the last vertex. None where the grid's
    values and the vertices' motion are not needed.
    """

    surface: SurfaceSamples
    ends: Any
    share: Any
    steady: Any

    @property
    def fragments(self) -> Fragments:
        return self.surface.fragments


Near = Callable[[list[Planes], bool], list[Planes]]
"""(lattice coordinates of every vertex's first and second nodes, whether normals are needed) -> for both, the field's
values at the node and, with normals, at its neighbours: centre, -x, +x, -y, +y, -z, +z."""


def field_neighbourhood(
    field: Callable[[Planes], Any], origin: Any, spacing: Any, places: list[Planes], normals: bool
) -> list[Planes]:
    """`Near` of a field that is a function of points."""
    steps = (
        ((0, 0, 0), (-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1)) if normals else ((0, 0, 0),)
    )
    node = jnp.stack([jnp.stack(place) for place in places]).astype(jnp.asarray(spacing).dtype)  # (2, 3, V)
    offset = jnp.asarray(steps, node.dtype)  # (n, 3)
    at = lambda axis: origin[axis] + spacing[axis] * (node[:, axis, None, :] + offset[None, :, axis, None])
    found = field((at(0), at(1), at(2)))
    return [tuple(found[end, n] for n in range(len(steps))) for end in range(2)]


def bucket(count: int) -> int:
    """The next of 1024, 1536, 2048, 3072, 4096, ... that holds `count`."""
    size = SMALLEST_BUCKET
    while size < count:
        size = size * 3 // 2 if size & (size - 1) == 0 else size * 4 // 3
    return size


def lattice_samples(iso: Isosurface, values: np.ndarray) -> tuple[Any, Any, Any]:
    """Host: (ends, share, steady) of IsoSamples for a surface of `values` (nx, ny, nz), padded to a bucket."""
    count = len(iso.vertices)
    ends = np.zeros((2, bucket(count)), np.int32)
    share = np.zeros(ends.shape[1], np.float32)
    steady = np.zeros(ends.shape[1], np.bool_)
    if count:
        flat = values.reshape(-1)
        first, second = flat[iso.ends[0]], flat[iso.ends[1]]
        ends[:, :count] = iso.ends
        share[:count] = first / (first - second)
        steady[:count] = iso.steady
    return ends, share, steady


def evaluate_isosurface(
    values: Values,
    samples: IsoSamples,
    lens: Lens,
    *,
    channels: tuple[str, ...],
    free: frozenset[str],
    attached: bool,
    nodes: tuple[int, ...],
    near: Near,
    shaping: frozenset[str],
) -> GBuffer:
    """G-buffer of an isosurface on a lattice of `nodes`; `values` holds const.origin, const.spacing and surface.colour.

    near: the field's values at and about lattice nodes, differentiable. Differentiable in the names of `free`; those of
    `shaping` move the surface. See kernels/surface.py for `attached`.
    """
    layers = samples.fragments.inverse_depth.shape[0]
    colour = tuple(values["surface.colour"][i] for i in range(3))
    surface = samples.surface._replace(colours=(colour,) * layers)
    known = {name: value for name, value in values.items() if name != "values"}
    if samples.ends is not None:
        known |= _vertices(values, samples, needs_normals(channels), nodes, near)
    names = free - shaping | ({"vertices"} if free & shaping else set())
    return evaluate_fragments(known, surface, lens, channels=channels, free=names, attached=attached)


def _vertices(values: Values, samples: IsoSamples, normals: bool, nodes: tuple[int, ...], near: Near) -> dict[str, Any]:
    """The vertices (V, 3) and, where needed, their normals, differentiable in what the field depends on.

    A vertex lies where the two values, mixed, are zero; to first order it moves by their mixed change over their
    difference, whose derivative is that of share = first / (first - second).
    """
    origin, spacing = values["const.origin"], values["const.spacing"]
    places = [_coordinates(end, nodes) for end in samples.ends]
    ends = near(places, normals)
    share = jnp.asarray(samples.share, ends[0][0].dtype)
    first, second = ends[0][0], ends[1][0]
    fall = jax.lax.stop_gradient(first - second)
    inverse = jnp.where(samples.steady & (fall != 0), 1.0 / jnp.where(fall != 0, fall, 1.0), 0.0)
    mixed = first * (1.0 - share) + second * share
    share = share + (mixed - jax.lax.stop_gradient(mixed)) * inverse
    vertex = []
    for axis in range(3):
        low, high = (place[axis].astype(share.dtype) for place in places)
        vertex.append(origin[axis] + spacing[axis] * (low + (high - low) * share))
    found = {"vertices": jnp.stack(vertex, axis=-1)}
    if normals:
        slopes = [tuple((end[2 + 2 * a] - end[1 + 2 * a]) / (2.0 * spacing[a]) for a in range(3)) for end in ends]
        mixed_slopes = tuple(slopes[0][a] * (1.0 - share) + slopes[1][a] * share for a in range(3))
        found[NORMALS] = jnp.stack(unit_planes(mixed_slopes), axis=-1)
    return found


def _coordinates(index: Any, nodes: tuple[int, ...]) -> Planes:
    """Flat node indices -> ix, iy, iz."""
    return index // (nodes[1] * nodes[2]), index // nodes[2] % nodes[1], index % nodes[2]


def grid_neighbourhood(grid: Any, places: list[Planes], normals: bool) -> list[Planes]:
    """`Near` of a grid (nx, ny, nz): beyond the border by quadratic extrapolation. One gather, whose transpose is one
    scatter-add.
    """
    larger = extrapolated(grid)
    _, ny, nz = larger.shape
    steps = (0, -ny * nz, ny * nz, -nz, nz, -1, 1) if normals else (0,)
    base = jnp.stack([((x + 1) * ny + (y + 1)) * nz + z + 1 for x, y, z in places])
    index = base[:, None, :] + jnp.asarray(steps, base.dtype)[None, :, None]

    def gather(index: Any, flat: Any) -> Any:
        return flat.at[index].get(mode="promise_in_bounds")

    def scatter(index: Any, rows: Any) -> Any:
        return jnp.zeros(larger.size, rows.dtype).at[index].add(rows, mode="promise_in_bounds")

    rows = linear_map(gather, scatter, index, larger.reshape(-1))
    return [tuple(rows[end, n] for n in range(len(steps))) for end in range(2)]
