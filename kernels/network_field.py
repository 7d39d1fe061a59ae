"""A network as a field that methods evaluate: distance, slope and normal at the hits alone, or at all points, in chunks.

Chunks go through one lax.scan and are evaluated again in the backward pass, so that memory follows the chunk and not
the image; chunks without a hit are skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from kernels.field import FieldSamples
from kernels.network import DistanceNetwork, radiance
from kernels.network_parts import Architecture
from kernels.types import Plane, Planes

HITS = 512
"""Points of a chunk. It divides the chunks that hits are padded to (kernels/field_grid.py)."""
RAYS = 512
"""Rays of a chunk where every ray has points of its own: what is in flight grows with their number (bench_network.py)."""

Rows = Callable[..., tuple[Any, ...]]
"""(n,) columns -> (n,) columns."""


def over_hits(work: Rows, planes: Planes, samples: FieldSamples, outputs: int) -> Planes:
    """`work` on the pixels that hit, as columns of HITS; zeros elsewhere. planes: any shape, as samples.distance."""
    shape, size = planes[0].shape, planes[0].size
    flat = [jnp.asarray(plane).reshape(size) for plane in planes]
    places = jnp.asarray(samples.hits).reshape(-1, HITS)
    firsts = jnp.arange(places.shape[0], dtype=samples.count.dtype) * HITS

    @jax.checkpoint  # around the choice: inside it, every chunk would keep a copy of the weights
    def one(place: Any, first: Any) -> tuple[Any, ...]:
        nothing = lambda: tuple(jnp.zeros(HITS, flat[0].dtype) for _ in range(outputs))
        return jax.lax.cond(first < samples.count, lambda: tuple(work(*(f[place] for f in flat))), nothing)

    _, found = jax.lax.scan(lambda _, chunk: (None, one(*chunk)), None, (places, firsts))
    order = jnp.arange(places.size, dtype=samples.count.dtype)
    target = jnp.where(order < samples.count, samples.hits, size)
    blank = jnp.zeros(size, flat[0].dtype)
    return tuple(blank.at[target].set(f.reshape(-1), mode="drop").reshape(shape) for f in found)


def over_rays(work: Rows, planes: Planes, outputs: int) -> Planes:
    """`work` on all points. planes: (..., P); each chunk is all leading entries of RAYS along the last axis, flat."""
    shape = planes[0].shape
    lead, rays = planes[0].size // shape[-1], shape[-1]
    chunks = -(-rays // RAYS)
    pad = chunks * RAYS - rays

    def split(plane: Plane) -> Any:
        padded = jnp.pad(jnp.asarray(plane).reshape(lead, rays), ((0, 0), (0, pad)))
        return padded.reshape(lead, chunks, RAYS).transpose(1, 0, 2).reshape(chunks, lead * RAYS)

    some = jax.checkpoint(lambda parts: tuple(work(*parts)))
    _, found = jax.lax.scan(lambda _, parts: (None, some(parts)), None, tuple(split(p) for p in planes))

    def joined(part: Any) -> Plane:
        whole = part.reshape(chunks, lead, RAYS).transpose(1, 0, 2).reshape(lead, chunks * RAYS)
        return whole[:, :rays].reshape(shape)

    assert len(found) == outputs
    return tuple(joined(f) for f in found)


class NetworkField:
    """A LocalField (kernels/field.py), everywhere. samples: evaluate at their hits alone; None: at all points."""

    def __init__(self, arch: Architecture, values: Mapping[str, Any], samples: FieldSamples | None) -> None:
        self._network = DistanceNetwork.of(arch, values)
        self._arch, self._values, self._samples = arch, values, samples

    def distance(self, point: Planes) -> Plane:
        return self._map(lambda x, y, z: (self._network(jnp.stack([x, y, z], axis=1)),), point, 1)[0]

    def slope(self, point: Planes, direction: Planes) -> Plane:
        return self.value_and_slope(point, direction)[1]

    def value_and_slope(self, point: Planes, direction: Planes) -> tuple[Plane, Plane]:
        """Distance and slope by one evaluation."""

        def work(x: Any, y: Any, z: Any, u: Any, v: Any, w: Any) -> tuple[Any, Any]:
            along = jnp.stack([u, v, w], axis=1)
            return jax.jvp(self._network, (jnp.stack([x, y, z], axis=1),), (along,))

        value, slope = self._map(work, (*point, *direction), 2)
        return value, slope

    def normal(self, point: Planes) -> Planes:
        def work(x: Any, y: Any, z: Any) -> tuple[Any, ...]:
            gradient = self._network.with_gradient(jnp.stack([x, y, z], axis=1))[1]
            return gradient[:, 0], gradient[:, 1], gradient[:, 2]

        return self._map(work, point, 3)

    def colour(self, point: Planes, normal: Planes, direction: Planes) -> Planes:
        """The radiance network's; unit normals and directions, object space."""

        def work(*columns: Any) -> tuple[Any, ...]:
            parts = [jnp.stack(columns[i : i + 3], axis=1) for i in (0, 3, 6)]
            colour = radiance(self._arch, self._values, *parts)
            return colour[:, 0], colour[:, 1], colour[:, 2]

        return self._map(work, (*point, *normal, *direction), 3)

    def _map(self, work: Rows, planes: Planes, outputs: int) -> Planes:
        if self._samples is None:
            return over_rays(work, planes, outputs)
        return over_hits(work, planes, self._samples, outputs)
