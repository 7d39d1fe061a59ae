"""OpenEXR pictures, decoded by the ffmpeg that imageio-ffmpeg brings. EXR holds linear light, premultiplied alpha.

Our own look at the header (openexr.com, "File Layout") gives the size before anything is decoded.
"""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import numpy as np

from core.errors import RimlightError
from core.io.files import unreadable

MAGIC = b"\x76\x2f\x31\x01"
TIMEOUT = 30.0
"""Seconds until a decoder that hangs on a damaged file is stopped; a 64-megapixel picture takes about 5."""


def read_exr(path: Path, pixel_limit: int) -> np.ndarray:
    """[H, W, 4] float32: linear RGB, premultiplied, and alpha (1 where the file has none). Raises RimlightError."""
    width, height = display_size(path)
    if width * height > pixel_limit:
        raise RimlightError(f"{path.name}: {width} x {height} pixels are too many; make the picture smaller")
    planes = _decode(path)
    if planes.size != 4 * width * height:
        raise RimlightError(f"{path.name}: the picture is cut off or damaged; render or export it again")
    green, blue, red, alpha = planes.reshape(4, height, width)
    return np.stack([red, green, blue, alpha], axis=-1)


def _decode(path: Path) -> np.ndarray:
    """All planes (green, blue, red, alpha), flat."""
    try:
        import imageio_ffmpeg

        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-xerror", "-nostdin", "-f", "exr_pipe"]
        command += ["-i", f"file:{path.absolute()}", "-frames:v", "1", "-pix_fmt", "gbrapf32le", "-f", "rawvideo", "-"]
        answer = subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=False)
    except (ImportError, RuntimeError, OSError) as error:
        raise RimlightError(
            f"{path.name}: EXR needs the ffmpeg of imageio-ffmpeg, which is not there; save the picture as PNG"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise RimlightError(
            f"{path.name}: the picture could not be decoded in {TIMEOUT:.0f} s; save it as PNG"
        ) from error
    if answer.returncode or len(answer.stdout) % 4:
        lines = answer.stderr.decode("utf-8", "replace").strip().splitlines()
        cause = lines[-1].split("] ")[-1] if lines else "no picture in it"
        raise RimlightError(f"{path.name}: the picture is cut off or damaged ({cause}); render or export it again")
    return np.frombuffer(answer.stdout, dtype="<f4")


def display_size(path: Path) -> tuple[int, int]:
    """Width and height of the display window, from the header."""
    try:
        with path.open("rb") as file:
            head = file.read(1 << 16)
    except OSError as error:
        raise unreadable(path, error) from error
    if not head.startswith(MAGIC):
        raise RimlightError(f"{path.name}: not an EXR picture; check the format")
    mark = head.find(b"displayWindow\0box2i\0")
    if mark < 0 or len(head) < mark + 40:
        raise RimlightError(f"{path.name}: the EXR header is cut off; render or export it again")
    left, top, right, bottom = struct.unpack_from("<4i", head, mark + len(b"displayWindow\0box2i\0") + 4)
    if right < left or bottom < top:
        raise RimlightError(f"{path.name}: the EXR header gives an empty window; render or export it again")
    return right - left + 1, bottom - top + 1
