"""Exact values of an image as EXR (32-bit floats, uncompressed scan lines; openexr.com, "File Layout") or NPZ."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np

from core.io.atomic import write_bytes
from core.io.exr import MAGIC

_NAMES = {1: ("Y",), 3: ("R", "G", "B"), 4: ("R", "G", "B", "A")}
"""Channels of an image by their number; EXR stores them in the order of their names."""
_FLOAT = 2


def save_values(path: Path, name: str, image: np.ndarray, iteration: int) -> None:
    """Write [H, W, C] or (H, W) float values to .exr or .npz, atomically. iteration: kept beside them in an .npz."""
    if path.suffix.lower() == ".npz":
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **{name: image, "iteration": np.asarray(iteration)})
        write_bytes(path, buffer.getvalue())
        return
    write_bytes(path, exr_bytes(image))


def exr_bytes(image: np.ndarray) -> bytes:
    """The content of an EXR file of 1, 3 or 4 channels of 32-bit floats; values as they are, signed and unbounded."""
    planes = np.asarray(image, "<f4")
    planes = planes[..., None] if planes.ndim == 2 else planes
    height, width, count = planes.shape
    order = sorted(range(count), key=lambda i: _NAMES[count][i])
    channels = b"".join(_NAMES[count][i].encode() + b"\0" + struct.pack("<iB3xii", _FLOAT, 0, 1, 1) for i in order)
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    header = MAGIC + struct.pack("<i", 2)
    for name, kind, value in (
        ("channels", "chlist", channels + b"\0"),
        ("compression", "compression", b"\0"),
        ("dataWindow", "box2i", window),
        ("displayWindow", "box2i", window),
        ("lineOrder", "lineOrder", b"\0"),
        ("pixelAspectRatio", "float", struct.pack("<f", 1.0)),
        ("screenWindowCenter", "v2f", struct.pack("<2f", 0.0, 0.0)),
        ("screenWindowWidth", "float", struct.pack("<f", 1.0)),
    ):
        header += name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(value)) + value
    header += b"\0"
    line = 4 * width * count
    first = len(header) + 8 * height
    offsets = np.arange(height, dtype="<u8") * (8 + line) + np.uint64(first)
    lines = []
    for y in range(height):
        row = b"".join(np.ascontiguousarray(planes[y, :, i]).tobytes() for i in order)
        lines.append(struct.pack("<ii", y, line) + row)
    return b"".join([header, offsets.tobytes(), *lines])
