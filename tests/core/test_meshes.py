"""Meshes: every class of trouble has its verdict, and what loads stands centred in the unit sphere.

The rows of shared/data/bad/BAD.md are read where that folder is; siblings of each class are generated here.
"""

from __future__ import annotations

import numpy as np
import pytest

from core.io.meshes import load_mesh
from tests.fakes.mesh_files import (
    CUBE_FACES,
    CUBE_VERTICES,
    TETRAHEDRON,
    check_normal_form,
    cube_obj,
    refused,
    volume,
    write,
)

# ---------------------------------------------------------------------------------------------- BAD.md

REFUSED = {
    "m01_truncated.obj": ["line 907", "face with 2 indices"],
    "m02_nan_vertex.obj": ["line 4", "vertex 4"],
    "m04_index_out_of_range.obj": ["line 20", "99", "8 vertices"],
    "m07_empty.ply": ["mesh has no faces"],
    "m09_zero_triangles.stl": ["mesh has no triangles"],
    "m23_garbage.obj": ["not a text OBJ file"],
}

LOADED = {
    "m06_negative_relative_indices.obj": (12, 8, []),
    "m11_degenerate_triangles.obj": (12, 8, ["3 degenerate faces dropped"]),
    "m12_huge_1e12.obj": (1280, 642, ["huge"]),
    "m14_far_from_origin.obj": (1280, 642, ["far from the origin"]),
    "m15_quads_ngon_concave.obj": (18, 18, []),
    "m16_multi_material/two.obj": (13, 8, ["missing_texture.png is missing", "'not_defined' is unknown"]),
    "m17_scene_transforms.glb": (36, 24, []),
    "m18_nonmanifold_edge.obj": (3, 5, ["1 non-manifold edge"]),
    "m20_inside_out.obj": (12, 8, ["inwards"]),
    "m22_single_triangle.obj": (1, 3, []),
    "m27_crlf_comments_exponents.obj": (12, 8, []),
    "m29_unreferenced_vertices.obj": (12, 8, ["1 vertex of no face"]),
}
"""File -> triangles, vertices, and what its warnings must say; none where BAD.md says LOAD."""


@pytest.mark.parametrize("name", REFUSED)
def test_bad_files_are_refused_with_file_place_and_cause(shared_data, name):
    message = refused(shared_data / "bad" / name)
    for fragment in REFUSED[name]:
        assert fragment in message


@pytest.mark.parametrize("name", LOADED)
def test_odd_and_valid_files_load(shared_data, name):
    triangles, vertices, fragments = LOADED[name]
    mesh = load_mesh(shared_data / "bad" / name)
    check_normal_form(mesh)
    assert (len(mesh.faces), len(mesh.vertices)) == (triangles, vertices)
    for fragment in fragments:
        assert any(fragment in warning for warning in mesh.warnings), mesh.warnings
    if not fragments:
        assert mesh.warnings == ()


def test_the_scene_is_unfolded_and_mirrored_parts_turned(shared_data):
    mesh = load_mesh(shared_data / "bad" / "m17_scene_transforms.glb")
    expected = [[-1.0607, -0.5, -5.5], [3.5, 5.0607, 0.5]]
    np.testing.assert_allclose(mesh.facts["bounds"], expected, atol=1e-4)
    boxes = mesh.vertices[mesh.faces].reshape(3, 12, 3, 3).astype(np.float64)  # the parts come one after the other
    a, b, c = boxes[:, :, 0], boxes[:, :, 1], boxes[:, :, 2]
    volumes = np.einsum("bij,bij->b", a, np.cross(b, c)) / 6
    assert (volumes > 0).all()


def test_the_concave_part_has_area_two(shared_data):
    mesh = load_mesh(shared_data / "bad" / "m15_quads_ngon_concave.obj")
    corners = mesh.vertices[mesh.faces[-2:]].astype(np.float64) * mesh.scale
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1).sum() / 2
    assert area == pytest.approx(2.0, abs=1e-5)


