"""What once went past a reader: each case writes its own file, and is refused or read as the table of malformed files has
it, by `rimlight check` and by what a fit opens alike."""

from __future__ import annotations

import base64
import io
import json
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.errors import RimlightError
from core.experiments.defaults import experiment_for_file, view_size
from core.experiments.files import load_experiment
from core.experiments.schema import find_line
from core.io import suffixes
from core.io.check import check_file, check_inputs
from core.io.images import load_image, silhouette_of, upright_size
from core.io.labels import labelling_of
from core.io.meshes import load_mesh
from core.io.photo_lens import photo_lens
from core.io.picture_facts import picture_facts
from core.io.pixels import exr_bytes
from tests.hostile.files import judge, unguarded
from tests.hostile.seeds import SEEDS, archive, ball, bodies, drawn, picture
from tests.hostile.siblings import IDENTITY, cameras, changed


def refusal(path: Path) -> str:
    """The one line, which check and fit must agree on; nothing else may be said."""
    lines = []
    with warnings.catch_warnings(), unguarded():
        warnings.simplefilter("error")
        for way in (check_file, lambda file: check_inputs(experiment_for_file(file))):
            with pytest.raises(RimlightError) as error:
                way(path)
            lines.append(str(error.value))
    assert lines[0] == lines[1]
    return lines[0]


def written(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# ---------------------------------------------------------------------------------------------- which kind of file


def _folder_of_cameras(folder: Path) -> None:
    for name in ("cameras.txt", "images.txt", "points3D.txt", "seed.png"):
        written(folder / name, SEEDS[name]())


KINDS = {
    "cameras.txt": "cameras", "images.txt": "cameras", "transforms.json": "cameras", "points.txt": "point cloud",
    "points.xyz": "point cloud", "points.csv": "point cloud", "seed.obj": "mesh", "ascii.ply": "mesh", "text.stl": "mesh",
    "seed.off": "mesh", "seed.glb": "mesh", "seed.gltf": "mesh", "seed.npz": "signed distance", "seed.npy": "signed distance",
    "seed.sdf": "signed distance", "seed.vol": "signed distance", "seed.nrrd": "signed distance",
    "seed.vti": "signed distance", "balls.npz": "metaballs", "network.npz": "distance network",
    "neural.npz": "mesh with a neural", "seed.bodies": "analytic", "seed.png": "picture", "seed.jpg": "picture",
    "inks.jpeg": "picture", "seed.exr": "picture", "seed.webp": "picture", "seed.bmp": "picture", "plain.tif": "picture",
    "deflate.tiff": "picture", "seed.toml": "experiment",
}  # fmt: skip
"""Seed -> the first words of what check says of it."""

OPENS = {
    "cameras": "mesh", "point cloud": "metaballs", "mesh": "mesh", "signed distance": "sdf-grid", "metaballs": "metaballs",
    "distance network": "sdf-network", "mesh with a neural": "neural-mesh", "analytic": "sdf-analytic", "picture": "mesh",
    "experiment": "mesh",
}  # fmt: skip
"""What check says -> the kind of shape that opening it gives."""


def test_every_ending_is_tried() -> None:
    assert {Path(name).suffix for name in KINDS} == set(suffixes.OPENED_SUFFIXES)


@pytest.mark.parametrize("name", KINDS)
def test_check_and_opening_take_a_file_for_the_same(tmp_path: Path, name: str) -> None:
    """COLMAP's text was taken for a table of points by whoever opened it, and tables for cameras by check."""
    _folder_of_cameras(tmp_path)
    path = written(tmp_path / name, SEEDS[name]())
    said = check_file(path).summary
    assert said.startswith(KINDS[name])
    experiment = experiment_for_file(path)
    assert experiment.shape.kind == OPENS[KINDS[name]]
    assert (experiment.target.kind == "cameras") == (KINDS[name] == "cameras")
    assert (experiment.target.kind == "image") == (KINDS[name] == "picture")
    assert (experiment_for_file(path).shape.file == str(path)) == (
        KINDS[name] not in ("cameras", "picture", "experiment")
    )


def test_a_file_of_colmaps_that_leads_nowhere_says_which_does(tmp_path: Path) -> None:
    _folder_of_cameras(tmp_path)
    assert "cameras.txt with images.txt" in refusal(tmp_path / "points3D.txt")


# ---------------------------------------------------------------------------------------------- experiments


def _toml(line: str) -> str:
    return SEEDS["seed.toml"]().decode().replace("seed = 3", line)


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("seed = " + "9" * 400, "line 2: seed: found 9999"),
        ("seed = " + "9" * 5000, "not valid TOML"),
        ("seed = 0x" + "f" * 5000, "too long to be shown"),
        ("seed" + ".a" * 3000 + " = 1", "seed: found"),
        ("seed = " + "[" * 3000, "not valid TOML"),
        ('"seed\\u001b[31m" = 3', "unknown key"),
    ],
)  # fmt: skip
def test_numbers_and_tables_without_end(tmp_path: Path, line: str, cause: str) -> None:
    said = refusal(written(tmp_path / "long.toml", _toml(line)))
    assert said.startswith("long.toml: ")
    assert cause in said
    assert said.isprintable()


