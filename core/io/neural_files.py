"""Meshes with a neural texture on disk: .npz with a version, the mesh in file units, features and the decoder's weights.

Entries: version (1), vertices (n, 3) float64 as they stand in the world, faces (m, 3), corner_uv (m, 3, 2), v upwards,
texture [h, w, 8] features, decoder (3587,) packed as kernels/neural_parts.py says, which sees rays of that world.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import RimlightError
from core.io.archives import read_archive
from core.io.atomic import write_bytes
from core.io.files import MEBIBYTE
from core.io.meshes import MeshData, mesh_data
from core.io.raw_mesh import RawMesh
from kernels.neural_parts import FEATURES, WEIGHTS

VERSION = 1
LIMIT = 512 * MEBIBYTE
LARGEST_SIDE = 4096
"""Texels a side that are read; 8 features of 4 bytes make 512 MiB of that."""
_NEEDED = ("vertices", "faces", "corner_uv", "texture", "decoder")


@dataclass(frozen=True)
class NeuralData:
    """mesh: cleaned and in the unit sphere, with texture coordinates. features [h, w, F], decoder (W,), float32."""

    mesh: MeshData
    features: np.ndarray
    decoder: np.ndarray


def load_neural(path: str | Path) -> NeuralData:
    """Read what `save_neural` wrote. Raises RimlightError naming the file and the cause."""
    path = Path(path)
    arrays = read_archive(path, "a neural texture", _NEEDED, VERSION, LIMIT, "they are written by a fit's export")
    count = len(arrays["faces"]) if arrays["faces"].ndim else 0
    shapes = {"vertices": (None, 3), "faces": (count, 3), "corner_uv": (count, 3, 2), "texture": (None, None, FEATURES),
              "decoder": (WEIGHTS,)}  # fmt: skip
    for name, shape in shapes.items():
        found = arrays[name]
        kinds = "iu" if name == "faces" else "f"
        fits = found.ndim == len(shape) and all(b in (None, a) for a, b in zip(found.shape, shape)) and found.size
        if not fits or found.dtype.kind not in kinds or not np.isfinite(found).all():
            expected = " x ".join("any" if side is None else str(side) for side in shape)
            raise RimlightError(
                f"{path.name}: '{name}' has shape {found.shape} of {found.dtype}, expected finite numbers, {expected}; "
                "save it again"
            )
    faces, vertices = arrays["faces"].astype(np.int64), arrays["vertices"].astype(np.float64)
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise RimlightError(f"{path.name}: a face names a vertex that is not there; save it again")
    if max(arrays["texture"].shape[:2]) > LARGEST_SIDE:
        raise RimlightError(f"{path.name}: its texture has more than {LARGEST_SIDE} texels a side; save a smaller one")
    raw = RawMesh(vertices, faces, corner_uv=arrays["corner_uv"].astype(np.float64))
    return NeuralData(mesh_data(path, raw), *(arrays[n].astype(np.float32) for n in ("texture", "decoder")))


def save_neural(
    path: str | Path,
    vertices: np.ndarray,
    faces: np.ndarray,
    corner_uv: np.ndarray,
    features: np.ndarray,
    decoder: np.ndarray,
) -> None:
    """vertices (n, 3) in file units. Raises RimlightError where the file cannot be written."""
    buffer = io.BytesIO()
    arrays = {"vertices": np.asarray(vertices, np.float64), "faces": faces, "corner_uv": corner_uv}
    np.savez_compressed(
        buffer, allow_pickle=False, version=np.int64(VERSION), texture=features, decoder=decoder, **arrays
    )
    write_bytes(path, buffer.getvalue())
