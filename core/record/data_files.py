"""The data of a session: which files an experiment needs, and what they are called inside the session file.

Single files lie in data/ under a number and their name. A set of cameras keeps its folders below data/N-cameras/, since its
file names its pictures by them. What is too large, or cannot be read, is named by its place on this machine instead.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from core.errors import RimlightError
from core.experiment import Experiment, TargetSpec
from core.experiments.files import experiment_to_toml
from core.io.camera_set import split_file
from core.io.cameras import load_cameras
from core.io.files import MEBIBYTE
from core.record.history import ROOT

DATA_LIMIT = 512 * MEBIBYTE
"""A data file, or a set of cameras with its pictures, larger than this is named in the session file, not kept in it."""
INSIDE = ROOT / "inside-the-session-file" / "data"
"""Where embedded files are said to be while the experiment's text is written."""
_PATH_LINE = re.compile(r'(?m)^(file|images|masks) = "([^"]*)"')
_COLMAP = ("cameras.txt", "images.txt", "points3D.txt")


def embedded(experiment: Experiment) -> tuple[Experiment, dict[str, Path]]:
    """The experiment with its files below INSIDE, and what to put there: name below data/ -> file."""
    data: dict[str, Path] = {}

    def keep(file: str | None) -> str | None:
        if file is None or not Path(file).is_file() or Path(file).stat().st_size > DATA_LIMIT:
            return file
        name = next((n for n, p in data.items() if p == Path(file)), None) or f"{len(data)}-{_safe(Path(file).name)}"
        data[name] = Path(file)
        for companion in _companions(Path(file)):
            data.setdefault(companion.name, companion)
        return str(INSIDE / name)

    shape = dataclasses.replace(experiment.shape, file=keep(experiment.shape.file))
    lanes = tuple(dataclasses.replace(lane, file=keep(lane.file)) for lane in experiment.lanes)
    target = experiment.target
    if target.kind == "cameras":
        target = _keep_cameras(target, data)
    else:
        target = dataclasses.replace(target, file=keep(target.file))
    return dataclasses.replace(experiment, shape=shape, lanes=lanes, target=target), data


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
    inner = lambda path: None if path is None else str(INSIDE / home / Path(path).absolute().relative_to(root))
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
        yield from sorted(path for path in Path(target.masks).absolute().iterdir() if path.is_file())


def _companions(path: Path) -> list[Path]:
    """Materials and textures that an OBJ names, which lie beside it."""
    if path.suffix.lower() != ".obj":
        return []
    found: list[Path] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("mtllib "):
            found.append(path.parent / line.partition(" ")[2].strip())
    for material in list(found):
        if material.is_file():
            text = material.read_text(encoding="utf-8", errors="replace")
            found += [material.parent / m[1].split()[-1] for m in re.finditer(r"(?m)^\s*map_\w+\s+(.+)$", text)]
    return [file for file in found if file.is_file() and file.parent == path.parent]


def text_of(experiment: Experiment) -> str:
    """The experiment's text as it stands in the session file."""
    return _PATH_LINE.sub(_inner_path, experiment_to_toml(experiment, ROOT))


def _inner_path(line: re.Match[str]) -> str:
    """A path relative to ROOT as the file's reader needs it: data/NAME for what is inside, absolute otherwise."""
    key, path = line[1], line[2]
    inner = INSIDE.relative_to(ROOT).as_posix()
    kept = f"data{path.removeprefix(inner)}" if path.startswith(inner) else (ROOT / path).as_posix()
    return f'{key} = "{kept}"'


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
    return re.sub(r"[^\w.\-]", "_", name)[-80:].lstrip(".")
