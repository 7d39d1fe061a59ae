"""Materials and textures, reduced to one linear colour a corner: a shape here has colours at its vertices.

Kd and 8-bit textures are sRGB (as viewers show them); texture coordinates have v upwards and repeat.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from core.colour import LIGHT_GREY, from_bytes, srgb_to_linear
from core.errors import RimlightError
from core.io.files import MEBIBYTE, checked_path, named_inside, one_line, read_bytes

_OPTION_ARGUMENTS = {b"-s": 3, b"-o": 3, b"-t": 3, b"-mm": 2}
"""Options of map_Kd and how many words follow (1 for all others); from the MTL specification."""


@dataclass(frozen=True)
class Material:
    """colour: linear RGB. texture: the picture that replaces it where there are texture coordinates. absent: what is to
    be said of one that is named and not there."""

    colour: tuple[float, float, float] = LIGHT_GREY
    texture: Path | None = None
    absent: str = ""


def read_libraries(
    names: Sequence[bytes], used: Iterable[bytes | None], path: Path
) -> tuple[dict[bytes, Material], tuple[str, ...]]:
    """The materials of an OBJ file's libraries, by name; missing libraries and unknown materials become warnings."""
    materials: dict[bytes, Material] = {}
    warnings: list[str] = []
    missing = False
    for name in dict.fromkeys(names):
        try:
            library = _beside(path, name, path.parent)
            materials |= _parse_library(read_bytes(library, 16 * MEBIBYTE), library, path.parent)
        except RimlightError as error:
            missing = True
            warnings.append(f"material library {one_line(_shown(name))} left out ({str(error).split(': ', 1)[-1]})")
    if names and not missing:
        for name in sorted({name for name in used if name is not None} - materials.keys()):
            warnings.append(f"material '{one_line(_shown(name))}' is unknown; its faces are light grey")
    return materials, tuple(warnings)


def colour_corners(
    materials: Mapping[bytes, Material], names: Sequence[bytes | None], uv: np.ndarray | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """names: the material of each of m triangles; uv: (m, 3, 2) or None -> linear colours (m, 3, 3), warnings."""
    colours = np.empty((len(names), 3, 3), np.float32)
    warnings: list[str] = []
    wanted = np.array([name if name in materials else b"" for name in names], dtype=object)
    for name in dict.fromkeys(wanted):
        chosen = np.flatnonzero(wanted == name)
        material = materials.get(name, Material())
        colours[chosen] = material.colour
        if material.absent:
            warnings.append(material.absent)
        if material.texture is None:
            continue
        try:
            texture = read_texture(material.texture)
            if uv is not None:
                colours[chosen] = sample_texture(texture, uv[chosen])
        except RimlightError as error:
            warnings.append(f"texture {material.texture.name} is unreadable ({str(error).split(': ', 1)[-1]})")
    return colours, tuple(warnings)


def single_texture(materials: Mapping[bytes, Material], names: Sequence[bytes | None]) -> np.ndarray | None:
    """The one picture that all materials in use share, [H, W, 3] uint8 sRGB; None where there is none, or several."""
    used = {materials.get(name or b"", Material()).texture for name in set(names)}
    path = used.pop() if len(used) == 1 else None
    if path is None:
        return None
    try:
        return read_texture(path)
    except RimlightError:
        return None  # colour_corners has warned


def read_texture(path: Path) -> np.ndarray:
    """A texture as [H, W, 3] uint8 sRGB, row 0 at the top (v = 1). Raises RimlightError."""
    from core.io.images import FILE_LIMIT, open_picture

    picture, _ = open_picture(checked_path(path, FILE_LIMIT))
    return np.asarray(picture.convert("RGB"))


def sample_texture(texture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """Bilinear samples of a texture [H, W, 3] uint8 sRGB at uv (..., 2), v upwards, repeating -> linear (..., 3)."""
    height, width = texture.shape[:2]
    x = np.mod(uv[..., 0], 1.0) * width - 0.5
    y = (1.0 - np.mod(uv[..., 1], 1.0)) * height - 0.5
    left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    fx, fy = (x - left)[..., None], (y - top)[..., None]
    rows, columns = (top % height, (top + 1) % height), (left % width, (left + 1) % width)
    upper = from_bytes(texture[rows[0], columns[0]]) * (1 - fx) + from_bytes(texture[rows[0], columns[1]]) * fx
    lower = from_bytes(texture[rows[1], columns[0]]) * (1 - fx) + from_bytes(texture[rows[1], columns[1]]) * fx
    return (upper * (1 - fy) + lower * fy).astype(np.float32)


def _parse_library(data: bytes, library: Path, home: Path) -> dict[bytes, Material]:
    materials: dict[bytes, Material] = {}
    name: bytes | None = None
    for line in data.replace(b"\r", b"\n").split(b"\n"):
        keyword, _, rest = line.strip().partition(b" ")
        rest = rest.strip()
        if keyword == b"newmtl":
            name = rest
            materials[name] = Material()
        elif name is not None and keyword == b"Kd":
            try:
                numbers = np.clip(np.nan_to_num([float(word) for word in rest.split()[:3]]), 0, 1)
            except ValueError:
                continue  # "Kd spectral file": a form no exporter writes
            if len(numbers) == 3:
                red, green, blue = (float(value) for value in srgb_to_linear(numbers))
                materials[name] = replace(materials[name], colour=(red, green, blue))
        elif name is not None and keyword == b"map_Kd" and rest:
            materials[name] = _with_texture(materials[name], _without_options(rest), library, home)
    return materials


def _with_texture(material: Material, name: bytes, library: Path, home: Path) -> Material:
    try:
        return replace(material, texture=_beside(library, name, home), absent="")
    except RimlightError as error:
        word, cause = one_line(Path(_shown(name)).name), str(error).split(": ", 1)[-1]
        verb = "is missing" if cause.startswith("no such") else "left out"
        return replace(material, texture=None, absent=f"texture {word} {verb} ({cause})")


def _without_options(words: bytes) -> bytes:
    while words.startswith(b"-"):
        option, _, words = words.partition(b" ")
        words = words.strip()
        for _ in range(_OPTION_ARGUMENTS.get(option, 1)):
            words = words.partition(b" ")[2].strip()
    return words


def _beside(path: Path, name: bytes, home: Path) -> Path:
    """A file named in `path`: relative to its folder, or, where that is not there, just the name in its folder. Never
    outside `home`, the shape's folder. Raises RimlightError."""
    written = _shown(name).replace("\\", "/")
    try:
        return named_inside(written, path.parent, home)
    except RimlightError as error:
        with contextlib.suppress(RimlightError):
            return named_inside(Path(written).name, path.parent, home)
        raise error


def _shown(name: bytes) -> str:
    return name.decode("utf-8", errors="replace").replace("\0", "")
