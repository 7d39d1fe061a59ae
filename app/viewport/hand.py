"""A hand in the 3D view: it picks a vertex, drags it, and keeps the marks over the picture where they belong.

Vertices are numbered as in the shape; positions that go out are in object space.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PyQt6.QtCore import QObject, QPointF, pyqtSignal

from app.viewport.geometry import vertex_normals
from app.viewport.marks import Marked, Marks
from app.viewport.picking import moved_in_plane, pick_vertex

if TYPE_CHECKING:
    from app.viewport.viewport import Viewport

GRIP = 10.0
"""Pixels around the chosen vertex in which a press takes hold of it."""

ARROW = 0.22
"""Length of the arrow of a gradient at the clip, world units."""


class VertexHand(QObject):
    """picked(index): a vertex was clicked. moved(index, (x, y, z)): it is dragged to there, object space."""

    picked = pyqtSignal(int)
    moved = pyqtSignal(int, object)

    def __init__(self, viewport: Viewport) -> None:
        super().__init__(viewport)
        self._viewport = viewport
        self.marks = Marks(viewport)
        self.chosen: int | None = None
        self.draggable = False
        """Whether the shape's vertices are parameters, so that one can be dragged."""
        self._dots: tuple[np.ndarray, np.ndarray] = (np.zeros(0, int), np.zeros(0))
        self._arrows: tuple[np.ndarray, np.ndarray] = (np.zeros(0, int), np.zeros((0, 3)))
        self._edges = np.zeros((0, 2), int)
        self._held: np.ndarray | None = None
        self._normals: tuple[np.ndarray, np.ndarray] | None = None
        viewport.navigator.grab = self._grab
        viewport.navigator.dragged.connect(self._drag)
        viewport.navigator.dropped.connect(self._drop)
        viewport.painted.connect(self._follow)

    def place(self) -> None:
        self.marks.setGeometry(self._viewport.rect())
        self.marks.stackUnder(self._viewport.modes)

    # ------------------------------------------------------------------------------------------ what is marked

    def choose(self, index: int | None) -> None:
        """Mark a vertex as the chosen one."""
        self.chosen = index
        self._follow()

    def mark(self, vertices: np.ndarray, sizes: np.ndarray, token: str) -> None:
        """Dots on vertices (k,), sizes 0 to 1, in a method's or token's colour; none for empty arrays."""
        self._dots, self.marks.token = (np.asarray(vertices, int), np.asarray(sizes, float)), token
        self._follow()

    def set_arrows(self, vertices: np.ndarray, vectors: np.ndarray) -> None:
        """Arrows at vertices (k,), object-space vectors (k, 3) of length 1 at the clip; none for empty arrays."""
        self._arrows = (np.asarray(vertices, int), np.asarray(vectors, float))
        self._follow()

    def set_edges(self, edges: np.ndarray) -> None:
        """Lines between vertices (k, 2), in the colour of errors."""
        self._edges = np.asarray(edges, int).reshape(-1, 2)
        self._follow()

    def _follow(self) -> None:
        """Put the marks where the vertices are now."""
        scene = self._viewport.scene
        if scene is None:
            return
        count = len(scene.surface.vertices)
        dots, sizes = self._dots
        arrows, vectors = self._arrows
        edges = self._edges
        if max(int(dots.max(initial=-1)), int(arrows.max(initial=-1)), int(edges.max(initial=-1))) >= count:
            return
        chosen = self.chosen if self.chosen is not None and self.chosen < count else None
        if not (len(dots) or len(arrows) or len(edges)) and chosen is None:
            self.marks.show_marked(Marked(), self._viewport.eye())
            return
        world, eye = scene.world_vertices(), self._viewport.eye()
        facing = self._facing(world, eye.position)
        model = scene.surface.model[:3, :3]
        tails = world[arrows]
        self.marks.show_marked(
            Marked(
                tails=tails,
                tips=tails + ARROW * _unit_scale(vectors @ model.T, vectors),
                tails_facing=facing[arrows],
                dots=world[dots],
                dot_sizes=sizes,
                dots_facing=facing[dots],
                lines=world[edges],
                chosen=None if chosen is None else world[chosen],
            ),
            eye,
        )

    def _facing(self, world: np.ndarray, eye: np.ndarray) -> np.ndarray:
        """(n,) whether each vertex is on the side that is seen."""
        return np.einsum("ij,ij->i", self._world_normals(), eye - world) > 0

    def _world_normals(self) -> np.ndarray:
        scene = self._viewport.scene
        assert scene is not None
        vertices, faces = scene.surface.vertices, scene.surface.faces
        if self._normals is None or self._normals[0] is not vertices:
            self._normals = (vertices, vertex_normals(vertices, faces))
        return self._normals[1] @ scene.surface.model[:3, :3].T

    # ------------------------------------------------------------------------------------------ the pointer

    def _size(self) -> tuple[float, float]:
        return max(self._viewport.width(), 1), max(self._viewport.height(), 1)

    def pick(self, point: QPointF) -> None:
        """Choose the vertex under the pointer, if there is one."""
        scene = self._viewport.scene
        if scene is None or scene.surface.empty or self._viewport.helm.looking:
            return
        at = (point.x(), point.y())
        index = pick_vertex(scene.world_vertices(), self._world_normals(), self._viewport.eye(), at, self._size())
        if index is not None:
            self.choose(index)
            self.picked.emit(index)

    def _grab(self, point: QPointF) -> bool:
        scene = self._viewport.scene
        if self.chosen is None or not self.draggable or scene is None or self.chosen >= len(scene.surface.vertices):
            return False
        place = scene.world_vertices()[self.chosen]
        pixel, depth = self._viewport.eye().project(place, *self._size())
        near = float(np.hypot(pixel[0] - point.x(), pixel[1] - point.y())) <= GRIP
        self._held = place if near and depth > 0 else None
        return self._held is not None

    def _drag(self, point: QPointF) -> None:
        scene = self._viewport.scene
        if self._held is None or scene is None or self.chosen is None:
            return
        self._held = moved_in_plane(self._held, self._viewport.eye(), (point.x(), point.y()), self._size())
        model = scene.surface.model
        place = np.linalg.solve(model[:3, :3], self._held - model[:3, 3])
        self.moved.emit(self.chosen, tuple(float(v) for v in place))

    def _drop(self) -> None:
        self._held = None


def _unit_scale(turned: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Turned vectors with the length they had before the model scaled them."""
    before, after = np.linalg.norm(vectors, axis=1), np.linalg.norm(turned, axis=1)
    return turned * (before / np.maximum(after, 1e-20))[:, None]
