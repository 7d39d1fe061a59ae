"""The current shape and the target's ghost on the GPU: buffers updated in place, and how they are drawn.

Positions are in object space; the model matrix carries the pose, so that a pose fit uploads sixteen numbers. A
software rasterizer takes about a microsecond a triangle, so there a large mesh is drawn thinned while it moves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from vispy import gloo

from app.theme import Theme
from app.viewport import shaders
from app.viewport.camera import Eye
from app.viewport.geometry import Thinning, edges_of, thin, vertex_normals
from core.colour_maps import hex_to_rgb

MODES = ("gradient", "shaded", "normals", "wire")
NEUTRAL = 0.62
"""sRGB grey of a shape without colours."""
KEY_LIGHT = np.array([-0.42, 0.50, 0.76])
"""Towards the light, in the eye's own axes: over the left shoulder."""
LEAST_TOP = -8.5
"""Of log10 |dL/dv| at the map's bright end: what is smaller is the rounding of float32 sums, and looks like zero."""
LEAST_DECADES, MOST_DECADES = 2.0, 5.0
"""What the gradient's map spans: fewer would show noise as structure, more would look flat."""
MAP_ENDS = (0.12, 0.97)
"""The part of the sequential map that is used: its darkest blue would vanish in the dark ground."""
EDGE_LIMIT = 120_000
"""Above so many triangles each inner edge is drawn twice: sorting out the twins would take longer than drawing them."""
MOVING_LIMIT = 14_000
"""Triangles of a moving shape in software: 25 to 40 ms a repaint on two cores that do nothing else."""
STILL_LIMIT = 160_000
"""Triangles of a shape at rest in software: one repaint of about 0.15 s, when nothing else happens."""


@dataclass(frozen=True)
class Frame:
    """What one repaint is drawn with."""

    eye: Eye
    theme: Theme
    ratio: float
    """Device pixels a logical pixel."""
    software: bool = False
    """Whether the processor draws."""
    moving: bool = False
    """Whether another repaint is expected soon."""
    cut: np.ndarray | None = None
    """(4,) p: of shape and ghost, world points x with p . (x, 1) > 0 are left out; None for nothing."""

    @property
    def clip(self) -> np.ndarray:
        return uniform_matrix(self.eye.projection @ self.eye.view)


def uniform_matrix(matrix: np.ndarray) -> np.ndarray:
    """GL reads columns first."""
    return np.ascontiguousarray(np.asarray(matrix, np.float32).T)


def packed(array: np.ndarray, dtype: type = np.float32) -> np.ndarray:
    """A copy as vispy wants it: rows first, of the built-in type (an unpickled array's type is equal, but another)."""
    result = np.empty(np.shape(array), dtype)
    result[...] = array
    return result


class Programs:
    """A program and its twin that leaves out what is cut away, each made when it is first needed."""

    def __init__(self, vertex: str, fragment: str) -> None:
        self._sources = {False: (vertex, fragment), True: (vertex, shaders.cut_away(fragment))}
        self._made: dict[bool, gloo.Program] = {}

    def of(self, frame: Frame) -> gloo.Program:
        """The one to draw this frame with."""
        cut = frame.cut is not None
        if cut not in self._made:
            self._made[cut] = gloo.Program(*self._sources[cut])
        if frame.cut is not None:
            self._made[cut]["u_cut"] = frame.cut.astype(np.float32)
        return self._made[cut]