def test_the_far_ball_stays_a_ball(shared_data):
    mesh = load_mesh(shared_data / "bad" / "m14_far_from_origin.obj")
    np.testing.assert_allclose(np.linalg.norm(mesh.vertices, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(mesh.centre, [5e6, 5e6, 0], atol=1e-6)
    assert mesh.scale == pytest.approx(0.01, abs=1e-8)


def test_unreferenced_vertices_do_not_frame(shared_data):
    mesh = load_mesh(shared_data / "bad" / "m29_unreferenced_vertices.obj")
    np.testing.assert_array_equal(mesh.facts["bounds"], [[-1] * 3, [1] * 3])


MANIFEST = {
    "bunny_6k.obj": (6598, 3301, 0, 0, 1),
    "bunny_70k.ply": (69451, 34834, 223, 0, 1),
    "spot_textured/cow.obj": (5856, 2930, 0, 0, 1),
    "spot_quads.obj": (5856, 2930, 0, 0, 1),
    "spot_textured.glb": (5856, 2930, 0, 0, 1),
    "teapot.obj": (6320, 3241, 160, 0, 3),
    "suzanne.obj": (968, 505, 42, 1, 1),
    "turbineblade_199k.ply": (199034, 99519, 0, 0, 1),
    "four_objects_305k.ply": (305508, 152758, 0, 0, 4),
    "plane_holes.obj": (16747, 8519, 341, 0, 1),
    "human_man.obj": (13776, 6890, 0, 0, 1),
}


@pytest.mark.parametrize("name", MANIFEST)
def test_real_meshes_have_the_counts_of_the_manifest(shared_data, name):
    mesh = load_mesh(shared_data / name)
    check_normal_form(mesh)
    facts = mesh.facts
    found = tuple(facts[k] for k in ("triangles", "vertices", "open_edges", "nonmanifold_edges", "parts"))
    assert found == MANIFEST[name]
    assert facts["watertight"] == (found[2] == found[3] == 0)


def test_spot_is_textured_alike_in_both_formats(shared_data):
    obj, glb = (load_mesh(shared_data / name) for name in ("spot_textured/cow.obj", "spot_textured.glb"))
    assert obj.vertex_colours is not None
    assert glb.vertex_colours is not None
    assert obj.vertex_colours.std() > 0.2  # white with black spots
    # The two store their vertices in different order: compare the colours at equal places.
    order_obj, order_glb = (np.lexsort(np.round(m.vertices, 4).T) for m in (obj, glb))
    same = np.abs(obj.vertex_colours[order_obj] - glb.vertex_colours[order_glb]).max(axis=1) < 0.02
    assert same.mean() > 0.98


# ---------------------------------------------------------------------------------------------- siblings of m*


@pytest.mark.parametrize(
    ("content", "fragments"),
    [
        (cube_obj() + "f 1 2 0\n", ["line 21", "index 0", "counts from 1"]),
        (cube_obj() + "f 1 2 -9\n", ["line 21", "index -9"]),
        (cube_obj() + "f 1 2 x\n", ["line 21", "'x' is not a number"]),
        (cube_obj() + "f 1 2 99999999999999999999\n", ["line 21"]),
        (cube_obj() + "f 1//1 /2 3\n", ["line 21"]),
        (cube_obj() + "v 1 2\n", ["line 21", "vertex with 2 coordinates"]),
        (cube_obj() + "v 1 2 1.0.0\n", ["line 21", "1.0.0"]),
        (cube_obj(vertices=[*CUBE_VERTICES[:3], (1, "inf", 0), *CUBE_VERTICES[4:]]), ["line 4", "vertex 4"]),
        (cube_obj(vertices=[*CUBE_VERTICES[:3], (1, 1e200, 0), *CUBE_VERTICES[4:]]), ["too large"]),
        (cube_obj(faces=[]), ["no faces", "8 points"]),
        (cube_obj(faces=[]) + "l 1 2 3\n", ["no faces", "only lines"]),
        ("v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n", ["degenerate"]),
        ("v 5 5 5\nv 5 5 5\nv 5 5 5\nf 1 2 3\n", ["degenerate"]),
        ("hello, this is a letter\nabout nothing\n", ["not a text OBJ"]),
        ("v 0 0 0\n".encode("utf-16"), ["not a text OBJ"]),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), ["not a text OBJ"]),
        (b"", ["empty"]),
    ],
)
def test_broken_obj_files(tmp_path, content, fragments):
    message = refused(write(tmp_path, "broken.obj", content))
    for fragment in fragments:
        assert fragment in message


@pytest.mark.parametrize(
    "content",
    [
        cube_obj().replace("\n", "\r"),
        "\ufeff" + cube_obj(),
        cube_obj().replace("v ", "\tv   "),
        cube_obj().replace("f ", "g part\ns off\nf  "),
        cube_obj([(f"{a}/1/1", f"{b}//2", f"{c}/1") for a, b, c in CUBE_FACES]) + "vt 0 0\nvn 0 0 1\n",
        cube_obj().replace("f 4 3 2", "f 4 \\\n3 \\\n2"),
        cube_obj().replace("f 4 3 2\nf 4 2 1", "f 4 3 2 1 # a quad"),
        cube_obj(vertices=[(*v, 1.0) for v in CUBE_VERTICES]),
        "usemtl undeclared\n" + cube_obj(),
    ],
)
def test_unusual_but_valid_obj_files(tmp_path, content):
    mesh = load_mesh(write(tmp_path, "fine.obj", content))
    assert (len(mesh.faces), len(mesh.vertices)) == (12, 8)
    assert mesh.facts["watertight"]
    assert mesh.warnings == ()


