"""Object File Format (OFF, COFF, NOFF): text, polygons of any size, indices from 0, colours at vertices in COFF."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from core.colour import srgb_to_linear
from core.errors import RimlightError
from core.io.files import MESH_LIMIT, header_count, read_bytes
from core.io.polygons import triangulate
from core.io.raw_mesh import RawMesh

_HEADER = re.compile(rb"(ST)?(C)?(N)?OFF\s*(BINARY)?")

Row = tuple[int, list[bytes]]
"""A line's number and its words."""


def read_off(path: str | Path) -> RawMesh:
    """Read an OFF file. Raises RimlightError naming the file and the line."""
    path = Path(path)
    rows = _rows(read_bytes(path, MESH_LIMIT))
    header = _HEADER.match(b" ".join(rows[0][1])) if rows else None
    if header is None or header[4] or header[1]:
        raise RimlightError(f"{path.name}: not a text OFF file (no OFF in its first line); check the format")
    rest = b" ".join(rows[0][1])[header.end() :].split()
    rows = [(rows[0][0], rest), *rows[1:]] if rest else rows[1:]
    try:
        vertex_count, face_count = (header_count(word) for word in rows[0][1][:2])
    except (IndexError, ValueError) as error:
        raise RimlightError(f"{path.name}: the line of counts behind OFF is missing; export it again") from error
    if vertex_count < 0 or face_count < 0 or vertex_count + face_count > len(rows) - 1:
        raise RimlightError(
            f"{path.name}: the header promises {vertex_count:,} vertices and {face_count:,} faces but "
            f"{len(rows) - 1:,} lines follow (cut off?); export it again"
        )
    if not face_count:
        raise RimlightError(f"{path.name}: mesh has no faces ({vertex_count:,} points only); export a surface")
    positions, colours = _vertices(rows[1 : 1 + vertex_count], header, path)
    counts, corners = _faces(rows[1 + vertex_count : 1 + vertex_count + face_count], vertex_count, path)
    places, _ = triangulate(counts, corners, positions)
    return RawMesh(positions, corners[places], colours)


def _rows(data: bytes) -> list[Row]:
    rows: list[Row] = []
    for number, line in enumerate(data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"), 1):
        words = line.partition(b"#")[0].split()
        if words:
            rows.append((number, words))
    return rows


def _numbers(words: list[bytes], kind: type, number: int, path: Path) -> list:
    try:
        return list(map(kind, words))
    except ValueError as error:
        shown = b" ".join(words)[:30].decode("latin-1")
        raise RimlightError(f"{path.name}: line {number}: '{shown}' are not numbers; export it again") from error


def _vertices(rows: list[Row], header: re.Match[bytes], path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    positions = np.empty((len(rows), 3))
    colours = np.empty((len(rows), 3)) if header[2] else None
    first_colour = 6 if header[3] else 3
    for i, (number, words) in enumerate(rows):
        values = _numbers(words, float, number, path)
        if len(values) < 3:
            raise RimlightError(f"{path.name}: line {number}: vertex with {len(values)} coordinates, needs 3")
        positions[i] = values[:3]
        if colours is not None:
            found = values[first_colour : first_colour + 3]
            colours[i] = found if len(found) == 3 else (1, 1, 1)
    if colours is None:
        return positions, None
    colours = np.nan_to_num(colours)
    return positions, srgb_to_linear(np.clip(colours / 255 if colours.max(initial=0) > 1 else colours, 0, 1))


def _faces(rows: list[Row], vertex_count: int, path: Path) -> tuple[np.ndarray, np.ndarray]:
    counts: list[int] = []
    corners: list[int] = []
    for number, words in rows:
        count = _numbers(words[:1], int, number, path)[0]
        polygon = _numbers(words[1 : 1 + max(count, 0)], int, number, path)
        if count < 3 or len(polygon) < count:
            raise RimlightError(
                f"{path.name}: line {number}: face with {len(polygon)} indices, needs {max(count, 3)}; export it again"
            )
        if min(polygon) < 0 or max(polygon) >= vertex_count:
            wrong = next(index for index in polygon if not 0 <= index < vertex_count)
            raise RimlightError(
                f"{path.name}: line {number}: index {wrong} is out of range (the file has {vertex_count:,} vertices, "
                "counted from 0); export it again"
            )
        counts.append(count)
        corners.extend(polygon)
    return np.array(counts, dtype=np.int64), np.array(corners, dtype=np.int64)
