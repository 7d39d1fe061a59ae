"""What a glTF file promises, held against what it holds, before trimesh takes memory for it.

Names are those of the glTF 2.0 specification (Khronos), sections 3 and 4.
"""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from core.errors import RimlightError
from core.io.files import MESH_LIMIT, OUTSIDE, checked_path, named_inside, one_line, read_bytes

TRIANGLE_LIMIT = 20_000_000
"""Most triangles a scene may unfold to: ten times the largest mesh the sampler is measured on."""

_COMPONENT_BYTES = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}
_COMPONENTS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_COMPRESSIONS = {"KHR_draco_mesh_compression": "Draco", "EXT_meshopt_compression": "meshopt"}
_TRIANGLE_MODES = (4, 5, 6)


def check_gltf(path: Path) -> tuple[str, ...]:
    """Check a .glb or .gltf file. Returns warnings. Raises RimlightError naming the file and the cause."""
    data = read_bytes(path, MESH_LIMIT)
    binary_length: int | None = None
    if data[:4] == b"glTF":
        text, binary_length = _chunks(data, path)
    else:
        text = data
    try:
        document = json.loads(text.decode("utf-8-sig"))
        if not isinstance(document, dict):
            raise TypeError("the top level is not an object")
        return _check_document(document, binary_length, path)
    except json.JSONDecodeError as error:
        raise RimlightError(
            f"{path.name}: line {error.lineno}, column {error.colno}: the JSON is broken ({error.msg}); export it again"
        ) from error
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise RimlightError(
            f"{path.name}: the scene description is broken ({type(error).__name__}: {error}); export it again"
        ) from error


def _chunks(data: bytes, path: Path) -> tuple[bytes, int]:
    """The JSON of a GLB and the length of its binary chunk."""
    if len(data) < 20:
        raise RimlightError(f"{path.name}: the GLB is cut off ({len(data)} bytes); export it again")
    _, version, length, json_length, kind = struct.unpack_from("<4sIIII", data)
    if version != 2:
        raise RimlightError(f"{path.name}: glTF version {version}, version 2 is read; export it as glTF 2.0")
    if length > len(data) or 20 + json_length > len(data) or kind != 0x4E4F534A:
        raise RimlightError(
            f"{path.name}: the header promises {length:,} bytes but the file has {len(data):,}: cut off; export it again"
        )
    at = 20 + json_length
    binary = struct.unpack_from("<I", data, at)[0] if at + 8 <= len(data) else 0
    if at + 8 + binary > len(data):
        raise RimlightError(f"{path.name}: the GLB's binary chunk is cut off; export it again")
    return data[20:at], binary


def _check_document(document: dict[str, Any], binary_length: int | None, path: Path) -> tuple[str, ...]:
    for name, shown in _COMPRESSIONS.items():
        if name in document.get("extensionsRequired", []):
            raise RimlightError(f"{path.name}: compressed with {shown}, which is not read; export it uncompressed")
    buffers = [_buffer_length(buffer, i, binary_length, path) for i, buffer in enumerate(document.get("buffers", []))]
    views = document.get("bufferViews", [])
    for i, view in enumerate(views):
        end = _natural(view.get("byteOffset", 0)) + _natural(view["byteLength"])
        if end > buffers[view["buffer"]]:
            raise RimlightError(
                f"{path.name}: bufferView {i} ends at byte {end:,} of {buffers[view['buffer']]:,}; export it again"
            )
    for i, accessor in enumerate(document.get("accessors", [])):
        _check_accessor(accessor, i, views, path)
    skipped = _check_scene(document, path)
    return (*_missing_images(document, path), *skipped)


def _buffer_length(buffer: dict[str, Any], number: int, binary_length: int | None, path: Path) -> int:
    """Length of a buffer in bytes, after a look at whether that much is there."""
    promised = _natural(buffer["byteLength"])
    uri = buffer.get("uri")
    if uri is None:
        found = binary_length or 0
    elif uri.startswith("data:"):
        found = len(base64.b64decode(uri.partition(",")[2] + "=="))
    else:
        try:
            inside = named_inside(unquote(uri), path.parent, path.parent)
            found = checked_path(inside, MESH_LIMIT).stat().st_size
        except RimlightError as error:
            raise RimlightError(f"{path.name}: buffer {number} cannot be read ({error})") from error
    if promised > found:
        raise RimlightError(
            f"{path.name}: buffer {number} promises {promised:,} bytes, {found:,} are there: cut off; export it again"
        )
    return promised


def _check_accessor(accessor: dict[str, Any], number: int, views: list[dict[str, Any]], path: Path) -> None:
    item = _COMPONENT_BYTES[accessor["componentType"]] * _COMPONENTS[accessor["type"]]
    count = _natural(accessor["count"])
    if "bufferView" not in accessor:
        if count > TRIANGLE_LIMIT:
            raise RimlightError(f"{path.name}: accessor {number} has {count:,} items and no data; export it again")
        return
    view = views[accessor["bufferView"]]
    stride = max(_natural(view.get("byteStride", item)), item)
    needed = _natural(accessor.get("byteOffset", 0)) + stride * max(count - 1, 0) + (item if count else 0)
    if needed > view["byteLength"]:
        raise RimlightError(
            f"{path.name}: accessor {number} needs {needed:,} bytes, its view has {view['byteLength']:,}; export it again"
        )


def _check_scene(document: dict[str, Any], path: Path) -> tuple[str, ...]:
    """Nodes form a forest, and what they unfold to stays within reason. Returns a warning for what is not surface."""
    nodes = document.get("nodes", [])
    children = [child for node in nodes for child in node.get("children", [])]
    if len(children) != len(set(children)):
        raise RimlightError(f"{path.name}: a node has two parents; export it again")
    reached = [i for i in range(len(nodes)) if i not in set(children)]
    for i in reached:  # grows while it is walked
        reached.extend(nodes[i].get("children", []))
    if len(reached) != len(nodes):
        raise RimlightError(f"{path.name}: its nodes form a circle; export it again")
    meshes = document.get("meshes", [])
    accessors = document.get("accessors", [])
    total, other = 0, 0
    for node in nodes:
        if "mesh" not in node:
            continue
        for primitive in meshes[node["mesh"]]["primitives"]:
            if primitive.get("mode", 4) not in _TRIANGLE_MODES:
                other += 1
                continue
            corners = primitive.get("indices", primitive["attributes"].get("POSITION"))
            count = 0 if corners is None else accessors[corners]["count"]
            total += count // 3 if primitive.get("mode", 4) == 4 else max(count - 2, 0)
    if total > TRIANGLE_LIMIT:
        raise RimlightError(
            f"{path.name}: the scene unfolds to {total:,} triangles, more than {TRIANGLE_LIMIT:,}; reduce it first"
        )
    return (f"{other} parts of points or lines were left out",) if other else ()


def _missing_images(document: dict[str, Any], path: Path) -> tuple[str, ...]:
    """Pictures that are named and not there, or outside the file's folder, where trimesh does not look either."""
    warnings = []
    for uri in (image.get("uri") for image in document.get("images", [])):
        if uri and not uri.startswith("data:"):
            try:
                named_inside(unquote(uri), path.parent, path.parent)
            except RimlightError as error:
                cause = str(error).split(": ", 1)[-1]
                verb = f"left out ({cause})" if OUTSIDE in cause else "is missing"
                warnings.append(f"texture {one_line(unquote(uri))} {verb}")
    return tuple(warnings)


def _natural(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is not a count")
    return value
