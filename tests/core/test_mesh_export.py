"""What is saved loads again: in place, in size, in colour, in every format; and broken files never raise anything odd."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from core.errors import RimlightError
from core.io.mesh_export import save_mesh
from core.io.meshes import load_mesh
from core.io.polygons import triangulate

FACES = np.array([(0, 2, 1), (0, 1, 3), (1, 2, 3), (0, 3, 2)])
CORNERS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float64)
UNIT = ((CORNERS - 0.5) / np.sqrt(0.75)).astype(np.float32)
"""A tetrahedron in its unit sphere: the corners lie on it."""
COLOURS = np.array([[1, 0, 0], [0, 1, 0], [0.2, 0.2, 0.2], [0, 0, 1]], np.float32)

FORMATS = ["ply", "obj", "stl", "glb"]


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(("centre", "scale"), [((0, 0, 0), 1.0), ((5e6, -5e6, 3.0), 0.01), ((1e12, 0, 0), 1e12)])
def test_shapes_come_back_in_place_and_size(tmp_path, suffix, centre, scale):
    path = tmp_path / f"t.{suffix}"
    save_mesh(path, UNIT, FACES, COLOURS, np.array(centre), scale)
    mesh = load_mesh(path)
    assert mesh.facts["watertight"]
    assert mesh.scale == pytest.approx(scale, rel=1e-5)
    np.testing.assert_allclose(mesh.centre, centre, atol=1e-5 * scale)
    order = np.lexsort(np.round(mesh.vertices, 3).T)
    np.testing.assert_allclose(mesh.vertices[order], UNIT[np.lexsort(np.round(UNIT, 3).T)], atol=2e-5)
    if suffix != "stl":
        assert mesh.vertex_colours is not None
        expected = COLOURS[np.lexsort(np.round(UNIT, 3).T)]
        np.testing.assert_allclose(mesh.vertex_colours[order], expected, atol=0.01)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]  # nothing temporary is left


def test_what_cannot_be_written_leaves_the_old_file(tmp_path):
    path = tmp_path / "t.ply"
    path.write_text("old")
    broken = UNIT.copy()
    broken[0, 0] = np.nan
    with pytest.raises(RimlightError, match=r"t\.ply: not written, since a vertex is not finite"):
        save_mesh(path, broken, FACES)
    assert path.read_text() == "old"
    with pytest.raises(RimlightError, match="no mesh format"):
        save_mesh(tmp_path / "t.fbx", UNIT, FACES)
    (tmp_path / "file").write_text("")
    with pytest.raises(RimlightError, match="cannot be written"):
        save_mesh(tmp_path / "file" / "t.ply", UNIT, FACES)


def outcome(path: Path) -> str:
    """ "loaded", or "refused" with a message that names the file; anything else fails the test."""
    try:
        mesh = load_mesh(path)
    except RimlightError as error:
        return "refused" if path.name in str(error) else str(error)
    assert np.isfinite(mesh.vertices).all()
    assert 0 <= mesh.faces.min() <= mesh.faces.max() < len(mesh.vertices)
    return "loaded"


@pytest.mark.parametrize("suffix", FORMATS)
def test_cut_and_damaged_files_are_refused_or_load(tmp_path, suffix):
    save_mesh(tmp_path / f"whole.{suffix}", UNIT, FACES, COLOURS)
    data = (tmp_path / f"whole.{suffix}").read_bytes()
    path = tmp_path / f"damaged.{suffix}"
    for length in np.linspace(1, len(data) - 1, 40).astype(int):
        path.write_bytes(data[:length])
        if suffix != "obj" and length < len(data) - 1:
            assert outcome(path) == "refused"
        else:
            assert outcome(path) in ("loaded", "refused")
    rng = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(data)
        for place in rng.integers(0, len(data), 3):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(bytes(damaged))
        assert outcome(path) in ("loaded", "refused")


# ---------------------------------------------------------------------------------------------- glTF promises


def glb_with(tmp_path: Path, change) -> Path:
    """The tetrahedron's GLB with its JSON changed by `change`."""
    save_mesh(tmp_path / "whole.glb", UNIT, FACES)
    data = (tmp_path / "whole.glb").read_bytes()
    length = struct.unpack_from("<I", data, 12)[0]
    document = json.loads(data[20 : 20 + length])
    change(document)
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    rest = data[20 + length :]
    path = tmp_path / "changed.glb"
    header = struct.pack("<4sIIII", b"glTF", 2, 20 + len(text) + len(rest), len(text), 0x4E4F534A)
    path.write_bytes(header + text + rest)
    return path


