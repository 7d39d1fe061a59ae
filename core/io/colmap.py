"""Reading COLMAP text (cameras.txt, images.txt and, where it is there, points3D.txt) as a camera set.

Convention of the files: world to camera, x right, y down, z forward; turned to OpenGL (looks along -z, +y up) here.
Names of pictures lie in one folder and never lead out of it.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from core.errors import RimlightError
from core.io.camera_set import FARTHEST, CameraSet, checked_place, describe_pictures, picture_inside
from core.io.files import MEBIBYTE, read_text
from core.io.lenses import Intrinsics, checked_lens

FILE_LIMIT = 512 * MEBIBYTE
"""images.txt lists every feature of every picture: 300 MiB for 2,000 pictures."""

MODELS: dict[str, tuple[str, ...]] = {
    "SIMPLE_PINHOLE": ("f", "cx", "cy"),
    "PINHOLE": ("fx", "fy", "cx", "cy"),
    "SIMPLE_RADIAL": ("f", "cx", "cy", "k1"),
    "RADIAL": ("f", "cx", "cy", "k1", "k2"),
    "OPENCV": ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2"),
}
"""Camera models that are read, and their parameters in the file's order (COLMAP, src/colmap/sensor/models.h)."""

PICTURE_FOLDERS = ("images", ".", "../images", "../../images")
"""Where pictures lie beside the text, in COLMAP's own arrangements (sparse/0 beside images)."""


def load_colmap(path: str | Path, images: str | Path | None = None) -> CameraSet:
    """The model in the folder of `path` (cameras.txt or images.txt). images: the folder of the pictures.

    Raises RimlightError naming file, line and cause.
    """
    path = Path(path)
    folder = path.parent
    lenses = _read_lenses(folder / "cameras.txt")
    frames = _read_frames(folder / "images.txt", lenses)
    where = _picture_folder(folder, images, frames[0][2], path)
    pictures = tuple(
        picture_inside(name, (where,), f"images.txt: line {line} ({name})", suffixes=("",))
        for line, _, name, _ in frames
    )
    warnings, sizes = describe_pictures(pictures)
    own = [lenses[lens].resized(*size) if size else lenses[lens] for (_, _, _, lens), size in zip(frames, sizes)]
    bent = sum(any(lens.distortion) for lens in own)
    if bent:
        warnings.append(f"{bent} pictures have a distorting lens; they are straightened when they are loaded")
    matrices = np.stack([matrix for _, matrix, _, _ in frames])
    convention = "COLMAP (y down, z forward), converted to OpenGL"
    points, oddities = _read_points(folder)
    return CameraSet(path, pictures, matrices, tuple(own), (*warnings, *oddities), convention, points)


def _rows(path: Path) -> list[tuple[int, str]]:
    """(line number, text) of every line that is no comment, blank ones included."""
    lines = read_text(path, FILE_LIMIT).splitlines()
    return [(i, line) for i, line in enumerate(lines, 1) if not line.lstrip().startswith("#")]


def _numbers(words: list[str], where: str) -> list[float]:
    try:
        values = [float(word) for word in words]
    except ValueError as error:
        raise RimlightError(f"{where}: {error}; export the model again as text") from error
    if not all(math.isfinite(value) for value in values):
        raise RimlightError(f"{where}: a number is not finite; export the model again")
    return values


def _read_lenses(path: Path) -> dict[str, Intrinsics]:
    lenses = {}
    for line, text in _rows(path):
        words = text.split()
        if not words:
            continue
        where = f"{path.name}: line {line}"
        if len(words) < 5:
            raise RimlightError(f"{where}: found {len(words)} words; a camera has id, model, width, height, parameters")
        if words[1] not in MODELS:
            raise RimlightError(
                f"{where}: camera model {words[1]} is not read; undistort the pictures in COLMAP (image_undistorter), "
                f"which gives PINHOLE; read are {', '.join(MODELS)}"
            )
        names = MODELS[words[1]]
        values = _numbers(words[2:], where)
        if len(values) != 2 + len(names):
            raise RimlightError(f"{where}: {words[1]} has {len(names)} parameters, found {len(values) - 2}")
        found = dict(zip(names, values[2:]))
        width, height = int(values[0]), int(values[1])
        fx, fy = found.get("fx", found.get("f", 0.0)), found.get("fy", found.get("f", 0.0))
        if width < 1 or height < 1 or fx <= 0 or fy <= 0:
            raise RimlightError(f"{where}: size {width} x {height} and focal length {fx:g} must be above 0")
        k1, k2, p1, p2 = (found.get(name, 0.0) for name in ("k1", "k2", "p1", "p2"))
        lens = Intrinsics(width, height, fx, fy, found["cx"], found["cy"], (k1, k2, p1, p2))
        lenses[words[0]] = checked_lens(lens, where)
    if not lenses:
        raise RimlightError(f"{path.name}: holds no camera; export the model again as text")
    return lenses


