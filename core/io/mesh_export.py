"""Writing a mesh as PLY, OBJ, STL or GLB, in the units the shape came in, atomically.

Vertices come in unit-sphere units, float32; file = unit * scale + centre is computed in float64. A shape far from the
origin keeps its detail: PLY turns to double, OBJ and STL text get more digits, GLB carries the move in a node.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

from core.colour import to_bytes
from core.errors import RimlightError
from core.io.atomic import write_bytes

SUFFIXES = (".ply", ".obj", ".stl", ".glb")
FAR = 16.0
"""Distance from the origin, in radii, beyond which float32 in file units would lose digits of the shape."""


def save_mesh(
    path: str | Path,
    vertices: np.ndarray,
    faces: np.ndarray,
    colours: np.ndarray | None = None,
    centre: np.ndarray | tuple[float, float, float] = (0.0, 0.0, 0.0),
    scale: float = 1.0,
) -> None:
    """vertices: (n, 3) unit-sphere units. faces: (m, 3). colours: (n, 3) linear. centre, scale: as in MeshData.

    Raises RimlightError for a suffix that is not written, and where the file cannot be written.
    """
    path = Path(path)
    unit = np.asarray(vertices, dtype=np.float64)
    faces = np.asarray(faces, dtype=np.int64)
    centre = np.asarray(centre, dtype=np.float64)
    if not np.isfinite(unit).all():
        raise RimlightError(f"{path.name}: not written, since a vertex is not finite; reset the fit and try again")
    bytes_ = None if colours is None else to_bytes(np.asarray(colours))
    if not len(faces):
        raise RimlightError(f"{path.name}: not written, since no triangle is left; go back to a step that has some")
    suffix = path.suffix.lower()
    if suffix == ".glb":
        data = _glb(unit, faces, colours, centre, scale)
    elif suffix in SUFFIXES:
        positions = unit * scale + centre
        far = bool(np.linalg.norm(centre) > FAR * scale)
        writer = {".ply": _ply, ".obj": _obj, ".stl": _stl}[suffix]
        data = writer(positions, faces, bytes_, far)
    else:
        formats = ", ".join(name[1:].upper() for name in SUFFIXES)
        raise RimlightError(f"{path.name}: '{path.suffix}' is no mesh format that is written; use one of {formats}")
    write_bytes(path, data)


def _ply(positions: np.ndarray, faces: np.ndarray, colours: np.ndarray | None, far: bool) -> bytes:
    kind, code = ("double", "<f8") if far else ("float", "<f4")
    fields = [("position", code, 3)] + ([("colour", "u1", 3)] if colours is not None else [])
    rows = np.empty(len(positions), np.dtype(fields))
    rows["position"] = positions
    if colours is not None:
        rows["colour"] = colours
    polygons = np.empty(len(faces), np.dtype([("count", "u1"), ("corners", "<i4", 3)]))
    polygons["count"], polygons["corners"] = 3, faces
    header = [
        "ply",
        "format binary_little_endian 1.0",
        "comment written by Rimlight",
        f"element vertex {len(positions)}",
    ]
    header += [f"property {kind} {axis}" for axis in "xyz"]
    header += [f"property uchar {name}" for name in ("red", "green", "blue")] if colours is not None else []
    header += [f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header", ""]
    return "\n".join(header).encode() + rows.tobytes() + polygons.tobytes()


def _obj(positions: np.ndarray, faces: np.ndarray, colours: np.ndarray | None, far: bool) -> bytes:
    number = "%.17g" if far else "%.9g"
    lines = ["# written by Rimlight"]
    if colours is None:
        lines += [f"v {number} {number} {number}" % tuple(row) for row in positions.tolist()]
    else:
        row_format = f"v {number} {number} {number} %.4g %.4g %.4g"
        lines += [row_format % (*p, *c) for p, c in zip(positions.tolist(), (colours / 255).tolist())]
    lines += ["f %d %d %d" % (a + 1, b + 1, c + 1) for a, b, c in faces.tolist()]  # noqa: UP031
    return ("\n".join(lines) + "\n").encode()


def _stl(positions: np.ndarray, faces: np.ndarray, colours: np.ndarray | None, far: bool) -> bytes:
    corners = positions[faces]
    if not far:
        rows = np.zeros(len(faces), np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")]))
        rows["corners"] = corners
        return b"written by Rimlight".ljust(80) + struct.pack("<I", len(faces)) + rows.tobytes()
    lines = ["solid rimlight"]
    for triangle in corners.tolist():
        lines += ["facet normal 0 0 0", "outer loop"]
        lines += ["vertex %.17g %.17g %.17g" % tuple(corner) for corner in triangle]  # noqa: UP031
        lines += ["endloop", "endfacet"]
    return ("\n".join([*lines, "endsolid rimlight"]) + "\n").encode()


def _glb(unit: np.ndarray, faces: np.ndarray, colours: np.ndarray | None, centre: np.ndarray, scale: float) -> bytes:
    """One mesh under one node whose translation and scale are centre and scale (JSON numbers keep all digits)."""
    arrays = [(unit.astype("<f4"), 5126, "VEC3", 34962), (faces.astype("<u4"), 5125, "SCALAR", 34963)]
    attributes = {"POSITION": 0}
    if colours is not None:  # COLOR_0 is linear in glTF
        arrays.append((np.clip(np.asarray(colours), 0, 1).astype("<f4"), 5126, "VEC3", 34962))
        attributes["COLOR_0"] = 2
    views, accessors, binary = [], [], b""
    for i, (array, component, kind, target) in enumerate(arrays):
        data = array.tobytes()
        views.append({"buffer": 0, "byteOffset": len(binary), "byteLength": len(data), "target": target})
        count = array.size if kind == "SCALAR" else len(array)
        accessors.append({"bufferView": i, "componentType": component, "count": count, "type": kind})
        binary += data
    accessors[0] |= {"min": unit.astype("<f4").min(axis=0).tolist(), "max": unit.astype("<f4").max(axis=0).tolist()}
    document = {
        "asset": {"version": "2.0", "generator": "Rimlight"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "translation": centre.tolist(), "scale": [scale] * 3}],
        "meshes": [{"primitives": [{"attributes": attributes, "indices": 1, "mode": 4}]}],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": len(binary)}],
    }
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    length = 12 + 8 + len(text) + 8 + len(binary)
    header = struct.pack("<4sIIII", b"glTF", 2, length, len(text), 0x4E4F534A)
    return header + text + struct.pack("<II", len(binary), 0x004E4942) + binary
