"""The other grid formats: what loads, in which order and place, and that every refusal is one line with file and cause."""

from __future__ import annotations

import base64
import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from core.errors import RimlightError
from core.experiment import GridSpec
from core.io.check import check_file
from core.io.grids import load_grid, save_grid

ORIGIN, SPACING = np.array([1.0, -2.0, 0.5]), np.array([0.1, 0.2, 0.15])
SHAPE = (9, 7, 8)


def slanted() -> np.ndarray:
    """A distance to a plane, different along each axis, so that no two axes can be mistaken."""
    places = [o + s * np.arange(n) for o, s, n in zip(ORIGIN, SPACING, SHAPE)]
    x, y, z = np.meshgrid(*places, indexing="ij")
    return ((x - 1.4 + 2 * (y + 1.4) + 3 * (z - 1.0)) / np.sqrt(14.0)).astype(np.float32)


def x_fastest(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values.transpose(2, 1, 0))


def sdfgen(path: Path, values: np.ndarray, head: str | None = None) -> Path:
    text = head or f"{' '.join(map(str, values.shape))}\n{' '.join(map(str, ORIGIN))}\n{' '.join(map(str, SPACING))}\n"
    path.write_text(text + "\n".join(repr(float(v)) for v in x_fastest(values).ravel()))
    return path


def volume(path: Path, values: np.ndarray, box: bytes | None = None, kind: int = 1) -> Path:
    far = ORIGIN + SPACING * (np.array(values.shape) - 1)
    head = struct.pack("<3sBiiiii", b"VOL", 3, kind, *values.shape, 1)
    box = np.concatenate([ORIGIN, far]).astype("<f4").tobytes() if box is None else box
    path.write_bytes(head + box + x_fastest(values).astype("<f4").tobytes())
    return path


def nrrd(path: Path, values: np.ndarray, encoding: str = "raw", extra: str = "") -> Path:
    place = extra or (
        "space: right-anterior-superior\n"
        f"space directions: ({SPACING[0]},0,0) (0,{SPACING[1]},0) (0,0,{SPACING[2]})\n"
        f"space origin: ({ORIGIN[0]},{ORIGIN[1]},{ORIGIN[2]})\n"
    )
    sizes = " ".join(map(str, values.shape))
    head = f"NRRD0004\n# made by a test\ntype: float\ndimension: 3\nsizes: {sizes}\nendian: little\nkey:=value\n"
    raw = x_fastest(values).astype("<f4").tobytes()
    packed = {
        "raw": lambda: raw,
        "gzip": lambda: gzip.compress(raw),
        "text": lambda: " ".join(repr(float(v)) for v in x_fastest(values).ravel()).encode(),
    }[encoding]()
    path.write_bytes((head + place + f"encoding: {encoding}\n\n").encode() + packed)
    return path


def vti(path: Path, values: np.ndarray, form: str, attributes: str = "") -> Path:
    raw, n = x_fastest(values).astype("<f4").tobytes(), values.shape
    size = struct.pack("<I", len(raw))
    half = len(raw) // 2 // 4 * 4
    packed = [zlib.compress(raw[:half]), zlib.compress(raw[half:])]
    blocks = struct.pack("<5I", 2, half, len(raw) - half, *map(len, packed))
    compressor = ' compressor="vtkZLibDataCompressor"' if form == "packed" else ""
    inner, tail = {
        "ascii": (" ".join(repr(float(v)) for v in x_fastest(values).ravel()).encode(), b""),
        "binary": (base64.b64encode(size + raw), b""),
        "packed": (base64.b64encode(blocks) + base64.b64encode(b"".join(packed)), b""),
        "appended": (b"", b'<AppendedData encoding="raw">\n _' + size + raw + b"\n</AppendedData>"),
    }[form]
    kind = {"ascii": "ascii", "appended": "appended"}.get(form, "binary")
    extent = f"0 {n[0] - 1} 0 {n[1] - 1} 0 {n[2] - 1}"
    words = lambda array: " ".join(map(str, array))
    path.write_bytes(
        f'<?xml version="1.0"?>\n<VTKFile type="ImageData" version="0.1" byte_order="LittleEndian"{compressor}>'
        f'<ImageData WholeExtent="{extent}" Origin="{words(ORIGIN)}" Spacing="{words(SPACING)}"{attributes}>'
        f'<Piece Extent="{extent}"><PointData Scalars="d"><DataArray type="Float32" Name="d" format="{kind}" '
        f'offset="0">'.encode()
        + inner
        + b"</DataArray></PointData></Piece></ImageData>"
        + tail
        + b"</VTKFile>"
    )
    return path


def came_back(path: Path) -> None:
    grid = load_grid(path)
    np.testing.assert_allclose(grid.values, slanted(), atol=1e-5)
    np.testing.assert_allclose(grid.origin, ORIGIN, atol=1e-6)
    np.testing.assert_allclose(grid.spacing, SPACING, atol=1e-6)
    assert grid.values.flags.c_contiguous
    assert grid.warnings == ()
    assert "9 x 7 x 8 nodes" in check_file(path).summary


def test_sdfgen_text(tmp_path: Path) -> None:
    came_back(sdfgen(tmp_path / "a.sdf", slanted()))


def test_mitsuba_volume(tmp_path: Path) -> None:
    came_back(volume(tmp_path / "a.vol", slanted()))


@pytest.mark.parametrize("encoding", ["raw", "gzip", "text"])
def test_nrrd(tmp_path: Path, encoding: str) -> None:
    came_back(nrrd(tmp_path / "a.nrrd", slanted(), encoding))
    spaced = f"spacings: {' '.join(map(str, SPACING))}\naxis mins: {' '.join(map(str, ORIGIN))}\n"
    came_back(nrrd(tmp_path / "b.nrrd", slanted(), encoding, spaced))


