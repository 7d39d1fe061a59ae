"""Sampling the triangles of a shape for the surface methods: fragments, and the attributes a step holds constant.

What is free is left to the traced side (kernels/surface.py); what no channel needs is not sampled at all, so that a
pose fit to silhouettes handles depths and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kernels.camera import object_to_pixel, pixel_to_object
from kernels.labels import sampled_labels
from kernels.raster.interpolate import interpolate, vertex_normals
from kernels.raster.sampler import kept_rasterizer
from kernels.surface import SurfaceSamples, needs_normals
from kernels.types import BACK_FACES, SEGMENTATION, CameraView, Fragments, Values


class NormalsMemo:
    """Vertex normals of the last vertices seen, by identity of a read-only array: a pose fit computes them once."""

    def __init__(self) -> None:
        self._vertices: np.ndarray | None = None
        self._normals: np.ndarray | None = None

    def __call__(self, vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
        if self._normals is None or vertices is not self._vertices or vertices.flags.writeable:
            self._vertices, self._normals = vertices, vertex_normals(vertices, faces)
        return self._normals


def sample_triangles(
    vertices: np.ndarray,
    faces: np.ndarray,
    colours: np.ndarray | None,
    normals: Callable[[np.ndarray, np.ndarray], np.ndarray],
    values: Values,
    view: CameraView,
    *,
    layers: int,
    cull_back_faces: bool,
    moving: bool,
    channels: tuple[str, ...],
    rasterizer: Any = None,
    labels: bool = True,
) -> SurfaceSamples:
    """Samples of a triangle surface in object space, posed and seen as `values` and `view` say.

    vertices (n, 3) float32, faces (m, 3) int32. colours (n, 3): albedo to interpolate here, None where it is free or
    uniform. normals: (vertices, faces) -> (n, 3), see NormalsMemo. moving: vertices are free, so corners and bary are
    needed and normals are left to the traced side. rasterizer: see kernels.types.Surface; samples stay stacked where it
    does not return Fragments (methods take others a layer at a time). labels: sample them here, where a channel asks.
    """
    labelled = SEGMENTATION in channels
    host_normals = needs_normals(channels) and not moving
    host_colours = "colour" in channels and colours is not None
    matrix = object_to_pixel(values, view)
    find = rasterizer or kept_rasterizer(view.width, view.height, layers)
    fragments = find(
        vertices,
        faces,
        matrix,
        near=view.near,
        cull_back_faces=cull_back_faces,
        corners=moving or host_normals or "colour" in channels or labelled,
        positions=needs_normals(channels) and not moving,
    )
    held = _as_planes if isinstance(fragments, Fragments) else lambda stack: stack
    return SurfaceSamples(
        fragments._replace(position=held(fragments.position)),
        held(interpolate(normals(vertices, faces), fragments)) if host_normals else None,
        held(interpolate(colours, fragments)) if host_colours and colours is not None else None,
        labels=held(sampled_labels(values, fragments)) if labelled and labels else None,
        behind=_seen_from_behind(vertices, faces, matrix, fragments.face_id) if BACK_FACES in channels else None,
        unprojection=pixel_to_object(matrix),
    )


def _seen_from_behind(vertices: np.ndarray, faces: np.ndarray, matrix: np.ndarray, face_id: np.ndarray) -> np.ndarray:
    """(K, H, W) float32: 1 where the triangle's corners run clockwise as they are seen, 0 elsewhere."""
    shown = np.unique(face_id[face_id >= 0])
    corners = vertices[faces[shown]].astype(np.float64) @ matrix[:, :3].T + matrix[:, 3]  # (x w, y w, w), y down
    behind = np.zeros(len(faces) + 1, np.float32)
    behind[shown] = np.linalg.det(corners) > 0
    return behind[face_id]  # -1 reads the last, which is 0


def _as_planes(stack: np.ndarray | None) -> tuple[tuple[np.ndarray, ...], ...] | None:
    """(K, C, H, W) as K tuples of C views: sliced inside jit, each plane would be copied."""
    return None if stack is None else tuple(tuple(layer) for layer in stack)
