"""From a file's raw triangles to one clean shape: what is joined, dropped, turned and measured, and what is said of it.

Positions stay float64 and in file units here; centre and scale are those of the bounding sphere about the centre of
the bounding box of what the faces use.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.errors import RimlightError
from core.io.raw_mesh import RawMesh
from core.io.topology import (
    Edges,
    degenerate_faces,
    faces_to_turn,
    find_edges,
    find_parts,
    inside_out_parts,
    merge_equal,
)

LARGEST = 1e100
"""Coordinates beyond this overflow float64 in a squared length or a volume."""
FAR = 1e4
"""Distance from the origin, in radii, from which float32 loses what a pixel shows (6e-8 * 1e4 = 0.6 thousandth)."""
UNUSUAL_SIZE = 1e6
"""Radii above this, or below its inverse, are mentioned: they are more often a wrong unit than meant."""


@dataclass(frozen=True)
class CleanMesh:
    """positions: (n, 3) float64, file units, each used by a face. faces: (m, 3). colours: (n, 3) linear or None.
    corner_uv: (m, 3, 2) or None. stored: (n,) each vertex's row in the file, the first of equal ones."""

    positions: np.ndarray
    faces: np.ndarray
    colours: np.ndarray | None
    centre: np.ndarray
    scale: float
    edges: Edges
    parts: int
    warnings: tuple[str, ...]
    corner_uv: np.ndarray | None = None
    stored: np.ndarray | None = None


def clean(raw: RawMesh, name: str) -> CleanMesh:
    """Clean what a reader found. `name` is the file's. Raises RimlightError where nothing usable is left."""
    warnings = list(raw.warnings)
    _require_usable(raw.positions, name)
    first, place = merge_equal(raw.positions)
    positions, faces = raw.positions[first], place[raw.faces]
    unused = len(first) - int(np.count_nonzero(np.bincount(faces.reshape(-1), minlength=len(first))))
    if unused:
        warnings.append(f"{unused:,} {_plural(unused, 'vertex', 'vertices')} of no face left out")
    kept = _faces_with_area(positions, faces, warnings, name)
    colours = _merged_colours(raw, place, kept, len(first))
    used = np.flatnonzero(np.bincount(faces[kept].reshape(-1), minlength=len(first)))
    compact = np.empty(len(first), np.int64)
    compact[used] = np.arange(len(used))
    positions, faces = positions[used], compact[faces[kept]]
    centre, scale = bounding_sphere(positions)
    _mention_size(centre, scale, warnings)
    before = faces
    faces, edges, parts = _orient((positions - centre) / scale, faces, warnings)
    if edges.nonmanifold:
        count = edges.nonmanifold
        warnings.append(f"{count:,} non-manifold {_plural(count, 'edge', 'edges')} (more than two faces share it)")
    colours = None if colours is None else colours[used]
    uv = None if raw.corner_uv is None else _turned_alike(raw.corner_uv[kept], before, faces)
    said = tuple(dict.fromkeys(warnings))
    return CleanMesh(positions, faces, colours, centre, scale, edges, parts, said, uv, first[used])


def bounding_sphere(positions: np.ndarray) -> tuple[np.ndarray, float]:
    """Centre of the bounding box and the distance of the farthest position from it."""
    centre = positions.min(axis=0) / 2 + positions.max(axis=0) / 2
    return centre, float(np.sqrt(np.square(positions - centre).sum(axis=1).max()))


def _require_usable(positions: np.ndarray, name: str) -> None:
    wrong = np.flatnonzero(~np.isfinite(positions).all(axis=1))
    if len(wrong):
        more = f", and {len(wrong) - 1:,} more" if len(wrong) > 1 else ""
        raise RimlightError(f"{name}: vertex {wrong[0] + 1:,} is not finite{more}; export it again")
    largest = np.abs(positions).max(initial=0)
    if largest > LARGEST:
        raise RimlightError(f"{name}: a coordinate of {largest:.0e} is too large to be meant; export it again")


