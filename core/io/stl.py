"""STL, binary and text. A triangle soup: equal corners are joined later. Stored normals are not used.

Binary: 80 bytes of anything, a uint32 count, 50 bytes a triangle. A binary file may begin with "solid" all the same,
so the size decides.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from core.errors import RimlightError
from core.io.files import MESH_LIMIT, read_bytes
from core.io.raw_mesh import RawMesh

_ROW = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def read_stl(path: str | Path) -> RawMesh:
    """Read an STL file. Raises RimlightError naming the file and the cause."""
    path = Path(path)
    data = read_bytes(path, MESH_LIMIT)
    count = struct.unpack_from("<I", data, 80)[0] if len(data) >= 84 else 0
    needed = 84 + _ROW.itemsize * count
    is_text = data[:512].lstrip().lower().startswith(b"solid") and b"\0" not in data[:512]
    warnings: tuple[str, ...] = ()
    if is_text and len(data) != needed:
        positions = _read_text(data, path)
    elif len(data) < 84:
        raise RimlightError(f"{path.name}: not an STL file ({len(data)} bytes are too few); check the format")
    elif len(data) < needed:
        whole = (len(data) - 84) // _ROW.itemsize
        raise RimlightError(
            f"{path.name}: the header promises {count:,} triangles ({needed:,} bytes) but the file holds {whole:,} "
            f"({len(data):,} bytes): cut off, or not an STL file; export it again"
        )
    else:
        if len(data) > needed:
            warnings = (f"{len(data) - needed:,} bytes behind the last triangle were ignored",)
        positions = np.frombuffer(data, _ROW, count, 84)["corners"].reshape(-1, 3).astype(np.float64)
    if not len(positions):
        raise RimlightError(f"{path.name}: mesh has no triangles; export a surface")
    faces = np.arange(len(positions), dtype=np.int64).reshape(-1, 3)
    return RawMesh(positions, faces, warnings=warnings)


def _read_text(data: bytes, path: Path) -> np.ndarray:
    """Corner positions (3 m, 3) of the facets of a text STL."""
    positions: list[list[float]] = []
    facet = 0
    for number, line in enumerate(data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"), 1):
        words = line.split()
        if not words:
            continue
        keyword = words[0].lower()
        if keyword == b"vertex":
            try:
                positions.append(list(map(float, words[1:4])))
            except ValueError:
                positions.append([])
            if len(positions[-1]) < 3:
                raise RimlightError(f"{path.name}: line {number}: a vertex needs three numbers; export it again")
        elif keyword == b"facet":
            facet = number
            if len(positions) % 3:
                raise RimlightError(f"{path.name}: line {number}: the facet before has not three vertices")
    if len(positions) % 3:
        raise RimlightError(
            f"{path.name}: line {facet}: facet with {len(positions) % 3} vertices, needs 3 (a file cut off?); "
            "export it again"
        )
    return np.array(positions, dtype=np.float64).reshape(-1, 3)
