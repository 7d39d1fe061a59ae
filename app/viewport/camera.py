"""The eye of the 3D view: an orbit about a target, or one of the experiment's cameras looked through.

World right-handed, +y up. Matrices are for column vectors (clip = projection @ view @ world), float64; azimuth 0
looks from +z, 90 from +x, as kernels/camera.py has it. Angles in degrees except where a name says radians.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

FIELD_OF_VIEW = 24.0
"""Degrees, vertical: wide enough to feel like depth, narrow enough that the cameras to both sides stay in the picture."""
ELEVATION = 14.0
FITTED, FARTHEST, SPREAD, SURROUNDED = 0.84, 0.62, 0.44, 0.22
"""Share of the height that a fitted sphere takes; the least it is given up to so that the cameras show too; that for
cameras high above and far below, of which half then show; and that for cameras on all sides, of which two thirds would
not show otherwise: those of a cube at the usual distance need 0.24."""
LONE = 0.44
"""The least for a lone camera, which may stand where the colours' legend is."""
STEEP, POLAR = 0.6, 0.99
"""Sine of the elevation from which a camera counts as high above or far below, and as straight above or below."""
CONTROLS, LEGEND = 0.26, (1.72, 1.28)
"""Where the controls end and where the colours' legend begins, of a picture 2 wide and 2 high: no camera stands there."""


@dataclass(frozen=True)
class Eye:
    """What is drawn with: view and projection (4, 4), the position (3,) in the world."""

    view: np.ndarray
    projection: np.ndarray

    @property
    def position(self) -> np.ndarray:
        return -self.view[:3, :3].T @ self.view[:3, 3]

    def project(self, points: np.ndarray, width: float, height: float) -> tuple[np.ndarray, np.ndarray]:
        """World points (..., 3) -> (pixels (..., 2) with y down, depth (...,) along the axis, > 0 in front)."""
        points = np.asarray(points, np.float64)
        clip = np.concatenate([points, np.ones((*points.shape[:-1], 1))], -1) @ (self.projection @ self.view).T
        w = clip[..., 3]
        ndc = clip[..., :2] / np.where(np.abs(w) < 1e-9, 1e-9, w)[..., None]
        return np.stack([(ndc[..., 0] + 1) * 0.5 * width, (1 - ndc[..., 1]) * 0.5 * height], -1), w


def perspective(fov_radians: float, aspect: float, near: float, far: float) -> np.ndarray:
    """OpenGL's projection (4, 4); fov vertical, aspect = width / height."""
    f = 1.0 / math.tan(0.5 * fov_radians)
    matrix = np.zeros((4, 4))
    matrix[0, 0], matrix[1, 1] = f / aspect, f
    matrix[2, 2], matrix[2, 3] = (far + near) / (near - far), 2 * far * near / (near - far)
    matrix[3, 2] = -1.0
    return matrix


def look_through(world_to_camera: np.ndarray, fov_radians: float, image_aspect: float, aspect: float) -> Eye:
    """The eye at a camera, its whole picture inside the viewport with a margin of 6 %."""
    half = math.tan(0.5 * fov_radians) * 1.06 * max(1.0, image_aspect / aspect)
    view = np.asarray(world_to_camera, np.float64)
    distance = float(np.linalg.norm(view[:3, 3]))
    return Eye(view, perspective(2 * math.atan(half), aspect, 0.02 * max(distance, 0.1), distance + 40.0))


def _axis_rotation(axis: int, degrees: float) -> np.ndarray:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    matrix = np.eye(3)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix[i, i] = matrix[j, j] = c
    matrix[i, j], matrix[j, i] = -s, s
    return matrix


