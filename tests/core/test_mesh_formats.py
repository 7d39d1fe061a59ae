"""PLY, STL, OFF and the materials of OBJ: both kinds, broken ones, colours."""

from __future__ import annotations

import numpy as np
import pytest

from core.io.meshes import load_mesh
from tests.fakes.mesh_files import TETRAHEDRON, cube_obj, refused, volume, write

PLY_HEADER = """ply
format {format} 1.0
element vertex {vertices}
property float x
property float y
property float z
element face {faces}
property list uchar int vertex_indices
end_header
"""
TETRAHEDRON_VERTICES = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])


def binary_ply(order: str, faces: list[tuple[int, ...]], promised: int | None = None) -> bytes:
    name = "binary_little_endian" if order == "<" else "binary_big_endian"
    header = PLY_HEADER.format(format=name, vertices=4, faces=len(faces) if promised is None else promised)
    body = TETRAHEDRON_VERTICES.astype(order + "f4").tobytes()
    for face in faces:
        body += bytes([len(face)]) + np.array(face, order + "i4").tobytes()
    return header.encode() + body


FACES = [(0, 2, 1), (0, 1, 3), (1, 2, 3), (0, 3, 2)]


@pytest.mark.parametrize("order", ["<", ">"])
def test_binary_ply_in_both_orders(tmp_path, order):
    mesh = load_mesh(write(tmp_path, "t.ply", binary_ply(order, FACES)))
    assert mesh.facts["watertight"]
    assert volume(mesh) * mesh.scale**3 == pytest.approx(1 / 6, rel=1e-5)


def test_ply_with_polygons_of_different_sizes(tmp_path):
    mesh = load_mesh(write(tmp_path, "t.ply", binary_ply("<", [(0, 1, 2, 3), (0, 2, 1)])))
    assert len(mesh.faces) == 3


@pytest.mark.parametrize(
    ("content", "fragments"),
    [
        (binary_ply("<", FACES, promised=2**31 - 1), ["promises", "2,147,483,647 face"]),
        (binary_ply("<", FACES)[:-5], ["ends inside its 4 face rows"]),
        (binary_ply("<", FACES)[:-53], ["promises 4 vertex rows and 4 face rows"]),
        (binary_ply("<", [*FACES[:3], (0, 1, 9)]), ["face 4", "index 9"]),
        (binary_ply("<", [*FACES[:3], (0, 1)]), ["face 4", "2 indices"]),
        (binary_ply("<", []), ["no faces", "4 points"]),
        (b"ply\nformat binary_little_endian 1.0\nelement vertex 3\n", ["not a PLY file"]),
        (b"ply\nformat nonsense 1.0\nend_header\n", ["line 2"]),
        (b"ply\nformat ascii 1.0\nproperty float x\nend_header\n", ["line 3"]),
        (PLY_HEADER.format(format="ascii", vertices=1, faces=1) + "0 0\n3 0 0 0\n", ["line 10"]),
        (PLY_HEADER.format(format="ascii", vertices=1, faces=1) + "0 0 abc\n3 0 0 0\n", ["line 10", "abc"]),
        (PLY_HEADER.format(format="ascii", vertices=1, faces=1) + "0 0 nan\n3 0 0 0\n", ["vertex 1"]),
        (PLY_HEADER.format(format="ascii", vertices=1, faces=10**9) + "0 0 0\n3 0 0 0\n", ["promises"]),
    ],
)
def test_broken_ply_files(tmp_path, content, fragments):
    message = refused(write(tmp_path, "broken.ply", content))
    for fragment in fragments:
        assert fragment in message


def stl(count: int, stored: int) -> bytes:
    corners = TETRAHEDRON_VERTICES[np.array(FACES)].astype("<f4")
    body = b"".join(b"\0" * 12 + corners[i % 4].tobytes() + b"\0\0" for i in range(stored))
    return b"solid by name only".ljust(80) + np.uint32(count).tobytes() + body


