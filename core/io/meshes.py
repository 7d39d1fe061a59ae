"""Loading any mesh file as one clean shape in the unit sphere, and saving it back in the units it came in.

Equal positions are joined, vertices no face uses are left out, the shape is centred on its bounding box and scaled to
the unit sphere, all in float64 before any cast; `centre` and `scale` undo that: file = unit * scale + centre.
What is odd is said in `warnings`; what cannot be used raises RimlightError, one line: "file: cause; remedy".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import RimlightError
from core.io.files import MESH_LIMIT, checked_path
from core.io.mesh_cleaning import CleanMesh, clean
from core.io.mesh_export import save_mesh
from core.io.raw_mesh import RawMesh
from core.io.suffixes import MESH_SUFFIXES

__all__ = ["MeshData", "load_mesh", "save_mesh"]


@dataclass(frozen=True)
class MeshData:
    """vertices: (n, 3) float32, unit sphere. faces: (m, 3) int32, outwards where closed. vertex_colours: (n, 3)
    float32 linear, or None. corner_uv: (m, 3, 2) float32 or None, and texture: [H, W, 3] uint8 sRGB, where one texture
    covers all, or None. stored: (n,) row of each vertex in the file. centre (3,) float64 and scale: file units. facts: "summary" (one line), triangles,
    vertices, stored_vertices, watertight, open_edges, nonmanifold_edges, parts, bounds ((2, 3) file
    units), warnings."""

    path: Path
    vertices: np.ndarray
    faces: np.ndarray
    vertex_colours: np.ndarray | None
    centre: np.ndarray
    scale: float
    corner_uv: np.ndarray | None = None
    texture: np.ndarray | None = None
    stored: np.ndarray | None = None
    warnings: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


def load_mesh(path: str | Path) -> MeshData:
    """Read an OBJ, PLY, STL, GLB, glTF or OFF file. Raises RimlightError."""
    path = checked_path(path, MESH_LIMIT)
    reader, misnamed = _choose_reader(path)
    try:
        with np.errstate(all="ignore"):  # whatever numbers a file holds: `clean` refuses those that are not finite
            return mesh_data(path, reader(path), misnamed)
    except MemoryError as error:
        raise RimlightError(f"{path.name}: does not fit into memory; reduce the mesh first") from error


def mesh_data(path: Path, raw: RawMesh, warnings: tuple[str, ...] = ()) -> MeshData:
    """What a reader found, cleaned and in the unit sphere; `warnings` are said first. Raises RimlightError."""
    mesh = clean(raw, path.name)
    return MeshData(
        path=path,
        vertices=((mesh.positions - mesh.centre) / mesh.scale).astype(np.float32),
        faces=mesh.faces.astype(np.int32),
        vertex_colours=mesh.colours,
        corner_uv=None if mesh.corner_uv is None else mesh.corner_uv.astype(np.float32),
        texture=raw.texture,
        stored=mesh.stored,
        centre=mesh.centre,
        scale=mesh.scale,
        warnings=warnings + mesh.warnings,
        facts={**_facts(mesh, len(raw.positions)), "warnings": warnings + mesh.warnings},
    )


def _choose_reader(path: Path) -> tuple[Callable[[Path], RawMesh], tuple[str, ...]]:
    """The reader for the file's content; a suffix that says otherwise becomes a warning."""
    from core.io.gltf import read_gltf
    from core.io.obj import read_obj
    from core.io.off import read_off
    from core.io.ply import read_ply
    from core.io.stl import read_stl

    readers = {"obj": read_obj, "ply": read_ply, "stl": read_stl, "glb": read_gltf, "gltf": read_gltf, "off": read_off}
    named = path.suffix.lower().lstrip(".")
    with path.open("rb") as file:
        head = file.read(64).lstrip()
    found = named
    if head.startswith((b"ply\n", b"ply\r")):
        found = "ply"
    elif head.startswith(b"glTF"):
        found = "glb"
    elif head.startswith((b"OFF", b"COFF", b"NOFF", b"CNOFF")):
        found = "off"
    if found not in readers:
        formats = ", ".join(suffix[1:].upper() for suffix in MESH_SUFFIXES)
        raise RimlightError(f"{path.name}: '{path.suffix}' is no mesh format that is read; convert it to {formats}")
    if found == named or {found, named} == {"glb", "gltf"}:
        return readers[found], ()
    return readers[found], (f"its content is {found.upper()}, though its name ends in '{path.suffix}'",)


def _facts(mesh: CleanMesh, stored: int) -> dict[str, Any]:
    triangles, vertices = len(mesh.faces), len(mesh.positions)
    open_edges, nonmanifold = mesh.edges.open, mesh.edges.nonmanifold
    watertight = open_edges == 0 and nonmanifold == 0
    closed = "watertight" if watertight else f"{open_edges:,} open edge{'' if open_edges == 1 else 's'}"
    parts = f", {mesh.parts:,} parts" if mesh.parts > 1 else ""
    coloured = ", coloured" if mesh.colours is not None else ""
    return {
        "summary": f"{triangles:,} triangle{'' if triangles == 1 else 's'}, {vertices:,} vertices, {closed}{parts}{coloured}",
        "triangles": triangles,
        "vertices": vertices,
        "stored_vertices": stored,
        "watertight": watertight,
        "open_edges": open_edges,
        "nonmanifold_edges": nonmanifold,
        "parts": mesh.parts,
        "bounds": np.stack([mesh.positions.min(axis=0), mesh.positions.max(axis=0)]),
    }