@dataclass(frozen=True)
class Orbit:
    """A turntable with a roll: the world turns by -azimuth about y, then by elevation about x, then by roll about z."""

    azimuth: float = 0.0
    elevation: float = ELEVATION
    roll: float = 0.0
    distance: float = 4.7
    target: tuple[float, float, float] = (0.0, 0.0, 0.0)
    fov: float = FIELD_OF_VIEW

    def rotation(self) -> np.ndarray:
        """World to camera, (3, 3)."""
        return _axis_rotation(2, self.roll) @ _axis_rotation(0, self.elevation) @ _axis_rotation(1, -self.azimuth)

    def eye(self, aspect: float) -> Eye:
        view = np.eye(4)
        view[:3, :3] = self.rotation()
        view[:3, 3] = -view[:3, :3] @ np.asarray(self.target)
        view[2, 3] -= self.distance
        # A near plane in proportion to the distance keeps 24 bits of depth enough for the wire lines' offset.
        near, far = 0.04 * self.distance, self.distance + 30.0
        return Eye(view, perspective(math.radians(self.fov), aspect, near, far))

    def turned(self, dx: float, dy: float) -> Orbit:
        """Turntable: pixels dragged (y down), 0.4 degrees each; the poles are a stop."""
        elevation = min(89.9, max(-89.9, self.elevation + 0.4 * dy))
        return replace(self, azimuth=_wrap(self.azimuth - 0.4 * dx), elevation=elevation)

    def rolled(self, dx: float, dy: float) -> Orbit:
        """Arcball: turns about the screen's own axes, so it can go over the poles."""
        return self._with_rotation(_axis_rotation(1, 0.4 * dx) @ _axis_rotation(0, 0.4 * dy) @ self.rotation())

    def panned(self, dx: float, dy: float, height: float) -> Orbit:
        """Moves the target so that what lies at its depth follows the pointer."""
        unit = 2 * self.distance * math.tan(math.radians(0.5 * self.fov)) / max(height, 1.0)
        offset = self.rotation().T @ np.array([-dx * unit, dy * unit, 0.0])
        return replace(self, target=_point(np.asarray(self.target) + offset))

    def zoomed(self, factor: float, ndc: tuple[float, float] = (0.0, 0.0), aspect: float = 1.0) -> Orbit:
        """Nearer by `factor`, keeping what lies under the pointer (ndc, y up) at the target's depth in place."""
        distance = min(60.0, max(0.15, self.distance / factor))
        half = math.tan(math.radians(0.5 * self.fov)) * (self.distance - distance)
        offset = self.rotation().T @ np.array([ndc[0] * half * aspect, ndc[1] * half, 0.0])
        return replace(self, distance=distance, target=_point(np.asarray(self.target) + offset))

    def fitted(self, centre: np.ndarray, radius: float, aspect: float, share: float = FITTED) -> Orbit:
        """The sphere (world) in the middle, wholly visible."""
        half = math.radians(0.5 * self.fov)
        if aspect < 1.0:
            half = math.atan(math.tan(half) * aspect)
        distance = min(60.0, max(0.15, radius / (share * math.tan(half))))
        return replace(self, distance=distance, target=_point(centre))

    def framed(self, centre: np.ndarray, radius: float, aspect: float, cameras: np.ndarray) -> Orbit:
        """The sphere as large as it can be with all camera positions (n, 3) in the picture, within limits."""
        # A little low in the picture: the cameras are above, and above them, over an eighth of it, the controls.
        raised = np.asarray(centre) + np.array([0.0, 0.25 * radius, 0.0])
        heights = (cameras - centre)[:, 1] / np.maximum(np.linalg.norm(cameras - centre, axis=1), 1e-9)
        both = min(float(heights.max(initial=0.0)), -float(heights.min(initial=0.0)))
        least = SURROUNDED if both > POLAR else SPREAD if both > STEEP else FARTHEST
        for share in np.arange(FITTED, min(least, LONE), -0.02):
            orbit = self.fitted(raised, radius, aspect, float(share))
            pixels, depth = orbit.eye(aspect).project(cameras, 2.0, 2.0)
            x, y = pixels[:, 0], pixels[:, 1]
            inside = (np.abs(x - 1.0) < 0.93) & (y > CONTROLS) & (y < 1.93)
            aside = (x < LEGEND[0]) | (y < LEGEND[1]) | (least < FARTHEST)
            near = share > least or len(cameras) == 1
            if near and bool((inside & aside & (depth > 0)).all()):
                return orbit
        return self.fitted(raised, radius, aspect, SPREAD if least == SPREAD else FARTHEST)

    def snapped(self, axis: int, negative: bool = False) -> Orbit:
        """Looks along a world axis: 0 from +x, 1 from +y, 2 from +z."""
        azimuth, elevation = ((90.0, 0.0), (self.azimuth, 89.9), (0.0, 0.0))[axis]
        if negative:
            azimuth, elevation = (azimuth, -89.9) if axis == 1 else (azimuth + 180.0, 0.0)
        return replace(self, azimuth=_wrap(azimuth), elevation=elevation, roll=0.0)

    def _with_rotation(self, rotation: np.ndarray) -> Orbit:
        back, right = rotation[2], rotation[0]
        elevation = math.degrees(math.asin(min(1.0, max(-1.0, back[1]))))
        azimuth = math.degrees(math.atan2(back[0], back[2]))
        level = replace(self, azimuth=azimuth, elevation=elevation, roll=0.0)
        flat = level.rotation()
        roll = math.degrees(math.atan2(-float(right @ flat[1]), float(right @ flat[0])))
        return replace(level, azimuth=_wrap(azimuth), roll=roll)

    @classmethod
    def from_camera(cls, world_to_camera: np.ndarray) -> Orbit:
        """The orbit that stands where a camera stands and looks its way, about the point nearest to the origin."""
        view = np.asarray(world_to_camera, np.float64)
        position, back = -view[:3, :3].T @ view[:3, 3], view[2, :3]
        distance = max(0.3, float(position @ back))
        target = position - back * distance
        return cls(distance=distance, target=_point(target))._with_rotation(view[:3, :3])


def _point(values: np.ndarray) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])


def _wrap(degrees: float) -> float:
    return (degrees + 180.0) % 360.0 - 180.0


def azimuth_beside(azimuths: list[float]) -> float:
    """Where to stand so that no camera hides the shape: beside the first, at most 45 degrees to its left.

    The first camera then shows on the right. With many cameras, half the gap to the next one.
    """
    if not azimuths:
        return 30.0
    first = azimuths[0]
    gaps = [gap for a in azimuths if (gap := (first - a) % 360.0) > 1e-3]
    return _wrap(first - min(45.0, 0.5 * min(gaps, default=90.0)))
