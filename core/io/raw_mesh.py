"""What a mesh reader hands over: the file's own numbers, before anything is merged, centred or dropped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class RawMesh:
    """positions: (n, 3) float64, file units. faces: (m, 3) int64, triangles. Colours are linear, in [0, 1].

    vertex_colours: (n, 3) float32 or None. corner_colours: (m, 3, 3) float32 [face, corner, channel] or None, for
    colours that belong to faces (materials, textures); vertex_colours win where both are there. corner_uv: (m, 3, 2), v
    upwards, or None. texture: [H, W, 3] uint8 sRGB, where one picture covers the whole mesh, else None.
    """

    positions: np.ndarray
    faces: np.ndarray
    vertex_colours: np.ndarray | None = None
    corner_colours: np.ndarray | None = None
    corner_uv: np.ndarray | None = None
    texture: np.ndarray | None = None
    warnings: tuple[str, ...] = ()
