"""Reading a NeRF-style transforms.json: every complaint names the frame, counted from 0, and its file_path.

Convention of the file: camera to world, 4x4 row-major, right-handed, OpenGL (looks along -z, +y up), as ours.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import RimlightError
from core.io.camera_set import CameraSet, checked_place, describe_pictures, picture_inside
from core.io.files import MEBIBYTE, one_line, read_text, shown
from core.io.lenses import Intrinsics, checked_lens

FILE_LIMIT = 64 * MEBIBYTE
PICTURE_SUFFIXES = ("", ".png", ".jpg", ".jpeg", ".exr")
"""What may follow file_path: NeRF-synthetic leaves the suffix out."""
LARGEST_ENTRY = 1e6
"""Of a rotation, whose entries are at most 1: more is not even multiplied with itself."""
RIGID_TOLERANCE = 1e-2
"""Largest entry of |R^T R - I| taken for rounding; printed matrices of six digits give 1e-5."""


def load_cameras(path: str | Path, images: str | Path | None = None) -> CameraSet:
    """A transforms.json, or COLMAP text by its cameras.txt or images.txt. images: the pictures' folder, if elsewhere.

    Raises RimlightError.
    """
    path = Path(path)
    if path.suffix.lower() != ".txt":
        return load_transforms(path, images)
    if path.name not in ("cameras.txt", "images.txt"):
        raise RimlightError(f"{path.name}: is no camera file; COLMAP text is cameras.txt with images.txt beside it")
    from core.io.colmap import load_colmap

    return load_colmap(path, images)


def load_transforms(path: str | Path, images: str | Path | None = None) -> CameraSet:
    """Read and check a transforms.json. Raises RimlightError naming file, frame and cause.

    Pictures lie in the file's folder, or the one above it, or, where given, in `images`, which file_path then
    starts from.
    """
    path = Path(path)
    document = _parse(path)
    frames = document.get("frames")
    if not isinstance(frames, list) or not frames:
        raise RimlightError(f"{path.name}: 'frames' is missing or empty; it must be a list of cameras")
    _check_lens(document, frames, path)
    folders = (Path(images),) if images is not None else (path.parent, path.absolute().parent.parent)
    places, pictures, matrices = [], [], []
    for number, frame in enumerate(frames):
        if not isinstance(frame, dict) or not isinstance(frame.get("file_path"), str):
            raise RimlightError(f"{path.name}: frame {number} has no 'file_path'; add the picture's path")
        where = f"{path.name}: frame {number} ({one_line(frame['file_path'])})"
        places.append(where)
        matrices.append(_matrix(frame.get("transform_matrix"), where))
        pictures.append(picture_inside(frame["file_path"], folders, where, PICTURE_SUFFIXES))
    warnings, sizes = describe_pictures(pictures)
    found = zip(frames, sizes, places)
    lenses = tuple(_lens({**document, **frame}, size, where) for frame, size, where in found)
    if any(any(lens.distortion) for lens in lenses):
        warnings.append("the lens distorts; pictures are straightened when they are loaded")
    if len({matrix.tobytes() for matrix in matrices}) < len(matrices):
        warnings.append("several frames have the same camera")
    return CameraSet(path, tuple(pictures), np.stack(matrices), lenses, tuple(warnings))


def _lens(merged: dict[str, Any], size: tuple[int, int] | None, where: str) -> Intrinsics:
    """The lens of a frame, in pixels of its picture (of (width, height), None where it cannot be read)."""

    def number(name: str, otherwise: float, positive: bool = False) -> float:
        value = merged.get(name)
        if value is None:
            return otherwise
        if not (_is_positive if positive else _is_number)(value):
            kind = "positive number" if positive else "number"
            raise RimlightError(f"{where}: '{name}' is {shown(value)}; it must be a {kind}")
        return float(value)

    read = size or (1, 1)
    width, height = number("w", read[0], True), number("h", read[1], True)
    angle = number("camera_angle_x", 0.0)
    by_angle = 0.5 * width / math.tan(0.5 * angle) if angle else 0.0
    fx = number("fl_x", by_angle, True) if _is_positive(merged.get("w")) or not by_angle else by_angle
    fy, cx, cy = number("fl_y", fx, True), number("cx", 0.5 * width), number("cy", 0.5 * height)
    bent = (number("k1", 0.0), number("k2", 0.0), number("p1", 0.0), number("p2", 0.0))
    lens = checked_lens(Intrinsics(int(width), int(height), fx, fy, cx, cy, bent), where)
    return lens.resized(*size) if size else lens


def _parse(path: Path) -> dict[str, Any]:
    text = read_text(path, FILE_LIMIT)
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise RimlightError(
            f"{path.name}: line {error.lineno}, column {error.colno}: not valid JSON ({error.msg}; a file cut off?)"
        ) from error
    except (RecursionError, ValueError) as error:
        raise RimlightError(f"{path.name}: not valid JSON ({one_line(error)}); export it again") from error
    if not isinstance(document, dict):
        raise RimlightError(f"{path.name}: a camera file holds one JSON object with 'frames'; check the format")
    return document


def _check_lens(document: dict[str, Any], frames: list[Any], path: Path) -> None:
    """A horizontal angle, or a focal length with its width, in the file or in every frame."""
    for number, frame in enumerate(frames):
        merged = {**document, **frame} if isinstance(frame, dict) else document
        angle, focal, width = merged.get("camera_angle_x"), merged.get("fl_x"), merged.get("w")
        if angle is None and focal is None:
            raise RimlightError(
                f"{path.name}: 'camera_angle_x' (radians) is missing, and so is 'fl_x'"
                f"{f' in frame {number}' if number else ''}; add one of them"
            )
        if angle is not None and not (_is_number(angle) and 0 < float(angle) < math.pi):
            raise RimlightError(
                f"{path.name}: 'camera_angle_x' is {shown(angle)}; it must lie between 0 and pi radians"
            )
        if angle is None and not (_is_positive(focal) and _is_positive(width)):
            raise RimlightError(
                f"{path.name}: 'fl_x' is {shown(focal)} with 'w' {shown(width)}; both must be positive pixels"
            )


def _matrix(rows: Any, where: str) -> np.ndarray:
    try:
        matrix = np.array(rows, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        matrix = np.empty(0)
    if matrix.shape == (3, 4):
        matrix = np.concatenate([matrix, [[0, 0, 0, 1]]])
    if matrix.shape != (4, 4):
        raise RimlightError(f"{where}: 'transform_matrix' is missing or not 4 x 4 numbers; export it again")
    if not np.isfinite(matrix).all():
        row, column = np.argwhere(~np.isfinite(matrix))[0]
        raise RimlightError(f"{where}: transform_matrix[{row}][{column}] is not finite; export it again")
    rotation = matrix[:3, :3]
    if np.abs(rotation).max() > LARGEST_ENTRY:
        raise RimlightError(
            f"{where}: the rotation is scaled (an entry of {np.abs(rotation).max():.3g}); it must be a pure rotation"
        )
    determinant = float(np.linalg.det(rotation))
    if determinant < 0:
        raise RimlightError(
            f"{where}: the camera is mirrored (left-handed, determinant {determinant:.3g}); negate one axis"
        )
    if np.abs(matrix[3] - (0, 0, 0, 1)).max() > 1e-6:
        raise RimlightError(f"{where}: the last row is {matrix[3].tolist()}, not 0 0 0 1; is it transposed?")
    if np.abs(rotation.T @ rotation - np.eye(3)).max() > RIGID_TOLERANCE:
        raise RimlightError(
            f"{where}: the rotation is scaled or sheared (determinant {determinant:.3g}); it must be a pure rotation"
        )
    return checked_place(matrix, where)


def _is_number(value: Any) -> bool:
    """A finite number of a size that a float can hold (JSON's integers have no end)."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _is_positive(value: Any) -> bool:
    return _is_number(value) and value > 0