@pytest.mark.parametrize("form", ["ascii", "binary", "packed", "appended"])
def test_vtk_image(tmp_path: Path, form: str) -> None:
    came_back(vti(tmp_path / "a.vti", slanted(), form))


def test_a_box_in_integers_and_distances_in_voxels_are_recognised(tmp_path: Path) -> None:
    axes = np.meshgrid(*[np.arange(12) - 5.5] * 3, indexing="ij")
    voxels = (np.sqrt(sum(a * a for a in axes)) - 4).astype(np.float32)
    grid = load_grid(volume(tmp_path / "a.vol", voxels, np.array([0, 0, 0, 1, 1, 1], "<i4").tobytes()))
    assert grid.spacing == pytest.approx([1 / 11] * 3)
    assert grid.gradient == pytest.approx(1.0, abs=0.05)
    assert "integers" in grid.warnings[0]
    assert "voxels" in grid.warnings[1]
    np.testing.assert_allclose(grid.values, voxels / 11, atol=1e-6)


def test_what_the_form_says_of_an_array(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", -slanted().transpose(2, 0, 1))
    spec = GridSpec(axes="zxy", negate=True, spacing=(0.1, 0.2, 0.15), origin=(1.0, -2.0, 0.5))
    grid = load_grid(tmp_path / "a.npy", spec)
    np.testing.assert_array_equal(grid.values, slanted())
    np.testing.assert_allclose(grid.origin, ORIGIN)
    np.testing.assert_allclose(grid.spacing, SPACING)


def test_redistancing_gives_distances_and_keeps_the_surface(tmp_path: Path) -> None:
    axes = np.meshgrid(*[np.linspace(-1.2, 1.2, 25)] * 3, indexing="ij")
    radius = np.sqrt(sum(a * a for a in axes))
    save_grid(tmp_path / "a.npz", 4 * (radius**3 - 0.5), np.full(3, -1.2), np.full(3, 0.1))
    assert "not a distance" in load_grid(tmp_path / "a.npz").warnings[0]
    grid = load_grid(tmp_path / "a.npz", GridSpec(redistance=True))
    assert grid.warnings == ()
    np.testing.assert_allclose(grid.values, radius - 0.5 ** (1 / 3), atol=0.02)


def _refusals(folder: Path) -> list[tuple[Path, str]]:
    good = slanted()
    holed = good.copy()
    holed[1, 2, 3] = np.nan
    short = nrrd(folder / "short.nrrd", good)
    short.write_bytes(short.read_bytes()[:-40])
    broken = vti(folder / "broken.vti", good, "packed")
    broken.write_bytes(broken.read_bytes().replace(b"</ImageData>", b""))
    bomb = vti(folder / "bomb.vti", good, "ascii")
    bomb.write_bytes(b'<!DOCTYPE a [<!ENTITY b "c">]>' + bomb.read_bytes())
    turned = "space directions: (0,1,0) (1,0,0) (0,0,1)\n"
    (folder / "noise.vol").write_bytes(bytes(range(200)))
    (folder / "noise.nrrd").write_bytes(bytes(range(200)))
    (folder / "noise.sdf").write_bytes(bytes(range(200)))
    return [
        (sdfgen(folder / "head.sdf", good, "9 7\n0 0 0\n1\n"), "line 1"),
        (sdfgen(folder / "count.sdf", good, "9 7 9\n0 0 0\n1\n"), "567"),
        (sdfgen(folder / "nan.sdf", holed), "not finite"),
        (sdfgen(folder / "huge.sdf", good, "4000 4000 4000\n0 0 0\n1\n"), "coarser"),
        (folder / "noise.sdf", "text"),
        (folder / "noise.vol", "VOL"),
        (volume(folder / "box.vol", good, np.zeros(6, "<f4").tobytes()), "box"),
        (volume(folder / "type.vol", good, kind=9), "type 9"),
        (nrrd(folder / "turned.nrrd", good, extra=turned), "turned"),
        (nrrd(folder / "flat.nrrd", slanted()[:, :, :3]), "4 nodes"),
        (short, "cut off"),
        (folder / "noise.nrrd", "NRRD"),
        (broken, "XML"),
        (bomb, "document type"),
        (vti(folder / "turned.vti", good, "ascii", ' Direction="0 1 0 1 0 0 0 0 1"'), "turned"),
        (vti(folder / "nan.vti", holed, "appended"), "[1, 2, 3]"),
    ]


def test_refusals_are_one_line_with_file_and_cause(tmp_path: Path) -> None:
    failures = []
    for path, word in _refusals(tmp_path):
        try:
            load_grid(path)
            failures.append(f"{path.name}: loaded")
        except RimlightError as error:
            message = str(error)
            if "\n" in message or path.name not in message or word not in message:
                failures.append(message)
    assert not failures, failures


def test_the_shared_grids_look_right(shared_data: Path) -> None:
    bunny = load_grid(shared_data / "sdfdiff_bunny.sdf")
    assert bunny.values.shape == (52, 52, 41)
    assert (bunny.values < 0).mean() == pytest.approx(0.255, abs=0.002)
    assert bunny.spacing == pytest.approx([0.02] * 3)
    torus = load_grid(shared_data / "mitsuba_torus_sdfgrid.vol")
    assert torus.values.shape == (40, 40, 40)
    assert torus.spacing == pytest.approx([1 / 39] * 3)
    assert torus.gradient == pytest.approx(1.0, abs=0.05)
    assert any("voxels" in warning for warning in torus.warnings)