def test_a_rate_of_hundreds_of_digits(tmp_path: Path) -> None:
    text = SEEDS["seed.toml"]().decode().replace("learning_rate = 0.02", "learning_rate = " + "9" * 400)
    assert "optimizer.learning_rate: found 999" in refusal(written(tmp_path / "rate.toml", text))


@pytest.mark.parametrize("blank", [" ", "\t", "[", '"', "a", " ="])
def test_looking_for_a_line_takes_time_by_its_length(blank: str) -> None:
    """3,000 blanks after a bracket took 20 s, by the cube of their number; 300,000 would take years."""
    for start in ("[", "[[a", 'title = "[', ""):
        assert find_line(f"{start}{blank * 300_000}x\n[views]\ncount = 1", "views.count") == 3
    assert find_line("  [ views ]  # note\n\tcount = 1", "views.count") == 2


# ---------------------------------------------------------------------------------------------- bodies


def _bodies(**change: Any) -> bytes:
    return json.dumps({**json.loads(bodies()), **change}).encode()


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ({"kind": "sphere", "radius": 0}, "bodies[0].radius: found 0; allowed: above 0"),
        ({"kind": "torus", "radius": 1, "tube": 0.0}, "bodies[0].tube: found 0.0"),
        ({"kind": "box", "size": [1, 0, 1]}, "bodies[0].size: found [1, 0, 1]"),
        ({"kind": "sphere", "radius": 1e300}, "at most 1e+12"),
        ({"kind": "sphere", "radius": int("9" * 400)}, "bodies[0].radius: found 999"),
        ({"kind": "sphere", "radius": 1, "centre": [0, 0, 1e300]}, "bodies[0].centre"),
        ({"kind": "sphere", "radius": 1, "rotation": [1e300, 0, 0]}, "bodies[0].rotation"),
        ({"kind": []}, "bodies[0].kind: found []"),
        ({"kind": {}}, "bodies[0].kind: found {}"),
        ({"kind": "sphere", "radius": {"a": [1] * 1000}}, "bodies[0].radius: found {'a'"),
    ],
)  # fmt: skip
def test_bodies_of_no_size_or_without_end(tmp_path: Path, body: dict[str, Any], cause: str) -> None:
    """A sphere of no radius was loaded and then took minutes to become NaN."""
    assert cause in refusal(written(tmp_path / "bad.bodies", _bodies(bodies=[body])))


def test_bodies_that_are_lost_beside_their_distance_or_their_blend(tmp_path: Path) -> None:
    far = [{"kind": "sphere", "radius": 1e-12, "centre": [x, 0, 0]} for x in (0, 1e12)]
    assert "apart" in refusal(written(tmp_path / "far.bodies", _bodies(bodies=far)))
    assert "smoothing: found 1e+300" in refusal(written(tmp_path / "melted.bodies", _bodies(smoothing=1e300)))
    digits = _bodies().replace(b'"smoothing": 0.1', b'"smoothing": ' + b"9" * 5000)
    assert "is not valid JSON" in refusal(written(tmp_path / "digits.bodies", digits))


