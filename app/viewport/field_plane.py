"""A slice through the field: a picture on a plane that moves with the shape, and the half-space that is cut away before it.

Corners are object space; the plane lies across one axis. What is cut away is on the eye's side of it, wherever the eye goes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from vispy import gloo

from app.viewport import shaders
from app.viewport.surface import BLENDING, Frame

_CORNERS = np.array([[0, 1], [1, 1], [1, 0], [0, 1], [1, 0], [0, 0]])
"""Of the two triangles: (first, second) of the plane's axes, 1 at their high end. Row 0 of the picture is the second's."""
SHIFT = 1e-3
"""World units between the plane and where the surface is cut, so that the cut's rim is not lost in it."""


@dataclass(frozen=True)
class Slice:
    """picture: uint8 [h, w, 4] sRGB, the later of the two other axes upwards. low, high (3,): corners, the same along
    `axis`. cut: whether what lies before it is cut away."""

    picture: np.ndarray
    axis: int
    low: np.ndarray
    high: np.ndarray
    cut: bool


class FieldPlane:
    """At most one slice, drawn after what is solid."""

    def __init__(self) -> None:
        self.shown: Slice | None = None
        self._program = gloo.Program(shaders.SLICE_VERTEX, shaders.SLICE_FRAGMENT)
        self._texture: gloo.Texture2D | None = None
        self._stale = False

    def show(self, shown: Slice | None) -> None:
        self._stale = shown is not None and (self.shown is None or shown.picture is not self.shown.picture)
        self.shown = shown

    def corners(self, model: np.ndarray) -> np.ndarray:
        """World corners (6, 3) of the two triangles."""
        assert self.shown is not None
        across = [axis for axis in range(3) if axis != self.shown.axis]
        places = np.repeat(np.asarray(self.shown.low, float)[None], len(_CORNERS), axis=0)
        for column, axis in enumerate(across):
            places[:, axis] = np.where(_CORNERS[:, column] > 0, self.shown.high[axis], self.shown.low[axis])
        return places @ model[:3, :3].T + model[:3, 3]

    def cut(self, model: np.ndarray, eye: np.ndarray) -> np.ndarray | None:
        """(4,) p: world points x with p . (x, 1) > 0 are cut away; None for nothing."""
        if self.shown is None or not self.shown.cut:
            return None
        corners = self.corners(model)
        normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
        normal /= max(float(np.linalg.norm(normal)), 1e-30)
        side = 1.0 if normal @ (eye - corners[0]) > 0 else -1.0
        return side * np.append(normal, -float(normal @ corners[0])) - np.array([0, 0, 0, SHIFT])

    def draw(self, frame: Frame, model: np.ndarray) -> None:
        if self.shown is None:
            return
        if self._texture is None or self._stale:
            picture = np.ascontiguousarray(self.shown.picture)
            self._texture = gloo.Texture2D(picture, interpolation="linear", wrapping="clamp_to_edge")
            self._program["u_picture"], self._stale = self._texture, False
        texture = np.stack([_CORNERS[:, 0], 1 - _CORNERS[:, 1]], axis=1)
        self._program["a_position"] = self.corners(model).astype(np.float32)
        self._program["a_texture"] = texture.astype(np.float32)
        self._program["u_clip"] = frame.clip
        gloo.set_state(depth_test=True, cull_face=False, **BLENDING)
        self._program.draw("triangles")
