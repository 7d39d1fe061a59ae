"""Pictures and camera files: values, silhouettes, and what is refused. Siblings of BAD.md's rows are generated here."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from PIL import Image

from core.colour import from_bytes, linear_to_srgb, srgb_to_linear, to_bytes
from core.errors import RimlightError
from core.experiments.defaults import experiment_for_file
from core.io import images
from core.io.cameras import load_transforms
from core.io.check import check_file
from core.io.images import load_image, picture_size, save_png, silhouette_of
from core.io.photo_lens import photo_lens


def refused(read, path) -> str:
    with pytest.raises(RimlightError) as caught:
        read(path)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message


def test_srgb_and_back():
    """IEC 61966-2-1: mid grey 0.5 is 0.21404 linear, and all 256 bytes survive the way there and back."""
    assert srgb_to_linear(np.float32(0.5)) == pytest.approx(0.2140411, abs=1e-6)
    assert srgb_to_linear(np.float32(0.04045)) == pytest.approx(0.0031308, abs=1e-7)
    every = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(to_bytes(from_bytes(every)), every)
    np.testing.assert_array_equal(to_bytes(np.array([-1.0, 2.0, np.nan])), [0, 255, 0])
    assert linear_to_srgb(np.float64(1.0)).dtype == np.float32


@pytest.mark.parametrize(
    ("entries", "size", "fov"),
    [
        ({0xA405: 50}, (360, 240), 26.99),  # a 50 mm lens on film of 36 x 24 mm: 27 degrees high, 39.6 wide
        ({0xA405: 50}, (240, 360), 39.60),
        ({0x920A: 25.0, 0xA20E: 10.0, 0xA210: 4}, (360, 240), 40.0),  # a unit that is none
        ({0x920A: 25.0, 0xA20E: 100.0, 0xA210: 3, 0xA002: 180}, (360, 240), 26.99),  # 18 mm wide, enlarged since
        ({0x920A: 25.0, 0xA20E: 254.0, 0xA210: 2}, (360, 240), 51.28),
        ({0xA405: 0}, (360, 240), 40.0),
        ({}, (360, 240), 40.0),
    ],
)
def test_the_field_of_view_that_a_photograph_tells(entries, size, fov, tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8769).update(entries)
    Image.new("RGB", size, (90, 120, 30)).save(tmp_path / "photo.jpg", exif=exif)
    assert photo_lens(tmp_path / "photo.jpg").fov == pytest.approx(fov, abs=0.01)
    experiment = experiment_for_file(tmp_path / "photo.jpg")
    assert experiment.views.fov == pytest.approx(fov, abs=0.01)
    assert ("by its EXIF" in check_file(tmp_path / "photo.jpg").summary) == (fov != 40.0)


def test_a_photograph_on_its_side_is_measured_upright(tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0xA405: 50})
    exif[0x0112] = 6
    Image.new("RGB", (360, 240), (90, 120, 30)).save(tmp_path / "photo.jpg", exif=exif)
    assert photo_lens(tmp_path / "photo.jpg", 33.0).fov == pytest.approx(39.60, abs=0.01)
    Image.new("RGB", (36, 24)).save(tmp_path / "plain.png")
    assert photo_lens(tmp_path / "plain.png", 33.0) == (
        33.0,
        "no focal length in its EXIF; taken to be 33 degrees high",
    )


# ---------------------------------------------------------------------------------------------- BAD.md


def test_the_reference_picture(shared_data):
    image = load_image(shared_data / "bad" / "t00_good_rgba.png")
    assert image.warnings == ()
    assert image.colour.shape == (256, 256, 3)
    assert image.colour.dtype == np.float32
    alpha = silhouette_of(image)
    y, x = np.mgrid[:256, :256] + 0.5
    disc = (x - 140) ** 2 + (y - 110) ** 2 < 70**2
    assert np.mean((alpha > 0.5) != disc) < 0.005  # row 0 is the top


@pytest.mark.parametrize(
    ("name", "fragments"),
    [("t08_alpha_all_zero.png", ["target silhouette is empty"]), ("t10_truncated.png", ["cut off"])],
)
def test_bad_pictures_are_refused(shared_data, name, fragments):
    message = refused(check_file, shared_data / "bad" / name)
    assert all(fragment in message for fragment in fragments)


def test_a_16_bit_mask_is_divided_by_65535(shared_data):
    image = load_image(shared_data / "bad" / "t03_16bit_grey.png")
    assert image.warnings == ()
    assert image.mask is not None
    assert image.mask.max() == 1
    assert silhouette_of(image).mean() == pytest.approx(0.2344, abs=1e-3)


def test_cmyk_is_converted_with_a_warning_and_k_is_no_alpha(shared_data):
    image = load_image(shared_data / "bad" / "t05_cmyk.jpg")
    assert any("CMYK" in warning for warning in image.warnings)
    assert image.alpha is None


def test_another_size_is_a_valid_picture_alone_and_an_error_in_a_fit(shared_data, tmp_path):
    picture = shared_data / "bad" / "t01_wrong_size_300x200.png"
    assert check_file(picture).warnings == ()
    experiment = tmp_path / "fit.toml"
    experiment.write_text(
        f"[shape]\nprimitive = 'sphere'\n[target]\nkind = 'image'\nfile = '{picture.as_posix()}'\n"
        "[views]\nkind = 'single'\nwidth = 256\nheight = 256\n"
    )
    with pytest.raises(RimlightError, match=r"t01_wrong_size_300x200\.png: .*300 x 200.*256 x 256"):
        check_file(experiment)


@pytest.mark.parametrize(
    ("name", "fragments"),
    [
        ("c01_no_camera_angle.json", ["camera_angle_x"]),
        ("c04_nan_matrix.json", ["frame 0", "t00_good_rgba", "not finite"]),
        ("c06_image_missing.json", ["frame 0", "bad/cameras/nowhere/r_0"]),
        ("c08_left_handed.json", ["mirrored", "determinant -1"]),
        ("c11_truncated.json", ["line 1, column 51"]),
    ],
)
def test_bad_camera_files_are_refused(shared_data, name, fragments):
    message = refused(load_transforms, shared_data / "bad" / "cameras" / name)
    assert all(fragment in message for fragment in fragments)


def test_good_camera_files_load(shared_data):
    assert load_transforms(shared_data / "bad" / "cameras" / "c00_good.json").warnings == ()
    chair = load_transforms(shared_data / "nerf_chair_200" / "transforms_train.json")
    assert chair.camera_to_world.shape == (100, 4, 4)


# ---------------------------------------------------------------------------------------------- siblings of t*


def rgba(alpha: int = 255) -> np.ndarray:
    pixels = np.zeros((6, 8, 4), np.uint8)
    pixels[..., 0], pixels[..., 3] = 200, 0
    pixels[2:4, 3:6, 3] = alpha
    return pixels


def test_alpha_and_palette_and_grey_alpha(tmp_path):
    picture = Image.fromarray(rgba())
    picture.save(tmp_path / "a.png")
    picture.quantize(4).save(tmp_path / "p.png")
    picture.convert("LA").save(tmp_path / "la.png")
    for name in ("a.png", "p.png", "la.png"):
        image = load_image(tmp_path / name)
        assert image.alpha is not None, name
        assert silhouette_of(image).sum() == pytest.approx(6), name


def test_colour_is_decoded_from_srgb_unless_told_otherwise(tmp_path):
    Image.fromarray(np.full((2, 2, 3), 128, np.uint8)).save(tmp_path / "c.png")
    assert load_image(tmp_path / "c.png").colour[0, 0, 0] == pytest.approx(0.21586, abs=1e-5)
    assert load_image(tmp_path / "c.png", encoding="linear").colour[0, 0, 0] == pytest.approx(128 / 255)


def test_an_opaque_alpha_is_mentioned(tmp_path):
    Image.fromarray(np.full((4, 4, 4), 255, np.uint8)).save(tmp_path / "o.png")
    assert "alpha is 1 everywhere" in load_image(tmp_path / "o.png").warnings[0]


def test_a_background_colour_is_keyed_out(tmp_path):
    pixels = np.full((8, 8, 3), 255, np.uint8)
    pixels[2:5, 2:5] = (200, 30, 30)
    Image.fromarray(pixels).save(tmp_path / "k.png")
    image = load_image(tmp_path / "k.png")
    mask = silhouette_of(image, (1.0, 1.0, 1.0))
    assert mask.sum() == pytest.approx(9)
    with pytest.raises(RimlightError, match=r"k\.png: has no alpha"):
        silhouette_of(image)
    assert silhouette_of(image, need=False).all()
    Image.fromarray(np.full((8, 8, 3), 255, np.uint8)).save(tmp_path / "w.png")
    with pytest.raises(RimlightError, match="silhouette is empty"):
        silhouette_of(load_image(tmp_path / "w.png"), (1.0, 1.0, 1.0))


def test_pictures_are_turned_upright(tmp_path):
    picture = Image.fromarray(np.zeros((4, 6, 3), np.uint8))
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(tmp_path / "r.jpg", exif=exif)
    image = load_image(tmp_path / "r.jpg")
    assert (image.width, image.height) == (4, 6)
    assert any("upright" in warning for warning in image.warnings)


def test_a_decompression_bomb_is_refused_by_its_header(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "PIXEL_LIMIT", 100)
    Image.fromarray(np.zeros((11, 10, 3), np.uint8)).save(tmp_path / "b.png")
    assert "10 x 11 pixels" in refused(load_image, tmp_path / "b.png")


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n", b"GIF89a"])
def test_what_is_no_picture_is_refused(tmp_path, content):
    path = tmp_path / "x.png"
    path.write_bytes(content)
    refused(load_image, path)


def test_damaged_pictures_are_refused_or_load(tmp_path, rng):
    for suffix in ("png", "jpg"):
        whole = tmp_path / f"whole.{suffix}"
        Image.fromarray(rng.integers(0, 255, (24, 24, 3), dtype=np.uint8)).save(whole)
        data = whole.read_bytes()
        path = tmp_path / f"damaged.{suffix}"
        refusals = 0
        for _ in range(60):
            damaged = bytearray(data[: rng.integers(len(data) // 2, len(data))])
            damaged[rng.integers(len(damaged))] ^= 255
            path.write_bytes(bytes(damaged))
            try:
                load_image(path)
            except RimlightError:
                refusals += 1
        assert refusals > 0


def test_png_round_trip(tmp_path, rng):
    colour = rng.random((5, 7, 3)).astype(np.float32)
    alpha = rng.random((5, 7)).astype(np.float32)
    save_png(tmp_path / "deep" / "x.png", colour, alpha)
    image = load_image(tmp_path / "deep" / "x.png")
    np.testing.assert_allclose(image.colour, colour, atol=0.01)
    assert image.alpha is not None
    np.testing.assert_allclose(image.alpha, alpha, atol=0.003)
    save_png(tmp_path / "grey.png", colour[..., :1])
    np.testing.assert_allclose(load_image(tmp_path / "grey.png").colour[..., 1], colour[..., 0], atol=0.01)
    assert picture_size(tmp_path / "grey.png") == (7, 5)


def plain_exr(channels: dict[str, np.ndarray], kind: str = "<f4") -> bytes:
    """An uncompressed scan-line EXR of float or half channels (openexr.com, "OpenEXR File Layout")."""
    height, width = next(iter(channels.values())).shape
    code = {"<f2": 1, "<f4": 2}[kind]
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    listed = b"".join(n.encode() + b"\0" + struct.pack("<iB3xii", code, 0, 1, 1) for n in sorted(channels)) + b"\0"
    attributes = [
        (b"channels", b"chlist", listed), (b"compression", b"compression", b"\0"), (b"dataWindow", b"box2i", window),
        (b"displayWindow", b"box2i", window), (b"lineOrder", b"lineOrder", b"\0"),
        (b"pixelAspectRatio", b"float", struct.pack("<f", 1)), (b"screenWindowCenter", b"v2f", bytes(8)),
        (b"screenWindowWidth", b"float", struct.pack("<f", 1)),
    ]  # fmt: skip
    head = b"\x76\x2f\x31\x01" + struct.pack("<I", 2)
    head += b"".join(n + b"\0" + t + b"\0" + struct.pack("<i", len(v)) + v for n, t, v in attributes) + b"\0"
    rows = [b"".join(channels[n][y].astype(kind).tobytes() for n in sorted(channels)) for y in range(height)]
    blocks = [struct.pack("<ii", y, len(row)) + row for y, row in enumerate(rows)]
    first = len(head) + 8 * height
    offsets = [first + sum(map(len, blocks[:y])) for y in range(height)]
    return head + struct.pack(f"<{height}Q", *offsets) + b"".join(blocks)


@pytest.mark.parametrize("kind", ["<f2", "<f4"])
def test_exr_is_linear_and_its_alpha_straightened(tmp_path, kind):
    """One pixel (0.5, 0.25, 0) premultiplied by its alpha 0.5, beside one above 1."""
    values = {"R": [0.5, 4.0], "G": [0.25, 0.0], "B": [0.0, 1.0], "A": [0.5, 1.0], "Y": [0.25, 3.0]}
    channels = {name: np.tile(np.array(row, np.float32), (8, 1)) for name, row in values.items()}
    for name in ("RGBA", "RGB", "Y"):
        (tmp_path / f"{name}.exr").write_bytes(plain_exr({c: channels[c] for c in name}, kind))
    assert picture_size(tmp_path / "RGBA.exr") == (2, 8)
    image = load_image(tmp_path / "RGBA.exr")
    np.testing.assert_array_equal(image.colour[0], [[1.0, 0.5, 0.0], [4.0, 0.0, 1.0]])
    assert image.alpha is not None
    np.testing.assert_array_equal(image.alpha[0], [0.5, 1.0])
    opaque = load_image(tmp_path / "RGB.exr")
    assert opaque.alpha is None
    np.testing.assert_array_equal(opaque.colour[0], [[0.5, 0.25, 0.0], [4.0, 0.0, 1.0]])
    np.testing.assert_array_equal(load_image(tmp_path / "Y.exr").colour[0], [[0.25] * 3, [3.0] * 3])


def test_broken_exr_files(tmp_path):
    data = plain_exr({c: np.ones((8, 2), np.float32) for c in "RGBA"})
    contents = {"cut.exr": data[:-20], "head.exr": data[:200], "not.exr": b"nothing"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        refused(load_image, tmp_path / name)
    bad = plain_exr({c: np.full((8, 2), np.nan, np.float32) for c in "RGB"})
    (tmp_path / "nan.exr").write_bytes(bad)
    assert "16 pixels are not finite" in refused(load_image, tmp_path / "nan.exr")


# ---------------------------------------------------------------------------------------------- siblings of c*


def transforms(tmp_path, **changes):
    Image.fromarray(rgba()).save(tmp_path / "r_0.png")
    frame = {"file_path": "r_0", "transform_matrix": np.eye(4).tolist()}
    document = {"camera_angle_x": 0.7, "frames": [{**frame, **changes.pop("frame", {})}], **changes}
    path = tmp_path / "transforms.json"
    path.write_text(json.dumps({key: value for key, value in document.items() if value is not None}))
    return path


def test_a_plain_camera_file(tmp_path):
    cameras = load_transforms(transforms(tmp_path))
    assert cameras.warnings == ()
    assert cameras.pictures == (tmp_path / "r_0.png",)
    assert load_transforms(transforms(tmp_path, camera_angle_x=None, fl_x=100, w=80)).pictures


@pytest.mark.parametrize(
    ("changes", "fragments"),
    [
        (dict(camera_angle_x=None), ["camera_angle_x", "fl_x"]),
        (dict(camera_angle_x="wide"), ["'wide'"]),
        (dict(camera_angle_x=-1.0), ["-1.0"]),
        (dict(camera_angle_x=None, fl_x=100), ["'w' None"]),
        (dict(frames=[]), ["'frames'"]),
        (dict(frames=[{}]), ["frame 0", "file_path"]),
        (dict(frame=dict(transform_matrix=[[1, 2], [3, 4]])), ["frame 0 (r_0)", "4 x 4"]),
        (dict(frame=dict(transform_matrix=None)), ["4 x 4"]),
        (dict(frame=dict(transform_matrix=(2 * np.eye(4)).tolist())), ["last row"]),
        (dict(frame=dict(transform_matrix=np.diag([2.0, 2, 2, 1]).tolist())), ["scaled"]),
        (dict(frame=dict(file_path="gone/r_7")), ["frame 0 (gone/r_7)", "gone/r_7"]),
    ],
)
def test_broken_camera_files(tmp_path, changes, fragments):
    message = refused(load_transforms, transforms(tmp_path, **changes))
    assert all(fragment in message for fragment in fragments), message


@pytest.mark.parametrize("content", ["[1, 2]", "{", "[" * 100_000, b"\xff\xfe{}"])
def test_what_is_no_camera_file(tmp_path, content):
    path = tmp_path / "t.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    refused(load_transforms, path)


def test_odd_cameras_are_mentioned(tmp_path):
    path = transforms(tmp_path)
    document = json.loads(path.read_text())
    Image.fromarray(np.zeros((3, 3, 3), np.uint8)).save(tmp_path / "other.png")
    document["frames"].append({**document["frames"][0], "file_path": "other.png"})
    path.write_text(json.dumps(document))
    warnings = load_transforms(path).warnings
    assert any("8 x 6" in warning and "3 x 3" in warning for warning in warnings)
    assert any("same camera" in warning for warning in warnings)
