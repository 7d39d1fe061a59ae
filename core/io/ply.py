"""Stanford PLY: text and both binary orders, polygons of any size, vertex colours (sRGB).

The header's promises are held against the file's size before memory is taken for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from core.colour import srgb_to_linear
from core.errors import RimlightError
from core.io.files import MESH_LIMIT, header_count, read_bytes
from core.io.ply_body import Columns, Element, Property, read_binary, read_text
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
        tables = read_binary(data, start, order, elements, path)
    else:
        tables = read_text(data[start:], elements, header_lines, path)
    vertex = tables.get("vertex", {})
    if not {"x", "y", "z"} <= vertex.keys():
        raise RimlightError(f"{path.name}: the header has no vertex element with x, y and z; export it as a mesh")
    if any(isinstance(vertex[axis], tuple) for axis in "xyz"):
        raise RimlightError(f"{path.name}: the header makes x, y or z a list; export it again")
    return tables, np.stack([np.asarray(vertex[axis], dtype=np.float64) for axis in "xyz"], axis=1)


def _header(data: bytes, path: Path) -> tuple[str, list[Element], int, int]:
    """Byte order ("" for text), elements, where the body starts, and how many lines the header has."""
    head = data[:_HEADER_LIMIT]
    end = head.find(b"end_header")
    body = head.find(b"\n", end) + 1
    if not head.startswith(b"ply") or end < 0 or not body:
        raise RimlightError(f"{path.name}: not a PLY file (no complete header); check the format")
    lines = head[:end].decode("latin-1").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    order: str | None = None
    elements: list[Element] = []
    for number, line in enumerate(lines, 1):
        words = line.split()
        try:
            if words[:1] == ["format"]:
                order = _ORDERS[words[1]]
            elif words[:1] == ["element"]:
                elements.append(Element(words[1][:MOST_NAME], header_count(words[2]), ()))
            elif words[:1] == ["property"]:
                *others, last = elements
                elements = [*others, Element(last.name, last.count, (*last.properties, _property(words)))]
        except (KeyError, IndexError, ValueError) as error:
            raise RimlightError(f"{path.name}: line {number}: '{line[:40]}' is not PLY; export it again") from error
    for element in elements:
        names = [p.name for p in element.properties]
        if len(set(names)) < len(names):
            raise RimlightError(f"{path.name}: the header gives a property of {element.name!r} twice; export it again")
    if order is None or any(element.count < 0 for element in elements):
        raise RimlightError(f"{path.name}: the PLY header names no format or a negative count; export it again")
    return order, elements, body, len(lines)


def _property(words: list[str]) -> Property:
    if words[1] == "list":
        count_type = _TYPES[words[2]]
        if count_type.startswith("f"):
            raise ValueError(words[2])
        return Property(words[4], _TYPES[words[3]], count_type)
    return Property(words[2], _TYPES[words[1]])


def _check_size(order: str, elements: list[Element], size: int, path: Path) -> None:
    needed = sum(element.count * element.smallest(order) for element in elements)
    if needed > size + 1:
        promised = " and ".join(f"{element.count:,} {element.name} rows" for element in elements if element.count)
        raise RimlightError(
            f"{path.name}: the header promises {promised} (at least {needed:,} bytes) but {size:,} bytes follow; "
            "the file is cut off or its header wrong: export it again"
        )


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
