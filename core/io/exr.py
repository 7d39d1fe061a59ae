"""OpenEXR pictures, decoded by the ffmpeg that imageio-ffmpeg brings. EXR holds linear light, premultiplied alpha.

Our own look at the header (openexr.com, "File Layout") gives the size before anything is decoded.
"""

from __future__ import annotations

import re
import struct
import subprocess
from pathlib import Path

import numpy as np

from core.errors import RimlightError
from core.io.files import unreadable

MAGIC = b"\x76\x2f\x31\x01"
TIMEOUT = 30.0
"""Seconds until a decoder that hangs on a damaged file is stopped; a 64-megapixel picture takes about 5."""


_LINES_PER_BLOCK = {3: 16, 4: 32, 5: 16, 6: 32, 7: 32, 8: 32, 9: 256}
"""Compression code -> scan lines a block; 1 for the others ("OpenEXR File Layout")."""

_LAYOUT = re.compile(r"Video: exr, (gbrap|gbrp|gray)f(16|32)le")
"""ffmpeg's word for how it decoded a picture. It is left so: its own conversions clip at 1 and round to 16 bits."""


def read_exr(path: Path, pixel_limit: int) -> np.ndarray:
    """[H, W, 4] float32: linear RGB, premultiplied, and alpha (1 where the file has none). Raises RimlightError."""
    width, height = display_size(path)
    if width * height > pixel_limit:
        raise RimlightError(f"{path.name}: {width} x {height} pixels are too many; make the picture smaller")
    _require_whole(path)
    planes = _decode(path)
    if len(planes) not in (1, 3, 4) or planes.shape[1] != width * height:
        raise RimlightError(f"{path.name}: the picture is cut off or damaged; render or export it again")
    planes = planes.astype(np.float32).reshape(len(planes), height, width)
    order = {1: (0, 0, 0), 3: (2, 0, 1), 4: (2, 0, 1)}[len(planes)]  # ffmpeg stores green, blue, red
    alpha = planes[3] if len(planes) == 4 else np.ones((height, width), np.float32)
    return np.stack([*(planes[i] for i in order), alpha], axis=-1)


def _decode(path: Path) -> np.ndarray:
    """The planes ffmpeg makes of it, (channels, pixels): grey, or green, blue, red and perhaps alpha."""
    try:
        import imageio_ffmpeg

        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-xerror", "-nostdin", "-f", "exr_pipe"]
        command += ["-i", f"file:{path.absolute()}", "-frames:v", "1", "-f", "rawvideo", "-"]
        answer = subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=False)
    except (ImportError, RuntimeError, OSError) as error:
        raise RimlightError(
            f"{path.name}: EXR needs the ffmpeg of imageio-ffmpeg, which is not there; save the picture as PNG"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise RimlightError(f"{path.name}: not decoded in {TIMEOUT:.0f} s; save it as PNG") from error
    layout = _LAYOUT.search(answer.stderr.decode("utf-8", "replace"))
    if answer.returncode or layout is None:
        raise RimlightError(
            f"{path.name}: the picture is cut off, damaged or of an unusual kind; render or export it again as RGBA"
        )
    channels = {"gray": 1, "gbrp": 3, "gbrap": 4}[layout[1]]
    item = int(layout[2]) // 8
    whole = len(answer.stdout) // (item * channels) * item * channels
    return np.frombuffer(answer.stdout[:whole], dtype=f"<f{item}").reshape(channels, -1)


def display_size(path: Path) -> tuple[int, int]:
    """Width and height of the display window, from the header. Raises RimlightError."""
    attributes, _ = _header(path)
    return _window(attributes, "displayWindow", path)


def _require_whole(path: Path) -> None:
    """Raise RimlightError where a scan line lies behind the end of the file: ffmpeg leaves such lines black."""
    attributes, end = _header(path)
    if "tiles" in attributes or "chunkCount" in attributes:
        return  # tiled or of several parts: no plain table of scan lines
    _, height = _window(attributes, "dataWindow", path)
    compression = (attributes.get("compression") or b"\0")[0]
    blocks = -(-height // _LINES_PER_BLOCK.get(compression, 1))
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(end)
        table = file.read(8 * blocks)
        last = max((offset for (offset,) in struct.iter_unpack("<Q", table[: len(table) // 8 * 8])), default=size)
        file.seek(min(last, size))
        head = file.read(8)
    if len(table) < 8 * blocks or len(head) < 8 or last + 8 + struct.unpack_from("<i", head, 4)[0] > size:
        raise RimlightError(f"{path.name}: the picture is cut off; render or export it again")


def _header(path: Path) -> tuple[dict[str, bytes], int]:
    """Attributes of the (first) header by name, and where the header ends."""
    try:
        with path.open("rb") as file:
            head = file.read(1 << 16)
    except OSError as error:
        raise unreadable(path, error) from error
    if not head.startswith(MAGIC):
        raise RimlightError(f"{path.name}: not an EXR picture; check the format")
    attributes: dict[str, bytes] = {}
    at = 8
    try:
        while head[at] != 0:
            name_end = head.index(b"\0", at)
            type_end = head.index(b"\0", name_end + 1)
            (length,) = struct.unpack_from("<I", head, type_end + 1)
            start = type_end + 5
            if start + length > len(head):
                raise IndexError(length)
            attributes[head[at:name_end].decode("latin-1")] = head[start : start + length]
            at = start + length
    except (IndexError, ValueError, struct.error) as error:
        raise RimlightError(f"{path.name}: the EXR header is cut off; render or export it again") from error
    return attributes, at + 1


def _window(attributes: dict[str, bytes], name: str, path: Path) -> tuple[int, int]:
    """Width and height of a window of the header."""
    data = attributes.get(name, b"")
    left, top, right, bottom = struct.unpack("<4i", data) if len(data) == 16 else (0, 0, -1, -1)
    if right < left or bottom < top:
        raise RimlightError(f"{path.name}: the EXR header gives no {name}; render or export it again")
    return right - left + 1, bottom - top + 1
