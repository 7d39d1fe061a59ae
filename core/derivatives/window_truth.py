"""The truth around one pixel: a 3 x 3 window of the hard render, supersampled, its central difference and its edges.

A window is a camera of its own: the same eye, a narrower lens, shifted so that the pixel lies in its middle. It costs
a 48 x 48 render, so a pixel can be asked about while a fit runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.derivatives.questions import Layer
from core.derivatives.reference import hard_method, moved_values, step_for_pixels
from core.inspection import Rendered, forward
from core.io.topology import find_parts
from kernels.types import CameraView, Face, Shape

SIDE = 3
"""Pixels across the window: a method that compares a pixel with its neighbours sees no farther."""

SAMPLES = 16
"""S of the S x S samples a pixel."""

STEP_PIXELS = 0.25
"""Motion of the difference, to both sides: four samples, so that the count of samples that change is not noise."""

MOST_LAYERS = 4
"""Surfaces under a pixel that are looked for."""

OCCLUSION = 3.0
"""A leap in depth this many times what the surfaces themselves change beside it is an occlusion."""

LEAST_GAP = 2e-3
"""Of the depth: smaller leaps are rounding."""


def window_of(
    values: Mapping[str, Any], view: CameraView, pixel: tuple[int, int], side: int = SIDE, samples: int = SAMPLES
) -> tuple[dict[str, Any], CameraView]:
    """(values, view) whose image is the `side` x `side` pixels about `pixel`, each `samples` x `samples`."""
    focal = 0.5 * view.height / math.tan(0.5 * float(values["camera.fov"])) * samples
    size = side * samples
    corner = [pixel[axis] - (side - 1) / 2 for axis in (0, 1)]
    centre = [0.5 * view.width + view.shift[0], 0.5 * view.height + view.shift[1]]
    shift = tuple((centre[axis] - corner[axis]) * samples - 0.5 * size for axis in (0, 1))
    fov = np.float32(2 * math.atan(0.5 * size / focal))
    return {**values, "camera.fov": fov}, replace(view, width=size, height=size, shift=shift)


def _hard(
    shape: Shape, values: Mapping[str, Any], view: CameraView, pixel: tuple[int, int], channel: str
) -> np.ndarray:
    """The window's hard render of one channel, (size, size, C), not averaged."""
    method, settings = hard_method(shape)
    inside, window = window_of(values, view, pixel)
    image = forward(Rendered(shape, method, settings, inside, window, (channel,)))
    return np.stack([np.asarray(plane) for plane in image[channel]], axis=-1)


def boxed(image: np.ndarray) -> np.ndarray:
    """(size, size, C) samples -> (SIDE, SIDE, C) pixels."""
    return image.reshape(SIDE, SAMPLES, SIDE, SAMPLES, -1).mean(axis=(1, 3), dtype=np.float64)


@dataclass(frozen=True)
class Truth:
    """change: dI/dtheta of the window's pixels (SIDE, SIDE, C) by central differences. covered: their coverage
    (SIDE, SIDE). edges: DISCONTINUITIES within the window. shadowed: the whole middle pixel is turned from the light.
    curved: its normals differ. triangles: ids in the window's front layer."""

    change: np.ndarray
    covered: np.ndarray
    edges: frozenset[str]
    shadowed: bool
    curved: bool
    triangles: frozenset[int]


def truth_at(
    shape: Shape,
    values: Mapping[str, Any],
    view: CameraView,
    pixel: tuple[int, int],
    channel: str,
    direction: Mapping[str, Any],
) -> Truth:
    """What really happens at `pixel` (x, y) when theta moves along `direction`."""
    amount = step_for_pixels(shape, values, view, direction, STEP_PIXELS)
    sides = [
        boxed(_hard(shape, moved_values(values, direction, sign * amount), view, pixel, channel))
        for sign in (1.0, -1.0)
    ]
    coverage = _hard(shape, values, view, pixel, "silhouette")[..., 0]
    ids, edges = _edges(shape, values, view, pixel, coverage)
    shadowed, curved = _shading(shape, values, view, pixel, coverage) if channel == "colour" else (False, False)
    return Truth(
        change=(sides[0] - sides[1]) / (2 * amount),
        covered=boxed(coverage[..., None])[..., 0],
        edges=edges,
        shadowed=shadowed,
        curved=curved,
        triangles=frozenset(int(i) for i in np.unique(ids) if i >= 0),
    )


