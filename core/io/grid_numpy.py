"""Grids in .npz ("sdf", and optionally "origin" and "spacing") and in .npy of one array.

Headers are read and sizes checked before any array is unpacked; pickles are never opened.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np

from core.errors import RimlightError
from core.io.files import DAMAGED_ARCHIVE, one_line
from core.io.grid_checks import require_size
from core.io.npy import MAGIC, Header, read_header, read_member, unpack

NAME = "sdf"
PLACES = ("origin", "spacing")


def read_numpy(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file: "sdf" (nx, ny, nz) and, where it has them, "origin" and "spacing". Raises RimlightError."""
    try:
        with path.open("rb") as file:
            return _read_archive(path, file) if zipfile.is_zipfile(file) else _read_single(path, file)
    except DAMAGED_ARCHIVE as error:
        raise RimlightError(
            f"{path.name}: the archive is damaged or cut off ({one_line(error)}); save it again"
        ) from error


def _read_archive(path: Path, file: BinaryIO) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(file) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist() if not info.is_dir()}
        chosen = _choose(path, list(members))
        arrays = {}
        for name in (chosen, *(p for p in PLACES if p in members)):
            info = members[name]
            with archive.open(info) as stream:
                header = read_header(path, stream, name)
            require_size(path, header.shape, f"'{name}'") if name == chosen else _require_place(path, header, name)
            arrays[NAME if name == chosen else name] = read_member(path, archive, info, name)
    return arrays


def _read_single(path: Path, file: BinaryIO) -> dict[str, np.ndarray]:
    file.seek(0)
    if file.read(len(MAGIC)) != MAGIC:
        raise RimlightError(
            f"{path.name}: is neither a .npz archive nor a .npy array, or is cut off; save it with numpy.savez"
        )
    file.seek(0)
    header = read_header(path, file, "the array")
    require_size(path, header.shape, "the array")
    need = header.start + header.size
    if path.stat().st_size < need:
        raise RimlightError(
            f"{path.name}: the file is cut off ({path.stat().st_size:,} of {need:,} bytes); save it again"
        )
    file.seek(0)
    return {NAME: unpack(path, file, "the array")}


def _choose(path: Path, names: list[str]) -> str:
    """The member that is the grid: "sdf", or the only array that is not a place."""
    if NAME in names:
        return NAME
    others = [name for name in names if name not in PLACES]
    if len(others) == 1:
        return others[0]
    found = f"found {', '.join(repr(name) for name in names)}" if names else "it is empty"
    raise RimlightError(f"{path.name}: no array is called 'sdf' ({found}); name the grid 'sdf'")


def _require_place(path: Path, header: Header, name: str) -> None:
    if header.shape not in ((), (1,), (3,)):
        raise RimlightError(f"{path.name}: '{name}' has shape {header.shape}, expected three numbers (x, y, z)")
