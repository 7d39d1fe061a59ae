"""Shapes by kind, from a file or a bundled one by name. They are cached by what they were loaded from, so that editing a
setting never reads a file again.
"""

from __future__ import annotations

import functools
from pathlib import Path

from core.experiment import GridSpec, ShapeSpec
from core.io.file_kinds import is_neural_file
from core.memo import Memo
from core.metaballs.convert import Conversion
from core.metaballs.loading import load_metaballs_shape
from core.shapes import PLAIN_COLOUR
from core.shapes.primitives import GEOMETRIC, MADE, primitive_path
from core.targets.labels import LabelSource
from kernels.types import Shape


def load_shape(
    kind: str,
    file: str | None,
    primitive: str | None,
    colour: tuple | None,
    grid: GridSpec = GridSpec(),
    labels: LabelSource = LabelSource(),
) -> Shape:
    """A shape from a file or a bundled one by name; `colour` is a uniform linear albedo, `grid` how a grid is made,
    `labels` where a mesh's labels come from."""
    if kind == "metaballs":
        return load_metaballs_shape(file, primitive, colour, Conversion())
    if kind == "sdf-network":
        return load_network_shape(ShapeSpec(kind, file, primitive, colour=colour, grid=grid), 0)
    if kind in MADE:
        return _made(kind, tuple(colour) if colour is not None else None)
    if file is None:
        path = Path(primitive_path(primitive or "sphere", kind))
    else:
        path = Path(file)
    stamp = path.stat().st_mtime_ns if path.exists() else 0
    return _load(kind, path, stamp, tuple(colour) if colour is not None else None, grid, labels)


def load_network_shape(spec: ShapeSpec, seed: int) -> Shape:
    """A network: saved weights, a sphere by its initial weights, or fitted to a file's distances, which is kept."""
    from core.shapes import network_loading

    made = spec.primitive == GEOMETRIC
    path = None if made else Path(spec.file or primitive_path(spec.primitive or "sphere", spec.kind))
    stamp = path.stat().st_mtime_ns if path is not None and path.exists() else 0
    make = lambda: network_loading.load_network_shape(path, spec.colour, spec.grid, spec.network, seed)
    return _NETWORKS((path, stamp, spec.colour, spec.grid, spec.network, seed), make)


_NETWORKS: Memo[Shape] = Memo(4)
"""A warm start takes seconds."""


@functools.lru_cache(maxsize=8)
def _load(kind: str, path: Path, stamp: int, colour: tuple | None, grid: GridSpec, labels: LabelSource) -> Shape:
    if kind == "sdf-grid":
        from core.shapes.grid_loading import load_grid_shape

        return load_grid_shape(path, colour or PLAIN_COLOUR, grid)
    if kind == "spline-patches":
        from core.shapes.spline_patches import SplinePatches

        return SplinePatches.from_file(path, colour)
    if kind == "sdf-analytic":
        from core.io.bodies import load_bodies
        from core.shapes.sdf_analytic import SdfAnalytic

        return SdfAnalytic.from_data(load_bodies(path), colour)
    if kind == "neural-mesh" and is_neural_file(path):
        from core.io.neural_files import load_neural
        from core.shapes.neural_mesh import NeuralMesh

        saved = load_neural(path)
        return NeuralMesh.from_saved(saved, labels.of_mesh(saved.mesh))
    from core.io.meshes import load_mesh
    from core.shapes.mesh import Mesh

    data = load_mesh(path)
    labelling = labels.of_mesh(data)
    if kind == "neural-mesh":
        from core.shapes.neural_mesh import NeuralMesh

        return NeuralMesh.from_neural(data, labelling=labelling)
    if kind == "textured-mesh":
        from core.shapes.textured_mesh import TexturedMesh

        return TexturedMesh.from_textured(data, colour, labelling)
    return Mesh.from_data(data, colour, labelling)


@functools.lru_cache(maxsize=8)
def _made(kind: str, colour: tuple | None) -> Shape:
    """A shape that is made of numbers, not read."""
    from core.registry import shapes

    return shapes()[kind](colour or PLAIN_COLOUR)  # type: ignore[call-arg]