# ---------------------------------------------------------------------------------------------- cameras


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (cameras(w=0.5, h=10), "picture of 0 x 10"),
        (cameras(w=12, h=0.5, fl_x=10.0), "picture of 12 x 0"),
        (cameras(w=1e299, h=1e299, fl_x=1e299), "pixels; allowed"),
        (cameras(w=1e300), "'w' is 1e+300; it must be a positive number"),
        (cameras(h="10"), "'h' is '10'; it must be a positive number"),
        (cameras(k1=[1]), "'k1' is [1]; it must be a number"),
        (cameras(cx=1e200), "principal point"),
        (cameras(fl_x=1e-299, w=12, h=10, camera_angle_x=None), "focal length"),
        (cameras(fl_x=1e299, w=12, h=10, camera_angle_x=None), "focal length"),
        (cameras(camera_angle_x=1e-300), "focal length"),
        (cameras(k1=1e200), "distortion"),
        (cameras([[1e200 * x for x in row] for row in IDENTITY]), "the rotation is scaled"),
        (cameras(changed(0, 3, 1e200)), "1e+200 units away"),
        (b'{"camera_angle_x": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (b'{"frames": ' + b"[" * 100_000, "not valid JSON"),
    ],
)  # fmt: skip
def test_lenses_and_places_beyond_all_floats(tmp_path: Path, content: bytes, cause: str) -> None:
    written(tmp_path / "seed.png", drawn("PNG", "RGBA"))
    assert cause in refusal(written(tmp_path / "bad.json", content))


def test_a_first_picture_that_is_cut_off_is_an_error_for_check_too(tmp_path: Path) -> None:
    written(tmp_path / "seed.png", drawn("PNG")[:-30])
    said = refusal(written(tmp_path / "cut.json", cameras()))
    assert said.startswith("seed.png: the picture is cut off or damaged")


def test_pictures_in_a_folder_of_their_own_are_looked_for_there(tmp_path: Path) -> None:
    """Check, and with it the command line's fit, refused an experiment that the window opened."""
    for folder in ("pictures", "cameras/sparse"):
        (tmp_path / folder).mkdir(parents=True)
    written(tmp_path / "pictures" / "seed.png", drawn("PNG", "RGBA"))
    written(tmp_path / "cameras" / "sparse" / "two.json", cameras())
    text = (
        '[shape]\nprimitive = "sphere"\n[target]\nkind = "cameras"\nfile = "two.json"\nimages = "../../pictures"\nheld_out = "every-8th"\n'
        '[views]\nkind = "cameras"\nwidth = 12\nheight = 10\n[method]\nname = "edge-grad"\n'
        '[[term]]\nloss = "l2"\nsees = "colour"\n'
    )
    fit = written(tmp_path / "cameras" / "sparse" / "fit.toml", text)
    assert check_file(fit).summary.startswith("experiment")
    (tmp_path / "pictures" / "seed.png").unlink()
    assert "two.json: frame 0 (./seed.png): the picture does not exist" in refusal(fit)


@pytest.mark.parametrize("row", ["1 2 3", "x", "1 0 0 nan", "1 0 0 1e300", "1 2 3 a"])
def test_a_sparse_cloud_that_cannot_be_read_is_left_out(tmp_path: Path, row: str) -> None:
    _folder_of_cameras(tmp_path)
    written(tmp_path / "points3D.txt", f"# points\n{row}\n")
    assert any("points3D.txt left out (line 2" in warning for warning in check_file(tmp_path / "images.txt").warnings)


