"""Pictures into an MP4 or a GIF by a ffmpeg process that works beside the window. Raw RGB goes in through a pipe.

The file appears, whole, when the process has ended well; until then it is a hidden neighbour.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from subprocess import Popen

from PyQt6.QtGui import QImage

from core.errors import RimlightError
from core.io.atomic import atomic_path

FPS = 30
"""Pictures a second of the video. A recording has one for every snapshot shown, however long it took."""

PALETTE = "split[a][b];[a]palettegen=stats_mode=diff[p];[b][p]paletteuse=dither=bayer:bayer_scale=4"
"""A GIF's 256 colours, chosen for what changes."""

LEAST_FREE = 1 << 16
"""Bytes of a disk on which a failed write is blamed on it."""


class Encoder:
    """Takes pictures of one size; `finish`, then ask `done` until it says so. Raises RimlightError."""

    def __init__(self, path: str | Path, size: tuple[int, int]) -> None:
        self.path, self.size, self.count = Path(path), size, 0
        self._stack = contextlib.ExitStack()
        temporary = self._stack.enter_context(atomic_path(self.path))
        self._process: Popen[bytes] = _start(temporary, size)

    def add(self, picture: QImage) -> None:
        """One more picture; another size than the first one's is scaled to it."""
        width, height = self.size
        if (picture.width(), picture.height()) != self.size:
            picture = picture.scaled(width, height)
        picture = picture.convertToFormat(QImage.Format.Format_RGB32)
        bits = picture.constBits()
        assert bits is not None
        bits.setsize(picture.sizeInBytes())
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(bits.asstring(picture.sizeInBytes()))
        except OSError as error:
            raise self._failure(f"the encoder stopped ({error}); record again") from error
        self.count += 1

    def finish(self) -> None:
        """No more pictures."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def done(self) -> bool:
        """Whether the file is there. Raises RimlightError where it will not be."""
        code = self._process.poll()
        if code is None:
            return False
        if code:
            raise self._failure(f"the encoder failed (exit {code}); try another format or folder")
        self._stack.close()
        return True

    def _failure(self, what: str) -> RimlightError:
        """Give up and say why: the encoder itself does not tell of a full disk."""
        full = shutil.disk_usage(self.path.absolute().parent).free < LEAST_FREE  # before the half file goes
        self.cancel()
        return RimlightError(
            f"{self.path.name}: {'cannot be written (the disk is full); free some space' if full else what}"
        )

    def cancel(self) -> None:
        """Give up; no file is left."""
        self.finish()
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError, RimlightError):
            self._stack.__exit__(OSError, OSError("cancelled"), None)


def _start(path: Path, size: tuple[int, int]) -> Popen[bytes]:
    import imageio_ffmpeg

    from app.launcher import start_encoder

    width, height = size
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "bgr0"]
    command += ["-s", f"{width}x{height}", "-r", str(FPS), "-i", "-", "-an"]
    if path.suffix.lower() == ".gif":
        command += ["-filter_complex", PALETTE]
    else:
        even = "crop=trunc(iw/2)*2:trunc(ih/2)*2"
        command += ["-vf", even, "-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p"]
        command += ["-movflags", "+faststart"]
    return start_encoder([*command, str(path)])
