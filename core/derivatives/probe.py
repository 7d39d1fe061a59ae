"""Pixel -> parameters: one row of the Jacobian of a rendered pixel, by reverse mode, and what the eye gets of it.

A row is per unit of each tangent component (core/parameters.py). It is what a column-by-column Jacobian has at this
pixel, since every method's rule transposes (kernels/types.py: Method).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from core.derivatives.derive import method_pullback, warm_pullback
from core.derivatives.elements import path_of
from core.derivatives.questions import CHANNEL_WEIGHTS, Mover
from core.engine.ports import Waiting
from core.inspection import Rendered
from core.label_colours import as_shown
from core.parameters import XYZ, components_of, group_of, tangent_shape
from kernels.labels import LABELS as LABEL_TABLE
from kernels.types import CHANNELS, SEGMENTATION, Shape

LABELS = {"vertices": "vertex", "values": "node", "means": "Gaussian"}
"""What an element of a parameter is called in a list."""

NEGLIGIBLE = 1e-6
"""Relative to the largest: below, an element is rounding and is not listed."""


def channel_weights(channel: str, count: int, image: str = "") -> np.ndarray:
    """(count,) float32: how the planes of a pixel of `image` become one value; labels do by the colours they are shown in."""
    if image == SEGMENTATION:
        return as_shown(image, np.eye(count)[None])[0] @ np.array(CHANNEL_WEIGHTS[channel], np.float32)
    return np.array(CHANNEL_WEIGHTS[channel] if count == 3 else [1.0] * count, np.float32)


def bulk_name(shape: Shape, values: Mapping[str, Any]) -> str:
    """The parameter whose elements a pixel is traced to: vertices, grid values, else the shape's largest; "" for none."""
    for name in ("vertices", "values", "means"):
        if name in values:
            return name
    own = {n: np.size(values[n]) for n in shape.parameters() if n in values and np.size(values[n]) > 4}
    return max(own, key=lambda n: own[n], default="")


def pixel_row(
    scene: Rendered, pixel: tuple[int, int], image: str, weights: np.ndarray, names: frozenset[str]
) -> dict[str, np.ndarray]:
    """d value / d parameter for every element of `names`, in tangent shape, with value = weights . channels of `image`
    at pixel (x, y)."""
    height, width = scene.view.height, scene.view.width
    cotangent = {c: np.zeros((height, width, plane_count(scene, c)), np.float32) for c in scene.channels}
    cotangent[image][pixel[1], pixel[0]] = weights
    return method_pullback(scene, names, cotangent)


def warm_row(scene: Rendered, names: frozenset[str]) -> Iterator[Waiting]:
    """Compile what `pixel_row` calls, beside whatever else goes on; nothing where that has been done."""
    shape = (scene.view.height, scene.view.width)
    nothing = {c: np.zeros((*shape, plane_count(scene, c)), np.float32) for c in scene.channels}
    yield from warm_pullback(scene, names, nothing)


def plane_count(scene: Rendered, channel: str) -> int:
    """How many planes a channel of this scene has."""
    return CHANNELS[channel] if channel in CHANNELS else np.shape(scene.values[LABEL_TABLE])[-1]


def element_sizes(row: np.ndarray) -> np.ndarray:
    """Norm of each element's derivative: (n, 3) -> (n,); a grid keeps its shape."""
    rows_of_three = row.ndim == 2 and row.shape[-1] == 3
    return np.linalg.norm(row, axis=-1) if rows_of_three else np.abs(row)


def movers(name: str, row: np.ndarray, count: int) -> tuple[Mover, ...]:
    """The elements that move the pixel most, the largest first; those that are rounding beside it are left out."""
    sizes = element_sizes(row)
    flat = sizes.reshape(-1)
    chosen = np.argpartition(flat, -min(count, flat.size))[-count:] if flat.size else np.zeros(0, int)
    chosen = chosen[np.argsort(-flat[chosen], kind="stable")]
    top = float(flat[chosen[0]]) if len(chosen) else 0.0
    found = []
    for place in chosen[flat[chosen] > NEGLIGIBLE * top]:
        index = tuple(int(i) for i in np.unravel_index(int(place), sizes.shape))
        vector = np.atleast_1d(row[index]).astype(float)
        theta = path_of(name, index)
        if name == "vertices":
            theta += ".normal"
        elif len(vector) == 3:
            theta += "." + XYZ[int(np.argmax(np.abs(vector)))]
        label = f"{LABELS.get(name, name)} {', '.join(str(i) for i in index)}"
        found.append(Mover(label, theta, float(flat[place]), tuple(vector.tolist())))
    return tuple(found)


def painted_row(shape: Shape, values: Mapping[str, Any], name: str, row: np.ndarray) -> np.ndarray | None:
    """(n,) float32 size of the row at each vertex of the display mesh, or None where elements have no place on it.

    A grid's vertex takes the largest of the nodes around its cell. A shape of other elements may say which of them each
    display vertex belongs to: `element_of_vertex(values)` (n,).
    """
    sizes = element_sizes(row).astype(np.float32)
    vertices, _ = shape.display_mesh(values)
    if name == "values" and sizes.ndim == 3 and "const.origin" in values:
        return _largest_node(sizes, vertices, np.asarray(values["const.origin"]), np.asarray(values["const.spacing"]))
    owner = getattr(shape, "element_of_vertex", None)
    if owner is not None:
        return sizes.reshape(len(sizes), -1).max(axis=1)[owner(values)]
    return sizes if sizes.shape == (len(vertices),) else None


def _largest_node(sizes: np.ndarray, points: np.ndarray, origin: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """The largest of the eight nodes of the cell around each point (n, 3)."""
    cell = np.floor((points - origin) / spacing).astype(int)
    cell = np.clip(cell, 0, np.array(sizes.shape) - 2)
    corners = [sizes[tuple((cell + np.array([i, j, k])).T)] for i in (0, 1) for j in (0, 1) for k in (0, 1)]
    return np.max(corners, axis=0).astype(np.float32)


def small_components(values: Mapping[str, Any], theta: str | None, free: tuple[str, ...]) -> frozenset[str]:
    """Names of the small parameters that are listed one by one: theta's group, else the first free one's."""
    first = theta or next(iter(free), "")
    name = max((n for n in values if first == n or first.startswith(f"{n}.")), key=len, default="")
    group = group_of(name, values) if name else frozenset()
    return frozenset(n for n in group if np.size(values[n]) <= 4)


def listed(rows: Mapping[str, np.ndarray], values: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
    """Rows of small parameters as (dotted component, derivative), largest first."""
    pairs = []
    for name, row in rows.items():
        flat = np.asarray(row, float).reshape(-1)
        components = components_of(name)
        scalar = tangent_shape(name, values[name]) == ()
        names = [name] if scalar else [f"{name}.{components[i] if components else i}" for i in range(len(flat))]
        pairs += list(zip(names, flat.tolist()))
    return tuple(sorted(pairs, key=lambda pair: -abs(pair[1])))