def _edges(
    shape: Shape, values: Mapping[str, Any], view: CameraView, pixel: tuple[int, int], coverage: np.ndarray
) -> tuple[np.ndarray, frozenset[str]]:
    """Triangle ids of the window, -1 where there are none, and the discontinuities in it."""
    found = set()
    if coverage.min() < 0.5 <= coverage.max():
        found.add("silhouette")
    depth = _hard(shape, values, view, pixel, "depth")[..., 0]
    ids, part = np.full(depth.shape, -1), np.zeros(1, int)
    if Face.SURFACE in shape.faces_offered:
        ids = _surface_ids(shape, *window_of(values, view, pixel), layers=1)[0][0]
        faces = shape.display_mesh(values)[1]
        part = find_parts(faces, int(faces.max(initial=0)) + 1)[1]
    for axis in (0, 1):
        gap = np.abs(np.diff(depth, axis=axis))
        both = _pairs(coverage > 0.5, axis, np.logical_and)
        beside = np.maximum(_shifted(gap, axis, -1), _shifted(gap, axis, 1))
        leap = both & (gap > OCCLUSION * beside + LEAST_GAP * depth.min())
        if leap.any():
            found.add("occlusion")
        own = np.where(ids >= 0, part[np.clip(ids, 0, None)] if part.size > 1 else 0, -1)
        if (both & ~leap & _pairs(own, axis, np.not_equal)).any():
            found.add("intersection")
    return ids, frozenset(found)


def _pairs(plane: np.ndarray, axis: int, relation: Any) -> np.ndarray:
    """relation(sample, next sample) along an axis."""
    count = plane.shape[axis]
    return relation(plane.take(range(count - 1), axis), plane.take(range(1, count), axis))


def _shifted(plane: np.ndarray, axis: int, by: int) -> np.ndarray:
    """The neighbour's value along an axis; 0 outside."""
    moved = np.roll(plane, by, axis)
    edge: list[Any] = [slice(None), slice(None)]
    edge[axis] = 0 if by > 0 else -1
    moved[tuple(edge)] = 0
    return moved


def _shading(
    shape: Shape, values: Mapping[str, Any], view: CameraView, pixel: tuple[int, int], coverage: np.ndarray
) -> tuple[bool, bool]:
    """Whether the whole middle pixel is turned away from the light, and whether its normals differ."""
    middle = (slice(SAMPLES, 2 * SAMPLES), slice(SAMPLES, 2 * SAMPLES))
    normals = _hard(shape, values, view, pixel, "normals")[middle][coverage[middle] > 0.5]
    if len(normals) == 0:
        return False, False
    light = np.asarray(values["light.direction"], float)
    return bool((normals @ light <= 0).all()), bool(normals.std(axis=0).max() > 1e-3)


def _surface_ids(shape: Any, values: Mapping[str, Any], view: CameraView, layers: int) -> tuple[np.ndarray, np.ndarray]:
    """Triangle ids and 1/depth of `layers` layers, (K, H, W)."""
    fragments = shape.sample_surface(
        values, view, layers=layers, cull_back_faces=False, free=frozenset(), channels=("silhouette",)
    ).fragments
    return np.asarray(fragments.face_id), np.asarray(fragments.inverse_depth)


def layers_at(shape: Shape, values: Mapping[str, Any], view: CameraView, pixel: tuple[int, int]) -> tuple[Layer, ...]:
    """The surfaces under the middle of a pixel, the nearest first; a field's nearest only."""
    inside, point = window_of(values, view, pixel, side=1, samples=1)
    if Face.SURFACE in shape.faces_offered:
        ids, inverse = _surface_ids(shape, inside, point, MOST_LAYERS)
        return tuple(Layer(int(i), 1.0 / float(w)) for i, w in zip(ids[:, 0, 0], inverse[:, 0, 0]) if w > 0)
    method, settings = hard_method(shape)
    image = forward(Rendered(shape, method, settings, inside, point, ("silhouette", "depth")))
    hit = float(np.asarray(image["silhouette"][0])[0, 0]) > 0.5
    return (Layer(None, float(np.asarray(image["depth"][0])[0, 0])),) if hit else ()
