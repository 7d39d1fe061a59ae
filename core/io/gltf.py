"""GLB and glTF through trimesh, behind our own checks (core/io/gltf_checks.py).

Every use of a mesh in the scene is unfolded with its node's transform; a mirroring transform turns the faces back.
Base colours and COLOR_0 are linear, textures sRGB, as the specification says.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from core.colour import LIGHT_GREY, from_bytes, to_bytes
from core.errors import RimlightError
from core.io.gltf_checks import check_gltf
from core.io.images import PIXEL_LIMIT
from core.io.materials import sample_texture
from core.io.raw_mesh import RawMesh


def read_gltf(path: str | Path) -> RawMesh:
    """Read a .glb or .gltf file. Raises RimlightError naming the file and the cause."""
    path = Path(path)
    warnings = list(check_gltf(path))
    positions, faces, colours, coloured = [], [], [], False
    textured: list[tuple[Any, np.ndarray]] = []
    offset = 0
    for mesh, transform in _placed_meshes(path):
        points = np.asarray(mesh.vertices, dtype=np.float64)
        triangles = np.asarray(mesh.faces, dtype=np.int64)
        if points.shape[1:] != (3,) or triangles.shape[1:] != (3,):
            raise RimlightError(f"{path.name}: positions are not triples, or faces no triangles; export it again")
        if len(triangles) and (triangles.min() < 0 or triangles.max() >= len(points)):
            raise RimlightError(
                f"{path.name}: an index is out of range ({triangles.max()} of {len(points):,} vertices); export it again"
            )
        if not (np.isfinite(transform).all() and np.isfinite(points).all()):
            raise RimlightError(f"{path.name}: a position or a node's transform is not finite; export it again")
        if np.linalg.det(transform[:3, :3]) < 0:
            triangles = triangles[:, ::-1]
        textured.append((mesh, triangles))
        colour = _colours(mesh, path, warnings)
        coloured = coloured or colour is not None
        positions.append(points @ transform[:3, :3].T + transform[:3, 3])
        faces.append(triangles + offset)
        colours.append(np.tile(np.array(LIGHT_GREY, np.float32), (len(points), 1)) if colour is None else colour)
        offset += len(points)
    if not sum(map(len, faces)):
        raise RimlightError(f"{path.name}: the scene has no triangles; export a surface")
    vertex_colours = np.concatenate(colours) if coloured else None
    texture, corner_uv = _single_texture(textured)
    return RawMesh(
        np.concatenate(positions), np.concatenate(faces), vertex_colours, None, corner_uv, texture, tuple(warnings)
    )


def _placed_meshes(path: Path) -> list[tuple[Any, np.ndarray]]:
    """Every use of a mesh in the scene: (trimesh.Trimesh, (4, 4) float64 object to scene)."""
    import trimesh

    try:
        scene = trimesh.load_scene(path, process=False, resolver=_resolver(path))
        placed = []
        for node in scene.graph.nodes_geometry:
            transform, name = scene.graph[node]
            mesh = scene.geometry[str(name)]
            if isinstance(mesh, trimesh.Trimesh) and len(mesh.faces):
                placed.append((mesh, np.asarray(transform, dtype=np.float64)))
        return placed
    except MemoryError as error:
        raise RimlightError(f"{path.name}: does not fit into memory; reduce it first") from error
    except Exception as error:  # whatever a broken file does to trimesh
        cause = " ".join(str(error).split())[:120]
        raise RimlightError(
            f"{path.name}: the scene cannot be read ({type(error).__name__}: {cause}); export it again"
        ) from error


def _resolver(path: Path) -> Any:
    """Files beside `path`. Their names are URIs (section 3.6.1.1), so a space is "%20"; trimesh takes them as they are."""
    from trimesh.resolvers import FilePathResolver

    class ByUri(FilePathResolver):
        def get(self, name: str) -> bytes:
            return super().get(unquote(name))

    return ByUri(str(path))


def _single_texture(meshes: list[tuple[Any, np.ndarray]]) -> tuple[np.ndarray | None, np.ndarray | None]:
    """(texture [H, W, 3] uint8 sRGB, corner_uv (m, 3, 2)) where all meshes share one picture; else None and None."""
    images = [getattr(getattr(mesh.visual, "material", None), "baseColorTexture", None) for mesh, _ in meshes]
    uvs = [getattr(mesh.visual, "uv", None) for mesh, _ in meshes]
    image = images[0]
    if image is None or any(uv is None for uv in uvs) or image.width * image.height > PIXEL_LIMIT:
        return None, None
    try:
        pictures = [np.asarray(picture.convert("RGB")) for picture in images if picture is not None]
    except (OSError, SyntaxError, ValueError):
        return None, None  # _colours has warned
    if len(pictures) < len(images) or any(not np.array_equal(pictures[0], other) for other in pictures[1:]):
        return None, None
    corner = [np.nan_to_num(np.asarray(uv, np.float64))[faces] for uv, (_, faces) in zip(uvs, meshes)]
    factor = _base_colour(getattr(meshes[0][0].visual, "material", None))
    tinted = pictures[0] if (factor == 1).all() else to_bytes(from_bytes(pictures[0]) * factor)
    return tinted, np.concatenate(corner)


def _colours(mesh: Any, path: Path, warnings: list[str]) -> np.ndarray | None:
    """(n, 3) linear float32: texture times base colour, else the vertex colours, else the base colour, else None."""
    visual = mesh.visual
    material = getattr(visual, "material", None)
    factor = _base_colour(material)
    image = getattr(material, "baseColorTexture", None)
    if image is not None and getattr(visual, "uv", None) is not None:
        if image.width * image.height <= PIXEL_LIMIT:
            try:
                texture = np.asarray(image.convert("RGB"))
                return sample_texture(texture, np.nan_to_num(np.asarray(visual.uv, dtype=np.float64))) * factor
            except (OSError, SyntaxError, ValueError) as error:
                warnings.append(f"a texture is damaged ({error}) and was left out")
        else:
            warnings.append(f"a texture of {image.width} x {image.height} pixels is too large and was left out")
    if visual.kind == "vertex":
        return np.asarray(visual.vertex_colors, dtype=np.float32)[:, :3] / np.float32(255)
    if material is None or getattr(material, "baseColorFactor", None) is None:
        return None
    return np.broadcast_to(factor, (len(mesh.vertices), 3))


def _base_colour(material: Any) -> np.ndarray:
    """(3,) linear float32; trimesh keeps the factor as bytes."""
    factor = getattr(material, "baseColorFactor", None)
    if factor is None:
        return np.ones(3, np.float32)
    values = np.asarray(factor, dtype=np.float32)[:3]
    return values / np.float32(255) if np.asarray(factor).dtype.kind in "ui" else values
