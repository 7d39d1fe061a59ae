"""Our own .npz files: named arrays with a version, sizes checked before they are unpacked, nothing unpickled."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection
from pathlib import Path

import numpy as np

from core.errors import RimlightError
from core.io.files import DAMAGED_ARCHIVE, one_line, read_bytes
from core.io.npy import read_member


def holds(path: str | Path, names: Collection[str]) -> bool:
    """Whether a file is an .npz with arrays of all these names; False for what is no such file at all."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {f"{name}.npy" for name in names} <= set(archive.namelist())
    except DAMAGED_ARCHIVE:
        return False


def read_archive(
    path: Path, what: str, needed: Collection[str], version: int, limit: int, remedy: str
) -> dict[str, np.ndarray]:
    """All arrays of a file of ours, "version" among them. what: the thing's name in messages; remedy: who writes it.

    limit: bytes, of the file and of what it unpacks to. Raises RimlightError naming the file and the cause.
    """
    data = read_bytes(path, limit)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist() if not info.is_dir()}
            unpacked = sum(info.file_size for info in members.values())
            if unpacked > limit:
                raise RimlightError(
                    f"{path.name}: unpacks to {unpacked:,} bytes, more than {what} can have; save fewer"
                )
            arrays = {name: read_member(path, archive, info, name) for name, info in members.items()}
    except DAMAGED_ARCHIVE as error:
        raise RimlightError(f"{path.name}: is no readable .npz ({one_line(error)}); save it again") from error
    missing = [name for name in ("version", *needed) if name not in arrays]
    if missing:
        raise RimlightError(f"{path.name}: holds no {', '.join(missing)}; {remedy}")
    found = arrays["version"]
    if found.size != 1 or found.dtype.kind not in "iu" or int(found.reshape(())) != version:
        raise RimlightError(f"{path.name}: has version {found}, and this Rimlight reads {version}; update it")
    return arrays
