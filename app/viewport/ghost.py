"""The target's ghost on the GPU: see-through, with a rim, drawn after all that is solid."""

from __future__ import annotations

import numpy as np
from vispy import gloo

from app.viewport import shaders
from app.viewport.geometry import thin, vertex_normals
from app.viewport.surface import BLENDING, STILL_LIMIT, Frame, Programs, packed
from core.colour_maps import hex_to_rgb

GHOST_LIMIT = 10_000
"""Triangles in software while anything moves: it is drawn twice, and only its rim is looked at."""


class Ghost:
    """The target, see-through: faint where it faces the eye, bright along its rim. Drawn after all that is solid."""

    def __init__(self) -> None:
        self.vertices: np.ndarray | None = None
        self._faces = np.zeros((0, 3), np.int32)
        self._levels: dict[bool, tuple[gloo.VertexBuffer, gloo.VertexBuffer, gloo.IndexBuffer]] = {}
        self._programs = Programs(shaders.GHOST_VERTEX, shaders.GHOST_FRAGMENT)

    def set(self, vertices: np.ndarray | None, faces: np.ndarray | None) -> None:
        """World vertices (n, 3) and faces (m, 3), or None for no ghost."""
        self.vertices, self._levels = None, {}
        if vertices is not None and faces is not None and len(faces):
            self.vertices, self._faces = packed(vertices), packed(faces, np.int32)

    def coarse(self, software: bool) -> bool:
        """Whether it is thinned while something moves, and a better picture can follow at rest."""
        return self.vertices is not None and software and GHOST_LIMIT < len(self._faces) <= STILL_LIMIT

    def _level(self, thinned: bool) -> tuple[gloo.VertexBuffer, gloo.VertexBuffer, gloo.IndexBuffer]:
        if thinned not in self._levels:
            vertices, faces = self.vertices, self._faces
            assert vertices is not None
            if thinned:
                thinning = thin(vertices, faces, GHOST_LIMIT)
                vertices, faces = thinning.merge(vertices), thinning.faces
            self._levels[thinned] = (
                gloo.VertexBuffer(packed(vertices)),
                gloo.VertexBuffer(vertex_normals(vertices, faces)),
                gloo.IndexBuffer(packed(faces.ravel(), np.uint32)),
            )
        return self._levels[thinned]

    def draw(self, frame: Frame) -> None:
        """Depth first, then colour where the depth is its own: only the nearest sheet shows, whatever the winding.

        Both passes lie a little behind, so that a converged shape is not speckled by its own target.
        """
        if self.vertices is None:
            return
        limit = GHOST_LIMIT if frame.moving else STILL_LIMIT
        program = self._programs.of(frame)
        program["a_position"], program["a_normal"], triangles = self._level(frame.software and len(self._faces) > limit)
        program["u_clip"], program["u_eye"] = frame.clip, frame.eye.position.astype(np.float32)
        program["u_colour"] = hex_to_rgb(frame.theme.ghost).astype(np.float32)
        program["u_strength"] = 1.0 if frame.theme.dark else 0.9
        gloo.set_state(depth_test=True, cull_face=False, blend=False, polygon_offset_fill=True)
        gloo.set_polygon_offset(1.0, 4.0)
        gloo.set_color_mask(False, False, False, False)
        program.draw("triangles", triangles)
        gloo.set_color_mask(True, True, True, True)
        gloo.set_state(depth_func="lequal", **BLENDING)
        program.draw("triangles", triangles)
        gloo.set_state(depth_func="less", polygon_offset_fill=False)
