"""What stands around the shape: the ground, and a pyramid for each camera with its target picture in the image plane.

Camera pyramids keep one world size; one that stands between the eye and the shape fades, so that it never hides it, and
so does one that the picture's edge or the controls would cut.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from vispy import gloo

from app.viewport import shaders
from app.viewport.camera import CONTROLS
from app.viewport.surface import BLENDING, Frame, uniform_matrix
from core.colour_maps import hex_to_rgb
from core.protocol import ViewInfo

DEPTH = 0.42
"""Length of a pyramid, world units (the shape's radius is 1)."""
HELD_OUT = 0.55
"""Size of a held-out camera's pyramid against a fitted one's."""
GROUND_RADIUS = 2.6
GROUND_STEP = 0.4
ATLAS_CELL = 128
"""Largest side of a picture in the cameras' shared texture, px."""
EDGE = 0.1
"""A pyramid that reaches so far over the picture's edge is not seen; of half the picture's size."""
_EDGES = np.array([0, 1, 0, 2, 0, 3, 0, 4, 1, 2, 2, 3, 3, 4, 4, 1, 5, 6, 6, 7, 7, 5])
"""Corner 0 is the camera, 1 to 4 the picture from its top left clockwise, 5 to 7 the roof that says up."""


class Ground:
    """A grid on y = height that fades out to nothing."""

    def __init__(self) -> None:
        self.height = -1.0
        steps = np.arange(-GROUND_RADIUS, GROUND_RADIUS + 1e-6, GROUND_STEP)
        along = np.linspace(-GROUND_RADIUS, GROUND_RADIUS, 25)
        lines = []
        for at in steps:
            for a, b in pairwise(along):
                lines += [(at, 0, a), (at, 0, b), (a, 0, at), (b, 0, at)]
        self._program = gloo.Program(shaders.GROUND_VERTEX, shaders.GROUND_FRAGMENT)
        self._program["a_position"] = gloo.VertexBuffer(np.array(lines, np.float32))
        self._program["u_radius"] = GROUND_RADIUS

    def draw(self, frame: Frame) -> None:
        gloo.set_state(depth_test=True, cull_face=False, **BLENDING)
        gloo.set_depth_mask(False)
        gloo.set_line_width(max(1.0, frame.ratio))
        self._program["u_clip"], self._program["u_height"] = frame.clip, self.height
        self._program["u_colour"] = hex_to_rgb(frame.theme.grid).astype(np.float32)
        self._program.draw("lines")
        gloo.set_depth_mask(True)


def pyramid(view: ViewInfo) -> np.ndarray:
    """World corners (8, 3), see _EDGES."""
    depth = DEPTH * (HELD_OUT if view.held_out else 1.0)
    h = depth * np.tan(0.5 * view.fov)
    w = h * view.width / view.height
    across, down = off_axis(view, depth)
    corners = np.array(
        [
            [0, 0, 0],
            [-w, h, 0],
            [w, h, 0],
            [w, -h, 0],
            [-w, -h, 0],
            [-0.4 * h, 1.12 * h, 0],
            [0.4 * h, 1.12 * h, 0],
            [0, 1.5 * h, 0],
        ]
    )
    corners[1:] += (-across, down, -depth)
    rotation, offset = view.world_to_camera[:3, :3], view.world_to_camera[:3, 3]
    return (corners - offset) @ rotation


def off_axis(view: ViewInfo, depth: float) -> tuple[float, float]:
    """How far right and down the principal point lies from the picture's middle, world units at `depth`."""
    pixel = 2.0 * depth * np.tan(0.5 * view.fov) / view.height
    return view.shift[0] * pixel, view.shift[1] * pixel


class Cameras:
    """All views' pyramids in two draw calls: their pictures from one texture, then their lines."""

    def __init__(self) -> None:
        self.views: tuple[ViewInfo, ...] = ()
        self.chosen = 0
        self._corners = np.zeros((0, 8, 3))
        self._cells = np.zeros((0, 4, 2), np.float32)
        self._lines = gloo.Program(shaders.LINE_VERTEX, shaders.LINE_FRAGMENT)
        self._pictures = gloo.Program(shaders.PICTURE_VERTEX, shaders.PICTURE_FRAGMENT)

    def set(self, views: tuple[ViewInfo, ...]) -> None:
        self.views = views
        self._corners = np.array([pyramid(view) for view in views]).reshape(-1, 8, 3)
        atlas, self._cells = picture_atlas(views)
        if atlas is not None:
            self._pictures["u_picture"] = gloo.Texture2D(atlas, interpolation="linear", wrapping="clamp_to_edge")

    def draw(self, frame: Frame) -> None:
        if not self.views:
            return
        opacity, order = self._opacity(frame)
        gloo.set_state(depth_test=True, cull_face=False, **BLENDING)
        quads = [i for i in order if self.views[i].thumbnail is not None and opacity[i] > 0.3]
        if quads:
            corner = np.array([0, 1, 2, 0, 2, 3])
            self._pictures["u_clip"] = frame.clip
            self._pictures["a_position"] = self._corners[quads][:, 1:5][:, corner].reshape(-1, 3).astype(np.float32)
            self._pictures["a_texture"] = self._cells[quads][:, corner].reshape(-1, 2)
            self._pictures["a_opacity"] = np.repeat(opacity[quads], 6).astype(np.float32)
            self._pictures.draw("triangles")
        colours = np.empty((len(self.views), 4), np.float32)
        colours[:, :3], colours[:, 3] = hex_to_rgb(frame.theme.ghost), 0.75 * opacity
        if self.chosen < len(colours):
            seen = max(0.5 * float(self._whole(frame)[self.chosen]), float(opacity[self.chosen]))
            colours[self.chosen] = (*hex_to_rgb(frame.theme.accent), seen)
        for chosen, width in ((False, 1.0), (True, 1.6)):
            shown = [i for i in order if (i == self.chosen) == chosen]
            if not shown:
                continue
            self._lines["u_clip"] = frame.clip
            self._lines["a_position"] = self._corners[shown][:, _EDGES].reshape(-1, 3).astype(np.float32)
            self._lines["a_colour"] = np.repeat(colours[shown], len(_EDGES), axis=0)
            gloo.set_line_width(max(1.0, width * frame.ratio))
            self._lines.draw("lines")

    def _opacity(self, frame: Frame) -> tuple[np.ndarray, list[int]]:
        """How visible each pyramid is, and the order to draw them in, farthest first."""
        middle = self._corners[:, 1:5].mean(1)
        rotation, offset = frame.eye.view[:3, :3], frame.eye.view[:3, 3]
        seen = middle @ rotation.T + offset
        depth = -seen[:, 2]
        origin_depth = max(-float(offset[2]), 1e-3)
        # Within the cone that the unit sphere fills, and nearer than it: in the way.
        aside = np.hypot(seen[:, 0], seen[:, 1]) / np.maximum(depth, 1e-3) * origin_depth
        blocks = (depth < origin_depth - 0.8) & (aside < 1.6)
        opacity = np.where(blocks, np.clip((aside - 0.9) / 0.7, 0.12, 1.0), 1.0)
        opacity *= np.clip((depth - 0.3) / 0.6, 0.0, 1.0)
        opacity *= self._whole(frame)
        opacity *= np.array([0.4 if view.held_out else 1.0 for view in self.views])
        return opacity, [int(i) for i in np.argsort(-depth)]

    def _whole(self, frame: Frame) -> np.ndarray:
        """(n,) 1 for a pyramid wholly in the picture, below the controls; 0 for one that is cut."""
        pixels, _ = frame.eye.project(self._corners, 2.0, 2.0)
        x, y = pixels[..., 0], pixels[..., 1]
        over = np.maximum(np.abs(x - 1.0) - 1.0, np.maximum(0.5 * CONTROLS - y, y - 2.0))
        return np.clip(1.0 - over.max(1) / EDGE, 0.0, 1.0)

    def at(self, x: float, y: float, frame: Frame, width: float, height: float) -> int | None:
        """The nearest view whose pyramid lies under a point (logical px), or None."""
        if not self.views:
            return None
        opacity, _ = self._opacity(frame)
        pixels, depth = frame.eye.project(self._corners[:, :5], width, height)
        best, nearest = None, np.inf
        for i in range(len(self.views)):
            if opacity[i] < 0.3 or depth[i].min() <= 0.05:
                continue
            hit = any(
                _inside(x, y, pixels[i][list(face)])
                for face in ((1, 2, 3, 4), (0, 1, 2), (0, 2, 3), (0, 3, 4), (0, 4, 1))
            )
            if hit and depth[i].mean() < nearest:
                best, nearest = i, float(depth[i].mean())
        return best


def _inside(x: float, y: float, polygon: np.ndarray) -> bool:
    """Whether the point lies in a convex polygon (n, 2), either winding."""
    edge = np.roll(polygon, -1, axis=0) - polygon
    cross = edge[:, 0] * (y - polygon[:, 1]) - edge[:, 1] * (x - polygon[:, 0])
    return bool((cross >= 0).all() or (cross <= 0).all())


def picture_atlas(views: tuple[ViewInfo, ...]) -> tuple[np.ndarray | None, np.ndarray]:
    """One texture (H, W, 3) uint8 that holds every thumbnail, and each view's texture corners (n, 4, 2).

    Corners run from the picture's top left clockwise, half a texel inside so that neighbours do not bleed.
    """
    corners = np.zeros((len(views), 4, 2), np.float32)
    pictures = {i: np.asarray(v.thumbnail, np.uint8)[..., :3] for i, v in enumerate(views) if v.thumbnail is not None}
    if not pictures:
        return None, corners
    for i, picture in pictures.items():
        step = max(1, -(-max(picture.shape[:2]) // ATLAS_CELL))
        pictures[i] = picture[::step, ::step]
    cell_height = max(p.shape[0] for p in pictures.values())
    cell_width = max(p.shape[1] for p in pictures.values())
    columns = int(np.ceil(np.sqrt(len(pictures))))
    rows = -(-len(pictures) // columns)
    atlas = np.zeros((rows * cell_height, columns * cell_width, 3), np.uint8)
    scale = np.array([atlas.shape[1], atlas.shape[0]], np.float32)
    for slot, (i, picture) in enumerate(pictures.items()):
        top, left = slot // columns * cell_height, slot % columns * cell_width
        height, width = picture.shape[:2]
        atlas[top : top + height, left : left + width] = picture
        low, high = np.array([left, top]) + 0.5, np.array([left + width, top + height]) - 0.5
        corners[i] = np.array([low, (high[0], low[1]), high, (low[0], high[1])]) / scale
    return atlas, corners


class Backdrop:
    """The looked-through camera's target picture, far behind everything, with a frame around it."""

    def __init__(self) -> None:
        self._picture = gloo.Program(shaders.PICTURE_VERTEX, shaders.PICTURE_FRAGMENT)
        self._picture["a_texture"] = np.array([[0, 0], [1, 0], [1, 1], [0, 0], [1, 1], [0, 1]], np.float32)
        self._picture["a_opacity"] = np.ones(6, np.float32)
        self._frame = gloo.Program(shaders.WIRE_VERTEX, shaders.WIRE_FRAGMENT)
        self._shown: np.ndarray | None = None
        self._texture: gloo.Texture2D | None = None

    def draw(self, frame: Frame, view: ViewInfo, picture: np.ndarray | None) -> None:
        """`picture` (h, w, 3) uint8 sRGB, or None for the frame alone."""
        depth = 1.0
        height = depth * np.tan(0.5 * view.fov)
        width = height * view.width / view.height
        corners = np.array(
            [[-width, height, -depth], [width, height, -depth], [width, -height, -depth], [-width, -height, -depth]]
        )
        across, down = off_axis(view, depth)
        corners += (-across, down, 0.0)
        corners = ((corners - view.world_to_camera[:3, 3]) @ view.world_to_camera[:3, :3]).astype(np.float32)
        gloo.set_state(depth_test=False, blend=False, cull_face=False)
        if picture is not None:
            if picture is not self._shown:
                self._texture = gloo.Texture2D(
                    np.ascontiguousarray(picture), interpolation="linear", wrapping="clamp_to_edge"
                )
                self._picture["u_picture"], self._shown = self._texture, picture
            self._picture["u_clip"] = frame.clip
            self._picture["a_position"] = corners[[0, 1, 2, 0, 2, 3]]
            self._picture.draw("triangles")
        gloo.set_line_width(max(1.0, frame.ratio))
        self._frame["u_clip"], self._frame["u_model"] = frame.clip, uniform_matrix(np.eye(4))
        self._frame["a_position"] = corners[[0, 1, 1, 2, 2, 3, 3, 0]]
        self._frame["u_colour"] = (*hex_to_rgb(frame.theme.accent), 1.0)
        self._frame.draw("lines")
        gloo.set_state(depth_test=True)
