"""Spline surfaces: patches that are the surface, its derivatives by every method, and a profile that finds its piece."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from core.derivatives.derive import method_derivative, reference_derivative
from core.derivatives.reference import hard_image
from core.errors import RimlightError
from core.experiment import (
    Experiment,
    MethodSpec,
    OptimizerSpec,
    ParametersSpec,
    PoseSpec,
    SceneSpec,
    ShapeSpec,
    StopSpec,
    TargetSpec,
    TermSpec,
    ViewsSpec,
)
from core.inspection import Rendered
from core.io.cages import read_cage
from core.io.meshes import load_mesh
from core.parameters import scene_values
from core.registry import methods
from core.session import Session
from core.shapes.loading import load_shape
from core.shapes.mesh import Mesh
from core.surfaces.patches import Cage, _limit, patches_of, subdivided
from core.targets.views import fitted_views
from kernels.splines import basis, basis_slope, exact_on_host

CHANNELS = ("colour", "silhouette")


def torus(tube: int = 8, around: int = 12):
    from assets import cages

    points, faces = cages.torus()
    return points, faces


def test_the_basis_sums_to_one_and_its_slopes_are_its_derivative():
    t = np.linspace(0, 1, 7)
    assert sum(basis(t)) == pytest.approx(np.ones(7))
    for weight, slope in zip(range(4), basis_slope(t)):
        numeric = (basis(t + 1e-6)[weight] - basis(t - 1e-6)[weight]) / 2e-6
        assert slope == pytest.approx(numeric, abs=1e-8)


def test_a_regular_cage_is_its_patches_exactly():
    """Subdivision does not change a Catmull-Clark surface, so the patches of the finer cage lie on those of the coarse."""
    points, faces = torus()
    coarse = patches_of(faces, len(points))
    assert coarse.exact.all()
    cage, matrix = subdivided(Cage(faces, len(points)))
    fine = patches_of(cage.faces, cage.count)
    finer_points = fine.matrix @ (matrix @ points)
    # Face f of the coarse cage becomes quads 4 f + i; quad 4 f begins at its corner 0, half as long in u and v.
    u, v = np.array([0.3, 0.9, 0.5]), np.array([0.8, 0.1, 0.5])
    for face in (0, 17, 90):
        there = exact_on_host(coarse.matrix @ points, coarse.ids, np.full(3, face), 0.5 * u, 0.5 * v)[0]
        here = exact_on_host(finer_points, fine.ids, np.full(3, 4 * face), u, v)[0]
        np.testing.assert_allclose(here, there, atol=1e-12)


def test_normals_are_those_of_the_patch():
    points, faces = torus()
    patches = patches_of(faces, len(points))
    place = np.array([5]), np.array([0.4]), np.array([0.7])
    at = lambda du, dv: exact_on_host(patches.matrix @ points, patches.ids, place[0], place[1] + du, place[2] + dv)[0][
        0
    ]
    slopes = [(at(*step) - at(*(-np.array(step)))) / 2e-5 for step in ((1e-5, 0.0), (0.0, 1e-5))]
    normal = exact_on_host(patches.matrix @ points, patches.ids, *place)[1][0]
    np.testing.assert_allclose(normal, np.cross(*slopes), rtol=1e-6)


def test_corners_of_an_irregular_cage_are_where_subdivision_ends():
    from assets import cages

    points, faces = cages.cube()
    cage, matrix = Cage(faces, 8), None
    cage, matrix = subdivided(cage)
    limits = {corner: sum(w * (matrix @ points)[i] for i, w in _limit(cage, corner).items()) for corner in range(8)}
    there = matrix @ points
    for _ in range(2):
        cage, finer = subdivided(cage)
        there = finer @ there
    for corner, limit in limits.items():
        np.testing.assert_allclose(there[corner], limit, atol=0.02)  # a cage a 1/8 as coarse
    shape = load_shape("spline-patches", None, "cube-cage", None)
    corners = shape.display_mesh(shape.parameters())[0]
    nearest = np.linalg.norm(corners[:, None] - np.array(list(limits.values()))[None], axis=-1).min(axis=0)
    assert nearest.max() < 1e-6
    assert "irregular" in shape.facts()["warnings"][0]


def test_a_border_is_reached_and_round():
    shape = load_shape("spline-patches", None, "lathe", None)
    vertices, _ = shape.display_mesh(shape.parameters())
    assert vertices[:, 1].max() == pytest.approx(shape.control_points[:, 1].max(), abs=1e-6)
    radius = np.hypot(vertices[:, 0], vertices[:, 2])
    assert radius.std() / radius.mean() < 1e-3
    assert len(shape.radii) == 8


def rendered(method: str) -> Rendered:
    shape = load_shape("spline-patches", None, "chess-lathe", None)
    values = {**shape.parameters(), **shape.constants(), **scene_values(SceneSpec(), PoseSpec((10, 20, 5)), 40.0)}
    view = fitted_views(ViewsSpec("single", width=64, height=64, elevation=10.0))[0]
    found = methods()[method]
    return Rendered(shape, found, found.Settings(), values, view, ("silhouette",))


@pytest.mark.parametrize("method", ["splat", "edge-grad", "naive"])
def test_derivatives_are_those_of_the_mesh_that_moves_like_it(method):
    """64 x 64, all radii grow: the tessellation as a mesh, moved by the same vertex motion, is off by its flatness."""
    scene = rendered(method)
    image, tangent = method_derivative(scene, {"profile": np.ones(8, np.float32)})
    shape, values = scene.shape, scene.values
    vertices, faces = shape.display_mesh(values)
    grown, _ = shape.display_mesh({**values, "profile": values["profile"] + np.float32(0.01)})
    mesh = Mesh(vertices, faces)
    pose = scene_values(SceneSpec(), PoseSpec((10, 20, 5)), 40.0)
    flat = dataclasses.replace(scene, shape=mesh, values={**mesh.parameters(), **mesh.constants(), **pose})
    flat_image, flat_tangent = method_derivative(flat, {"vertices": (grown - vertices) / np.float32(0.01)})
    np.testing.assert_allclose(image["silhouette"], flat_image["silhouette"], atol=1e-4)
    gap = np.linalg.norm(tangent["silhouette"] - flat_tangent["silhouette"])
    assert gap <= 0.02 * np.linalg.norm(flat_tangent["silhouette"])


def test_edge_grad_widens_the_piece_as_finite_differences_do():
    """64 x 64, step of a quarter pixel, 4 x 4 samples a pixel: the total change of the coverage."""
    scene, direction = rendered("edge-grad"), {"profile": np.ones(8, np.float32)}
    _, tangent = method_derivative(scene, direction)
    _, truth, _ = reference_derivative(scene, direction, 0.25, 4)
    assert tangent["silhouette"].sum() == pytest.approx(truth["silhouette"].sum(), rel=0.12)


def test_the_hard_picture_is_the_same_whether_points_are_free_or_not():
    """Exact places found on the host and inside jit are one surface: naive's forward image is the hard render's."""
    shape = load_shape("spline-patches", None, "torus-cage", None)
    made = Experiment(
        shape=ShapeSpec("spline-patches", primitive="torus-cage"),
        target=TargetSpec(shape_kind="spline-patches"),
        views=ViewsSpec("single", width=48, height=48),
        method=MethodSpec("naive"),
        terms=(TermSpec("l2", "colour"), TermSpec("l2", "silhouette")),
        parameters=ParametersSpec(("control_points",)),
    )
    session = Session(made)
    free = session.snapshot(0).arrays["render"]
    hard = hard_image(shape, session.host(), session.problem.views[0], CHANNELS, 1)["colour"]
    np.testing.assert_allclose(free, hard, atol=2e-5)


def test_a_profile_finds_its_chess_piece_in_200_steps():
    """Cole et al. 2021, Fig. 8: eight radii, one silhouette, from a cylinder; naive autodiff does not move at all."""
    made = Experiment(
        shape=ShapeSpec("spline-patches", primitive="lathe"),
        target=TargetSpec(shape_kind="spline-patches", primitive="chess-lathe"),
        views=ViewsSpec("single", width=64, height=64, elevation=0.0),
        method=MethodSpec("edge-grad"),
        terms=(TermSpec("l2", "silhouette"),),
        optimizer=OptimizerSpec("adam", 0.02, 0.1),
        parameters=ParametersSpec(("profile",)),
        stop=StopSpec(200),
    )
    session = Session(made)
    assert session.metrics()["iou"] < 0.75
    while session.finished() is None:
        session.step()
    assert session.metrics()["iou"] > 0.97  # pixels of 1/40 of the piece
    truth = load_shape("spline-patches", None, "chess-lathe", None).parameters()["profile"]
    assert np.abs(np.asarray(session.state.values["profile"]) - truth).max() < 0.03


def test_a_cage_is_written_back_as_it_stands(tmp_path):
    shape = load_shape("spline-patches", None, "lathe", None)
    values = {**shape.parameters(), **scene_values(SceneSpec(), PoseSpec(translation=(0.0, 0.5, 0.0)), 40.0)}
    values["profile"] = 2 * values["profile"]
    shape.save(tmp_path / "out.obj", values)
    points, faces = read_cage(tmp_path / "out.obj")
    expected = shape.control_points * (2, 1, 2) + (0, 0.5, 0)
    np.testing.assert_allclose(points, expected * shape.scale + shape.centre, atol=1e-5)
    assert faces == shape.cage_faces
    shape.save(tmp_path / "out.ply", values)
    assert len(load_mesh(tmp_path / "out.ply").faces) == len(shape.faces)


@pytest.mark.parametrize(
    ("text", "fragments"),
    [
        ("v 0 0 0\nv 1 0 0\n", ["holds no faces"]),
        ("v 0 0 nan\nf 1 1 1\n", ["line 1", "finite"]),
        ("v 0 0\n", ["line 1", "three finite numbers"]),
        ("v 0 0 0\nf 1 2 3 4\n", ["line 2", "of the 1 before it"]),
        ("v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nf 1 2 3 4\nf 1 2 3 4\n", ["one edge the same way"]),
        ("v 0 0 0\nf a b c\n", ["line 2"]),
    ],
)
def test_cages_that_are_none(tmp_path, text, fragments):
    (tmp_path / "cage.obj").write_text(text)
    with pytest.raises(RimlightError) as caught:
        load_shape("spline-patches", str(tmp_path / "cage.obj"), None, None)
    assert all(fragment in str(caught.value) for fragment in ["cage.obj", *fragments]), caught.value


def test_a_control_point_is_moved_by_hand_and_the_surface_follows():
    made = Experiment(
        shape=ShapeSpec("spline-patches", primitive="lathe"),
        target=TargetSpec(shape_kind="spline-patches"),
        views=ViewsSpec("single", width=32, height=32),
        parameters=ParametersSpec(("profile",)),
    )
    session = Session(made)
    before = session.snapshot(0).arrays
    place = before["handles"][40] + (0.3, 0.1, 0.0)
    session.set_value("value.control_points.40", [float(v) for v in place])
    after = session.snapshot(0).arrays
    np.testing.assert_allclose(after["handles"][40], place, atol=1e-6)
    moved = np.linalg.norm(after["vertices"] - before["vertices"], axis=1)
    assert 0.1 < moved.max() < 0.32
    assert np.count_nonzero(moved > 1e-7) < 0.25 * len(moved)  # sixteen patches of eighty-four
