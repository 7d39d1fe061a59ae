"""Gaussians by hand in the 3D view: a click derives by one, a drag moves its mean.

All are drawn by as many vertices, one Gaussian after the other, and a Gaussian's mean is the middle of its vertices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from app.viewport.scene import Scene
    from core.protocol import Loaded

Place = tuple[float, float, float]


@dataclass(frozen=True)
class DrawnGaussians:
    """count: Gaussians. vertices (n, 3): of their ellipsoids, object space."""

    count: int
    vertices: np.ndarray

    @property
    def each(self) -> int:
        """Vertices of one."""
        return max(len(self.vertices) // self.count, 1)

    def of_vertex(self, vertex: int) -> int:
        return min(vertex // self.each, self.count - 1)

    def vertex_of(self, theta: str, chosen: int | None) -> int | None:
        """The vertex to mark for "means.7.x": `chosen` where it is that Gaussian's; None for any other parameter."""
        parts = theta.split(".")
        if parts[0] != "means" or len(parts) < 2 or not parts[1].isdigit() or int(parts[1]) >= self.count:
            return None
        gaussian = int(parts[1])
        return chosen if chosen is not None and self.of_vertex(chosen) == gaussian else gaussian * self.each

    def moved(self, vertex: int, place: Place) -> tuple[str, list[float]]:
        """(path, value) that moves a Gaussian so far that its `vertex` comes to `place`."""
        gaussian = self.of_vertex(vertex)
        own = self.vertices[gaussian * self.each : (gaussian + 1) * self.each]
        mean = own.mean(0) + np.asarray(place) - self.vertices[vertex]
        return f"means.{gaussian}", [float(v) for v in mean]


def drawn_gaussians(loaded: Loaded | None, scene: Scene | None) -> DrawnGaussians | None:
    """The Gaussians on screen; None where the shape has none, or nothing is drawn yet."""
    counts = {p.name: p.count for p in loaded.parameters} if loaded else {}
    if "means" not in counts or scene is None or not len(scene.surface.vertices):
        return None
    return DrawnGaussians(counts["means"] // 3, np.asarray(scene.surface.vertices, float))
