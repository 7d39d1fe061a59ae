"""How closely each pixel's ray passes a field: its least signed distance, with the derivative that IDR's masks need.

The place of the least value is found on the host and frozen. There the field is flat along the ray, so the derivative
of the value at that place is that of the minimum (Yariv et al. 2020, eq. 7: min over t of f(c + t v)).
"""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np

from kernels.field import FieldSamples, ObjectRays, pixel_rays, world_to_object_planes
from kernels.field_grid import padded_count
from kernels.host_field import HostField, sample
from kernels.host_trace import direction, span, step_factor
from kernels.jit import kernel
from kernels.raster import workers
from kernels.types import Lens, Plane, Values

STEPS = 96
"""A ray's way through the box in steps of at least this part of it: IDR looks at 100 places."""
HALVINGS = 12
"""Of the bracket about the least place seen, by golden sections (a factor of 300)."""
GOLDEN = 0.381966
FAR = 1.0
"""Clearance (world units) of rays that miss the box: certainly outside."""
ROWS = 8
"""Image rows a thread takes at a time."""


def least_along(field: HostField, box: np.ndarray, rays: ObjectRays, height: int, width: int) -> np.ndarray:
    """(H, W) float32: world distance along each pixel's ray to where the field is least, 0 where it misses the box."""
    found = np.zeros((height, width), np.float32)
    factor = step_factor(field)
    work = lambda _, first, end: _rows(
        field, box, rays.origin, rays.matrix, rays.near, rays.scale, factor, found, first, end
    )
    workers.share(work, height, ROWS, workers.default_workers())
    return found


def clearance(shape: Any, values: Values, place: Plane, lens: Lens) -> Plane:
    """Traced: the field (world units, negative inside) at the frozen `place` (H, W) along each pixel's ray."""
    height, width = place.shape
    rays = pixel_rays(values, lens, height, width)
    seen = place > 0
    point = world_to_object_planes(values, tuple(rays.eye[i] + place * rays.direction[i] for i in range(3)))
    point = tuple(jnp.where(seen, p, 0.0) for p in point)
    if shape.spares_pixels:
        field = shape.local_field(values, _seen_first(place), point)
    else:
        field = shape.distance_field(values, point)
    return jnp.where(seen, field.distance(point) * values["pose.scale"], FAR)


def _seen_first(place: Plane) -> FieldSamples:
    """Traced: the pixels whose rays are asked about, for a field that is dear to evaluate at all of them."""
    unseen = (place <= 0).reshape(-1)
    order = jnp.argsort(unseen, stable=True).astype(jnp.int32)
    padded = jnp.pad(order, (0, padded_count(*place.shape) - order.size))
    return FieldSamples(place, jnp.zeros(place.shape, jnp.bool_), padded, jnp.sum(~unseen, dtype=jnp.int32))


@kernel
def _rows(field, box, origin, matrix, near, scale, factor, found, first, end):
    for row in range(first, end):
        for column in range(found.shape[1]):
            qx, qy, qz = direction(matrix, column + 0.5, row + 0.5)
            enter, leave, _ = span(box, origin, qx, qy, qz, near)
            if enter < leave:
                length = math.sqrt(qx * qx + qy * qy + qz * qz)
                depth = _least(field, origin, qx, qy, qz, enter, leave, length, factor)
                found[row, column] = depth * scale * length


@kernel
def _least(field, origin, qx, qy, qz, enter, leave, length, factor):
    """Depth of the least value between two depths. Steps are the distance, but at least a STEPS-th of the way."""
    shortest = (leave - enter) / STEPS
    depth, best, value = enter, enter, 1e30
    low, high, previous = enter, leave, enter
    rising = False
    while True:
        f = sample(field, origin[0] + depth * qx, origin[1] + depth * qy, origin[2] + depth * qz)[0]
        if f < value:
            best, value, low, rising = depth, f, previous, False
        elif not rising:
            high, rising = depth, True
        if depth >= leave:
            break
        previous = depth
        depth = min(depth + max(abs(f) * factor / length, shortest), leave)
    high = high if rising else leave
    for _ in range(HALVINGS):
        a, b = low + GOLDEN * (high - low), high - GOLDEN * (high - low)
        fa = sample(field, origin[0] + a * qx, origin[1] + a * qy, origin[2] + a * qz)[0]
        fb = sample(field, origin[0] + b * qx, origin[1] + b * qy, origin[2] + b * qz)[0]
        if fa < fb:
            high = b
        else:
            low = a
    middle = 0.5 * (low + high)
    f = sample(field, origin[0] + middle * qx, origin[1] + middle * qy, origin[2] + middle * qz)[0]
    return middle if f < value else best
