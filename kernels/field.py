"""The field face: a signed distance that rays are traced through on the host and that is evaluated at their hits.

Distances are in object units, negative inside. A hit is a world distance t along its pixel's ray, frozen: what of it
depends on the parameters is found again in evaluate, in the neighbourhood of the point eye + t * direction.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax.numpy as jnp
import numpy as np

from kernels.rotation import quaternion_matrix
from kernels.types import CameraView, Lens, Plane, Planes, Values


class FieldSamples(NamedTuple):
    """What each pixel sees of a field. NumPy, outside differentiation; shapes depend on the image's size only.

    distance: (H, W) float32, world distance of the hit along the pixel's ray, 0 where it misses.
    hits: (N,) int32, row * W + column of every pixel, those that hit first; N is H * W rounded up (see field_grid).
    count: () int32, how many hit. inside: (H, W) bool, where the hit was reached from inside (an open surface's back).
    """

    distance: Any
    inside: Any
    hits: Any
    count: Any


class LocalField(Protocol):
    """A field near given points, as functions of points (3 planes, object space) close to them; differentiable."""

    def distance(self, point: Planes) -> Plane:
        """Signed distance, object units."""
        ...

    def slope(self, point: Planes, direction: Planes) -> Plane:
        """Directional derivative of `distance`."""
        ...

    def normal(self, point: Planes) -> Planes:
        """A smooth gradient of the distance, of any length, pointing outwards."""
        ...


@runtime_checkable
class Field(Protocol):
    """The field face of a shape."""

    def trace_field(self, values: Values, view: CameraView, *, max_steps: int, hit_pixels: float) -> FieldSamples:
        """Host values -> the first surface point of every pixel's ray.

        max_steps: of sphere tracing; a ray that needs more misses. hit_pixels: a ray hits where the distance is below
        this fraction of a pixel's size there.
        """
        ...

    def least_along_rays(self, values: Values, view: CameraView) -> np.ndarray:
        """Host values -> (H, W) float32, see kernels/clearance.py."""
        ...

    def local_field(self, values: Values, samples: FieldSamples, point: Planes) -> LocalField:
        """Traced: the field near `point` (3 planes, object space); differentiable in the shape's own parameters."""
        ...


class Rays(NamedTuple):
    """World rays of all pixels: origin (3,), unit directions (3 planes), and their cosine to the view axis."""

    eye: Planes
    direction: Planes
    cosine: Plane


def pixel_rays(values: Values, lens: Lens, height: int, width: int) -> Rays:
    """Traced: rays through the pixel centres, differentiable in the field of view."""
    dtype = jnp.asarray(values["camera.fov"]).dtype
    focal = 0.5 * height / jnp.tan(0.5 * values["camera.fov"])
    column = jnp.arange(width, dtype=dtype) + 0.5
    row = jnp.arange(height, dtype=dtype) + 0.5
    x = jnp.broadcast_to(((column - 0.5 * width - lens.shift[0]) / focal)[None, :], (height, width))
    y = jnp.broadcast_to(((0.5 * height + lens.shift[1] - row) / focal)[:, None], (height, width))
    cosine = 1.0 / jnp.sqrt(x * x + y * y + 1.0)
    rotation, offset = lens.world_to_camera[:3, :3], lens.world_to_camera[:3, 3]
    turned = lambda i, v: rotation[0, i] * v[0] + rotation[1, i] * v[1] + rotation[2, i] * v[2]
    camera = (x * cosine, y * cosine, -cosine)
    return Rays(
        tuple(-turned(i, offset) for i in range(3)), tuple(turned(i, camera) for i in range(3)), cosine
    )  # R^T applied


def world_to_object_planes(values: Values, position: Planes) -> Planes:
    """Traced: world points (3 planes) -> object points, the pose undone."""
    moved = tuple(position[i] - values["pose.translation"][i] for i in range(3))
    return tuple(v / values["pose.scale"] for v in world_to_object_directions(values, moved))


def world_to_object_directions(values: Values, direction: Planes) -> Planes:
    """Traced: world directions (3 planes) -> object directions of the same length."""
    rotation = quaternion_matrix(values["pose.rotation"])
    return tuple(sum(rotation[j, i] * direction[j] for j in range(3)) for i in range(3))


def object_to_world_directions(values: Values, direction: Planes) -> Planes:
    """Traced: object directions (3 planes) -> world directions of the same length."""
    rotation = quaternion_matrix(values["pose.rotation"])
    return tuple(sum(rotation[i, j] * direction[j] for j in range(3)) for i in range(3))


class ObjectRays(NamedTuple):
    """Host: rays in object space. Pixel (x, y) (centres at +0.5) has direction matrix @ (x, y, 1), one unit of depth.

    origin: (3,) float64. matrix: (3, 3) float64. near: depth of the near plane. scale: world units an object unit.
    pixel: size of a pixel at depth 1, object units.
    """

    origin: np.ndarray
    matrix: np.ndarray
    near: float
    scale: float
    pixel: float


def pixel_at_centre(rays: ObjectRays) -> float:
    """Size of a pixel at the depth of the object's centre, object units."""
    return rays.pixel * rays.scale * float(np.linalg.norm(rays.origin))


def value_and_slope(field: Any, point: Planes, direction: Planes) -> tuple[Plane, Plane]:
    """A LocalField's distance and slope, in one go where it can do that."""
    both = getattr(field, "value_and_slope", None)
    return both(point, direction) if both else (field.distance(point), field.slope(point, direction))


def object_rays(values: Values, view: CameraView) -> ObjectRays:
    """Host: the rays of a view in the object space of host `values`."""
    scale = float(values["pose.scale"])
    rotation = np.asarray(quaternion_matrix(np.asarray(values["pose.rotation"], np.float64)))
    camera, offset = view.world_to_camera[:3, :3], view.world_to_camera[:3, 3]
    focal = 0.5 * view.height / np.tan(0.5 * float(values["camera.fov"]))
    cx, cy = 0.5 * view.width + view.shift[0], 0.5 * view.height + view.shift[1]
    to_camera = np.array([[1.0, 0.0, -cx], [0.0, -1.0, cy], [0.0, 0.0, -focal]]) / focal
    eye = -camera.T @ offset
    origin = np.asarray(rotation.T @ (eye - np.asarray(values["pose.translation"], np.float64)) / scale)
    return ObjectRays(origin, rotation.T @ camera.T @ to_camera / scale, view.near, scale, 1.0 / (focal * scale))
