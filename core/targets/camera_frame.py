"""Where the cameras' world lies in ours: the scene is turned upright, centred and scaled to the unit sphere.

ours = rotation @ (file - centre) / radius; the three are kept, and undone on export. The turn is by right angles only,
so that no number of the file is rounded.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.io.camera_set import CameraSet

MARGIN = 1.02
"""What is added to the measured radius: masks are sampled at pixels, a hundredth of a typical silhouette apart."""
MASKS = 24
"""Masks looked at, well spread over the views: the silhouettes of more say the same to 1 % (chair: 0.4 %)."""
MASK_SIDE = 128
"""Pixels a mask's longer side is thinned to: 0.5 % of the object at its usual size in the picture."""


@dataclass(frozen=True)
class CameraFrame:
    """rotation: (3, 3), by right angles. centre: (3,) and radius: in the file's units."""

    rotation: np.ndarray
    centre: np.ndarray
    radius: float

    def world_to_camera(self, camera_to_world: np.ndarray) -> np.ndarray:
        """A camera of the file (4, 4) -> our world to camera (4, 4), float64, rigid."""
        rotation = self.rotation @ camera_to_world[:3, :3]
        eye = self.rotation @ (camera_to_world[:3, 3] - self.centre) / self.radius
        matrix = np.eye(4)
        matrix[:3, :3] = rotation.T
        matrix[:3, 3] = -rotation.T @ eye
        return matrix

    def in_file(self, shape: Any, values: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The shape and its pose such that shape.save writes it where it stands in the file's world."""
        from scipy.spatial.transform import Rotation

        placed = copy.copy(shape)
        placed.centre, placed.scale = np.asarray(self.centre, np.float64), float(self.radius)
        turned = Rotation.from_matrix(self.rotation.T) * Rotation.from_quat(np.roll(values["pose.rotation"], -1))
        return placed, {
            **values,
            "pose.rotation": np.roll(turned.as_quat(), 1),  # scipy has w last
            "pose.translation": self.rotation.T @ np.asarray(values["pose.translation"], np.float64),
        }

    @property
    def summary(self) -> str:
        centre = " ".join(f"{value:.4g}" for value in self.centre)
        return f"centred at {centre}, scaled by 1 / {self.radius:.4g}"


def upright(camera_to_world: np.ndarray) -> np.ndarray:
    """The rotation by right angles that turns the axis nearest to the cameras' mean up to +y (own choice: files are
    z-up, y-up or y-down, and none says which)."""
    up = camera_to_world[:, :3, 1].mean(axis=0)
    axis = int(np.argmax(np.abs(up)))
    sign = 1.0 if up[axis] >= 0 else -1.0
    if axis == 1:
        return np.eye(3) if sign > 0 else np.diag([1.0, -1.0, -1.0])
    if axis == 2:
        return np.array([[1.0, 0, 0], [0, 0, sign], [0, -sign, 0]])
    return np.array([[0.0, -sign, 0], [sign, 0, 0], [0, 0, 1.0]])


def find_frame(
    cameras: CameraSet,
    mask_of: Callable[[int], np.ndarray | None],
    centre: Sequence[float] | None = None,
    radius: float = 0.0,
) -> CameraFrame:
    """The frame of a scene, from its masks, else from its sparse cloud, else from where the cameras look.

    mask_of: silhouette (h, w) of a frame, or None. centre and radius (> 0), in the file's units, are kept if given.
    """
    chosen = spread(len(cameras.pictures), MASKS)
    masks = [] if centre is not None and radius > 0 else [mask_of(i) for i in chosen]
    rotation = upright(cameras.camera_to_world)
    if masks and all(mask is not None for mask in masks):
        return _by_masks(cameras, chosen, masks, rotation, centre, radius)
    if cameras.points is not None and len(cameras.points) and centre is None:
        middle = np.median(cameras.points, axis=0)
        # A sparse cloud has strays: the sphere that holds 95 % of it.
        reach = float(np.quantile(np.linalg.norm(cameras.points - middle, axis=1), 0.95))
        return CameraFrame(rotation, middle, radius or max(reach, 1e-9))
    eyes, axes = cameras.camera_to_world[:, :3, 3], -cameras.camera_to_world[:, :3, 2]
    middle = _nearest_point(eyes, axes) if centre is None else np.asarray(centre, np.float64)
    # The sphere that the narrower side of every picture just holds.
    narrow = np.array([min(0.5 * lens.width / lens.fx, 0.5 * lens.height / lens.fy) for lens in cameras.lenses])
    seen = np.linalg.norm(eyes - middle, axis=1) * narrow / np.hypot(1.0, narrow)
    return CameraFrame(rotation, middle, radius or max(float(np.median(seen)), 1e-9))


def spread(count: int, wanted: int) -> list[int]:
    """`wanted` of `count` indices, evenly spread, all where there are no more."""
    if wanted >= count:
        return list(range(count))
    return [int(i) for i in (np.arange(wanted) * count) // wanted]


def _by_masks(
    cameras: CameraSet, chosen: list[int], masks: list[Any], rotation: np.ndarray, centre: Any, radius: float
) -> CameraFrame:
    """Centre: nearest to the rays through the masks' middles. Radius: the farthest ray of any mask passes so far."""
    eyes, middles, rays = [], [], []
    for index, mask in zip(chosen, masks):
        directions = _mask_rays(cameras, index, mask)
        if len(directions):
            eyes.append(cameras.camera_to_world[index, :3, 3])
            middles.append(directions.mean(axis=0) / np.linalg.norm(directions.mean(axis=0)))
            rays.append(directions)
    if not eyes:
        return CameraFrame(rotation, np.zeros(3) if centre is None else np.asarray(centre, np.float64), radius or 1.0)
    middle = _nearest_point(np.array(eyes), np.array(middles)) if centre is None else np.asarray(centre, np.float64)
    reach = max(float(np.linalg.norm(np.cross(middle - eye, ray), axis=1).max()) for eye, ray in zip(eyes, rays))
    return CameraFrame(rotation, middle, radius or max(MARGIN * reach, 1e-9))


def _mask_rays(cameras: CameraSet, index: int, mask: np.ndarray) -> np.ndarray:
    """Unit directions (n, 3), world of the file, through the pixels of a mask, thinned."""
    step = max(1, -(-max(mask.shape) // MASK_SIDE))
    rows, columns = np.nonzero(mask[::step, ::step] > 0.5)
    lens = cameras.lenses[index].resized(mask.shape[1], mask.shape[0])
    x = (columns * step + 0.5 - lens.cx) / lens.fx
    y = (rows * step + 0.5 - lens.cy) / lens.fy
    local = np.stack([x, -y, -np.ones_like(x)], axis=-1)
    local /= np.linalg.norm(local, axis=1, keepdims=True)
    return local @ cameras.camera_to_world[index, :3, :3].T


def _nearest_point(eyes: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """The point nearest to lines, least squares; a faint pull to the origin decides where they leave it open."""
    away = np.eye(3) - directions[:, :, None] * directions[:, None, :]
    system = away.sum(axis=0) + 1e-6 * np.eye(3)
    return np.linalg.solve(system, np.einsum("nij,nj->i", away, eyes))
