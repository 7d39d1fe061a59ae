"""Whose eye the 3D view sees with: the orbit that the pointer moves, or the chosen view's camera. No Qt."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from app.viewport.camera import Eye, Orbit, azimuth_beside, look_through
from core.protocol import ViewInfo


def camera_position(view: ViewInfo) -> np.ndarray:
    """World (3,)."""
    return -view.world_to_camera[:3, :3].T @ view.world_to_camera[:3, 3]


class Helm:
    """orbit: the free eye. view: the chosen view's index. looking: through its camera. at_home: not moved by hand."""

    def __init__(self) -> None:
        self.orbit = Orbit(azimuth=30.0)
        self.views: tuple[ViewInfo, ...] = ()
        self.view, self.looking, self.at_home = 0, False, True

    @property
    def camera(self) -> ViewInfo | None:
        """The camera that is looked through, if any."""
        return self.views[self.view] if self.looking and 0 <= self.view < len(self.views) else None

    @property
    def _fitted(self) -> np.ndarray:
        """Positions of the cameras that are fitted to, (n, 3)."""
        return np.array([camera_position(view) for view in self.views if not view.held_out]).reshape(-1, 3)

    def eye(self, aspect: float) -> Eye:
        camera = self.camera
        if camera is None:
            return self.orbit.eye(aspect)
        return look_through(camera.world_to_camera, camera.fov, camera.width / camera.height, aspect)

    def free(self) -> Orbit:
        """The orbit to move: while looking through a camera, one that starts there."""
        camera = self.camera
        if camera is None:
            return self.orbit
        return replace(Orbit.from_camera(camera.world_to_camera), fov=math.degrees(camera.fov) * 1.06)

    def home(self, centre: np.ndarray, radius: float, aspect: float) -> Orbit:
        """Beside the first camera, with the sphere and all fitted cameras in the picture."""
        positions = self._fitted
        azimuths = [math.degrees(math.atan2(x, z)) for x, _, z in positions]
        # A start that is much smaller than its target's unit sphere would bring the eye in front of the cameras.
        return Orbit(azimuth=azimuth_beside(azimuths)).framed(centre, max(radius, 0.85), aspect, positions)
