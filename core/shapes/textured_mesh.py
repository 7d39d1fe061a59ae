"""A mesh whose colours are a picture: vertices and the texture's texels are parameters; texture coordinates are fixed.

Coordinates belong to corners (m, 3, 2), so that a seam needs no doubled vertices; v runs upwards. See kernels/texture.py.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Picture

from core.colour import from_bytes, to_bytes
from core.errors import RimlightError
from core.io.atomic import write_bytes
from core.io.mesh_export import save_mesh
from core.looking import placed
from core.shapes.labelling import Labelling
from core.shapes.mesh import Mesh
from core.shapes.surface_sampling import sample_triangles
from kernels.barycentrics import attached_barycentrics
from kernels.camera import object_to_pixel
from kernels.host_texture import corner_planes, look_up_on_host, mip_levels
from kernels.surface import GATHERED, SurfaceSamples, evaluate_fragments
from kernels.texture import look_up
from kernels.types import CHANNELS, CameraView, GBuffer, Lens, Values


class TexturedMesh(Mesh):
    """Triangles with a texture. mip: look it up by trilinear mip-mapping (False: bilinear in the finest level)."""

    kind = "textured-mesh"
    title = "Textured mesh"
    refines = ()

    def __init__(
        self,
        vertices: np.ndarray,
        faces: np.ndarray,
        corner_uv: np.ndarray,
        texture: np.ndarray,
        normalisation: tuple[np.ndarray, float] = (np.zeros(3), 1.0),
        facts: Mapping[str, Any] | None = None,
        mip: bool = True,
        labelling: Labelling | None = None,
    ) -> None:
        """corner_uv (m, 3, 2); texture (H, W, 3) linear float32; the others as of Mesh."""
        super().__init__(vertices, faces, None, normalisation, facts, labelling)
        self.corner_uv, self.texture = np.array(corner_uv, np.float32), np.array(texture, np.float32)
        self.mip, self.static_key = mip, (mip,)
        for array in (self.corner_uv, self.texture):
            array.flags.writeable = False

    @classmethod
    def from_textured(cls, data: Any, colour: tuple | None = None, labelling: Labelling | None = None) -> TexturedMesh:
        """From a reader's MeshData; `colour` paints the whole texture over (a start from which to fit it).

        Raises RimlightError where the file has no texture, or several.
        """
        if data.texture is None or data.corner_uv is None:
            raise RimlightError(
                f"{data.path.name}: there is no single texture with coordinates in it; open it as shape.kind = 'mesh'"
            )
        texture = from_bytes(data.texture)
        if colour is not None:
            texture = np.broadcast_to(np.asarray(colour, np.float32), texture.shape)
        placed = (data.centre, data.scale)
        return cls(data.vertices, data.faces, data.corner_uv, texture, placed, data.facts, labelling=labelling)

    def parameters(self) -> dict[str, np.ndarray]:
        return {"vertices": self.vertices, "texture": self.texture}

    def constants(self) -> dict[str, np.ndarray]:
        return {**super().constants(), "const.uv": self.corner_uv}

    def facts(self) -> dict[str, Any]:
        facts = super().facts()
        height, width = self.texture.shape[:2]
        return {**facts, "summary": f"{facts['summary']}, texture {width} x {height}"}

    def display_colours(self, values: Values) -> np.ndarray:
        """(n, 3): at each vertex the mean of the texture over the corners that meet there."""
        uv = np.moveaxis(self.corner_uv, -1, 0)[None]
        corner = look_up_on_host(np.asarray(values["texture"], np.float32), uv, None)[0].reshape(3, -1)
        where = self.faces.reshape(-1)
        count = np.maximum(np.bincount(where, minlength=len(self.vertices)), 1)
        return np.stack([np.bincount(where, c, minlength=len(count)) / count for c in corner], -1).astype(np.float32)

    def display_gradient(self, gradient: Mapping[str, Any]) -> np.ndarray | None:
        return np.linalg.norm(np.asarray(gradient["vertices"]), axis=1) if "vertices" in gradient else None

    def save(self, path: str | Path, values: Values) -> None:
        """Write the posed mesh with the texture's colours at its vertices, and the texture beside it as NAME.png."""
        posed, _ = placed((np.asarray(values["vertices"], np.float64), self.faces), values)
        save_mesh(path, posed, self.faces, self.display_colours(values), self.centre, self.scale)
        buffer = io.BytesIO()
        Picture.fromarray(to_bytes(np.asarray(values["texture"]))).save(buffer, "PNG")
        write_bytes(Path(path).with_suffix(".png"), buffer.getvalue())

    def refined(self, values: Values, stage: Any, report: Callable[[str, float | None], None]) -> Any:
        raise RimlightError("stage.subdivide: a textured mesh keeps its triangles; use shape.kind = 'mesh'")

    def rebuilt(self, values: Values, constants: Values) -> TexturedMesh:
        """The same mesh with the vertices and texture of a checkpoint."""
        return TexturedMesh(
            values["vertices"],
            constants["const.faces"],
            constants["const.uv"],
            values["texture"],
            (self.centre, self.scale),
            {k: v for k, v in self._facts.items() if k == "warnings"},
            self.mip,
            None if self.labelling is None else self.labelling.rebuilt(constants),
        )

    def sample_surface(
        self,
        values: Values,
        view: CameraView,
        *,
        layers: int,
        cull_back_faces: bool,
        free: frozenset[str],
        channels: tuple[str, ...] = tuple(CHANNELS),
        rasterizer: Any = None,
    ) -> SurfaceSamples:
        """Texture coordinates where the texture is free, its colours where nothing but the pose or vertices is."""
        vertices = np.asarray(values["vertices"], np.float32)
        samples = sample_triangles(
            vertices, self.faces, None, self._normals, values, view, layers=layers, cull_back_faces=cull_back_faces,
            moving="vertices" in free, channels=channels, rasterizer=rasterizer, labels=not free >= GATHERED,
        )  # fmt: skip
        if "colour" not in channels:
            return samples
        texture, fragments = np.asarray(values["texture"], np.float32), samples.fragments
        level = None
        if self.mip:
            matrix, size = object_to_pixel(values, view), texture.shape[:2]
            level = mip_levels(
                self.corner_uv, vertices, self.faces, matrix, (size[0], size[1]), fragments.face_id,
                fragments.inverse_depth,
            )  # fmt: skip
        if free >= GATHERED:  # attached to their pixels: coordinates follow inside jit
            return samples._replace(level=level)
        uv = corner_planes(self.corner_uv, fragments.face_id, fragments.bary)
        if "texture" in free:
            return samples._replace(uv=uv, level=level)
        return samples._replace(colours=look_up_on_host(texture, uv, level, fragments.face_id))

    def evaluate_surface(
        self,
        values: Values,
        samples: SurfaceSamples,
        lens: Lens,
        *,
        channels: tuple[str, ...],
        free: frozenset[str],
        attached: bool = False,
    ) -> GBuffer:
        if "colour" in channels and samples.colours is None:
            layers = range(samples.fragments.inverse_depth.shape[0])
            colours = tuple(albedo_at(values, samples, lens, k, attached) for k in layers)
            samples = samples._replace(colours=colours)
        return evaluate_fragments(values, samples, lens, channels=channels, free=free, attached=attached)


def albedo_at(values: Values, samples: SurfaceSamples, lens: Lens, k: int, attached: bool) -> tuple:
    """The texture at layer k's fragments; attached, the coordinates slide with the triangle under each pixel."""
    level = None if samples.level is None else samples.level[k]
    if not attached:
        return look_up(values["texture"], samples.uv[k][0], samples.uv[k][1], level)
    fragments = samples.fragments
    bary = attached_barycentrics(values, fragments, lens, k)
    corners = values["const.uv"][fragments.face_id[k].clip(0)]
    u, v = (sum(b * corners[..., i, c] for i, b in enumerate(bary)) for c in (0, 1))
    return look_up(values["texture"], u, v, level, moving=True)
