"""NumPy's .npy arrays, by themselves or in an .npz: header first, sizes before memory is taken, nothing unpickled.

The format: numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
"""

from __future__ import annotations

import io
import tokenize
import warnings as python_warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import RimlightError
from core.io.files import one_line

MAGIC = b"\x93NUMPY"
HEAD = 1 << 14
"""Bytes of a file in which its header ends: NumPy itself takes none of more than 10,000 characters."""
_DAMAGED = (ValueError, TypeError, SyntaxError, KeyError, OverflowError, MemoryError, tokenize.TokenError)
"""What a damaged header makes NumPy raise; MemoryError: brackets in brackets, of which Python's parser has enough."""


@dataclass(frozen=True)
class Header:
    """start: where the numbers begin in the file, bytes."""

    shape: tuple[int, ...]
    dtype: np.dtype
    start: int

    @property
    def count(self) -> int:
        return int(np.prod([int(n) for n in self.shape], dtype=object)) if self.shape else 1

    @property
    def size(self) -> int:
        """Bytes of the numbers."""
        return self.count * self.dtype.itemsize


def read_header(path: Path, stream: Any, name: str) -> Header:
    """Shape and type of an array of numbers, of which nothing is read. name: the array's, in messages. The stream is
    then somewhere in it. Raises RimlightError."""
    head = io.BytesIO(stream.read(HEAD))
    try:
        with python_warnings.catch_warnings():
            python_warnings.simplefilter("ignore")  # of a header that Python 2 wrote, or of words that are no code
            version = np.lib.format.read_magic(head)
            reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = reader(head)
    except _DAMAGED as error:
        raise RimlightError(
            f"{path.name}: '{name}' is no NumPy array ({one_line(error)}); save it with numpy.savez"
        ) from error
    if dtype.hasobject:
        raise RimlightError(
            f"{path.name}: {name} holds pickled Python objects, which are never opened; save a plain array of numbers"
        )
    if dtype.kind not in "fiu":
        raise RimlightError(
            f"{path.name}: '{name}' has type {one_line(str(dtype))}, expected real numbers; save them as float32"
        )
    return Header(tuple(int(n) for n in shape), dtype, head.tell())


def require_bytes(path: Path, header: Header, held: int, name: str) -> None:
    """Raise RimlightError where an array has not the bytes that its shape asks for. held: bytes of it, header included."""
    if held - header.start != header.size:
        raise RimlightError(
            f"{path.name}: '{name}' holds {held - header.start:,} bytes but its shape {header.shape} needs "
            f"{header.size:,}; save it again"
        )


def read_member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> np.ndarray:
    """An array of numbers of an .npz, its size held against its header first. Raises RimlightError, or what a damaged
    archive makes zipfile raise (core/io/files.py)."""
    with archive.open(info) as stream:
        require_bytes(path, read_header(path, stream, name), info.file_size, name)
    with archive.open(info) as stream:
        return unpack(path, stream, name)


def unpack(path: Path, stream: Any, name: str) -> np.ndarray:
    """The array from its header on, once `read_header` has passed it. Raises RimlightError."""
    try:
        with python_warnings.catch_warnings():
            python_warnings.simplefilter("ignore")
            return np.lib.format.read_array(stream, allow_pickle=False)
    except (ValueError, TypeError) as error:
        raise RimlightError(
            f"{path.name}: '{name}' is damaged or cut off ({one_line(error)}); save it again"
        ) from error
