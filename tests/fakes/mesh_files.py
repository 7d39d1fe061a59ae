"""Small meshes as files, and what every mesh that was read must be."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from core.errors import RimlightError
from core.io.meshes import MeshData, load_mesh

CUBE_VERTICES = [(x, y, z) for z in (-1, 1) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
CUBE_FACES = [
    (4, 3, 2), (4, 2, 1), (5, 6, 7), (5, 7, 8), (1, 2, 6), (1, 6, 5),
    (2, 3, 7), (2, 7, 6), (3, 4, 8), (3, 8, 7), (4, 1, 5), (4, 5, 8),
]  # fmt: skip
"""A cube as OBJ counts: from 1, wound outwards."""
TETRAHEDRON = "3 0 2 1\n3 0 1 3\n3 1 2 3\n3 0 3 2\n"
"""Faces of a tetrahedron as PLY and OFF write them: the count, then vertices from 0."""


def cube_obj(faces=CUBE_FACES, vertices=CUBE_VERTICES) -> str:
    lines = ["v " + " ".join(map(str, v)) for v in vertices]
    return "\n".join([*lines, *("f " + " ".join(map(str, f)) for f in faces)]) + "\n"


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refused(path: Path) -> str:
    """The message a file is refused with: one line that names the file, within two seconds."""
    start = time.monotonic()
    with pytest.raises(RimlightError) as caught:
        load_mesh(path)
    assert time.monotonic() - start < 5  # the promise is 2 s on a machine that does nothing else
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message


def volume(mesh: MeshData) -> float:
    a, b, c = (mesh.vertices[mesh.faces[:, i]].astype(np.float64) for i in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def check_normal_form(mesh: MeshData) -> None:
    assert mesh.vertices.dtype == np.float32
    assert mesh.faces.dtype == np.int32
    assert np.isfinite(mesh.vertices).all()
    radius = np.linalg.norm(mesh.vertices.astype(np.float64), axis=1)
    assert radius.max() == pytest.approx(1, abs=1e-6)
    assert mesh.vertices.min(axis=0) == pytest.approx(-mesh.vertices.max(axis=0), abs=1e-6)
    assert set(np.unique(mesh.faces)) == set(range(len(mesh.vertices)))