def test_a_lens_of_colmaps_beyond_all_floats(tmp_path: Path) -> None:
    _folder_of_cameras(tmp_path)
    written(tmp_path / "cameras.txt", "1 PINHOLE 1e300 6 5.0 5.0 2.5 3.0\n")
    assert refusal(tmp_path / "images.txt").startswith("cameras.txt: line 1: ")
    written(tmp_path / "cameras.txt", SEEDS["cameras.txt"]())
    for place in ("1e300 0 0", "1e308 1e308 1e308"):
        written(tmp_path / "images.txt", f"1 1 0 0 0 {place} 1 seed.png\n\n")
        assert "units away" in refusal(tmp_path / "images.txt")


# ---------------------------------------------------------------------------------------------- pictures


def _tiff_with_an_empty_second() -> bytes:
    """Of a picture after the first there are no entries, not even of its size."""
    data = bytearray(drawn("TIFF"))
    (first,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, first)
    struct.pack_into("<I", data, first + 2 + 12 * count, len(data))
    return bytes(data) + bytes(6)


def _floats(value: float) -> bytes:
    pixels = np.zeros((10, 12), np.float32)
    pixels[2:8, 3:9] = value
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "TIFF")
    return file.getvalue()


def _glow(value: float) -> bytes:
    """A tenth of a millionth of alpha, which colours are divided by."""
    pixels = np.full((4, 4, 4), value, np.float32)
    pixels[..., 3] = 1e-7
    return exr_bytes(pixels)


def _black(mode: str) -> Callable[[], bytes]:
    def content() -> bytes:
        file = io.BytesIO()
        Image.new(mode, (12, 10)).save(file, "PNG")
        return file.getvalue()

    return content


PICTURES: dict[str, tuple[Callable[[], bytes], str]] = {
    "second.tif": (_tiff_with_an_empty_second, "cut off or damaged"),
    "bright.tif": (lambda: _floats(1e30), "holds light of inf"),
    "brighter.exr": (lambda: exr_bytes(np.full((4, 4, 3), 3e38, np.float32)), "holds light of 3e+38"),
    "glow.exr": (lambda: _glow(3e37), "holds light of inf"),
    "black.png": (_black("L"), "silhouette is empty"),
    "black1.png": (_black("1"), "silhouette is empty"),
    "black16.png": (_black("I;16"), "silhouette is empty"),
    "clear.png": (_black("RGBA"), "silhouette is empty"),
    "vast.png": (lambda: _claimed(40_000, 40_000), "make the picture smaller"),
    "large.png": (lambda: _claimed(9_000, 9_000), "make the picture smaller"),
    "sliver.png": (lambda: _sized(5, 5000), "5 x 5000 pixels, and a view has 8 to 4,096"),
}  # fmt: skip


def _claimed(width: int, height: int) -> bytes:
    """A PNG whose header alone is as large."""
    data = bytearray(drawn("PNG"))
    struct.pack_into(">II", data, 16, width, height)
    struct.pack_into(">I", data, 29, zlib.crc32(data[12:29]))
    return bytes(data)


