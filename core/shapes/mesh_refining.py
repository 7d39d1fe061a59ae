"""What a stage of a fit does to a mesh: more vertices, every vertex attribute carried over."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from core.surfaces.remeshing import remeshed
from core.surfaces.subdivision import loop_subdivision
from kernels.labels import LABELS
from kernels.types import Values

if TYPE_CHECKING:
    from core.shapes.mesh import Mesh


def refined_mesh(
    mesh: Mesh, values: Values, stage: Any, report: Callable[[str, float | None], None]
) -> tuple[Mesh, Values]:
    """The mesh after `stage` (a StageSpec), and all of `values` to match. Positions follow Loop's stencils, colours and
    labels the edges' middles. Raises RimlightError where labels lie in a texture."""
    vertices = np.asarray(values["vertices"], np.float64)
    labels = np.zeros((len(vertices), 0)) if mesh.labelling is None else mesh.labelling.of_vertices()
    colours = np.concatenate([np.asarray(values["vertex_colours"], np.float64), labels], axis=1)
    faces = mesh.faces
    for done in range(stage.subdivide):
        report("Subdividing", done / stage.subdivide)
        finer = loop_subdivision(faces, len(vertices))
        vertices, colours, faces = finer.smooth @ vertices, finer.linear @ colours, finer.faces
    if stage.remesh > 0:
        vertices, colours, faces = remeshed(vertices, colours, faces, stage.remesh, report)
    changed = {
        **values,
        "vertices": vertices.astype(np.float32),
        "vertex_colours": colours[:, :3].astype(np.float32),
    }
    return mesh.rebuilt(changed, {"const.faces": faces, LABELS: colours[:, 3:].astype(np.float32)}), changed