def _nodes(*nodes):
    return lambda d: d.update(nodes=list(nodes), scenes=[{"nodes": [0]}])


@pytest.mark.parametrize(
    ("change", "fragment"),
    [
        (lambda d: d["accessors"][0].update(count=10**9), "accessor 0 needs"),
        (lambda d: d["bufferViews"][1].update(byteLength=10**6), "bufferView 1 ends"),
        (lambda d: d["buffers"][0].update(byteLength=10**12), "buffer 0 promises"),
        (lambda d: d["accessors"].append({"componentType": 5126, "type": "VEC3", "count": 10**9}), "no data"),
        (lambda d: d["buffers"][0].update(uri="gone.bin"), "gone.bin"),
        (lambda d: d.update(extensionsRequired=["KHR_draco_mesh_compression"]), "Draco"),
        (lambda d: d["accessors"][1].update(componentType=99), "broken"),
        (lambda d: d["meshes"][0].pop("primitives"), "broken"),
        (lambda d: d["meshes"][0]["primitives"][0].update(mode=1), "no triangles"),
        (_nodes({"children": [1]}, {"children": [0], "mesh": 0}), "circle"),
        (_nodes({"children": [2]}, {"children": [2]}, {"mesh": 0}), "two parents"),
    ],
)
def test_scenes_that_promise_what_they_do_not_hold(tmp_path, change, fragment):
    path = glb_with(tmp_path, change)
    with pytest.raises(RimlightError, match=rf"changed\.glb: .*{fragment}"):
        load_mesh(path)


def test_indices_out_of_range_in_a_scene(tmp_path):
    path = glb_with(tmp_path, lambda d: None)
    data = bytearray(path.read_bytes())
    data[-4:] = struct.pack("<I", 77)
    path.write_bytes(bytes(data))
    assert outcome(path) == "refused"


# ---------------------------------------------------------------------------------------------- polygons


def _area(points: np.ndarray, triangles: np.ndarray) -> float:
    a, b, c = (points[triangles[:, i]] for i in range(3))
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def test_star_shaped_polygons_are_covered_exactly(rng):
    """Random star-shaped polygons in random planes: n - 2 triangles, the area of the polygon, its winding kept."""
    for count in [4, 5, 6, 7, 9, 14, 30]:
        angle = np.sort(rng.uniform(0, 2 * np.pi, count))
        radius = rng.uniform(0.3, 1, count)
        flat = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        following = np.roll(flat, -1, axis=0)
        exact = abs((flat[:, 0] * following[:, 1] - flat[:, 1] * following[:, 0]).sum() / 2)
        frame, _ = np.linalg.qr(rng.standard_normal((3, 3)))
        points = flat @ frame[:2] + rng.standard_normal(3)
        start = int(rng.integers(count))
        corners = np.roll(np.arange(count), start)
        triangles, owner = triangulate(np.array([count]), corners, points)
        places = corners[triangles]
        if np.ptp(angle) < np.pi:
            continue  # the centre lies outside: not star-shaped about it
        assert len(triangles) == count - 2
        assert not owner.any()
        assert _area(points, places) == pytest.approx(exact, rel=1e-9)
        normal = np.cross(points[places[:, 1]] - points[places[:, 0]], points[places[:, 2]] - points[places[:, 0]])
        newell = np.cross(points, np.roll(points, -1, axis=0)).sum(axis=0)
        assert (normal @ newell > -1e-12).all()


def test_polygons_of_mixed_size_keep_their_order():
    points = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [2, 0, 0], [2, 1, 0]], np.float64)
    corners = np.array([0, 1, 2, 3, 1, 4, 2, 4, 5, 2])
    triangles, owner = triangulate(np.array([4, 3, 3]), corners, points)
    assert owner.tolist() == [0, 0, 1, 2]
    assert _area(points, corners[triangles]) == pytest.approx(2.0)