def _sized(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), (9, 9, 200)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_that_no_fit_takes(tmp_path: Path, name: str) -> None:
    content, cause = PICTURES[name]
    assert cause in refusal(written(tmp_path / name, content()))


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate"])
def test_a_damaged_tiff_has_one_line(tmp_path: Path, capfd: Any, compression: str) -> None:
    """libtiff wrote its own line to the terminal."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8))
    file = io.BytesIO()
    noise.save(file, "TIFF", compression=compression)
    data = bytearray(file.getvalue())
    data[40:60] = bytes(b ^ 0xFF for b in data[40:60])
    assert "cut off or damaged" in refusal(written(tmp_path / "cut.tif", bytes(data)))
    assert capfd.readouterr().err == ""


def _tagged(kind: int, count: int, value: bytes) -> bytes:
    """EXIF with one entry, the focal length as on 35 mm film."""
    inner = struct.pack("<HHHI", 1, 0xA405, kind, count) + value + struct.pack("<I", 0)
    return b"Exif\0\0II*\0" + struct.pack("<IHHHIII", 8, 1, 0x8769, 4, 1, 26, 0) + inner


@pytest.mark.parametrize(
    "entry",
    [_tagged(5, 1, struct.pack("<I", 40)) + struct.pack("<II", 1, 0), _tagged(3, 0, b"\0" * 4),
     _tagged(12, 1, struct.pack("<I", 40)) + struct.pack("<d", 5e-324), _tagged(2, 4, b"abc\0"), b"Exif\0\0II*\0\xff"],
)  # fmt: skip
def test_spoilt_exif_tells_nothing(tmp_path: Path, entry: bytes) -> None:
    path = written(tmp_path / "photo.jpg", drawn("JPEG", exif=entry))
    with unguarded():
        assert photo_lens(path).fov == 40.0
        assert judge(path)


@pytest.mark.parametrize("name", ["exif.jpg", "exif.png", "exif.webp"])
def test_a_photograph_on_its_side_is_opened_upright(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, SEEDS[name]())
    experiment = experiment_for_file(path)
    check_inputs(experiment)
    assert upright_size(path) == (load_image(path).width, load_image(path).height) == (10, 12)
    assert (experiment.views.width, experiment.views.height) == (10, 12)


def test_long_pictures_have_views_of_their_shape() -> None:
    assert view_size(4000, 100, 256) == (500, 12)
    assert view_size(8000, 16, 4096) == (4000, 8)


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind == "picture"])
@pytest.mark.parametrize("background", [None, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)])
@pytest.mark.parametrize("need", [False, True])
def test_facts_are_what_the_floats_say(tmp_path: Path, name: str, background: tuple | None, need: bool) -> None:
    """The look before a fit makes no floats, and must say what they would."""
    path = written(tmp_path / name, SEEDS[name]())
    _same_verdict(path, background, need)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "1", "P", "I;16", "CMYK"])
@pytest.mark.parametrize("value", [0, 255])
@pytest.mark.parametrize("need", [False, True])
def test_facts_of_a_single_colour(tmp_path: Path, mode: str, value: int, need: bool) -> None:
    image = Image.new(mode, (3, 2), value if len(mode) < 2 or mode == "I;16" else (value,) * len(mode))
    path = tmp_path / "one.tif"
    image.save(path)
    for background in (None, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (0.5, 0.5, 0.5)):
        _same_verdict(path, background, need)


@pytest.mark.parametrize("name", ["seed.png", "seed.jpg", "seed.bmp", "seed.webp", "plain.tif"])
def test_no_floats_are_made_of_a_picture_to_check_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Of 8,000 x 8,000 pixels they took most of the time, and a gigabyte."""

    def floats(*arguments: Any) -> None:
        raise AssertionError("made floats")

    monkeypatch.setattr("core.io.picture_facts.image_of", floats)
    path = written(tmp_path / name, SEEDS[name]())
    with unguarded():
        check_file(path)
        check_inputs(experiment_for_file(path))
        for background in ((1.0, 1.0, 1.0), (0.0, 0.0, 0.0)):
            picture_facts(path, background=background)


def _same_verdict(path: Path, background: tuple | None, need: bool) -> None:
    said = []
    for look in (
        lambda: silhouette_of(load_image(path), background, need),
        lambda: picture_facts(path, background=background, need=need),
    ):
        try:
            look()
            said.append("")
        except RimlightError as error:
            said.append(str(error))
    assert said[0] == said[1]
    if not said[0]:
        facts, image = picture_facts(path, background=background, need=need), load_image(path)
        assert (facts.summary, facts.warnings) == (image.summary, image.warnings)
        assert facts.cut_out == (image.alpha is not None and image.alpha.min() < 1)


# ---------------------------------------------------------------------------------------------- arrays


