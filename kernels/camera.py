"""Cameras: OpenGL (looks along -z, +y up) in a right-handed world; pixels have x right, y DOWN, centres at +0.5.

A pixel matrix is (3, 4): [x_pix * w, y_pix * w, w] = P @ [X, Y, Z, 1], with w the depth along the view axis.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from kernels.rotation import quaternion_matrix
from kernels.types import CameraView, Lens, Planes, Values


def look_at(eye, target=(0.0, 0.0, 0.0), up=(0.0, 1.0, 0.0)) -> np.ndarray:
    """World-to-camera matrix (4, 4) float64 of a camera at `eye` that looks at `target`.

    Where the view axis is parallel to `up`, the world's -z (or x) axis stands in for it.
    """
    eye, target, up = (np.asarray(v, np.float64) for v in (eye, target, up))
    back = eye - target
    back /= np.linalg.norm(back)
    if np.linalg.norm(np.cross(up, back)) < 1e-6:
        up = np.array([0.0, 0.0, -1.0]) if abs(back[2]) < 0.9 else np.array([1.0, 0.0, 0.0])
    right = np.cross(up, back)
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, np.cross(back, right), back])
    matrix[:3, 3] = -matrix[:3, :3] @ eye
    return matrix


def orbit_eye(azimuth: float, elevation: float, distance: float) -> np.ndarray:
    """Camera position (3,) for azimuth and elevation in degrees; azimuth 0 lies on +z, 90 on +x."""
    a, e = np.radians(azimuth), np.radians(elevation)
    return distance * np.array([np.cos(e) * np.sin(a), np.sin(e), np.cos(e) * np.cos(a)])


def camera_eye(view: CameraView) -> np.ndarray:
    """Camera position (3,) in world units."""
    rotation, offset = view.world_to_camera[:3, :3], view.world_to_camera[:3, 3]
    return -rotation.T @ offset


def lens_of(view: CameraView) -> Lens:
    """The arrays evaluate needs of a view. Empty pixels are given a depth just behind the scene's unit sphere."""
    distance = np.linalg.norm(camera_eye(view))
    return Lens(
        view.world_to_camera.astype(np.float32),
        np.asarray(view.shift, np.float32),
        np.float32(distance + 1.5),
    )


def model_matrix(values: Values) -> np.ndarray:
    """Host: object to world, (4, 4) float64, by the pose in `values`."""
    model = np.eye(4)
    model[:3, :3] = float(values["pose.scale"]) * quaternion_matrix(np.asarray(values["pose.rotation"], np.float64))
    model[:3, 3] = np.asarray(values["pose.translation"], np.float64)
    return model


def object_to_pixel(values: Values, view: CameraView) -> np.ndarray:
    """Host: pixel matrix (3, 4) float64 from OBJECT space for host `values` (pose and field of view)."""
    return world_to_pixel(float(values["camera.fov"]), view) @ model_matrix(values)


def world_to_pixel(fov: float, view: CameraView) -> np.ndarray:
    """Host: pixel matrix (3, 4) float64 from world space; fov vertical, radians."""
    focal = 0.5 * view.height / np.tan(0.5 * fov)
    cx, cy = 0.5 * view.width + view.shift[0], 0.5 * view.height + view.shift[1]
    intrinsic = np.array([[focal, 0.0, -cx], [0.0, -focal, -cy], [0.0, 0.0, -1.0]])
    return intrinsic @ view.world_to_camera[:3, :]


def object_to_world_planes(values: Values, position: Planes) -> Planes:
    """Traced: object-space planes (x, y, z) -> world planes, by the pose in `values`."""
    rotation = quaternion_matrix(values["pose.rotation"]) * values["pose.scale"]
    return rotate_planes(rotation, position, values["pose.translation"])


def rotate_planes(matrix, planes: Planes, offset=None) -> Planes:
    """Traced: three planes -> matrix (3, 3) @ planes, + offset (3,)."""
    x, y, z = planes
    m = jnp.unstack(jnp.reshape(matrix, 9))  # one slice of all nine, for tracing's sake
    turned = tuple(m[i] * x + m[i + 1] * y + m[i + 2] * z for i in (0, 3, 6))
    return turned if offset is None else tuple(plane + o for plane, o in zip(turned, jnp.unstack(jnp.asarray(offset))))


def lens_matrix(values: Values, lens: Lens, height: int, width: int):
    """Traced: pixel matrix (3, 4) from world space; the twin of world_to_pixel."""
    focal = 0.5 * height / jnp.tan(0.5 * values["camera.fov"])
    across, down, back, _ = lens.world_to_camera
    cx, cy = 0.5 * width + lens.shift[0], 0.5 * height + lens.shift[1]
    return jnp.stack([focal * across - cx * back, -focal * down - cy * back, -back])


def project_planes(matrix, world: Planes, mask) -> Planes:
    """Traced: world planes by a lens_matrix -> (x, y, inverse_depth) planes, pixels; 0 where `mask` is False, without
    NaN gradients."""
    x, y, depth = rotate_planes(matrix[:, :3], world, matrix[:, 3])
    inverse = 1.0 / jnp.where(mask, depth, 1.0)
    return tuple(jnp.where(mask, plane, 0.0) for plane in (x * inverse, y * inverse, inverse))


def object_to_world(values: Values):
    """Traced: (4, 4), by the pose in `values`; the twin of model_matrix."""
    rotation = quaternion_matrix(values["pose.rotation"]) * values["pose.scale"]
    affine = jnp.concatenate([rotation, jnp.asarray(values["pose.translation"])[:, None]], axis=1)
    return jnp.concatenate([affine, jnp.asarray([[0.0, 0.0, 0.0, 1.0]], affine.dtype)])


def pixel_to_object(pixel_matrix: np.ndarray) -> np.ndarray:
    """Host: what takes (x, y, 1, 1/w) of a point to its object space (X, Y, Z, 1) / w, (4, 4) float32.

    Zeros where there is no inverse: of a shape without size nothing is seen.
    """
    square = np.vstack([pixel_matrix, [0.0, 0.0, 0.0, 1.0]])
    return (np.linalg.inv(square) if np.linalg.det(square) != 0 else np.zeros((4, 4))).astype(np.float32)
