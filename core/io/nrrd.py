"""Grids in .nrrd files (teem.sourceforge.net/nrrd/format): three axes, raw, gzip or text, the data in the same file.

The first axis is the fastest and is x. Axes must lie along x, y and z: a rotated or flipped grid is refused.
"""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path

import numpy as np

from core.errors import RimlightError
from core.io.grid_checks import FILE_LIMIT, require_size

TYPES = {
    "f4": ("float",),
    "f8": ("double",),
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
}
HEAD_LIMIT = 1 << 16


def read_nrrd(path: Path) -> dict[str, np.ndarray]:
    """ "sdf" (nx, ny, nz) and, where the header has them, "origin" and "spacing". Raises RimlightError."""
    data = path.read_bytes()
    if not re.match(rb"NRRD000[1-5]", data):
        raise RimlightError(f"{path.name}: is no NRRD file (it does not begin with 'NRRD000'); export it again")
    end = re.search(rb"\r?\n\r?\n", data[:HEAD_LIMIT])
    fields = _fields(path, data[: end.start() if end else HEAD_LIMIT])
    if end is None or "data file" in fields or "datafile" in fields:
        raise RimlightError(f"{path.name}: its data lies in another file; save header and data in one .nrrd")
    shape = tuple(int(n) for n in _floats(path, fields, "sizes"))
    if fields.get("dimension") != str(len(shape)):
        raise RimlightError(f"{path.name}: dimension {fields.get('dimension')} does not fit sizes {fields['sizes']}")
    require_size(path, shape, "the grid")
    values = _values(path, fields, data[end.end() :], shape).transpose(2, 1, 0)
    return {"sdf": values, **_place(path, fields)}


def _fields(path: Path, head: bytes) -> dict[str, str]:
    """The header's fields, names in lower case; comments and key/value pairs are passed over."""
    fields = {}
    for line in head.decode("latin-1").splitlines()[1:]:
        name, colon, value = line.partition(":")
        if colon and not line.startswith("#") and not value.startswith("="):
            fields[name.strip().lower()] = value.strip()
    for name in ("type", "sizes", "encoding"):
        if name not in fields:
            raise RimlightError(f"{path.name}: the header has no '{name}'; export it again")
    return fields


def _values(path: Path, fields: dict[str, str], raw: bytes, shape: tuple[int, ...]) -> np.ndarray:
    """(nz, ny, nx)."""
    code = next((code for code, names in TYPES.items() if fields["type"].lower() in names), None)
    if code is None:
        raise RimlightError(f"{path.name}: type {fields['type']!r} is not read; save float, double or integers")
    encoding, count = fields["encoding"].lower(), int(np.prod(shape))
    skipped = [n for n in ("line skip", "lineskip", "byte skip", "byteskip") if fields.get(n, "0") != "0"]
    if skipped:
        raise RimlightError(f"{path.name}: '{skipped[0]}' is not read; save the data right behind the header")
    if encoding in ("text", "txt", "ascii"):
        try:
            values = np.array(raw.split(), np.float64)
        except ValueError as error:
            raise RimlightError(f"{path.name}: a value is no number ({error}); export it again") from error
    else:
        order = {"little": "<", "big": ">"}.get(fields.get("endian", "little").lower(), "<")
        dtype = np.dtype(order + code)
        raw = _unpacked(path, encoding, raw, count * dtype.itemsize)
        values = np.frombuffer(raw[: len(raw) // dtype.itemsize * dtype.itemsize], dtype)
    if values.size != count:
        raise RimlightError(
            f"{path.name}: {values.size:,} values follow, but {' x '.join(map(str, shape))} nodes need {count:,}; "
            "the file is cut off or damaged"
        )
    return values.reshape(shape[::-1])


def _unpacked(path: Path, encoding: str, raw: bytes, need: int) -> bytes:
    if encoding == "raw":
        return raw
    if encoding not in ("gzip", "gz"):
        raise RimlightError(f"{path.name}: encoding {encoding!r} is not read; save it as raw, gzip or text")
    try:
        unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
        return unpacker.decompress(raw, min(need + 1, FILE_LIMIT))
    except (zlib.error, gzip.BadGzipFile) as error:
        raise RimlightError(f"{path.name}: the packed data is damaged ({error}); save it again") from error


def _place(path: Path, fields: dict[str, str]) -> dict[str, np.ndarray]:
    """origin and spacing, from space directions or spacings."""
    found = {}
    if "space directions" in fields:
        rows = re.findall(r"\(([^)]*)\)", fields["space directions"])
        try:
            matrix = np.array([[float(n) for n in row.split(",")] for row in rows])
        except ValueError:
            matrix = np.zeros(0)
        if matrix.shape != (3, 3):
            raise RimlightError(f"{path.name}: space directions {fields['space directions']!r}: expected three vectors")
        along = np.diag(matrix)
        if np.abs(matrix - np.diag(along)).max() > 1e-6 * np.abs(matrix).max() or (along <= 0).any():
            raise RimlightError(f"{path.name}: its axes are turned or flipped; resample it along x, y and z")
        found["spacing"] = along
    elif "spacings" in fields:
        found["spacing"] = np.array(_floats(path, fields, "spacings"))
    if "space origin" in fields:
        fields["space origin"] = re.sub(r"[(),]", " ", fields["space origin"])
        found["origin"] = np.array(_floats(path, fields, "space origin"))
    elif "axis mins" in fields:
        found["origin"] = np.array(_floats(path, fields, "axis mins"))
    for name, value in found.items():
        if value.shape != (3,):
            raise RimlightError(f"{path.name}: the {name} has {value.size} numbers, expected three")
    return found


def _floats(path: Path, fields: dict[str, str], name: str) -> list[float]:
    try:
        numbers = [float(word) for word in fields[name].split()]
        if not np.isfinite(numbers).all():
            raise ValueError(name)
        return numbers
    except ValueError as error:
        raise RimlightError(f"{path.name}: '{name}' is {fields[name]!r}, expected numbers; export it again") from error
