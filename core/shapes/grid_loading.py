"""A grid shape from any file that can become one: a grid as it is or resampled, a mesh turned into distances."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from core.experiment import GridSpec
from core.io.grid_checks import GridData
from core.io.grids import load_grid
from core.io.meshes import load_mesh
from core.io.suffixes import MESH_SUFFIXES
from core.redistance import mesh_grid
from core.shapes.grid_refining import resampled
from core.shapes.sdf_grid import SdfGrid

MESH_NODES = 64
"""Nodes along a mesh's longest side where none are asked for: the finest stage of SDFDiff."""


def load_grid_shape(path: Path, colour: tuple, spec: GridSpec) -> SdfGrid:
    """Raises RimlightError. A mesh keeps its own centre and scale, so that mesh and grid stand in the same place."""
    data, place = load_any_grid(path, spec)
    return SdfGrid.from_data(data, colour, place)


def load_any_grid(path: Path, spec: GridSpec) -> tuple[GridData, tuple[np.ndarray, float] | None]:
    """A grid in the file's units; of a mesh, its (centre, scale) too. Raises RimlightError."""
    if path.suffix.lower() in MESH_SUFFIXES:
        return _from_mesh(path, spec)
    data = load_grid(path, spec)
    if spec.resolution:
        values, spacing = resampled(data.values, data.spacing, spec.resolution)
        data = dataclasses.replace(data, values=values, spacing=spacing)
    return data, None


def _from_mesh(path: Path, spec: GridSpec) -> tuple[GridData, tuple[np.ndarray, float]]:
    mesh = load_mesh(path)
    resolution = spec.resolution or MESH_NODES
    values, origin, spacing, notes = mesh_grid(path.name, mesh.vertices, mesh.faces, resolution, spec.repair)
    data = GridData(
        path,
        values * np.float32(mesh.scale),
        origin * mesh.scale + mesh.centre,
        spacing * mesh.scale,
        warnings=(*mesh.warnings, *notes),
    )
    return data, (mesh.centre, mesh.scale)
