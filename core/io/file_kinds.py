"""Which kind of shape a file holds, where its ending alone does not say: three kinds share .npz. No JAX."""

from __future__ import annotations

from pathlib import Path

from core.io.metaballs_files import is_metaballs_file
from core.io.networks import is_network_file
from core.io.suffixes import shape_kind


def file_kind(path: str | Path) -> str:
    """The kind of shape that this file holds; a file that is not there is judged by its name."""
    if is_metaballs_file(path):
        return "metaballs"
    return "sdf-network" if is_network_file(path) else shape_kind(str(path))
