"""Ways to spoil files, and the contract a reader must keep on any bytes.

The contract: a reader returns something finite and whole, or raises RimlightError with one line that names the file.
"""

from __future__ import annotations

import contextlib
import random
import struct
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import RimlightError
from core.io import guard
from core.io.file_kinds import file_kind
from core.io.suffixes import BODIES, CAMERAS, EXPERIMENT, GRID, MESH, PICTURE, POINTS, group_of
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
    """Open the file as `rimlight check` does, and as `rimlight fit` and the window do; what no dispatcher opens, by its
    reader. True: it loaded and is sound; False: it was refused as promised, by all of them.

    Raises AssertionError where the contract is broken; any other exception, a warning included, passes through: the
    dispatchers' guard, which would make a line of it, is off.
    """
    with warnings.catch_warnings(), unguarded():
        warnings.simplefilter("error")
        try:
            _SPECIAL.get(path.stem.rpartition("_")[2], _open)(path)
        except RimlightError as error:
            line = str(error)
            assert "\n" not in line, line
            assert len(line) < 600, line
            named = _NAMED.get(path.stem.rpartition("_")[2], (path.name,))
            assert any(name in line for name in named), line
            return False
    return True


@contextlib.contextmanager
def unguarded() -> Iterator[None]:
    """What a reader did not foresee is seen as it was raised."""
    guard.off = True
    try:
        yield
    finally:
        guard.off = False


def _open(path: Path) -> None:
    """By both dispatchers, which must agree."""
    from core.experiments.defaults import experiment_for_file
    from core.io.check import check_file, check_inputs

    refusals: list[RimlightError | None] = []
    for way in (check_file, lambda file: check_inputs(experiment_for_file(file))):
        try:
            way(path)
            refusals.append(None)
        except RimlightError as error:
            refusals.append(error)
    assert (refusals[0] is None) == (refusals[1] is None), f"check and fit do not agree: {refusals}"
    if refusals[0] is not None:
        raise refusals[0]
    _require_sound(path)


def _require_sound(path: Path) -> None:
    group = group_of(path.name)
    kind = file_kind(path) if group == GRID else group
    if kind in _SOUND:
        _SOUND[kind](path)


def _mesh(path: Path) -> None:
    from core.io.meshes import load_mesh

    sound_mesh(load_mesh(path))


def sound_mesh(mesh: Any) -> None:
    assert len(mesh.faces)
    assert np.isfinite(mesh.vertices).all()
    assert np.isfinite(mesh.centre).all()
    assert np.isfinite(mesh.scale)
    assert mesh.scale > 0
    assert mesh.faces.min() >= 0
    assert mesh.faces.max() < len(mesh.vertices)
    assert np.linalg.norm(mesh.vertices, axis=1).max() < 1.001
    assert mesh.vertex_colours is None or np.isfinite(mesh.vertex_colours).all()


def _grid(path: Path) -> None:
    from core.io.grids import load_grid

    grid = load_grid(path)
    assert grid.values.ndim == 3
    assert np.isfinite(grid.values).all()
    assert np.isfinite(grid.origin).all()
    assert np.isfinite(grid.spacing).all()
    assert (grid.spacing > 0).all()


def _image(path: Path) -> None:
    from core.io.images import load_image, silhouette_of

    image = load_image(path)
    assert image.colour.ndim == 3
    assert image.colour.shape[2] == 3
    assert np.isfinite(image.colour).all()
    alpha = silhouette_of(image, need=False)
    assert alpha.min() >= 0
    assert alpha.max() <= 1


def _cameras(path: Path) -> None:
    from core.io.cameras import load_cameras

    cameras = load_cameras(path)
    assert np.isfinite(cameras.camera_to_world).all()
    assert cameras.points is None or np.isfinite(cameras.points).all()
    for lens in cameras.lenses:
        assert np.isfinite([lens.width, lens.height, lens.fx, lens.fy, lens.cx, lens.cy, *lens.distortion]).all()
        assert min(lens.width, lens.height, lens.fx, lens.fy) > 0


