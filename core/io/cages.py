"""Control cages: OBJ files whose faces are kept as they are, since a patch is a face and not two triangles."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from core.errors import RimlightError
from core.io.atomic import write_text
from core.io.files import MEBIBYTE, read_bytes

FILE_LIMIT = 16 * MEBIBYTE
MOST_POINTS = 20_000
"""Control points read: with 64 vertices a patch a million to tessellate, a step of which is no longer live."""


def read_cage(path: str | Path) -> tuple[np.ndarray, list[tuple[int, ...]]]:
    """Control points (n, 3) float64 in the file's units, and faces (ids from 0). Raises RimlightError."""
    path = Path(path)
    text = read_bytes(path, FILE_LIMIT).decode("latin-1")
    points: list[list[float]] = []
    faces: list[tuple[int, ...]] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        where = f"{path.name}: line {number}"
        if words[0] == "v":
            points.append(_point(words[1:4], where))
        elif words[0] == "f":
            faces.append(_face(words[1:], len(points), where))
    if not points or not faces:
        raise RimlightError(f"{path.name}: holds no faces; a control cage is an OBJ file of quads")
    if len(points) > MOST_POINTS:
        raise RimlightError(
            f"{path.name}: {len(points)} control points are more than the {MOST_POINTS} a cage may have; open it as a mesh"
        )
    return np.array(points), faces


def _point(words: list[str], where: str) -> list[float]:
    try:
        numbers = [float(word) for word in words]
    except ValueError as error:
        raise RimlightError(f"{where}: {error}; a vertex has three numbers") from error
    if len(numbers) != 3 or not all(map(math.isfinite, numbers)):
        raise RimlightError(f"{where}: a vertex has three finite numbers; export it again")
    return numbers


def _face(words: list[str], known: int, where: str) -> tuple[int, ...]:
    try:
        ids = [int(word.partition("/")[0]) for word in words]
    except ValueError as error:
        raise RimlightError(f"{where}: {error}; a face has vertex numbers") from error
    ids = [i - 1 if i > 0 else known + i for i in ids]
    if len(ids) < 3 or len(set(ids)) < len(ids) or min(ids) < 0 or max(ids) >= known:
        raise RimlightError(f"{where}: a face needs three or more different vertices of the {known} before it")
    return tuple(ids)


def save_cage(path: str | Path, points: np.ndarray, faces: list[tuple[int, ...]]) -> None:
    """Write control points (n, 3) and faces as OBJ, atomically."""
    lines = ["# control cage of a spline surface", *("v " + " ".join(f"{c:.9g}" for c in point) for point in points)]
    lines += ["f " + " ".join(str(i + 1) for i in face) for face in faces]
    write_text(path, "\n".join(lines) + "\n")
