"""Labels from files: pictures of labels, lists of one a vertex, and what a mesh itself tells (parts, colours).

A label is a whole number, 0 the background. A picture of indexed colours holds its indices, a grey one its values; one
of true colours is read by a table of colours, row i being label i (labels.colours, or the colours Rimlight shows).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import RimlightError
from core.io.files import MEBIBYTE, checked_path, one_line, read_text
from core.io.images import FILE_LIMIT, PIXEL_LIMIT, pillow
from core.io.npy import read_header, require_bytes, unpack
from core.io.suffixes import COLOURS, LABEL_LIST_SUFFIXES, PARTS
from core.io.topology import find_parts
from core.label_colours import MOST_LABELS, label_bytes
from core.shapes.labelling import Labelling, checked_labels, one_hot

LIST_LIMIT = 256 * MEBIBYTE
SAME = 2
"""Of 255: 8-bit colours no farther apart in any channel are the same label."""

Table = Sequence[Sequence[float]]
"""Rows of three numbers, 0 to 255 sRGB; row i is label i. Empty: LABEL_COLOURS."""


def labelling_of(data: Any, source: str, colours: Table = ()) -> Labelling:
    """The labels of a mesh (MeshData): `source` is "parts", "colours" or a file. Raises RimlightError."""
    if source == PARTS:
        return _by_vertex(_parts(data.faces, len(data.vertices)), PARTS)
    if source == COLOURS:
        return _by_vertex(_coloured(data, colours), COLOURS)
    path = Path(source)
    if path.suffix.lower() in LABEL_LIST_SUFFIXES:
        return _by_vertex(_listed(path, data), path.name)
    if data.corner_uv is None:
        raise RimlightError(
            f"{path.name}: {data.path.name} has no texture coordinates, so that a picture says nothing of its labels; "
            "give a list, one label a vertex"
        )
    labels = read_label_picture(path, colours)
    return Labelling(one_hot(labels, int(labels.max()) + 1), data.corner_uv, path.name)


def _by_vertex(labels: np.ndarray, source: str) -> Labelling:
    found = checked_labels(labels, source)
    return Labelling(one_hot(found, max(int(found.max(initial=0)), 1) + 1), None, source)


def _parts(faces: np.ndarray, count: int) -> np.ndarray:
    """Connected parts, the largest first from 1; the smallest share the last label where there are too many."""
    number, part = find_parts(faces, count)
    order = np.argsort(-np.bincount(part, minlength=number), kind="stable")
    rank = np.empty(number, np.int64)
    rank[order] = np.minimum(np.arange(number), MOST_LABELS - 1) + 1
    labels = np.zeros(count, np.int64)
    labels[faces.reshape(-1)] = np.repeat(rank[part], 3)
    return labels


def _coloured(data: Any, colours: Table) -> np.ndarray:
    """Vertex colours by the table; without one, the different colours from 1, the commonest first."""
    from core.colour import to_bytes

    if data.vertex_colours is None:
        raise RimlightError(f"{data.path.name}: has no vertex colours to take labels from; use parts, or a file")
    pixels = to_bytes(data.vertex_colours)
    if len(colours):
        return _by_table(pixels, colours, data.path.name)
    kinds, place, counts = np.unique(pixels, axis=0, return_inverse=True, return_counts=True)
    if len(kinds) > MOST_LABELS:
        raise RimlightError(
            f"{data.path.name}: has {len(kinds):,} different vertex colours, and at most {MOST_LABELS} are labels; "
            "give labels.colours, or a file"
        )
    rank = np.empty(len(kinds), np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(kinds)) + 1
    return rank[place.reshape(-1)]


def _listed(path: Path, data: Any) -> np.ndarray:
    """One whole number a vertex of the file, or of the cleaned mesh."""
    try:
        if path.suffix.lower() == ".npy":
            numbers = _array(checked_path(path, LIST_LIMIT))
        else:
            words = read_text(path, LIST_LIMIT).replace(",", " ").split()
            numbers = np.array([float(word) for word in words])
    except (ValueError, OSError) as error:
        raise RimlightError(
            f"{path.name}: not a list of whole numbers ({one_line(error)}); write one label a vertex"
        ) from error
    if not np.isfinite(numbers).all() or (numbers != np.round(numbers)).any():
        raise RimlightError(f"{path.name}: some labels are not whole numbers; write one label a vertex")
    stored, count = data.facts["stored_vertices"], len(data.vertices)
    if len(numbers) not in (stored, count):
        raise RimlightError(
            f"{path.name}: has {len(numbers):,} labels, and {data.path.name} {stored:,} vertices; write one label a vertex"
        )
    return numbers[data.stored] if len(numbers) == stored else numbers


def _array(path: Path) -> np.ndarray:
    """The numbers of a .npy in their order, float64. Raises RimlightError."""
    with path.open("rb") as file:
        header = read_header(path, file, "the list")
        require_bytes(path, header, path.stat().st_size, "the list")
        file.seek(0)
        return unpack(path, file, "the list").reshape(-1).astype(np.float64)


def read_label_picture(path: str | Path, colours: Table = ()) -> np.ndarray:
    """The labels [H, W] int64 of a picture, row 0 at the top. Raises RimlightError."""
    path = checked_path(path, FILE_LIMIT)
    with pillow(path) as picture:
        if picture.width * picture.height > PIXEL_LIMIT:
            raise RimlightError(f"{path.name}: has more than {PIXEL_LIMIT:,} pixels; make the picture smaller")
        if picture.mode in ("P", "L", "1", "I", "I;16"):
            values = np.asarray(picture if picture.mode != "1" else picture.convert("L"), np.int64)
            return checked_labels(values // 255 if picture.mode == "1" else values, path.name)
        pixels = np.asarray(picture.convert("RGBA"))
    labels = _by_table(pixels[..., :3], colours, path.name, pixels[..., 3] > 127)
    return labels


def _by_table(pixels: np.ndarray, colours: Table, source: str, opaque: np.ndarray | None = None) -> np.ndarray:
    """8-bit colours (..., 3) -> labels (...); what is not opaque is background. Raises where a colour is in no row."""
    table = np.asarray(colours, np.int64).reshape(-1, 3) if len(colours) else label_bytes().astype(np.int64)
    shape = pixels.shape[:-1]
    kinds, place = np.unique(pixels.reshape(-1, 3).astype(np.int64), axis=0, return_inverse=True)
    apart = np.abs(kinds[:, None] - table[None]).max(-1)
    labels = np.argmin(apart, axis=1)[place.reshape(-1)].reshape(shape)
    unknown = (apart.min(axis=1) > SAME)[place.reshape(-1)].reshape(shape)
    if opaque is not None:
        labels, unknown = np.where(opaque, labels, 0), unknown & opaque
    if unknown.any():
        red, green, blue = pixels[tuple(np.argwhere(unknown)[0])]
        raise RimlightError(
            f"{source}: colour ({red}, {green}, {blue}) is no label's, nor are those of {int(unknown.sum()):,} points "
            "in all; name each label's colour in labels.colours (row 0 is the background)"
        )
    return labels