def test_line_numbers_survive_continued_lines(tmp_path):
    content = cube_obj().replace("f 4 3 2\n", "f 4 \\\n3 \\\n2\n") + "f 1 2\n"
    assert "line 23" in refused(write(tmp_path, "continued.obj", content))


def test_missing_files_and_folders(tmp_path):
    write(tmp_path, "bunny.obj", cube_obj())
    assert "did you mean bunny.obj" in refused(tmp_path / "buny.obj")
    (tmp_path / "folder.obj").mkdir()
    assert "folder" in refused(tmp_path / "folder.obj")
    assert "no mesh format" in refused(write(tmp_path, "shape.xyz", "1 2 3"))


def test_content_wins_over_the_name(tmp_path):
    mesh = load_mesh(write(tmp_path, "cube.obj", "OFF\n4 4 0\n0 0 0\n1 0 0\n0 1 0\n0 0 1\n" + TETRAHEDRON))
    assert mesh.facts["triangles"] == 4
    assert "OFF" in mesh.warnings[0]


def test_a_face_wound_against_its_neighbours_is_turned(tmp_path):
    faces = [CUBE_FACES[0][::-1], *CUBE_FACES[1:]]
    mesh = load_mesh(write(tmp_path, "cube.obj", cube_obj(faces)))
    assert mesh.warnings == ("1 face was wound against the others, now turned",)
    assert volume(mesh) > 0


def test_one_part_inside_out_is_turned_and_a_cavity_is_not(tmp_path):
    def box(offset: float, size: float, first: int, inwards: bool) -> tuple[list, list]:
        vertices = [tuple(size * x + offset for x in v) for v in CUBE_VERTICES]
        faces = [tuple(i + first for i in (f[::-1] if inwards else f)) for f in CUBE_FACES]
        return vertices, faces

    outer, moved, cavity = box(0, 1, 0, False), box(5, 1, 8, True), box(0, 0.5, 16, True)
    text = cube_obj(outer[1] + moved[1] + cavity[1], outer[0] + moved[0] + cavity[0])
    mesh = load_mesh(write(tmp_path, "parts.obj", text))
    assert mesh.warnings == ("1 of 3 parts were wound inwards (inside out, negative volume), now turned outwards",)
    assert volume(mesh) * mesh.scale**3 == pytest.approx(8 + 8 - 1, rel=1e-5)


def test_a_moebius_strip_is_called_one_sided(tmp_path):
    count, vertices, faces = 12, [], []
    for i in range(count):
        angle = 2 * np.pi * i / count
        for side in (-0.3, 0.3):
            radius = 1 + side * np.cos(angle / 2)
            vertices.append((radius * np.cos(angle), radius * np.sin(angle), side * np.sin(angle / 2)))
        a, b = 2 * i, 2 * i + 1
        c, d = (2 * i + 2, 2 * i + 3) if i < count - 1 else (1, 0)
        faces += [(a + 1, c + 1, b + 1), (b + 1, c + 1, d + 1)]
    mesh = load_mesh(write(tmp_path, "strip.obj", cube_obj(faces, vertices)))
    assert any("one side only" in warning for warning in mesh.warnings)


def test_repeated_faces_are_dropped(tmp_path):
    mesh = load_mesh(write(tmp_path, "cube.obj", cube_obj([*CUBE_FACES, (3, 2, 4)])))
    assert mesh.warnings == ("1 repeated face dropped",)
    assert mesh.facts["watertight"]


def test_a_soup_is_joined_and_its_colours_averaged(tmp_path):
    """Two triangles that store their shared edge twice, red and blue: the joined vertices are the linear mean."""
    lines = ["v 0 0 0 1 0 0", "v 1 0 0 1 0 0", "v 0 1 0 1 0 0", "v 1 0 -0 0 0 1", "v 1 1 0 0 0 1", "v 0 1 0 0 0 1"]
    mesh = load_mesh(write(tmp_path, "soup.obj", "\n".join([*lines, "f 1 2 3", "f 4 5 6"])))
    assert len(mesh.vertices) == 4
    assert mesh.facts["open_edges"] == 4
    assert mesh.vertex_colours is not None
    np.testing.assert_allclose(mesh.vertex_colours[1], [0.5, 0, 0.5], atol=1e-6)


def test_tiny_meshes_are_mentioned(tmp_path):
    text = cube_obj(vertices=[tuple(1e-9 * x for x in v) for v in CUBE_VERTICES])
    mesh = load_mesh(write(tmp_path, "tiny.obj", text))
    assert "tiny" in mesh.warnings[0]
    assert len(mesh.faces) == 12