def test_stl_of_both_kinds(tmp_path):
    binary = load_mesh(write(tmp_path, "b.stl", stl(4, 4)))
    lines = ["solid t"]
    for triangle in TETRAHEDRON_VERTICES[np.array(FACES)]:
        lines += ["facet normal 0 0 0", "outer loop", *("vertex %g %g %g" % tuple(v) for v in triangle)]  # noqa: UP031
        lines += ["endloop", "endfacet"]
    text = load_mesh(write(tmp_path, "t.stl", "\n".join([*lines, "endsolid"])))
    for mesh in (binary, text):
        assert mesh.facts["watertight"]
        assert len(mesh.vertices) == 4
    cut = write(tmp_path, "cut.stl", "\n".join(lines[:-4]))
    assert "facet with 1 vert" in refused(cut)


@pytest.mark.parametrize(
    ("content", "fragments"),
    [(stl(4_000_000_000, 4), ["4,000,000,000 triangles", "holds 4"]), (b"solid\n", ["no triangles"]), (b"ab", ["few"])],
)
def test_broken_stl_files(tmp_path, content, fragments):
    message = refused(write(tmp_path, "broken.stl", content))
    for fragment in fragments:
        assert fragment in message


@pytest.mark.parametrize(
    ("content", "fragments"),
    [
        ("OFF\n4 4 0\n0 0 0\n1 0 0\n", ["promises 4 vertices"]),
        ("OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 7\n", ["line 6", "index 7"]),
        ("OFF\n3 1 0\n0 0 0\n1 0\n0 1 0\n3 0 1 2\n", ["line 4"]),
        ("OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1\n", ["line 6", "face with 2 indices"]),
        ("FOO\n", ["not a text OFF"]),
        ("OFF\nmany\n", ["counts"]),
        ("OFF\n3 0 0\n0 0 0\n1 0 0\n0 1 0\n", ["no faces"]),
    ],
)
def test_broken_off_files(tmp_path, content, fragments):
    message = refused(write(tmp_path, "broken.off", content))
    for fragment in fragments:
        assert fragment in message


@pytest.mark.parametrize("header", ["OFF\n4 4 0\n", "# made by hand\nOFF 4 4 6\n"])
def test_off(tmp_path, header):
    mesh = load_mesh(write(tmp_path, "t.off", header + "0 0 0\n1 0 0\n0 1 0\n0 0 1\n" + TETRAHEDRON))
    assert mesh.facts["watertight"]


def test_colours_of_coff_and_ply_are_srgb(tmp_path):
    off = "COFF\n3 1 0\n0 0 0 255 0 0 255\n1 0 0 255 0 0 255\n0 1 0 188 188 188 255\n3 0 1 2\n"
    mesh = load_mesh(write(tmp_path, "c.off", off))
    assert mesh.vertex_colours is not None
    np.testing.assert_allclose(mesh.vertex_colours[0], [1, 0, 0])
    np.testing.assert_allclose(mesh.vertex_colours[2], 0.5, atol=0.005)


def test_materials_colour_faces(tmp_path):
    write(tmp_path, "m.mtl", "newmtl red\nKd 1 0 0\n\nnewmtl painted\nmap_Kd -s 1 1 1 paint.png\n")
    from PIL import Image

    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0] = (0, 255, 0)  # the top row, v above one half
    pixels[1] = (0, 0, 255)
    Image.fromarray(pixels).save(tmp_path / "paint.png")
    lines = ["mtllib m.mtl", "v 0 0 0", "v 1 0 0", "v 0 1 0", "v 9 9 0", "v 8 9 0", "v 9 8 0"]
    lines += ["vt 0.25 0.75", "vt 0.25 0.25", "usemtl red", "f 1 2 3", "usemtl painted", "f 4/1 5/2 6/2"]
    mesh = load_mesh(write(tmp_path, "m.obj", "\n".join(lines)))
    assert mesh.warnings == ()
    assert mesh.vertex_colours is not None
    np.testing.assert_allclose(mesh.vertex_colours[:3], [[1, 0, 0]] * 3, atol=1e-6)
    np.testing.assert_allclose(mesh.vertex_colours[3:], [[0, 1, 0], [0, 0, 1], [0, 0, 1]], atol=1e-6)


def test_a_missing_library_is_a_warning(tmp_path):
    mesh = load_mesh(write(tmp_path, "m.obj", "mtllib gone.mtl\nusemtl red\n" + cube_obj()))
    assert len(mesh.warnings) == 1
    assert "gone.mtl" in mesh.warnings[0]
