"""Grids in VTK's XML image files (.vti): one piece, point data, as text, base64 or appended raw bytes, zlib or plain.

x is the fastest axis. A document type declaration is refused unread, so that no entity can blow a small file up.
"""

from __future__ import annotations

import base64
import binascii
import re
import xml.etree.ElementTree as ElementTree
import zlib
from pathlib import Path

import numpy as np

from core.errors import RimlightError
from core.io.grid_checks import require_size

TYPES = {
    "Float32": "f4", "Float64": "f8", "Int8": "i1", "UInt8": "u1", "Int16": "i2", "UInt16": "u2",
    "Int32": "i4", "UInt32": "u4", "Int64": "i8", "UInt64": "u8",
}  # fmt: skip
APPENDED = re.compile(rb"<AppendedData[^>]*encoding\s*=\s*[\"'](\w+)[\"'][^>]*>\s*_", re.S)


def read_vti(path: Path) -> dict[str, np.ndarray]:
    """ "sdf" (nx, ny, nz), "origin" and "spacing" (3,). Raises RimlightError."""
    data = path.read_bytes()
    appended = APPENDED.search(data)
    tail, encoding = (data[appended.end() :], appended[1].decode()) if appended else (b"", "")
    head = data[: appended.start()] + b"</VTKFile>" if appended else data
    if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
        raise RimlightError(f"{path.name}: has a document type declaration, which no VTK file needs; save it again")
    try:
        root = ElementTree.fromstring(head)
    except ElementTree.ParseError as error:
        raise RimlightError(f"{path.name}: is no complete XML ({error}); save it again") from error
    image = root.find("ImageData")
    if root.tag != "VTKFile" or image is None:
        raise RimlightError(f"{path.name}: holds no ImageData; save the grid as VTK image data (.vti)")
    extent = _numbers(path, image, "WholeExtent", 6)
    shape = tuple(int(extent[2 * a + 1] - extent[2 * a]) + 1 for a in range(3))
    require_size(path, shape, "the image")
    direction = image.get("Direction")
    if direction is not None and not np.allclose(_numbers(path, image, "Direction", 9), np.eye(3).ravel()):
        raise RimlightError(f"{path.name}: its axes are turned; resample it along x, y and z")
    spacing = _numbers(path, image, "Spacing", 3)
    origin = _numbers(path, image, "Origin", 3) + spacing * extent[::2]
    values = _values(path, root, _point_data(path, image), int(np.prod(shape)), tail, encoding)
    return {"sdf": values.reshape(shape[::-1]).transpose(2, 1, 0), "origin": origin, "spacing": spacing}


def _numbers(path: Path, element: ElementTree.Element, name: str, count: int) -> np.ndarray:
    text = element.get(name, "")
    try:
        numbers = np.array([float(word) for word in text.split()])
    except ValueError:
        numbers = np.zeros(0)
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise RimlightError(f"{path.name}: {name} is {text!r}, expected {count} numbers; save it again")
    return numbers


def _point_data(path: Path, image: ElementTree.Element) -> ElementTree.Element:
    """The array of distances: the only one with one component, or the one called sdf or named as the active scalars."""
    pieces = image.findall("Piece")
    if len(pieces) != 1:
        raise RimlightError(f"{path.name}: has {len(pieces)} pieces, expected one; save it in one piece")
    points = pieces[0].find("PointData")
    arrays = [] if points is None else points.findall("DataArray")
    single = [a for a in arrays if a.get("NumberOfComponents", "1") == "1"]
    active = None if points is None else points.get("Scalars")
    for name in ("sdf", active):
        named = [a for a in single if a.get("Name") == name]
        if len(named) == 1:
            return named[0]
    if len(single) != 1:
        names = ", ".join(repr(a.get("Name")) for a in arrays) or "none"
        raise RimlightError(f"{path.name}: no single array of point data (found {names}); name the distances 'sdf'")
    return single[0]


def _values(
    path: Path, root: ElementTree.Element, array: ElementTree.Element, count: int, tail: bytes, encoding: str
) -> np.ndarray:
    kind, form = array.get("type", ""), array.get("format", "ascii")
    if kind not in TYPES:
        raise RimlightError(f"{path.name}: type {kind!r} is not read; save Float32 or Float64")
    order = ">" if root.get("byte_order") == "BigEndian" else "<"
    dtype = np.dtype(order + TYPES[kind])
    try:
        if form == "ascii":
            values = np.array((array.text or "").split(), np.float64)
        else:
            sizes = np.dtype(order + ("u8" if root.get("header_type") == "UInt64" else "u4"))
            start = int(array.get("offset", "0"))
            inline = form == "binary"
            coded = (array.text or "").encode() if inline else tail[start:]
            plain = inline or encoding == "base64"
            compressor = root.get("compressor")
            if compressor not in (None, "vtkZLibDataCompressor"):
                raise RimlightError(
                    f"{path.name}: packed by {compressor}, which is not read; save it with zlib or plain"
                )
            raw = _block(coded, sizes, plain, compressor is not None, count * dtype.itemsize)
            values = np.frombuffer(raw, dtype)
    except (ValueError, IndexError, binascii.Error, zlib.error) as error:
        raise RimlightError(f"{path.name}: its data is damaged or cut off ({error}); save it again") from error
    if values.size != count:
        raise RimlightError(
            f"{path.name}: the array holds {values.size:,} values and the extent needs {count:,}; save it again"
        )
    return values


def _block(coded: bytes, sizes: np.dtype, base64_coded: bool, packed: bool, need: int) -> bytes:
    """One array's bytes: a header of sizes, then the data; packed, the header lists the blocks it is packed in.

    base64 codes header and data apart where packed, together otherwise.
    """
    word = sizes.itemsize
    if not packed:
        data = _decoded(coded, word + need) if base64_coded else coded
        length = int(np.frombuffer(data[:word], sizes)[0])
        if length != need:
            raise ValueError(f"{length:,} bytes where {need:,} are needed")
        return data[word : word + length]
    first = _decoded(coded, word) if base64_coded else coded
    blocks = int(np.frombuffer(first[:word], sizes)[0])
    if blocks > need:
        raise ValueError(f"{blocks:,} packed blocks")
    length = word * (3 + blocks)
    head = np.frombuffer((_decoded(coded, length) if base64_coded else coded)[:length], sizes)
    total = int(head[3:].sum())
    data = coded.lstrip()[-(-length // 3) * 4 :] if base64_coded else coded[length:]
    data = _decoded(data, total) if base64_coded else data
    out, at = [], 0
    for size in head[3:]:
        out.append(zlib.decompressobj().decompress(data[at : at + int(size)], need + 1))
        at += int(size)
    return b"".join(out)


def _decoded(coded: bytes, need: int) -> bytes:
    """At least the first `need` bytes of base64 text."""
    text = coded.lstrip()[: -(-need // 3) * 4]
    return base64.b64decode(text)
