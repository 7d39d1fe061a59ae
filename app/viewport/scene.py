"""Everything the 3D view draws, in the order it is drawn: backdrop, ground, shape, slice, cameras, ghost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from vispy import gloo

from app.viewport.field_plane import FieldPlane
from app.viewport.geometry import bounding_sphere
from app.viewport.ghost import Ghost
from app.viewport.stage import Backdrop, Cameras, Ground
from app.viewport.surface import Frame, Surface
from core.colour import to_bytes
from core.colour_maps import hex_to_rgb
from core.protocol import Loaded, Snapshot, ViewInfo


class Scene:
    """The GPU's side of the view. Every method but `draw` only fills buffers, and may be called without a context."""

    def __init__(self) -> None:
        self.surface, self.ghost, self.plane = Surface(), Ghost(), FieldPlane()
        self.ground, self.cameras, self._backdrop = Ground(), Cameras(), Backdrop()
        self.mode = "gradient"
        self.show_ghost = self.show_cameras = True
        self._views: tuple[ViewInfo, ...] = ()
        self._grounded = False
        self._target: tuple[int, np.ndarray] | None = None
        self._picture: tuple[np.ndarray, np.ndarray] | None = None
        self._gradient: np.ndarray | None = None
        self.painted: np.ndarray | None = None
        """(n,) what is painted instead of the loss gradient: how a probed pixel moves with each vertex."""

    def set_loaded(self, loaded: Loaded) -> None:
        self.set_views(tuple(loaded.views))
        self.ghost.set(loaded.target_vertices, loaded.target_faces)
        self._target, self._grounded = None, False
        if self.ghost.vertices is not None:
            self._stand_on(self.ghost.vertices)

    def set_views(self, views: tuple[ViewInfo, ...]) -> None:
        self._views = views
        self.cameras.set(views)

    def show(self, snapshot: Snapshot) -> None:
        arrays, surface = snapshot.arrays, self.surface
        if "model" in arrays:
            surface.model = np.asarray(arrays["model"], np.float64)
        surface.update(arrays.get("vertices"), arrays.get("faces"))
        if "vertex_colours" in arrays:
            surface.set_colours(arrays["vertex_colours"])
        self._gradient = arrays.get("vertex_gradient")
        surface.set_gradient(self._gradient if self.painted is None else self.painted)
        if "target" in arrays:
            self._target = (snapshot.view, arrays["target"])
        if not self._grounded and not surface.empty:
            self._stand_on(self.world_vertices())

    def paint(self, row: np.ndarray | None) -> None:
        """Paint this instead of the loss gradient; None for the gradient again."""
        self.painted = row
        self.surface.set_gradient(self._gradient if row is None else row)

    def _stand_on(self, vertices: np.ndarray) -> None:
        low = float(np.nanmin(vertices[:, 1])) if len(vertices) else -1.0
        self.ground.height, self._grounded = (low if np.isfinite(low) else -1.0) - 0.01, True

    def world_vertices(self) -> np.ndarray:
        model = self.surface.model
        return self.surface.vertices @ model[:3, :3].T + model[:3, 3]

    def bounds(self) -> tuple[np.ndarray, float]:
        """The sphere about shape and target, world: centre (3,), radius."""
        shape = self.world_vertices() if not self.surface.empty else None
        return bounding_sphere(shape, self.ghost.vertices if self.show_ghost else None)

    def coarse(self, software: bool) -> bool:
        """Whether a better picture can follow when nothing moves any more."""
        return self.surface.coarse(software) or (self.show_ghost and self.ghost.coarse(software))

    def draw(self, frame: Frame, looked_through: int | None) -> None:
        """One repaint. looked_through: the view at whose camera the eye is, or None."""
        gloo.set_clear_color((*hex_to_rgb(frame.theme.viewport), 1.0))
        gloo.clear(color=True, depth=True)
        if looked_through is not None and looked_through < len(self._views):
            view = self._views[looked_through]
            self._backdrop.draw(frame, view, self._target_picture(looked_through, view))
        else:
            self.ground.draw(frame)
        model = self.surface.model
        frame = replace(frame, cut=self.plane.cut(model, frame.eye.position))
        self.surface.draw(frame, self.mode)
        self.plane.draw(frame, model)
        if self.show_cameras and looked_through is None:
            self.cameras.draw(frame)
        if self.show_ghost:
            self.ghost.draw(frame)

    def _target_picture(self, index: int, view: ViewInfo) -> np.ndarray | None:
        """The target at full size where the panes show this view, else its thumbnail; uint8 sRGB (h, w, 3)."""
        if self._target is None or self._target[0] != index:
            return view.thumbnail
        image = self._target[1]
        if self._picture is None or self._picture[0] is not image:
            shown = to_bytes(image if image.ndim == 3 else image[..., None])
            self._picture = (image, np.repeat(shown, 3, axis=-1) if shown.shape[-1] == 1 else shown[..., :3])
        return self._picture[1]
