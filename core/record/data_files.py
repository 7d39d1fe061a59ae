"""The data of a session: which files an experiment needs, and what they are called inside the session file.

Single files lie in data/ under a number and their name; those that name others by their place (materials and textures of
an OBJ, buffers and pictures of a .gltf) in a folder with them, and a set of cameras keeps its folders below
data/N-cameras/. What is too large, or cannot be read, is named by its place on this machine instead.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from core.errors import RimlightError
from core.experiment import Experiment, TargetSpec
from core.experiments.files import experiment_to_toml
from core.experiments.paths import with_paths
from core.io.camera_set import split_file
from core.io.cameras import load_cameras
from core.io.files import MEBIBYTE
from core.io.materials import read_libraries
from core.record.history import ROOT

DATA_LIMIT = 512 * MEBIBYTE
"""A data file with those that it names, or a set of cameras with its pictures, larger than this is named in the session
file, not kept in it."""
INSIDE = ROOT / "inside-the-session-file"
"""Where embedded files, below data/, are said to be while the experiment's text is written."""
NAME_LENGTH, NAME_END = 80, 16
"""Characters of a kept name; of a longer one its beginning stays, and its end with the suffixes that tell its kind."""
_COLMAP = ("cameras.txt", "images.txt", "points3D.txt")
_CAMERA_KEYS = ("target.file", "target.images", "target.masks")


def embedded(experiment: Experiment) -> tuple[Experiment, dict[str, Path]]:
    """The experiment with its files below INSIDE, and what to put there: name below data/ -> file."""
    data: dict[str, Path] = {}
    places: dict[str, str] = {}
    if experiment.target.kind == "cameras":
        experiment = dataclasses.replace(experiment, target=_keep_cameras(experiment.target, data))

    def keep(key: str, path: str) -> str:
        if experiment.target.kind == "cameras" and key in _CAMERA_KEYS:
            return path
        if path not in places:
            try:
                places[path] = _keep(Path(path).absolute(), data)
            except (RimlightError, OSError, ValueError):
                places[path] = path  # opening it says what is wrong with it
        return places[path]

    return with_paths(experiment, keep), data


def _keep(path: Path, data: dict[str, Path]) -> str:
    """Put a file, with what it names, or a folder's files among `data`; where it is then, or where it was."""
    number = len(data)
    if path.is_dir():
        inner = f"{number}-{_safe(path.name)}"
        names = {f"{inner}/{each.name}": each for each in _files_of(path)}
    elif companions := _companions(path):
        home = f"{number}-{_safe(path.stem)}"
        inner = f"{home}/{_safe(path.name)}"
        names = {inner: path, **{f"{home}/{each.relative_to(path.parent).as_posix()}": each for each in companions}}
    else:
        inner = f"{number}/{_safe(path.name)}"  # a folder of its own: people see the file's name, and it as it was
        names = {inner: path}
    if not names or sum(each.stat().st_size for each in names.values()) > DATA_LIMIT:
        return str(path)
    for name in names:
        inner_place(name)
    data |= names
    return str(INSIDE / "data" / inner)


def _keep_cameras(target: TargetSpec, data: dict[str, Path]) -> TargetSpec:
    """The target with its file, pictures and masks inside, in the folders in which they lie to each other."""
    try:
        files = list(dict.fromkeys(_camera_files(target)))
        root = Path(os.path.commonpath([str(file.parent) for file in files]))
        if sum(file.stat().st_size for file in files) > DATA_LIMIT:
            return target
    except (RimlightError, OSError, ValueError):
        return target  # opening it says what is wrong with it
    home = f"{len(data)}-cameras"
    names = {f"{home}/{file.relative_to(root).as_posix()}": file for file in files}
    try:
        for name in names:
            inner_place(name)
    except ValueError:
        return target
    data |= names
    inner = lambda path: None if path is None else str(INSIDE / "data" / home / Path(path).absolute().relative_to(root))
    return dataclasses.replace(target, file=inner(target.file), images=inner(target.images), masks=inner(target.masks))


def _camera_files(target: TargetSpec) -> Iterator[Path]:
    """Everything that a target of cameras reads. Raises RimlightError and OSError."""
    file = Path(target.file or "").absolute()
    sets = [file]
    if file.suffix.lower() == ".txt":
        yield from (file.parent / name for name in _COLMAP if (file.parent / name).is_file())
    elif target.held_out != "every-8th" and (sibling := split_file(file, target.held_out)).is_file():
        sets.append(sibling)
    for each in sets:
        yield each
        yield from (Path(os.path.abspath(picture)) for picture in load_cameras(each, target.images).pictures)
    if target.masks is not None:
        yield from _files_of(Path(target.masks).absolute())


def _files_of(folder: Path) -> list[Path]:
    """A folder's own files, without those that systems hide in it."""
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))


def _companions(path: Path) -> list[Path]:
    """The files that a shape's file names by their place, and that are there: all below its own folder, which no path in
    a file leads out of."""
    kind = path.suffix.lower()
    named = _obj_names(path) if kind == ".obj" else _gltf_names(path) if kind == ".gltf" else ()
    home, found = path.parent, []
    for file in (Path(os.path.abspath(each)) for each in named):
        below = file.is_relative_to(home) and file.resolve().is_relative_to(home.resolve())
        if below and file != path and file.is_file():
            found.append(file)
    return list(dict.fromkeys(found))


def _obj_names(path: Path) -> Iterator[Path]:
    """Material libraries and their textures, as core/io/obj.py and core/io/materials.py find them."""
    with path.open("rb") as file:
        libraries = [line.strip()[6:].strip() for line in file if line.lstrip().startswith(b"mtllib")]
    for name in libraries:
        written = Path(name.decode("utf-8", errors="replace").replace("\0", "").replace("\\", "/"))
        yield from (path.parent / written, path.parent / written.name)
    materials, _ = read_libraries(libraries, (), path)
    yield from (material.texture for material in materials.values() if material.texture is not None)


def _gltf_names(path: Path) -> Iterator[Path]:
    """Buffers and pictures that are files of their own. A broken file names none; opening it says what is wrong."""
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
        uris = [item.get("uri") for kind in ("buffers", "images") for item in document.get(kind, [])]
    except (ValueError, AttributeError, TypeError, RecursionError):
        return
    for uri in uris:
        if isinstance(uri, str) and not uri.startswith("data:"):
            yield path.parent / unquote(uri)


def text_of(experiment: Experiment) -> str:
    """The experiment's text as it stands in the session file: data/NAME for what is inside, absolute paths otherwise."""
    return experiment_to_toml(with_paths(experiment, _inner_path), None)


def _inner_path(key: str, path: str) -> str:
    place = Path(path).absolute()
    return place.relative_to(INSIDE).as_posix() if place.is_relative_to(INSIDE) else place.as_posix()


def inner_place(name: str) -> Path:
    """Where a file of data/ is unpacked to, relative. Raises ValueError for a name that leads elsewhere."""
    parts = PurePosixPath(name).parts
    plain = bool(parts) and all(
        part and not part.startswith(".") and not set(part) & set("\\:\0") and len(part) <= 255 for part in parts
    )
    if not plain or name.startswith("/") or len(name) > 1000:
        raise ValueError(f"data/{name} is no plain file name")
    return Path(*parts)


def _safe(name: str) -> str:
    plain = re.sub(r"[^\w.\- ]", "_", name).strip(". ")
    return plain if len(plain) <= NAME_LENGTH else plain[: NAME_LENGTH - NAME_END] + plain[-NAME_END:]