def _header(shape: str, kind: str = "<f8") -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def _with_member(seed: str, member: str, content: bytes) -> bytes:
    """The archive with another content of one of its arrays."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(SEEDS[seed]())) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            new.writestr(name, content if name == f"{member}.npy" else old.read(name))
    return file.getvalue()


@pytest.mark.parametrize(
    ("seed", "member"),
    [("network.npz", "network.weights"), ("balls.npz", "means"), ("neural.npz", "texture"), ("seed.npz", "spacing")],
)
def test_headers_of_ten_trillion_numbers(tmp_path: Path, seed: str, member: str) -> None:
    """Sizes are checked before memory is taken."""
    huge = _with_member(seed, member, _header("(10000000000000,)"))
    assert member in refusal(written(tmp_path / "huge.npz", huge))
    endless = b"\x93NUMPY\x02\x00" + struct.pack("<I", 0xFFFFFFF0) + b"{"
    assert "is no NumPy array" in refusal(written(tmp_path / "endless.npz", _with_member(seed, member, endless)))
    pickled = _with_member(seed, member, _header("(1,)", "|O") + b"cos\nsystem\n")
    assert "never opened" in refusal(written(tmp_path / "pickled.npz", pickled))


@pytest.mark.parametrize("seed", ["network.npz", "balls.npz", "neural.npz", "seed.npz"])
def test_archives_of_a_later_zip_or_with_spoilt_names(tmp_path: Path, seed: str) -> None:
    data = bytearray(SEEDS[seed]())
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 6] = 99  # the version of zip that it needs
    assert "zip file version" in refusal(written(tmp_path / "later.npz", bytes(data)))
    data = bytearray(SEEDS[seed]())
    data[entry + 9] |= 8  # its name is UTF-8
    data[entry + 46] = 0xCF
    assert "later.npz" in refusal(written(tmp_path / "later.npz", bytes(data)))


@pytest.mark.parametrize(
    ("arrays", "cause"),
    [
        ({"spacing": np.full(3, 1e300)}, "are no lengths of a box"),
        ({"spacing": np.full(3, 1e-300)}, "are no lengths of a box"),
        ({"spacing": np.full(3, 0.1), "origin": np.full(3, 1e300)}, "are no lengths of a box"),
        ({"sdf": 1e30 * ball()}, "is no distance in a box of 2"),
    ],
)
def test_grids_of_no_size(tmp_path: Path, arrays: dict[str, np.ndarray], cause: str) -> None:
    """They were read, and the first step said to lower the learning rate."""
    assert cause in refusal(written(tmp_path / "odd.npz", archive(**{"sdf": ball(), **arrays})))


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        ("labels.npy", _header("(10000000000000,)"), "holds 0 bytes"),
        ("labels.npy", b"\x93NUMPY\x01\x00\x10\x00{'descr': '<f8'\n ", "is no NumPy array"),
        ("labels.txt", b"0 1 2 1e300 0 0 0 0", "label 1e+300 is out of range"),
        ("labels.txt", b"0 1 2 -1 0 0 0 0", "label -1 is out of range"),
    ],
)
def test_lists_of_labels(tmp_path: Path, name: str, content: bytes, cause: str) -> None:
    cube = load_mesh(written(tmp_path / "cube.obj", SEEDS["cage.obj"]()))
    with pytest.raises(RimlightError) as error:
        labelling_of(cube, str(written(tmp_path / name, content)))
    assert cause in str(error.value)
    assert name in str(error.value)


# ---------------------------------------------------------------------------------------------- points


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ("# nothing\n\n# here\n", "holds no points; write rows of x y z"),
        ("0 0 0\n", "holds 1 point, and a Gaussian needs at least 4"),
        ("0 0 0\n1 0 0\n\n# note\n0 1\n", "line 5 is no row of x y z"),
        ("0 0 0\n1 0 x\n", "line 2 is no row of x y z"),
        ("0 0 0\n1 0 0\n0 1 0\n0 0 1e300\n", "too large to be meant"),
        ("0 0 0\n1 0 0\n0 1 0\n0 0 1e999\n", "finite"),
        ("1 2\n" * 9, "rows of three finite numbers"),
    ],
)
def test_tables_of_points(tmp_path: Path, capfd: Any, content: str, cause: str) -> None:
    for name, text in (("bad.xyz", content), ("bad.txt", content), ("bad.csv", content.replace(" ", ","))):
        if name == "bad.csv" and "#" in content:
            continue
        with pytest.raises(RimlightError) as error:
            check_file(written(tmp_path / name, text))
        assert cause in str(error.value)
        assert str(error.value).startswith(name)
    assert capfd.readouterr().err == ""


def test_a_small_table_opens_with_as_many_gaussians_as_it_has_points_for(tmp_path: Path) -> None:
    path = written(tmp_path / "few.xyz", SEEDS["points.xyz"]())
    assert experiment_for_file(path).shape.components == 2


# ---------------------------------------------------------------------------------------------- paths in files


def _cube(folder: Path, library: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    text = SEEDS["seed.obj"]().replace(b"none.mtl", library.encode()).replace(b"vt 0 0", b"vt 0.5 0.5")
    return written(folder / "cube.obj", text)


def _red_outside(folder: Path) -> None:
    """What lies beside the shape's folder and must not be read: a material, and a picture."""
    (folder / "outside").mkdir()
    written(folder / "outside" / "m.mtl", "newmtl red\nKd 1 0 0\n")
    written(folder / "outside" / "skin.png", drawn("PNG"))


