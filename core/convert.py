"""Turning files into each other: a mesh into a grid of distances, a grid into the mesh of its surface, grids into .npz."""

from __future__ import annotations

from pathlib import Path

from core.errors import RimlightError
from core.experiment import GridSpec
from core.io.guard import guarded
from core.io.suffixes import GRID_SUFFIXES, MESH_SUFFIXES


def convert(source: str | Path, target: str | Path, spec: GridSpec) -> tuple[str, tuple[str, ...]]:
    """Write `target` from `source`; which conversion it is follows from the endings. Units and place are kept.

    Returns (what was written, in one line, warnings). Raises RimlightError.
    """
    from core.io.grids import save_grid
    from core.io.mesh_export import save_mesh
    from core.io.topology import find_edges
    from core.shapes.grid_loading import load_any_grid
    from kernels.marching_cubes import extract

    source, target = Path(source), Path(target)
    ending = target.suffix.lower()
    if source.suffix.lower() not in (*MESH_SUFFIXES, *GRID_SUFFIXES):
        raise RimlightError(f"{source.name}: '{source.suffix}' is neither a mesh nor a grid; allowed: a mesh or a grid")
    if ending not in (".npz", *MESH_SUFFIXES):
        raise RimlightError(
            f"{target.name}: '{target.suffix}' is not written; allowed: .npz or a mesh, as .ply or .obj"
        )
    with guarded(source):
        data, _ = load_any_grid(source, spec)
    if ending == ".npz":
        save_grid(target, data.values, data.origin, data.spacing)
        return f"{target.name}: signed distance grid, {data.summary}", data.warnings
    iso = extract(data.values, data.origin, data.spacing)
    if not len(iso.faces):
        raise RimlightError(f"{source.name}: the grid has no zero crossing, so there is no surface to write")
    save_mesh(target, iso.vertices, iso.faces, None)
    line = f"{target.name}: mesh, {len(iso.faces):,} triangles, {len(iso.vertices):,} vertices"
    count = find_edges(iso.faces).open
    if not count:
        return line, data.warnings
    cut = (
        f"the grid's box cuts its surface, so the mesh is open ({count:,} open edge{'' if count == 1 else 's'}); "
        "sample the distances in a larger box"
    )
    return line, (*data.warnings, cut)