class Level:
    """One level of detail of a mesh on the GPU. What changed is computed and uploaded when it is next drawn."""

    def __init__(self, thinning: Thinning | None = None) -> None:
        self.thinning = thinning
        self.stale = {"topology", "vertices", "colours", "gradient"}
        self.buffers: dict[str, gloo.VertexBuffer] = {}
        self.triangles: gloo.IndexBuffer | None = None
        self.edges: gloo.IndexBuffer | None = None
        self.faces = np.zeros((0, 3), np.int32)

    def refresh(self, source: Surface) -> None:
        """Bring the buffers up to date with the arrays of `source`."""
        merge = self.thinning.merge if self.thinning else np.asarray
        if "topology" in self.stale:
            self.faces = self.thinning.faces if self.thinning else source.faces
            self.triangles = gloo.IndexBuffer(packed(self.faces.ravel(), np.uint32))
            self.edges = None
        if self.stale & {"topology", "vertices"}:
            vertices = merge(source.vertices)
            self._set("a_position", vertices)
            self._set("a_normal", vertex_normals(vertices, self.faces))
        count = self.buffers["a_position"].size
        for name, array, width in (("colours", source.colours, (3,)), ("gradient", source.exponent, ())):
            if self.stale & {"topology", name}:
                attribute = "a_colour" if name == "colours" else "a_value"
                self._set(attribute, np.zeros((count, *width)) if array is None else merge(array))
        self.stale.clear()

    def _set(self, name: str, data: np.ndarray) -> None:
        """In place while the size holds, else a new buffer."""
        data = packed(data)
        buffer = self.buffers.get(name)
        if buffer is not None and buffer.size == len(data):
            buffer.set_subdata(data, copy=True)
        else:
            self.buffers[name] = gloo.VertexBuffer(data)

    def wire(self) -> gloo.IndexBuffer:
        if self.edges is None:
            faces = self.faces
            if len(faces) > EDGE_LIMIT:
                edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
            else:
                edges = edges_of(faces)
            self.edges = gloo.IndexBuffer(packed(edges.ravel(), np.uint32))
        return self.edges


