"""The first look at a user's file: it exists, is a file, is not empty and not larger than a reader will take.

Messages have one form: "name: cause; remedy".
"""

from __future__ import annotations

import difflib
import lzma
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

from core.errors import RimlightError

MEBIBYTE = 1 << 20
MESH_LIMIT = 2048 * MEBIBYTE
"""Largest mesh file read. A 2-million-triangle text mesh has about 150 MiB; beyond 2 GiB nothing would be live."""


def checked_path(path: str | Path, limit: int) -> Path:
    """`path` as a Path, after checking that it is a readable, non-empty file of at most `limit` bytes."""
    path = Path(path).expanduser()
    try:
        if path.is_dir():
            raise RimlightError(f"{path.name or path}: is a folder; name a file in it")
        if not path.exists():
            raise RimlightError(f"{path.name}: no such file in {path.absolute().parent}; {_suggest(path)}")
        if not path.is_file():
            raise RimlightError(f"{path.name}: is not a regular file; name a file")
        size = path.stat().st_size
        if size == 0:
            raise RimlightError(f"{path.name}: the file is empty (0 bytes); export it again")
        if size > limit:
            raise RimlightError(
                f"{path.name}: the file has {size / MEBIBYTE:,.0f} MiB, more than the {limit / MEBIBYTE:,.0f} MiB "
                "this reader takes; make it smaller first"
            )
        with path.open("rb"):
            pass
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise unreadable(path, error) from error
    return path


def read_bytes(path: str | Path, limit: int) -> bytes:
    """The bytes of a checked file. Raises RimlightError."""
    path = checked_path(path, limit)
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error


def read_text(path: str | Path, limit: int) -> str:
    """The text of a checked UTF-8 file, a byte order mark removed. Raises RimlightError."""
    data = read_bytes(path, limit)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RimlightError(f"{Path(path).name}: line {line} is not UTF-8 text; save the file as UTF-8") from error


DAMAGED_ARCHIVE = (
    OSError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, NotImplementedError, ValueError,
    KeyError, IndexError, OverflowError, struct.error,
)  # fmt: skip
"""What a damaged zip archive makes zipfile raise."""


def one_line(error: Exception | str) -> str:
    """A library's error as part of a line of ours."""
    text = " ".join(str(error).split())
    return text if len(text) <= 80 else text[:77] + "..."


def shown(value: Any) -> str:
    """A value as its file would write it, shortened."""
    if isinstance(value, bool):
        return str(value).lower()
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # tables in tables without end; a number of more digits than Python writes
        return f"a {type(value).__name__} that is too long to be shown"
    return text if len(text) <= 60 else text[:57] + "..."


MOST_DIGITS = 15
"""Of a count in a header: more is no count, and would fill the message with digits."""


def header_count(word: str | bytes) -> int:
    """A count as a header states it. Raises ValueError where it is none, or has more digits than a count can have."""
    if len(word) > MOST_DIGITS:
        raise ValueError(f"{word[:MOST_DIGITS]!r}... is no count")
    return int(word)


def unreadable(path: Path, error: Exception) -> RimlightError:
    """The error for a file that the system will not give."""
    cause = getattr(error, "strerror", None) or error
    return RimlightError(f"{path.name}: cannot be read ({cause}); check the path and its permissions")


def named_inside(name: str, folder: Path, home: Path) -> Path:
    """The file that another one names: `name` from `folder`, which is `home` or in it; never outside `home`.

    Raises RimlightError, naming the file that is named.
    """
    cause = f"no such file in {folder.absolute()}"
    try:
        path = folder / name
        if path.exists():
            if path.resolve().is_relative_to(home.resolve()):
                return path
            cause = OUTSIDE
    except (OSError, ValueError, RuntimeError):  # a name longer than the system allows, a link to itself
        pass
    raise RimlightError(f"{one_line(Path(name).name)}: {cause}; copy it there")


OUTSIDE = "leads outside the folder of the shape"
"""Why a file that is named is not read."""


def _suggest(path: Path) -> str:
    try:
        names = [entry.name for entry in path.absolute().parent.iterdir()]
    except OSError:
        return "check the path"
    close = difflib.get_close_matches(path.name, names, n=1)
    return f"did you mean {close[0]}?" if close else "check the path"