def _experiment(path: Path) -> None:
    from core.experiments.files import load_experiment, save_experiment

    experiment = load_experiment(path)
    again = path.with_name("again.toml")
    save_experiment(experiment, again)
    assert load_experiment(again) == experiment


def _colmap(path: Path) -> None:
    """The spoilt one of the files, under its own name, beside the others, which are sound."""
    name = path.stem.rpartition("_")[2] + ".txt"
    with tempfile.TemporaryDirectory() as folder:
        for other in ("cameras.txt", "images.txt", "points3D.txt"):
            (Path(folder) / other).write_bytes(path.read_bytes() if other == name else SEEDS[other]())
        (Path(folder) / "seed.png").write_bytes(picture("PNG"))
        _open(Path(folder) / "images.txt")


def _library(path: Path) -> None:
    """Materials that a cube names: whatever is in them, the cube itself is read."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "none.mtl").write_bytes(path.read_bytes())
        (Path(folder) / "seed.png").write_bytes(picture("PNG"))
        (Path(folder) / "cube.obj").write_bytes(SEEDS["seed.obj"]())
        _open(Path(folder) / "cube.obj")


def _labels(path: Path) -> None:
    from core.io.labels import labelling_of
    from core.io.meshes import load_mesh

    with tempfile.TemporaryDirectory() as folder:
        cube = Path(folder) / "cube.obj"
        cube.write_bytes(SEEDS["seed.obj"]())
        found = labelling_of(load_mesh(cube), str(path))
    assert np.isfinite(found.table).all()


def _metaballs(path: Path) -> None:
    from core.io.metaballs_files import load_metaballs

    found = load_metaballs(path)
    for array in (found.means, found.factors, found.log_weights, found.centre):
        assert np.isfinite(array).all()
    assert found.scale > 0
    assert np.isfinite(found.scale)


def _network(path: Path) -> None:
    from core.io.networks import load_network

    found = load_network(path)
    assert all(np.isfinite(values).all() for values in (*found.values.values(), found.turn, found.centre))
    assert 0 < found.scale < np.inf


def _neural(path: Path) -> None:
    from core.io.neural_files import load_neural

    found = load_neural(path)
    sound_mesh(found.mesh)
    assert np.isfinite(found.features).all()
    assert np.isfinite(found.decoder).all()


def _bodies(path: Path) -> None:
    from core.io.bodies import load_bodies

    found = load_bodies(path)
    assert all(np.isfinite(value).all() for value in found.values.values())
    assert np.isfinite(found.rotations).all()


def _points(path: Path) -> None:
    from core.io.points import read_points

    assert np.isfinite(read_points(path)[0]).all()


def _cage(path: Path) -> None:
    """As spline patches: a mesh to the dispatchers unless an experiment says otherwise."""
    from core.experiment import Experiment, ShapeSpec
    from core.io.cages import read_cage
    from core.io.check import check_inputs

    check_inputs(Experiment(shape=ShapeSpec("spline-patches", file=str(path))))
    points, faces = read_cage(path)
    assert np.isfinite(points).all()
    assert all(0 <= i < len(points) for face in faces for i in face)


_SPECIAL: dict[str, Callable[[Path], None]] = {
    "cage": _cage,
    "cameras": _colmap,
    "images": _colmap,
    "points3D": _colmap,
    "library": _library,
    "labels": _labels,
}
"""What is opened in another way than its name tells, by the last word of the name."""

_NAMED = dict.fromkeys(("cameras", "images", "points3D"), ("cameras.txt", "images.txt")) | {
    "library": ("cube.obj",),
}
"""Names of which a line must hold one, where it is not the file's own."""

_SOUND: dict[str, Callable[[Path], None]] = {
    MESH: _mesh,
    "sdf-grid": _grid,
    "metaballs": _metaballs,
    "sdf-network": _network,
    "neural-mesh": _neural,
    BODIES: _bodies,
    POINTS: _points,
    PICTURE: _image,
    CAMERAS: _cameras,
    EXPERIMENT: _experiment,
}
"""Kind of file -> what must hold of what was read."""