def _faces_with_area(positions: np.ndarray, faces: np.ndarray, warnings: list[str], name: str) -> np.ndarray:
    """Indices of the faces that have an area and do not repeat an earlier face."""
    kept = np.flatnonzero((faces != np.roll(faces, 1, axis=1)).all(axis=1))
    if len(kept):
        centre, scale = bounding_sphere(positions[np.bincount(faces[kept].reshape(-1), minlength=len(positions)) > 0])
        kept = kept[~degenerate_faces((positions - centre) / (scale or 1.0), faces[kept])]
    if not len(kept):
        raise RimlightError(
            f"{name}: mesh has no faces left: all {len(faces):,} are degenerate (without area); export it again"
        )
    dropped = len(faces) - len(kept)
    if dropped:
        warnings.append(f"{dropped:,} degenerate {_plural(dropped, 'face', 'faces')} dropped")
    turns = np.argmin(faces[kept], axis=1)[:, None]
    rotated = np.take_along_axis(faces[kept], (turns + np.arange(3)) % 3, axis=1)
    single, _ = merge_equal(rotated.astype(np.float64))
    repeated = len(kept) - len(single)
    if repeated:
        warnings.append(f"{repeated:,} repeated {_plural(repeated, 'face', 'faces')} dropped")
    return kept[single]


def _merged_colours(raw: RawMesh, place: np.ndarray, kept: np.ndarray, count: int) -> np.ndarray | None:
    """One linear colour a joined vertex: the mean over the corners that meet there (texture seams, materials)."""
    if raw.vertex_colours is not None:
        corner_colours = raw.vertex_colours[raw.faces[kept]]
    elif raw.corner_colours is not None:
        corner_colours = raw.corner_colours[kept]
    else:
        return None
    corner = place[raw.faces[kept]].reshape(-1)
    number = np.maximum(np.bincount(corner, minlength=count), 1)
    channels = [np.bincount(corner, c, minlength=count) / number for c in corner_colours.reshape(-1, 3).T]
    return np.stack(channels, axis=1).astype(np.float32)


def _orient(unit: np.ndarray, faces: np.ndarray, warnings: list[str]) -> tuple[np.ndarray, Edges, int]:
    """Faces wound alike, and outwards where they close; unit: (n, 3) unit-sphere positions."""
    edges = find_edges(faces)
    parts, part = find_parts(faces, len(unit))
    turn, orientable = faces_to_turn(edges, len(faces))
    if turn.any():
        count = int(turn.sum())
        warnings.append(f"{count:,} {_plural(count, 'face was', 'faces were')} wound against the others, now turned")
        faces = np.where(turn[:, None], faces[:, ::-1], faces)
        edges = find_edges(faces)
    if not orientable:
        warnings.append("the surface has one side only (like a Moebius strip): back-face culling will show holes")
    wrong = inside_out_parts(unit, faces, edges, part, parts)
    if wrong.any():
        what = "all faces were" if wrong.all() else f"{int(wrong.sum()):,} of {parts:,} parts were"
        warnings.append(f"{what} wound inwards (inside out, negative volume), now turned outwards")
        faces = np.where(wrong[part][:, None], faces[:, ::-1], faces)
        edges = find_edges(faces)
    return faces, edges, parts


def _turned_alike(corner_uv: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Texture coordinates (m, 3, 2) with the corners of those faces reversed that `_orient` reversed."""
    turned = (before != after).any(axis=1)
    return np.where(turned[:, None, None], corner_uv[:, ::-1], corner_uv)


def _mention_size(centre: np.ndarray, scale: float, warnings: list[str]) -> None:
    if not 1 / UNUSUAL_SIZE < scale < UNUSUAL_SIZE:
        size = "huge" if scale > 1 else "tiny"
        warnings.append(f"{size}: radius {scale:.3g} in file units; scaled to 1 here, undone on export")
    distance = float(np.linalg.norm(centre))
    if distance > FAR * scale:
        warnings.append(
            f"far from the origin: {distance:.3g} away with radius {scale:.3g}; centred in float64, undone on export"
        )


def _plural(count: int, one: str, many: str) -> str:
    return one if count == 1 else many
