"""What files mean together: a shape and what it is fitted to. Never silent about a file that is left out.

Convention: what is told is one line, "" where one file was given and says nothing of its own.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from app.experiment_panel.adapt import with_target_cameras, with_target_picture, with_target_shape
from core.experiment import Experiment
from core.io import suffixes
from core.io.file_kinds import file_kind
from core.io.suffixes import SESSION_SUFFIX, group_of

WHOLE, SHAPE, CAMERAS, PICTURE, OTHER = "whole", "shape", "cameras", "picture", "other"
_KINDS = {
    suffixes.EXPERIMENT: WHOLE,
    suffixes.MESH: SHAPE,
    suffixes.GRID: SHAPE,
    suffixes.BODIES: SHAPE,
    suffixes.POINTS: SHAPE,
    suffixes.CAMERAS: CAMERAS,
    suffixes.PICTURE: PICTURE,
}
_MATERIALS = (".mtl", ".bin")
_NAMES = 1 << 20
"""Characters of a file that are searched for the names of textures."""
_FIRST_CAMERAS = ("images.txt", "transforms.json", "transforms_train.json")
"""Of several files that describe one set of cameras, the one that leads to the others."""
_FOLDERS = ("", "sparse/0")
"""Where cameras lie in a folder that is opened as a whole: beside its pictures, or where COLMAP writes them."""
_MANY = 3
"""Files that are left out by name in the line; the rest are counted."""


def with_target(experiment: Experiment, path: str | Path) -> tuple[Experiment, str]:
    """Fitted to the shape, the picture or the cameras of a file, and what is to be told of it. Raises RimlightError."""
    path = Path(path)
    kind = _kind(path)
    if kind == PICTURE:
        from core.io.images import upright_size
        from core.io.photo_lens import photo_lens

        lens = photo_lens(path, experiment.views.fov)
        return with_target_picture(experiment, str(path), upright_size(path), lens.fov), f"{path.name}: {lens.told}"
    if kind == CAMERAS:
        from core.experiments.defaults import camera_target

        width, height, held_out = camera_target(path)
        return with_target_cameras(experiment, str(path), (width, height), held_out), ""
    return with_target_shape(experiment, file_kind(path), str(path), None), ""


def together(paths: Sequence[Path]) -> tuple[Path, Path | None, str]:
    """What of several files is opened, what becomes its target, and the line that says so and why not the others. A
    folder stands for the cameras in it."""
    paths = [_inside(path) for path in paths]
    by = {kind: [path for path in paths if _kind(path) == kind] for kind in (WHOLE, SHAPE, CAMERAS, PICTURE, OTHER)}
    by[CAMERAS].sort(key=lambda path: path.name not in _FIRST_CAMERAS)
    parts = _parts(by)
    by = {kind: [path for path in found if path not in parts] for kind, found in by.items()}
    seen = [*by[CAMERAS], *by[PICTURE]]
    main = [*by[WHOLE], *by[SHAPE], *seen, *paths][0]
    target = next(iter([*seen, *by[SHAPE][1:]]), None) if main in by[SHAPE] else None
    left = [path for path in dict.fromkeys(paths) if path not in (main, target, *parts)]
    if target is None and not left:
        return main, None, ""
    told = [f"Opened {main.name}" + (f", fitted to {target.name}" if target else "")]
    told += [f"not {path.name}: {_why_not(path, main, target)}" for path in left[:_MANY]]
    told += [f"nor {len(left) - _MANY} more"] if len(left) > _MANY else []
    return main, target, "; ".join(told)


def experiment_for_files(main: Path, target: Path | None) -> tuple[Experiment, str]:
    """The experiment that a file opens, with another file as its target. Raises RimlightError."""
    from core.experiments.defaults import experiment_for_file

    experiment = experiment_for_file(main)
    if target is None:
        if _kind(main) == PICTURE:
            from core.io.photo_lens import photo_lens

            return experiment, f"{main.name}: {photo_lens(main).told}"
        return experiment, ""
    fitted, told = with_target(experiment, target.absolute())
    return replace(fitted, title=f"{main.stem}: fitted to {target.stem}"), told


def _inside(path: Path) -> Path:
    """The file that leads to a folder's cameras; the path itself where it is no such folder."""
    if not os.path.isdir(path):  # nor where it may not be looked into: opening it says so
        return path
    places = [path / folder / name for folder in _FOLDERS for name in _FIRST_CAMERAS]
    return next((place for place in places if os.path.isfile(place)), path)


def _kind(path: Path) -> str:
    return WHOLE if path.suffix.lower() == SESSION_SUFFIX else _KINDS.get(group_of(path.name) or "", OTHER)


def _parts(by: dict[str, list[Path]]) -> set[Path]:
    """Materials and textures, and the pictures and other files of a set of cameras: they come with what names them."""
    materials = [path for path in by[OTHER] if path.suffix.lower() in _MATERIALS] if by[SHAPE] else []
    words = "\n".join(_text(path) for path in (*materials, *by[SHAPE]) if path.suffix.lower() in (".mtl", ".gltf"))
    textures = [path for path in by[PICTURE] if path.name in words]
    frames = [*by[PICTURE], *by[CAMERAS][1:]] if by[CAMERAS] else []
    named = [path for path in frames if path.absolute().is_relative_to(by[CAMERAS][0].absolute().parent)]
    return {*materials, *textures, *named}


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_NAMES)
    except OSError:
        return ""


def _why_not(path: Path, main: Path, target: Path | None) -> str:
    kind = _kind(path)
    if kind == OTHER:
        return f"'{path.suffix}' files cannot be opened"
    if _kind(main) == WHOLE:
        return "an experiment is opened alone"
    if kind == WHOLE:
        return "one at a time"
    if kind == PICTURE and _kind(target or main) == PICTURE:
        return "several pictures need their cameras (transforms.json or COLMAP text)"
    return "one target at a time"
