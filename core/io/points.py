"""Point clouds: a PLY without faces, or a text table of x y z. Imports no JAX."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.errors import RimlightError
from core.io.suffixes import POINT_SUFFIXES


def is_point_cloud(path: Path) -> bool:
    """Whether a file holds points and no faces, by its ending and, of a PLY, by its header."""
    suffix = path.suffix.lower()
    return suffix in POINT_SUFFIXES or (suffix == ".ply" and _has_no_faces(path))


def _has_no_faces(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(65536).partition(b"end_header")[0]
    lines = [line.split() for line in head.splitlines()]
    return not any(line[:2] == [b"element", b"face"] and line[2] != b"0" for line in lines if len(line) > 2)


def read_points(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Points (n, 3) float64 in file units and linear colours (n, 3) or None, of a PLY or a text table of x y z."""
    if path.suffix.lower() == ".ply":
        from core.io.ply import read_ply_points

        return read_ply_points(path)
    try:
        table = np.loadtxt(path, delimiter="," if path.suffix.lower() == ".csv" else None, ndmin=2, comments="#")
    except (ValueError, OSError) as error:
        raise RimlightError(f"{path.name}: is no table of x y z ({' '.join(str(error).split())[:80]})") from error
    if table.shape[1] < 3 or not np.isfinite(table[:, :3]).all():
        raise RimlightError(f"{path.name}: expected rows of three finite numbers, found shape {table.shape}")
    return table[:, :3], None
