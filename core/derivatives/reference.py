"""The reference image: a hard, box-filtered render, and central differences of it. What people see as the truth.

A supersampled image is made of larger or sub-pixel-shifted renders of the shape's plainest method (no blur, no
gradient term), averaged over S x S samples a pixel.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from core.inspection import Rendered, forward
from core.parameters import retract
from kernels.camera import object_to_pixel
from kernels.types import CameraView, Face, Image, Shape

LARGEST_RENDER = 1024
"""Pixels a side of one render. Larger ones fall off the cache: 4 renders of 1024 beat one of 2048 by a third."""


def hard_method(shape: Shape) -> tuple[Any, Any]:
    """The method (and its default settings) whose forward image is the shape's plain hard render.

    A shape with several faces says which one it is (`reference_method`): a grid is its field, and methods that render
    its marching-cubes triangles are held against that, not against their own approximation.
    """
    from core.registry import methods

    found = methods()
    plain = "sdf-local" if Face.FIELD in shape.faces_offered else "naive"
    method = found[getattr(shape, "reference_method", plain)]
    return method, method.Settings()


def hard_image_slices(
    shape: Shape,
    values: Mapping[str, Any],
    view: CameraView,
    channels: tuple[str, ...],
    supersampling: int,
    seen_by: tuple[Any, Any] | None = None,
) -> Iterator[dict[str, np.ndarray] | None]:
    """Render in slices: yields None between renders and at last channel -> [H, W, C] float32.

    supersampling: S of the S x S samples a pixel, on a regular grid. seen_by: the method in use and its settings.
    Gaussians are soft and have no hard picture: what the method in use makes of each pixel's middle is their truth.
    """
    method, settings = hard_method(shape)
    if method.face == Face.GAUSSIANS:
        supersampling = 1
        method, settings = seen_by if seen_by is not None and seen_by[0].face == method.face else (method, settings)
    inner = _inner_factor(supersampling, max(view.width, view.height))
    outer = supersampling // inner
    total: dict[str, np.ndarray] = {}
    for row in range(outer):
        for column in range(outer):
            shift = tuple((0.5 - (i + 0.5) / outer) + view.shift[a] * inner for a, i in enumerate((column, row)))
            part = replace(view, width=view.width * inner, height=view.height * inner, shift=shift)
            image = forward(Rendered(shape, method, settings, values, part, channels))
            for name, planes in image.items():
                small = np.stack([_box(p, inner) for p in planes], axis=-1)
                total[name] = total[name] + small if name in total else small
            yield None
    yield {name: (t / outer**2).astype(np.float32) for name, t in total.items()}


def hard_image(
    shape: Shape, values: Mapping[str, Any], view: CameraView, channels: tuple[str, ...], supersampling: int
) -> dict[str, np.ndarray]:
    """channel -> [H, W, C] float32: the box-filtered hard render of host `values` (constants included)."""
    return last(hard_image_slices(shape, values, view, channels, supersampling))


def last(slices: Iterator[Any]) -> Any:
    """Run a sliced computation to its end."""
    return collections.deque(slices, maxlen=1).pop()


def _inner_factor(supersampling: int, side: int) -> int:
    """Largest divisor f of S with f * side <= LARGEST_RENDER (at least 1)."""
    return max(
        f for f in range(1, supersampling + 1) if supersampling % f == 0 and (f == 1 or f * side <= LARGEST_RENDER)
    )


def _box(plane: np.ndarray, factor: int) -> np.ndarray:
    """Means of factor x factor pixels, float64. Slices are added, since NumPy's mean over two axes takes five times as long."""
    height, width = plane.shape[0] // factor, plane.shape[1] // factor
    rows = plane.reshape(height, factor, width * factor)
    across = sum((rows[:, i] for i in range(1, factor)), rows[:, 0].astype(np.float64)).reshape(height, width, factor)
    return sum((across[:, :, i] for i in range(1, factor)), across[:, :, 0]) / factor**2


def moved_values(values: Mapping[str, Any], direction: Mapping[str, Any], amount: float) -> dict[str, Any]:
    """Host values moved by `amount` along the tangent `direction`."""
    moved = retract(values, {n: np.float32(amount) * np.asarray(d) for n, d in direction.items()})
    return {n: np.asarray(v) for n, v in moved.items()}


def step_for_pixels(
    shape: Shape, values: Mapping[str, Any], view: CameraView, direction: Mapping[str, Any], pixels: float
) -> float:
    """The amount of theta that moves the fastest visible point of the shape by `pixels`.

    Measured on the display mesh by a small central difference. Parameters that move nothing on screen (light, colour)
    get 0.01; a grid's values get the level shift that moves a front-parallel surface by `pixels`.
    """
    focal = 0.5 * view.height / np.tan(0.5 * float(values["camera.fov"]))
    distance = float(np.linalg.norm(view.world_to_camera[:3, 3]))
    unit_pixels = focal / max(distance, 1e-3)
    if "values" in direction:
        largest = float(np.max(np.abs(direction["values"]))) or 1.0
        return pixels / (unit_pixels * largest)
    trial = 1e-3
    sides = [moved_values(values, direction, s * trial) for s in (-1.0, 1.0)]
    if hasattr(shape, "distance_at"):  # its display mesh is extracted anew: vertices do not correspond
        vertices = _on_level(shape, values, sides)
    else:
        vertices = [shape.display_mesh(side)[0] for side in sides]
    if len(vertices[0]) != len(vertices[1]):  # an isosurface, its vertices others: taken as moving by the amount itself
        return pixels / unit_pixels
    tracks = [_project(v.astype(np.float64), side, view) for v, side in zip(vertices, sides)]
    visible = np.isfinite(tracks[0]).all(1) & np.isfinite(tracks[1]).all(1)
    if not visible.any():
        return 0.01
    rate = np.linalg.norm(tracks[1][visible] - tracks[0][visible], axis=1).max() / (2 * trial)
    return pixels / rate if rate > 1e-3 else 0.01


def _on_level(shape: Any, values: Mapping[str, Any], sides: list[dict[str, Any]]) -> list[np.ndarray]:
    """Surface points of a field as both displaced `sides` have them: moved along the gradient by the change of f."""
    points = shape.display_mesh(values)[0].astype(np.float64)
    small = 1e-3
    slope = np.stack(
        [shape.distance_at(values, points + e) - shape.distance_at(values, points - e) for e in small * np.eye(3)], -1
    ) / (2 * small)
    slope /= np.maximum(np.sum(slope**2, axis=1, keepdims=True), 1e-6)
    here = shape.distance_at(values, points)
    return [points - slope * (shape.distance_at(side, points) - here)[:, None] for side in sides]


def _project(vertices: np.ndarray, values: Mapping[str, Any], view: CameraView) -> np.ndarray:
    """Screen positions (n, 2) of object points, NaN behind the near plane."""
    matrix = object_to_pixel(values, view)
    h = vertices @ matrix[:, :3].T + matrix[:, 3]
    depth = np.where(h[:, 2] > view.near, h[:, 2], np.nan)
    return h[:, :2] / depth[:, None]


def as_arrays(image: Image) -> dict[str, np.ndarray]:
    """channel -> planes to channel -> [H, W, C] float32 on the host."""
    return {name: np.stack([np.asarray(p) for p in planes], axis=-1) for name, planes in image.items()}
