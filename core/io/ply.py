"""Stanford PLY: text and both binary orders, polygons of any size, vertex colours (sRGB).

The header's promises are held against the file's size before memory is taken for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.colour import srgb_to_linear
from core.errors import RimlightError
from core.io.files import MESH_LIMIT, header_count, read_bytes
from core.io.polygons import triangulate
from core.io.raw_mesh import RawMesh

_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2",
    "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "float": "f4", "float32": "f4",
    "double": "f8", "float64": "f8",
}  # fmt: skip
_ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
_HEADER_LIMIT = 1 << 16
MOST_NAME = 60
"""Characters of an element's name that are kept: it is shown in messages."""
_POLYGON_NAMES = ("vertex_indices", "vertex_index")


@dataclass(frozen=True)
class _Property:
    """count_type: type of the length of a list, None for a scalar."""

    name: str
    type: str
    count_type: str | None = None


@dataclass(frozen=True)
class _Element:
    name: str
    count: int
    properties: tuple[_Property, ...]

    def smallest(self, order: str) -> int:
        """Fewest bytes one row can take: a text number needs a digit and a separator."""
        if not order:
            return 2 * len(self.properties)
        return sum(np.dtype(p.count_type or p.type).itemsize for p in self.properties)


Columns = dict[str, Any]
"""Property name -> (n,) array, or (counts, flat values) for a list."""


def read_ply(path: str | Path) -> RawMesh:
    """Read a PLY file. Raises RimlightError naming the file and the cause."""
    path = Path(path)
    tables, positions = _tables(path)
    vertex, face = tables["vertex"], tables.get("face", {})
    polygons = next((face[name] for name in _POLYGON_NAMES if isinstance(face.get(name), tuple)), None)
    if polygons is None or not len(polygons[0]):
        what = "triangle strips instead" if "tristrips" in tables else f"{len(positions)} points only"
        raise RimlightError(f"{path.name}: mesh has no faces ({what}); export a surface of polygons")
    counts, corners = _whole(polygons[0]), _whole(polygons[1])
    _check_polygons(counts, corners, len(positions), path)
    places, _ = triangulate(counts, corners, positions)
    return RawMesh(positions, corners[places], _colours(vertex))