@pytest.mark.parametrize("how", ["../outside/m.mtl", "..\\outside\\m.mtl", "absolute", "link"])
def test_no_material_is_read_from_outside(tmp_path: Path, how: str) -> None:
    _red_outside(tmp_path)
    library = {"absolute": str(tmp_path / "outside" / "m.mtl"), "link": "link.mtl"}.get(how, how)
    cube = _cube(tmp_path / "shape", library)
    if how == "link":
        (cube.parent / "link.mtl").symlink_to(tmp_path / "outside" / "m.mtl")
    mesh = load_mesh(cube)
    assert any("left out (leads outside the folder of the shape" in warning for warning in mesh.warnings)
    assert mesh.vertex_colours is None


@pytest.mark.parametrize("how", ["../outside/skin.png", "absolute", "link"])
def test_no_texture_is_read_from_outside(tmp_path: Path, how: str) -> None:
    _red_outside(tmp_path)
    texture = {"absolute": str(tmp_path / "outside" / "skin.png"), "link": "link.png"}.get(how, how)
    cube = _cube(tmp_path / "shape", "m.mtl")
    written(cube.parent / "m.mtl", f"newmtl red\nKd 0 1 0\nmap_Kd {texture}\n")
    if how == "link":
        (cube.parent / "link.png").symlink_to(tmp_path / "outside" / "skin.png")
    mesh = load_mesh(cube)
    assert any("left out (leads outside the folder of the shape" in warning for warning in mesh.warnings)
    assert mesh.texture is None
    assert mesh.vertex_colours is not None
    assert np.ptp(mesh.vertex_colours[:, 0]) == 0  # the material's own colour, nowhere the picture's


def test_materials_and_textures_inside_the_folder_are_read(tmp_path: Path) -> None:
    cube = _cube(tmp_path, "parts/m.mtl")
    (tmp_path / "parts").mkdir()
    (tmp_path / "skins").mkdir()
    written(tmp_path / "parts" / "m.mtl", "newmtl red\nmap_Kd ../skins/skin.png\n")
    written(tmp_path / "skins" / "skin.png", drawn("PNG"))
    mesh = load_mesh(cube)
    assert not any("skin" in warning or "m.mtl" in warning for warning in mesh.warnings)


def _scene(folder: Path, buffer: str | None, image: str | None) -> Path:
    """The cube as .gltf, its buffer or its texture in a file of its own."""
    document = json.loads(SEEDS["seed.gltf"]())
    if buffer is not None:
        document["buffers"][0]["uri"] = buffer
    if image is not None:
        document["images"][0]["uri"] = image
    folder.mkdir(exist_ok=True)
    return written(folder / "cube.gltf", json.dumps(document))


