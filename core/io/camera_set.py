"""What a file of cameras gives, whatever its format, and where the pictures it names may lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from core.errors import RimlightError
from core.io.images import picture_size
from core.io.lenses import Intrinsics

FARTHEST = 1e12
"""Of a camera's place, the file's own units (as target.radius): its square must fit a 32-bit float."""


@dataclass(frozen=True)
class CameraSet:
    """pictures: the file of each frame. camera_to_world: (frames, 4, 4) float64, rigid, OpenGL. lenses: one a frame,
    in pixels of its picture. points: a sparse cloud (n, 3) of the scene, or None; all in the file's own units.
    """

    path: Path
    pictures: tuple[Path, ...]
    camera_to_world: np.ndarray
    lenses: tuple[Intrinsics, ...]
    warnings: tuple[str, ...] = ()
    convention: str = "right-handed, OpenGL"
    points: np.ndarray | None = None

    @property
    def summary(self) -> str:
        """One short line."""
        count = len(self.pictures)
        return f"cameras, {count} frame{'' if count == 1 else 's'}, {self.convention}"

    def chosen(self, indices: Sequence[int]) -> CameraSet:
        """Only these frames, in this order."""
        return replace(
            self,
            pictures=tuple(self.pictures[i] for i in indices),
            camera_to_world=self.camera_to_world[list(indices)],
            lenses=tuple(self.lenses[i] for i in indices),
        )


def checked_place(matrix: np.ndarray, where: str) -> np.ndarray:
    """camera_to_world (4, 4), unless it stands farther away than can be computed with. Raises RimlightError."""
    farthest = float(np.abs(matrix[:3, 3]).max())
    if farthest > FARTHEST:
        raise RimlightError(
            f"{where}: the camera stands {farthest:.3g} units away, more than {FARTHEST:g}; export it in larger units"
        )
    return matrix


def split_file(path: Path, split: str) -> Path:
    """The file of another split: transforms_train.json -> transforms_test.json, beside it."""
    name = path.name.replace("train", split) if "train" in path.name else f"{path.stem}_{split}{path.suffix}"
    return path.with_name(name)


def picture_inside(name: str, folders: Sequence[Path], where: str, suffixes: Sequence[str]) -> Path:
    """The file `name` in the first of `folders`, which it may not leave (the others are where it may lie as well).

    suffixes: what may follow the name. Raises RimlightError, beginning with `where`.
    """
    home = folders[0].absolute()
    for suffix in suffixes:
        candidate = home / (name + suffix)
        try:
            if not candidate.is_file():
                continue
            plain = candidate.resolve()
        except (OSError, ValueError):
            break
        if any(_lies_in(plain, folder) for folder in folders):
            return home / (name + suffix)
        raise RimlightError(
            f"{where}: leads to {plain}, outside the folder of the file; give the pictures' folder as target.images"
        )
    tried = f" with {', '.join(filter(None, suffixes))}" if any(suffixes) else ""
    raise RimlightError(f"{where}: the picture does not exist; tried {home / name}{tried}")


def _lies_in(path: Path, folder: Path) -> bool:
    return path.is_relative_to(folder.resolve())


def describe_pictures(pictures: Sequence[Path]) -> tuple[list[str], list[tuple[int, int] | None]]:
    """Warnings about the pictures, and each one's (width, height), None where it cannot be opened; from headers."""
    sizes: list[tuple[int, int] | None] = []
    unreadable, first = [], {}
    for picture in pictures:
        try:
            size = picture_size(picture)
        except RimlightError:
            sizes.append(None)
            unreadable.append(picture.name)
            continue
        sizes.append(size)
        first.setdefault(size, picture)
    warnings = [f"{len(unreadable)} pictures cannot be read ({unreadable[0]}, ...)"] if unreadable else []
    if len(first) > 1:
        shown = ", ".join(f"{w} x {h} ({picture.name})" for (w, h), picture in list(first.items())[:3])
        warnings.append(f"the pictures have different sizes: {shown}")
    return warnings, sizes