def _read_frames(path: Path, lenses: dict[str, Intrinsics]) -> list[tuple[int, np.ndarray, str, str]]:
    """(line, camera to world (4, 4), name, lens) of every picture, sorted by name."""
    frames, rows = [], _rows(path)
    at = 0
    while at < len(rows):
        line, text = rows[at]
        at += 1
        words = text.split(maxsplit=9)
        if not words:
            continue
        where = f"{path.name}: line {line}"
        if len(words) < 10:
            raise RimlightError(f"{where}: found {len(words)} words; a picture has id, 4 + 3 numbers, camera, name")
        if words[8] not in lenses:
            raise RimlightError(f"{where}: camera {words[8]} is not in cameras.txt; export both files together")
        frames.append((line, _camera_to_world(_numbers(words[1:8], where), where), words[9].strip(), words[8]))
        if at < len(rows) and _is_features(rows[at][1]):
            at += 1
    if not frames:
        raise RimlightError(f"{path.name}: holds no picture; export the model again as text")
    return sorted(frames, key=lambda frame: frame[2])


def _is_features(text: str) -> bool:
    """Whether a line is the list of a picture's features: triples of numbers, or nothing."""
    words = text.split()
    return not words or (len(words) % 3 == 0 and words[-1].lstrip("-").isdigit())


def _camera_to_world(numbers: list[float], where: str) -> np.ndarray:
    from scipy.spatial.transform import Rotation

    quaternion = np.array(numbers[:4])
    length = math.hypot(*numbers[:4])  # which does not overflow
    if abs(length - 1.0) > 1e-2:
        raise RimlightError(f"{where}: the rotation's quaternion has length {length:.3g}, not 1; export it again")
    rotation = Rotation.from_quat(np.roll(quaternion, -1)).as_matrix()  # scipy has w last
    matrix = np.eye(4)
    matrix[:3, :3] = rotation.T @ np.diag([1.0, -1.0, -1.0])
    with np.errstate(over="ignore", invalid="ignore"):
        matrix[:3, 3] = -rotation.T @ np.clip(numbers[4:], -1e300, 1e300)
    return checked_place(matrix, where)


def _picture_folder(folder: Path, images: str | Path | None, first: str, path: Path) -> Path:
    if images is not None:
        return Path(images)
    tried = [(folder / name).resolve() for name in PICTURE_FOLDERS]
    for candidate in tried:
        try:
            if (candidate / first).is_file():
                return candidate
        except (OSError, ValueError):
            break
    raise RimlightError(
        f"{path.name}: the picture {first} is not in {', '.join(map(str, tried))}; give their folder as target.images"
    )


def _read_points(folder: Path) -> tuple[np.ndarray | None, list[str]]:
    """The sparse cloud (n, 3), where there is one that can be read, and a warning where it cannot: only the size of the
    scene hangs on it."""
    path = folder / "points3D.txt"
    if not path.is_file():
        return None, []
    try:
        points = [_point(text, f"line {line}") for line, text in _rows(path) if text.strip()]
    except RimlightError as error:
        return None, [f"points3D.txt left out ({str(error).partition(';')[0]})"]
    return (np.array(points).reshape(-1, 3) if points else None), []


def _point(text: str, where: str) -> list[float]:
    place = _numbers(text.split(maxsplit=4)[1:4], where)
    if len(place) != 3 or max(map(abs, place)) > FARTHEST:
        raise RimlightError(f"{where}: not the three numbers of a place; export the model again")
    return place