class Surface:
    """One triangle mesh: `update`, `set_colours`, `set_gradient` take what changed; `draw` draws it in one of MODES."""

    def __init__(self) -> None:
        self.vertices = np.zeros((0, 3), np.float32)
        self.faces = np.zeros((0, 3), np.int32)
        self.colours: np.ndarray | None = None
        self.exponent: np.ndarray | None = None
        """log10 |dL/dv|."""
        self.model = np.eye(4)
        self.empty = True
        self.range = (-5.0, -2.0)
        """log10 of |dL/dv| at the map's two ends."""
        self.clip, self.hold = 99.5, False
        """Percentile of |dL/dv| above which all looks alike; hold: the range stays as it is."""
        self._full, self._thin = Level(), None
        self._map: gloo.Texture2D | None = None
        self._solid = Programs(shaders.SURFACE_VERTEX, shaders.SURFACE_FRAGMENT)
        self._wire = Programs(shaders.WIRE_VERTEX, shaders.WIRE_FRAGMENT)

    def update(self, vertices: np.ndarray | None = None, faces: np.ndarray | None = None) -> None:
        """New positions, new topology, or both. Faces that name a missing vertex wait for their vertices."""
        if vertices is not None and not np.array_equal(vertices, self.vertices):
            resized = len(vertices) != len(self.vertices)
            self.vertices = packed(vertices)
            self._mark("topology" if resized else "vertices")
            if resized:
                self.colours = self.exponent = None
        if faces is not None:
            self.faces = packed(faces, np.int32)
            self._full, self._thin = Level(), None
        self.empty = len(self.faces) == 0 or int(self.faces.max()) >= len(self.vertices)

    def set_colours(self, colours: np.ndarray | None) -> None:
        """Linear colours (n, 3); None, or of another length than the vertices, is no colours."""
        self.colours = None
        if colours is not None and len(colours) == len(self.vertices):
            self.colours = packed(colours)
        self._mark("colours")

    def set_gradient(self, gradient: np.ndarray | None) -> None:
        """|dL/dv| (n,) >= 0; not finite counts as zero. None is no gradient."""
        if gradient is None or len(gradient) != len(self.vertices):
            self.exponent = None
            return
        with np.errstate(divide="ignore", invalid="ignore"):
            exponent = np.log10(np.asarray(gradient, np.float32))
        finite = np.sort(exponent[np.isfinite(exponent)])
        if len(finite):
            top = int(0.01 * self.clip * (len(finite) - 1))
            self._choose_range(float(finite[int(0.1 * len(finite))]), float(finite[top]))
        # Finite ends, so that a thinned mesh can average them.
        self.exponent = np.clip(np.nan_to_num(exponent, nan=-60.0), self.range[0] - 1.0, self.range[1] + 1.0)
        self._mark("gradient")

    def _choose_range(self, low: float, high: float) -> None:
        """From the 10th percentile to the clip, in half decades, within bounds; it stays put while that is close."""
        if self.hold:
            return
        top = max(float(np.ceil(2 * high) / 2), LEAST_TOP)
        span = float(np.clip(np.ceil(2 * (top - low)) / 2, LEAST_DECADES, MOST_DECADES))
        close = (
            self.range[1] - 1.0 < max(high, LEAST_TOP) <= self.range[1]
            and abs(self.range[1] - self.range[0] - span) < 1.0
        )
        if self.exponent is None or not close:
            self.range = (top - span, top)

    def _mark(self, what: str) -> None:
        self._full.stale.add(what)
        if self._thin is not None:
            self._thin.stale.add(what)

    def coarse(self, software: bool) -> bool:
        """Whether a moving shape is drawn thinned, and a better picture can follow when it rests."""
        return software and MOVING_LIMIT < len(self.faces) <= STILL_LIMIT

    def _level(self, frame: Frame, mode: str) -> Level:
        count = len(self.faces)
        # Merged triangles would misstate the wire, so it is thinned only where its lines would fill the shape anyway.
        limit = MOVING_LIMIT if frame.moving and mode != "wire" else STILL_LIMIT
        if not frame.software or count <= limit:
            return self._full
        if self._thin is None:
            self._thin = Level(thin(self.vertices, self.faces, MOVING_LIMIT))
        return self._thin

    def draw(self, frame: Frame, mode: str) -> None:
        if self.empty:
            return
        level, theme, solid = self._level(frame, mode), frame.theme, self._solid.of(frame)
        level.refresh(self)
        if self._map is None:
            lut = theme.sequential_lut()[None].copy()
            self._map = gloo.Texture2D(lut, interpolation="linear", wrapping="clamp_to_edge")
        solid["u_map"], solid["u_map_ends"] = self._map, MAP_ENDS
        for name, buffer in level.buffers.items():
            solid[name] = buffer
        wire = mode == "wire"
        solid["u_model"], solid["u_clip"] = uniform_matrix(self.model), frame.clip
        solid["u_eye"] = frame.eye.position.astype(np.float32)
        light = frame.eye.view[:3, :3].T @ KEY_LIGHT
        solid["u_light"] = (light / np.linalg.norm(light)).astype(np.float32)
        solid["u_mode"] = self._shading(mode)
        fill = hex_to_rgb(theme.panel if theme.dark else theme.well) if wire else np.full(3, NEUTRAL)
        solid["u_colour"], solid["u_range"] = fill.astype(np.float32), self.range
        solid["u_rim"] = 0.0 if wire else 0.16 if theme.dark else 0.08
        gloo.set_state(depth_test=True, blend=False, cull_face=False, polygon_offset_fill=wire)
        if wire:
            gloo.set_polygon_offset(1.0, 1.0)
        solid.draw("triangles", level.triangles)
        if wire:
            self._draw_edges(frame, level)

    def _shading(self, mode: str) -> float:
        """The shader's mode; a gradient or colours that do not exist give way to what does."""
        if mode == "gradient" and self.exponent is not None:
            return 0.0
        if mode in ("gradient", "shaded") and self.colours is not None:
            return 1.0
        return 2.0 if mode == "normals" else 3.0

    def _draw_edges(self, frame: Frame, level: Level) -> None:
        # Fine meshes would fill in solid: the more triangles, the fainter their lines.
        opacity = float(np.clip(1.15 - 0.16 * np.log10(max(len(level.faces), 10)), 0.3, 0.85))
        gloo.set_state(depth_test=True, polygon_offset_fill=False, **BLENDING)
        gloo.set_line_width(max(1.0, frame.ratio))
        wire = self._wire.of(frame)
        wire["a_position"] = level.buffers["a_position"]
        wire["u_model"], wire["u_clip"] = uniform_matrix(self.model), frame.clip
        wire["u_colour"] = (*hex_to_rgb(frame.theme.text2), opacity)
        wire.draw("lines", level.wire())


BLENDING = dict(blend=True, blend_func=("src_alpha", "one_minus_src_alpha", "zero", "one"))
"""Over what is there; the window's own alpha stays 1."""