@pytest.mark.parametrize("how", ["../outside/{}", "absolute", "link"])
def test_nothing_of_a_scene_is_read_from_outside(tmp_path: Path, how: str) -> None:
    (tmp_path / "outside").mkdir()
    inline = json.loads(SEEDS["seed.gltf"]())["buffers"][0]["uri"].partition(",")[2]
    written(tmp_path / "outside" / "a.bin", base64.b64decode(inline))
    written(tmp_path / "outside" / "a.png", drawn("PNG"))
    (tmp_path / "shape").mkdir()
    for name in ("a.bin", "a.png"):
        (tmp_path / "shape" / f"link-{name}").symlink_to(tmp_path / "outside" / name)
    named = lambda name: {"absolute": str(tmp_path / "outside" / name), "link": f"link-{name}"}.get(
        how, how.format(name)
    )
    assert "leads outside the folder" in refusal(_scene(tmp_path / "shape", named("a.bin"), None))
    mesh = load_mesh(_scene(tmp_path / "shape", None, named("a.png")))
    assert any("left out (leads outside the folder" in warning for warning in mesh.warnings)
    assert mesh.texture is None


def test_what_a_scene_names_beside_itself_is_read(tmp_path: Path) -> None:
    inline = json.loads(SEEDS["seed.gltf"]())["buffers"][0]["uri"].partition(",")[2]
    (tmp_path / "parts").mkdir()
    written(tmp_path / "parts" / "a.bin", base64.b64decode(inline))
    assert load_mesh(_scene(tmp_path, "parts/a.bin", None)).warnings == ()
    written(tmp_path / "parts" / "größe 2.bin", base64.b64decode(inline))
    written(tmp_path / "parts" / "a skin.png", drawn("PNG"))
    scene = _scene(tmp_path, "parts/gr%C3%B6%C3%9Fe%202.bin", "parts/a%20skin.png")  # as exporters write them
    document = json.loads(scene.read_text())
    attributes = document["meshes"][0]["primitives"][0]["attributes"]
    attributes["TEXCOORD_0"] = len(document["accessors"])
    document["accessors"].append({**document["accessors"][attributes["POSITION"]], "type": "VEC2"})
    named = load_mesh(written(scene, json.dumps(document)))
    assert (named.warnings, named.texture is None) == ((), False)
    assert "buffer 0 cannot be read (a" in refusal(_scene(tmp_path, "a" * 5000, None))
    assert any("is missing" in warning for warning in check_file(_scene(tmp_path, None, "a" * 5000)).warnings)


@pytest.mark.parametrize("line", ["mtllib " + "a" * 5000, "mtllib m.mtl"])
def test_names_longer_than_the_system_allows(tmp_path: Path, line: str) -> None:
    cube = _cube(tmp_path, line.partition(" ")[2])
    written(tmp_path / "m.mtl", f"newmtl red\nmap_Kd {'b' * 5000}.png\n")
    with unguarded():
        warned = " ".join(check_file(cube).warnings)
    assert "left out (no such file" in warned or "is missing (no such file" in warned


# ---------------------------------------------------------------------------------------------- what nobody foresaw


def test_what_an_experiment_names_is_guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name of the file that it lies in, not of the experiment."""

    def broken(path: Path) -> None:
        raise KeyError("x\ny")

    monkeypatch.setattr("core.io.meshes.load_mesh", broken)
    written(tmp_path / "seed.obj", SEEDS["seed.obj"]())
    text = SEEDS["seed.toml"]().decode().replace('primitive = "torus"', 'file = "seed.obj"')
    path = written(tmp_path / "fit.toml", text)
    with pytest.raises(RimlightError, match=r"^seed\.obj: cannot be read \(unexpected KeyError") as error:
        check_inputs(load_experiment(path))
    assert "\n" not in str(error.value)
    assert "Traceback" in error.value.details


def test_a_reader_that_runs_out_of_memory_says_so_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> None:
        raise MemoryError

    monkeypatch.setattr("core.io.meshes.load_mesh", full)
    with pytest.raises(MemoryError):
        check_file(written(tmp_path / "seed.obj", SEEDS["seed.obj"]()))


def test_pictures_of_the_seeds_are_sound() -> None:
    assert picture("PNG") == SEEDS["seed.png"]()
