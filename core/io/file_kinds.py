"""Which kind of shape a file holds, where its ending alone does not say: four kinds share .npz. Free of
kernels: the window asks."""

from __future__ import annotations

from pathlib import Path

from core.io.archives import holds
from core.io.suffixes import shape_kind


def is_metaballs_file(path: str | Path) -> bool:
    """Whether an .npz holds metaballs (and not a grid); False for what is no such file at all."""
    return holds(path, ("means", "factors"))


def is_network_file(path: str | Path) -> bool:
    """Whether an .npz holds a network (and not a grid); False for what is no such file at all."""
    return holds(path, ("architecture", "network.weights"))


def is_neural_file(path: str | Path) -> bool:
    """Whether an .npz holds a mesh with a neural texture; False for what is no such file at all."""
    return holds(path, ("decoder", "corner_uv"))


def file_kind(path: str | Path) -> str:
    """The kind of shape that this file holds; a file that is not there is judged by its name."""
    if is_metaballs_file(path):
        return "metaballs"
    if is_neural_file(path):
        return "neural-mesh"
    return "sdf-network" if is_network_file(path) else shape_kind(str(path))
