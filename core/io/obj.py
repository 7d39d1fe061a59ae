"""Wavefront OBJ, read by our own scanner: every complaint names the line.

OBJ counts from 1, negative indices count back from the vertices read so far, polygons have any number of corners.
Colours come from the "v x y z r g b" extension (sRGB), else from materials and textures (core/io/materials.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np

from core.colour import srgb_to_linear
from core.errors import RimlightError
from core.io.files import MESH_LIMIT, read_bytes
from core.io.materials import colour_corners, read_libraries, single_texture
from core.io.polygons import triangulate
from core.io.raw_mesh import RawMesh

_COUNTS = {b"v": (3, "coordinate"), b"vt": (1, "coordinate"), b"f": (3, "index")}
"""Keyword -> the fewest numbers a line of it needs, and what one of them is called."""


@dataclass
class _Lines:
    """The lines of one keyword, split into words (without the keyword), with their line numbers."""

    words: list[list[bytes]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)

    def add(self, words: list[bytes], number: int) -> None:
        self.words.append(words)
        self.numbers.append(number)


@dataclass
class _Scan:
    """One pass over the file. materials: name of each face's material; seen: vertices and texture coordinates
    read before each face (for relative indices)."""

    vertices: _Lines = field(default_factory=_Lines)
    coordinates: _Lines = field(default_factory=_Lines)
    faces: _Lines = field(default_factory=_Lines)
    materials: list[bytes | None] = field(default_factory=list)
    seen: list[tuple[int, int]] = field(default_factory=list)
    libraries: list[bytes] = field(default_factory=list)
    others: set[bytes] = field(default_factory=set)


def read_obj(path: str | Path) -> RawMesh:
    """Read an OBJ file. Raises RimlightError naming the file and, where there is one, the line."""
    path = Path(path)
    data = read_bytes(path, MESH_LIMIT)
    scan = _scan(_text(data, path), path)
    positions, vertex_colours = _vertices(scan.vertices, path)
    if not scan.faces.words:
        raise RimlightError(f"{path.name}: mesh has no faces{_instead(scan)}; export a surface of polygons")
    counts, corners, texture_corners = _faces(scan, len(positions), path)
    places, owner = triangulate(counts, corners, positions)
    warnings: tuple[str, ...] = ()
    corner_colours = texture = None
    uv = _texture_coordinates(scan.coordinates, texture_corners, places, path)
    if any(name is not None for name in scan.materials) or scan.libraries:
        materials, warnings = read_libraries(scan.libraries, scan.materials, path)
        if vertex_colours is None and materials:
            names = [scan.materials[polygon] for polygon in owner]
            corner_colours, texture_warnings = colour_corners(materials, names, uv)
            warnings += texture_warnings
            texture = None if uv is None else single_texture(materials, names)
    return RawMesh(positions, corners[places], vertex_colours, corner_colours, uv, texture, warnings)


def _text(data: bytes, path: Path) -> bytes:
    """The bytes with one kind of line end and continued lines joined, after a look at whether this is text at all."""
    head = data[: 1 << 16]
    strange = sum(head.count(bytes([code])) for code in range(32) if code not in (9, 10, 11, 12, 13, 26))
    if b"\0" in head or strange > 0.02 * len(head):
        raise RimlightError(f"{path.name}: not a text OBJ file (binary data); check the format or export it again")
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if b"\\\n" in data:  # the joined line keeps its line ends behind it, so that line numbers stay right
        data = re.sub(
            rb"(?:[^\n]*\\\n)+[^\n]*", lambda m: m[0].replace(b"\\\n", b" ") + b"\n" * m[0].count(b"\n"), data
        )
    return data


def _scan(data: bytes, path: Path) -> _Scan:
    scan = _Scan()
    vertices, coordinates, faces = scan.vertices, scan.coordinates, scan.faces
    material: bytes | None = None
    for number, line in enumerate(data.split(b"\n"), 1):
        if b"#" in line:
            line = line.partition(b"#")[0]
        words = line.split()
        if not words:
            continue
        keyword = words.pop(0)
        if keyword == b"v":
            vertices.add(words, number)
        elif keyword == b"f":
            faces.add(words, number)
            scan.materials.append(material)
            scan.seen.append((len(vertices.words), len(coordinates.words)))
        elif keyword == b"vt":
            coordinates.add(words, number)
        elif keyword == b"usemtl":
            material = b" ".join(words)
        elif keyword == b"mtllib":
            scan.libraries.append(line.strip()[6:].strip())
        else:
            scan.others.add(keyword)
    if not vertices.words and not faces.words and not scan.others & {b"vn", b"g", b"o", b"s", b"l", b"p"}:
        raise RimlightError(f"{path.name}: not a text OBJ file (no line of it is OBJ); check the format")
    return scan


def _vertices(lines: _Lines, path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    rows = _rectangular(lines, b"v", path)
    positions = np.ascontiguousarray(rows[:, :3])
    _require_finite(positions, lines, "vertex", path)
    if rows.shape[1] < 6:
        return positions, None
    colours = rows[:, 3:6] if rows.shape[1] == 6 else rows[:, 4:7]
    if not np.all(np.isfinite(colours)):
        return positions, None
    colours = colours / 255 if colours.max(initial=0) > 1.5 else colours
    return positions, srgb_to_linear(np.clip(colours, 0, 1))


def _rectangular(lines: _Lines, keyword: bytes, path: Path) -> np.ndarray:
    """Lines of numbers -> (n, k) float64, k being the fewest numbers on a line."""
    fewest, what = _COUNTS[keyword]
    lengths = set(map(len, lines.words))
    width = min(lengths, default=fewest)
    if width < fewest:
        _complain_of_short_line(lines, keyword, path)
    rows = lines.words if len(lengths) == 1 else [words[:width] for words in lines.words]
    try:
        return np.array(list(map(float, chain.from_iterable(rows))), dtype=np.float64).reshape(len(rows), width)
    except ValueError:
        for words, number in zip(rows, lines.numbers):
            for word in words:
                _number(word, float, what, number, path)
        raise


def _faces(scan: _Scan, vertex_count: int, path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Corner counts a polygon, vertex index a corner, texture coordinate index a corner (-1 where there is none)."""
    lines = scan.faces
    counts = np.array([len(words) for words in lines.words], dtype=np.int64)
    if counts.min() < 3:
        _complain_of_short_line(lines, b"f", path)
    words = list(chain.from_iterable(lines.words))
    textured = None
    try:
        if any(b"/" in word for word in words):
            parts = [word.split(b"/", 2) for word in words]
            corners = np.array([int(part[0]) for part in parts], dtype=np.int64)
            textured = np.array([int(part[1]) if len(part) > 1 and part[1] else 0 for part in parts], dtype=np.int64)
        else:
            corners = np.array(list(map(int, words)), dtype=np.int64)
    except (ValueError, OverflowError):
        for row, number in zip(lines.words, lines.numbers):
            for word in row:
                for part in word.split(b"/", 2):
                    if part:
                        _number(part, int, "index", number, path)
                if word.startswith(b"/") or len(word) > 18:
                    shown = word[:20].decode("latin-1")
                    raise RimlightError(
                        f"{path.name}: line {number}: '{shown}' holds no vertex index of this file; export it again"
                    ) from None
        raise
    owner = np.repeat(np.arange(len(counts)), counts)
    seen = np.array(scan.seen, dtype=np.int64)[owner]
    corners = _absolute(corners, seen[:, 0], vertex_count, "vertices", owner, lines, path)
    if textured is not None:
        textured = np.where(textured < 0, seen[:, 1] + textured, textured - 1)
        textured[(textured < 0) | (textured >= len(scan.coordinates.words))] = -1
    return counts, corners, textured


