"""A triangle mesh: vertices and vertex colours as parameters, fixed faces, rendered through its surface face.

Object space is the file's space centred and scaled to a unit bounding sphere: object = (file - centre) / scale. The
pair is kept, and undone on export.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.io.mesh_export import save_mesh
from core.io.topology import undirected_edges
from core.looking import placed
from core.shapes import PLAIN_COLOUR
from core.shapes.labelling import Labelling
from core.shapes.mesh_refining import refined_mesh
from core.shapes.surface_sampling import NormalsMemo, sample_triangles
from kernels.surface import GATHERED, NORMALS, SurfaceSamples, evaluate_fragments, needs_normals, vertex_normals
from kernels.types import CHANNELS, CameraView, Face, GBuffer, Lens, Shape, Values


class Mesh(Shape):
    """Triangles. Immutable: what a fit moves lives in `values`, never here."""

    kind = "mesh"
    title = "Mesh"
    faces_offered = frozenset({Face.SURFACE, Face.TRIANGULATION})
    refines = ("subdivide", "remesh")

    def __init__(
        self,
        vertices: np.ndarray,
        faces: np.ndarray,
        vertex_colours: np.ndarray | None = None,
        normalisation: tuple[np.ndarray, float] = (np.zeros(3), 1.0),
        facts: Mapping[str, Any] | None = None,
        labelling: Labelling | None = None,
    ) -> None:
        """vertices (n, 3) object space; faces (m, 3) ids; vertex_colours (n, 3) linear, None for plain grey.

        normalisation: (centre (3,) in file units, scale), see the module docstring. facts: what a reader found out.
        labelling: what "segmentation" shows, None where there is nothing of the kind.
        """
        self.vertices = np.array(vertices, np.float32)
        self.faces = np.array(faces, np.int32)
        if vertex_colours is None:
            vertex_colours = np.broadcast_to(np.asarray(PLAIN_COLOUR, np.float32), self.vertices.shape)
        self.vertex_colours = np.array(vertex_colours, np.float32)
        self.centre = np.asarray(normalisation[0], np.float64)
        self.scale = float(normalisation[1])
        self._facts = dict(facts or {})
        self._normals = NormalsMemo()
        self.labelling = labelling
        for array in (self.vertices, self.faces, self.vertex_colours):
            array.flags.writeable = False

    @classmethod
    def from_data(cls, data: Any, colour: tuple | None = None, labelling: Labelling | None = None) -> Mesh:
        """From a reader's MeshData. `colour` replaces the file's colours; PLAIN_COLOUR stands in where it has none."""
        colours = data.vertex_colours
        if colour is not None or colours is None:
            chosen = np.asarray(PLAIN_COLOUR if colour is None else colour, np.float32)
            colours = np.broadcast_to(chosen, np.shape(data.vertices))
        return cls(data.vertices, data.faces, colours, (data.centre, data.scale), data.facts, labelling)

    def parameters(self) -> dict[str, np.ndarray]:
        return {"vertices": self.vertices, "vertex_colours": self.vertex_colours}

    def constants(self) -> dict[str, np.ndarray]:
        edges = undirected_edges(self.faces, len(self.vertices))[0]
        labels = {} if self.labelling is None else self.labelling.constants()
        return {"const.faces": self.faces, "const.edges": edges, **labels}

    def display_mesh(self, values: Values) -> tuple[np.ndarray, np.ndarray]:
        return np.asarray(values["vertices"], np.float32), self.faces

    def facts(self) -> dict[str, Any]:
        counts = {"vertices": len(self.vertices), "faces": len(self.faces)}
        summary = f"{len(self.vertices):,} vertices, {len(self.faces):,} triangles"
        facts = {"summary": summary, "warnings": (), **counts, **self._facts}
        if self.labelling is not None:
            facts |= {"labels": self.labelling.count, "summary": f"{facts['summary']}, {self.labelling.summary}"}
        return facts

    def save(self, path: str | Path, values: Values) -> None:
        """Write the posed mesh in the file's own units: PLY, OBJ, STL or GLB by suffix (core/io/mesh_export.py)."""
        posed, _ = placed((np.asarray(values["vertices"], np.float64), self.faces), values)
        save_mesh(path, posed, self.faces, np.asarray(values["vertex_colours"]), self.centre, self.scale)

    def refined(self, values: Values, stage: Any, report: Callable[[str, float | None], None]) -> tuple[Mesh, Values]:
        """The mesh with more vertices, and `values` to match (core/shapes/mesh_refining.py)."""
        return refined_mesh(self, values, stage, report)

    def rebuilt(self, values: Values, constants: Values) -> Mesh:
        """The same mesh with the vertices, colours and faces of a checkpoint."""
        facts = {k: v for k, v in self._facts.items() if k == "warnings"}  # counts and names are of the old triangles
        placed = (self.centre, self.scale)
        labelling = None if self.labelling is None else self.labelling.rebuilt(constants)
        return Mesh(values["vertices"], constants["const.faces"], values["vertex_colours"], placed, facts, labelling)

    def prepare(self, values: Values, channels: tuple[str, ...], free: frozenset[str]) -> dict[str, Any]:
        """Traced, once a step: what every view shares, to be merged into `values` for evaluate_surface."""
        if "vertices" in free and needs_normals(channels):
            return {NORMALS: vertex_normals(values["vertices"], values["const.faces"])}
        return {}

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
        colours = None if "vertex_colours" in free else np.asarray(values["vertex_colours"], np.float32)
        return sample_triangles(
            np.asarray(values["vertices"], np.float32),
            self.faces,
            colours,
            self._normals,
            values,
            view,
            layers=layers,
            cull_back_faces=cull_back_faces,
            moving="vertices" in free,
            channels=channels,
            rasterizer=rasterizer,
            labels=not free >= GATHERED,
        )

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
        return evaluate_fragments(values, samples, lens, channels=channels, free=free, attached=attached)
