"""Point clouds: a PLY without faces, or a text table of x y z. Imports no JAX."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.errors import RimlightError
from core.io.files import MEBIBYTE, one_line, read_text
from core.io.suffixes import POINT_SUFFIXES

PER_GAUSSIAN = 4
"""Points that one Gaussian is fitted to at least: a mean and a covariance have nine numbers, four points twelve."""
LARGEST = 1e100
"""A larger coordinate is refused, as of a mesh: its square would not be finite (float64 goes to 1e308)."""
SMALL = 65536
"""Bytes of a table that is read twice without anybody noticing; a larger one has points enough."""
FILE_LIMIT = 512 * MEBIBYTE
"""Of a table: 10 million points."""


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

        points, colours = read_ply_points(path)
    else:
        points, colours = _read_table(path), None
    if len(points) < PER_GAUSSIAN:
        raise RimlightError(
            f"{path.name}: holds {len(points)} point{'' if len(points) == 1 else 's'}, and a Gaussian needs at least "
            f"{PER_GAUSSIAN}; write more"
        )
    largest = float(np.abs(points).max())
    if not largest <= LARGEST:
        raise RimlightError(f"{path.name}: a coordinate of {largest:.3g} is too large to be meant; export it again")
    return points, colours


def affordable(path: Path, components: int) -> int:
    """How many of so many Gaussians the points of a small table suffice for; of a larger file that is not asked."""
    if path.stat().st_size > SMALL:
        return components
    return min(components, len(read_points(path)[0]) // PER_GAUSSIAN)


def _read_table(path: Path) -> np.ndarray:
    rows = [(i, line) for i, line in enumerate(read_text(path, FILE_LIMIT).splitlines(), 1) if _holds_numbers(line)]
    if not rows:
        raise RimlightError(f"{path.name}: holds no points; write rows of x y z")
    separator = "," if path.suffix.lower() == ".csv" else None
    try:
        table = np.loadtxt([line for _, line in rows], delimiter=separator, ndmin=2, comments="#")
    except ValueError as error:
        raise RimlightError(
            f"{path.name}: {_first_bad(rows, separator)} is no row of x y z ({one_line(error)}); write three numbers a row"
        ) from error
    if table.shape[1] < 3 or not np.isfinite(table[:, :3]).all():
        raise RimlightError(
            f"{path.name}: expected rows of three finite numbers, found shape {table.shape}; export it again"
        )
    return table[:, :3]


def _holds_numbers(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _first_bad(rows: list[tuple[int, str]], separator: str | None) -> str:
    """The first line that has no numbers, or not as many as the first."""
    count = len(rows[0][1].partition("#")[0].split(separator))
    for number, line in rows:
        words = line.partition("#")[0].split(separator)
        try:
            whole = len([float(word) for word in words]) == count
        except ValueError:
            whole = False
        if not whole:
            return f"line {number}"
    return "a line"
