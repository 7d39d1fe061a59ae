"""Ways to spoil files, and the contract a reader must keep on any bytes.

The contract: a reader returns something finite and whole, or raises RimlightError with one line that names the file.
"""

from __future__ import annotations

import random
import struct
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from core.errors import RimlightError
from core.io.suffixes import EXPERIMENT_SUFFIXES, GRID_SUFFIXES, IMAGE_SUFFIXES, MESH_SUFFIXES
from tests.hostile.seeds import SEEDS, picture

NASTY = [
    b"nan", b"inf", b"-inf", b"1e400", b"-1", b"0", b"99999999999999999999", b"2147483648", b"-2147483649", b"1e-400",
    b"1,5", b"\x00", b"\xff\xfe", b"\r", b"\\\n", b"#", b"//", b"1/2/3/4", b"{", b"]", b'"', b"true", b"null", b"../..",
    b"/etc/passwd", b"C:\\", b"\xe2\x88\x9e", b" " * 100, b"9" * 400,
]  # fmt: skip
"""Words that upset parsers."""


def spoil(data: bytes, draw: random.Random) -> bytes:
    """One to four random changes: of bytes, words, lines, lengths, numbers in binary."""
    for _ in range(draw.randint(1, 4)):
        data = draw.choice(_WAYS)(data, draw)
    return data


def _cut(data: bytes, draw: random.Random) -> bytes:
    return data[: draw.randrange(len(data) + 1)]


def _flip(data: bytes, draw: random.Random) -> bytes:
    changed = bytearray(data or b"\0")
    for _ in range(draw.randint(1, 8)):
        changed[draw.randrange(len(changed))] = draw.randrange(256)
    return bytes(changed)


def _remove(data: bytes, draw: random.Random) -> bytes:
    start = draw.randrange(len(data) + 1)
    return data[:start] + data[start + draw.randint(1, 40) :]


def _repeat(data: bytes, draw: random.Random) -> bytes:
    start = draw.randrange(len(data) + 1)
    return data[: start + 30] + data[start:]


def _word(data: bytes, draw: random.Random) -> bytes:
    """Replace a word of text by a nasty one."""
    words = data.split(b" ")
    words[draw.randrange(len(words))] = draw.choice(NASTY)
    return b" ".join(words)


def _insert(data: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(data) + 1)
    return data[:at] + draw.choice(NASTY) + data[at:]


def _number(data: bytes, draw: random.Random) -> bytes:
    """Overwrite four or eight bytes by a nasty binary number."""
    nasty = draw.choice([
        struct.pack("<I", draw.choice([0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 0, 1 << 24])),
        struct.pack("<f", draw.choice([float("nan"), float("inf"), 3e38, -3e38, 1e-45])),
        struct.pack("<Q", draw.choice([2**63, 2**64 - 1, 2**40])),
    ])  # fmt: skip
    at = draw.randrange(len(data) + 1)
    return data[:at] + nasty + data[at + len(nasty) :]


def _lines(data: bytes, draw: random.Random) -> bytes:
    """Drop, double or move lines."""
    lines = data.split(b"\n")
    at = draw.randrange(len(lines))
    line = lines.pop(at)
    for _ in range(draw.randint(0, 2)):
        lines.insert(draw.randrange(len(lines) + 1), line)
    return b"\n".join(lines)


_WAYS = (_cut, _flip, _remove, _repeat, _word, _insert, _number, _lines)


def judge(path: Path) -> bool:
    """Read the file by the reader of its suffix. True: it loaded and is sound; False: it was refused as promised.

    Raises AssertionError where the contract is broken; any other exception, a warning included, passes through.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            _SPECIAL.get(path.stem.rpartition("_")[2], _READERS[path.suffix])(path)
        except RimlightError as error:
            line = str(error)
            assert "\n" not in line, line
            assert len(line) < 600, line
            assert path.name in line or path.suffix == ".txt", line
            return False
    return True


def _read_mesh(path: Path) -> None:
    from core.io.meshes import load_mesh

    mesh = load_mesh(path)
    assert len(mesh.faces)
    assert np.isfinite(mesh.vertices).all()
    assert np.isfinite(mesh.centre).all()
    assert np.isfinite(mesh.scale)
    assert mesh.scale > 0
    assert mesh.faces.min() >= 0
    assert mesh.faces.max() < len(mesh.vertices)
    assert np.linalg.norm(mesh.vertices, axis=1).max() < 1.001
    assert mesh.vertex_colours is None or np.isfinite(mesh.vertex_colours).all()


def _read_grid(path: Path) -> None:
    from core.io.grids import load_grid

    grid = load_grid(path)
    assert grid.values.ndim == 3
    assert np.isfinite(grid.values).all()
    assert np.isfinite(grid.origin).all()
    assert np.isfinite(grid.spacing).all()
    assert (grid.spacing > 0).all()


def _read_image(path: Path) -> None:
    from core.io.images import load_image, silhouette_of

    image = load_image(path)
    assert image.colour.ndim == 3
    assert image.colour.shape[2] == 3
    assert np.isfinite(image.colour).all()
    alpha = silhouette_of(image, need=False)
    assert alpha.min() >= 0
    assert alpha.max() <= 1


def _read_cameras(path: Path) -> None:
    from core.io.cameras import load_transforms

    assert np.isfinite(load_transforms(path).camera_to_world).all()


def _read_experiment(path: Path) -> None:
    from core.experiments.files import load_experiment, save_experiment

    experiment = load_experiment(path)
    again = path.with_name("again.toml")
    save_experiment(experiment, again)
    assert load_experiment(again) == experiment


def _read_colmap(path: Path) -> None:
    """The spoilt one of the two files, under its own name, beside a sound other."""
    from core.io.cameras import load_cameras

    name = path.stem.rpartition("_")[2] + ".txt"
    with tempfile.TemporaryDirectory() as folder:
        for other in ("cameras.txt", "images.txt"):
            (Path(folder) / other).write_bytes(path.read_bytes() if other == name else SEEDS[other]())
        (Path(folder) / "seed.png").write_bytes(picture("PNG"))
        cameras = load_cameras(Path(folder) / "cameras.txt")
    assert np.isfinite(cameras.camera_to_world).all()


def _read_balls(path: Path) -> None:
    from core.io.metaballs_files import load_metaballs

    found = load_metaballs(path)
    for array in (found.means, found.factors, found.log_weights, found.centre):
        assert np.isfinite(array).all()
    assert found.scale > 0


def _read_cage(path: Path) -> None:
    from core.io.cages import read_cage

    points, faces = read_cage(path)
    assert np.isfinite(points).all()
    assert all(0 <= i < len(points) for face in faces for i in face)


_SPECIAL: dict[str, Callable[[Path], None]] = {"balls": _read_balls, "cage": _read_cage}
"""Readers of files whose suffix is another kind's too, by the last word of the name."""

_READERS: dict[str, Callable[[Path], None]] = {
    **dict.fromkeys(MESH_SUFFIXES, _read_mesh),
    **dict.fromkeys(GRID_SUFFIXES, _read_grid),
    **dict.fromkeys(IMAGE_SUFFIXES, _read_image),
    ".json": _read_cameras,
    ".txt": _read_colmap,
    **dict.fromkeys(EXPERIMENT_SUFFIXES, _read_experiment),
}