def read_ply_points(path: str | Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Vertices (n, 3) float64 and their linear colours (n, 3) or None, faces or not. Raises RimlightError."""
    path = Path(path)
    tables, positions = _tables(path)
    return positions, _colours(tables["vertex"])


def _tables(path: Path) -> tuple[Mapping[str, Columns], np.ndarray]:
    """Every element's columns, and the vertices (n, 3) float64."""
    data = read_bytes(path, MESH_LIMIT)
    order, elements, start, header_lines = _header(data, path)
    _check_size(order, elements, len(data) - start, path)
    if order:
        tables = _read_binary(data, start, order, elements, path)
    else:
        tables = _read_text(data[start:], elements, header_lines, path)
    vertex = tables.get("vertex", {})
    if not {"x", "y", "z"} <= vertex.keys():
        raise RimlightError(f"{path.name}: the header has no vertex element with x, y and z; export it as a mesh")
    if any(isinstance(vertex[axis], tuple) for axis in "xyz"):
        raise RimlightError(f"{path.name}: the header makes x, y or z a list; export it again")
    return tables, np.stack([np.asarray(vertex[axis], dtype=np.float64) for axis in "xyz"], axis=1)


def _header(data: bytes, path: Path) -> tuple[str, list[_Element], int, int]:
    """Byte order ("" for text), elements, where the body starts, and how many lines the header has."""
    head = data[:_HEADER_LIMIT]
    end = head.find(b"end_header")
    body = head.find(b"\n", end) + 1
    if not head.startswith(b"ply") or end < 0 or not body:
        raise RimlightError(f"{path.name}: not a PLY file (no complete header); check the format")
    lines = head[:end].decode("latin-1").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    order: str | None = None
    elements: list[_Element] = []
    for number, line in enumerate(lines, 1):
        words = line.split()
        try:
            if words[:1] == ["format"]:
                order = _ORDERS[words[1]]
            elif words[:1] == ["element"]:
                elements.append(_Element(words[1][:MOST_NAME], header_count(words[2]), ()))
            elif words[:1] == ["property"]:
                *others, last = elements
                elements = [*others, _Element(last.name, last.count, (*last.properties, _property(words)))]
        except (KeyError, IndexError, ValueError) as error:
            raise RimlightError(f"{path.name}: line {number}: '{line[:40]}' is not PLY; export it again") from error
    for element in elements:
        names = [p.name for p in element.properties]
        if len(set(names)) < len(names):
            raise RimlightError(f"{path.name}: the header gives a property of {element.name!r} twice; export it again")
    if order is None or any(element.count < 0 for element in elements):
        raise RimlightError(f"{path.name}: the PLY header names no format or a negative count; export it again")
    return order, elements, body, len(lines)


def _property(words: list[str]) -> _Property:
    if words[1] == "list":
        count_type = _TYPES[words[2]]
        if count_type.startswith("f"):
            raise ValueError(words[2])
        return _Property(words[4], _TYPES[words[3]], count_type)
    return _Property(words[2], _TYPES[words[1]])


def _check_size(order: str, elements: list[_Element], size: int, path: Path) -> None:
    needed = sum(element.count * element.smallest(order) for element in elements)
    if needed > size + 1:
        promised = " and ".join(f"{element.count:,} {element.name} rows" for element in elements if element.count)
        raise RimlightError(
            f"{path.name}: the header promises {promised} (at least {needed:,} bytes) but {size:,} bytes follow; "
            "the file is cut off or its header wrong: export it again"
        )


# ---------------------------------------------------------------------------------------------- binary


def _read_binary(data: bytes, start: int, order: str, elements: list[_Element], path: Path) -> Mapping[str, Columns]:
    tables: dict[str, Columns] = {}
    for element in elements:
        lists = [p for p in element.properties if p.count_type]
        try:
            if not lists or not element.count:
                row = np.dtype([(p.name, order + p.type) for p in element.properties if not p.count_type])
                table = np.frombuffer(data, row, element.count if row.itemsize else 0, start)
                columns = {name: table[name] for name in row.names or ()}
                start += row.itemsize * element.count
            else:
                columns, start = _read_equal_lists(data, start, order, element) or _read_lists(
                    data, start, order, element
                )
        except (ValueError, IndexError) as error:
            raise RimlightError(
                f"{path.name}: the file ends inside its {element.count:,} {element.name} rows (cut off?); export it again"
            ) from error
        tables[element.name] = columns
    return tables


def _read_equal_lists(data: bytes, start: int, order: str, element: _Element) -> tuple[Columns, int] | None:
    """All rows at once, where each list has the same length in every row (a triangle mesh); else None."""
    fields: list[tuple] = []
    at = start
    for p in element.properties:
        if p.count_type:
            count = int(np.frombuffer(data, order + p.count_type, 1, at)[0])
            if not 0 <= count < 256:
                return None
            fields += [(f"count of {p.name}", order + p.count_type), (p.name, order + p.type, (count,))]
        else:
            fields.append((p.name, order + p.type))
        at = start + np.dtype(fields).itemsize
    row = np.dtype(fields)
    if start + row.itemsize * element.count > len(data):
        return None
    table = np.frombuffer(data, row, element.count, start)
    columns: Columns = {}
    for p in element.properties:
        if not p.count_type:
            columns[p.name] = table[p.name]
            continue
        counts = table[f"count of {p.name}"]
        if (counts != counts[0]).any():
            return None
        columns[p.name] = (counts, table[p.name].reshape(-1))
    return columns, start + row.itemsize * element.count


def _read_lists(data: bytes, start: int, order: str, element: _Element) -> tuple[Columns, int]:
    """Row after row, for lists of different lengths."""
    kinds = [
        (p.name, np.dtype(order + p.count_type) if p.count_type else None, np.dtype(order + p.type))
        for p in element.properties
    ]
    counts: dict[str, list[int]] = {name: [] for name, _, _ in kinds}
    values: dict[str, list[np.ndarray]] = {name: [] for name, _, _ in kinds}
    for _ in range(element.count):
        for name, count_type, value_type in kinds:
            count = 1
            if count_type is not None:
                count = int(np.frombuffer(data, count_type, 1, start)[0])
                start += count_type.itemsize
            if count < 0:
                raise ValueError(count)
            values[name].append(np.frombuffer(data, value_type, count, start) if count else np.empty(0, value_type))
            counts[name].append(count)
            start += count * value_type.itemsize
    columns: Columns = {}
    for name, count_type, _ in kinds:
        flat = np.concatenate(values[name])
        columns[name] = flat if count_type is None else (np.array(counts[name]), flat)
    return columns, start


# ---------------------------------------------------------------------------------------------- text


def _read_text(body: bytes, elements: list[_Element], header_lines: int, path: Path) -> Mapping[str, Columns]:
    rows = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    tables: dict[str, Columns] = {}
    at = 0
    for element in elements:
        while at < len(rows) and not rows[at].strip():
            at += 1
        lines = [row.split() for row in rows[at : at + element.count]]
        first = header_lines + at + 1
        if len(lines) < element.count or (lines and not lines[-1]):
            raise RimlightError(
                f"{path.name}: the header promises {element.count:,} {element.name} rows but the file ends earlier; "
                "export it again"
            )
        tables[element.name] = _text_columns(lines, element, first, path)
        at += element.count
    return tables


def _text_columns(lines: list[list[bytes]], element: _Element, first: int, path: Path) -> Columns:
    """Rows of words, the first of them on line `first`, -> columns."""
    scalars: dict[str, list[float]] = {p.name: [] for p in element.properties if not p.count_type}
    lists: dict[str, tuple[list[int], list[float]]] = {p.name: ([], []) for p in element.properties if p.count_type}
    for number, words in enumerate(lines, first):
        try:
            numbers = list(map(float, words))
            at = 0
            for p in element.properties:
                if not p.count_type:
                    scalars[p.name].append(numbers[at])
                    at += 1
                    continue
                count = int(numbers[at])
                if count < 0 or at + 1 + count > len(numbers):
                    raise IndexError
                lists[p.name][0].append(count)
                lists[p.name][1].extend(numbers[at + 1 : at + 1 + count])
                at += 1 + count
        except IndexError as error:
            raise RimlightError(
                f"{path.name}: line {number}: {element.name} row with {len(words)} numbers, needs more; export it again"
            ) from error
        except (ValueError, OverflowError) as error:
            raise RimlightError(
                f"{path.name}: line {number}: '{b' '.join(words)[:30].decode('latin-1')}' is not a row of numbers; "
                "export it again"
            ) from error
    columns: Columns = {}
    for p in element.properties:
        if not p.count_type:
            values = np.array(scalars[p.name], dtype=np.float64)
            if p.type in ("u1", "u2"):  # colours keep their type, which says what full light is
                values = np.clip(np.nan_to_num(values), 0, np.iinfo(p.type).max).astype(p.type)
            columns[p.name] = values
    for name, (counts, values) in lists.items():
        columns[name] = (np.array(counts, dtype=np.int64), np.nan_to_num(np.array(values, dtype=np.float64), nan=-1))
    return columns


# ---------------------------------------------------------------------------------------------- meaning


def _whole(values: np.ndarray) -> np.ndarray:
    """As int64; what no index can be (not finite, huge) becomes -1, which is out of range."""
    if values.dtype.kind != "f":
        return values.astype(np.int64)
    return np.where(np.abs(values) < 2**53, values, -1).astype(np.int64)


def _check_polygons(counts: np.ndarray, corners: np.ndarray, vertices: int, path: Path) -> None:
    short = np.flatnonzero(counts < 3)
    if len(short):
        raise RimlightError(
            f"{path.name}: face {short[0] + 1} of {len(counts):,} has {counts[short[0]]} indices; export it again"
        )
    wrong = np.flatnonzero((corners < 0) | (corners >= vertices))
    if len(wrong):
        face = int(np.searchsorted(np.cumsum(counts), wrong[0], side="right")) + 1
        raise RimlightError(
            f"{path.name}: face {face} of {len(counts):,}: index {corners[wrong[0]]} is out of range (the file has "
            f"{vertices:,} vertices, counted from 0); export it again"
        )


def _colours(vertex: Columns) -> np.ndarray | None:
    for prefix in ("", "diffuse_"):
        names = [prefix + name for name in ("red", "green", "blue")]
        if all(name in vertex for name in names):
            colours = np.stack([np.asarray(vertex[name]) for name in names], axis=1)
            values = np.nan_to_num(colours.astype(np.float64))
            if colours.dtype == np.uint16:
                values = values / 65535
            elif colours.dtype == np.uint8 or values.max(initial=0) > 1.5:  # some writers' floats run to 255
                values = values / 255
            return srgb_to_linear(np.clip(values, 0, 1))
    return None