def _absolute(
    index: np.ndarray, seen: np.ndarray, count: int, what: str, owner: np.ndarray, lines: _Lines, path: Path
) -> np.ndarray:
    """OBJ's indices -> indices from 0, checked."""
    absolute = np.where(index < 0, seen + index, index - 1)
    wrong = np.flatnonzero((index == 0) | (absolute < 0) | (absolute >= count))
    if len(wrong):
        value, number = int(index[wrong[0]]), lines.numbers[owner[wrong[0]]]
        why = "OBJ counts from 1" if value == 0 else f"the file has {count} {what}"
        raise RimlightError(f"{path.name}: line {number}: index {value} is out of range ({why}); export it again")
    return absolute


def _texture_coordinates(
    lines: _Lines, textured: np.ndarray | None, places: np.ndarray, path: Path
) -> np.ndarray | None:
    """(m, 3, 2) texture coordinates of the triangles' corners, v upwards; None where the file has none."""
    if textured is None or not lines.words:
        return None
    rows = _rectangular(lines, b"vt", path)
    rows = np.nan_to_num(np.concatenate([rows[:, :2], np.zeros((len(rows), max(0, 2 - rows.shape[1])))], axis=1))
    return rows[textured[places]]


def _complain_of_short_line(lines: _Lines, keyword: bytes, path: Path) -> None:
    fewest, what = _COUNTS[keyword]
    names = {b"v": "vertex", b"vt": "texture coordinate", b"f": "face"}
    for words, number in zip(lines.words, lines.numbers):
        if len(words) < fewest:
            plural = {"index": "indices", "coordinate": "coordinates"}[what] if len(words) != 1 else what
            raise RimlightError(
                f"{path.name}: line {number}: {names[keyword]} with {len(words)} {plural}, needs at least {fewest} "
                "(a file cut off?); export it again"
            )


def _number(word: bytes, kind: type, what: str, number: int, path: Path) -> None:
    try:
        kind(word)
    except ValueError:
        shown = word[:20].decode("latin-1")
        raise RimlightError(f"{path.name}: line {number}: {what} '{shown}' is not a number; export it again") from None


def _require_finite(positions: np.ndarray, lines: _Lines, what: str, path: Path) -> None:
    wrong = np.flatnonzero(~np.isfinite(positions).all(axis=1))
    if len(wrong):
        first = int(wrong[0])
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise RimlightError(
            f"{path.name}: line {lines.numbers[first]}: {what} {first + 1} is not finite{more}; export it again"
        )


def _instead(scan: _Scan) -> str:
    curves = scan.others & {b"curv", b"curv2", b"surf"}
    if curves:
        return " (only free-form curves or surfaces)"
    if b"l" in scan.others:
        return " (only lines)"
    return f" (only {len(scan.vertices.words)} points)"
