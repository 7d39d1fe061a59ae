"""Metaballs on the host: EM, files, conversions and back, as a shape of an experiment, and what moves what."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from core.errors import RimlightError
from core.experiment import (
    Experiment,
    MethodSpec,
    OptimizerSpec,
    ParametersSpec,
    PoseSpec,
    SceneSpec,
    ShapeSpec,
    TargetSpec,
    TermSpec,
    ViewsSpec,
)
from core.experiments.files import experiment_to_toml, load_experiment
from core.io.file_kinds import is_metaballs_file
from core.io.metaballs_files import load_metaballs
from core.metaballs.convert import Conversion, best_level, convert_mesh, convert_points, random_ball, sample_points
from core.metaballs.gaussian_mixture import fit_mixture
from core.metaballs.loading import load_metaballs_shape, metaballs_of_file
from core.metaballs.writing import convert_metaballs
from core.optimization.schedule import stalls
from core.parameters import scene_values
from core.session import Session
from core.shapes.metaballs import Metaballs, density, host_factors
from core.shapes.primitives import primitive_path
from core.targets.views import fitted_views


def values_of(shape: Metaballs, pose: PoseSpec = PoseSpec()) -> dict:
    return {**shape.parameters(), **scene_values(SceneSpec(), pose, 40.0)}


@pytest.fixture(scope="module")
def torus() -> Metaballs:
    return Metaballs.from_data(metaballs_of_file(primitive_path("torus", "mesh"), Conversion(12, "surface", 1)))


def test_em_finds_a_mixture_and_never_falls_back() -> None:
    rng = np.random.default_rng(0)
    means = np.array([[0, 0, 0], [4, 0, 0], [0, 5, 1.0]])
    points = np.concatenate(
        [rng.normal(size=(n, 3)) * s + m for n, s, m in zip((300, 600, 900), (0.5, 0.2, 0.8), means)]
    )
    found = fit_mixture(points, 3, seed=2, tolerance=1e-7)
    order = np.argsort(found.weights)
    np.testing.assert_allclose(found.weights[order], [1 / 6, 1 / 3, 1 / 2], atol=0.01)
    np.testing.assert_allclose(found.means[order], means, atol=0.12)
    np.testing.assert_allclose(found.covariances[order][:, 0, 0], [0.25, 0.04, 0.64], rtol=0.25)
    assert (np.diff(found.log_likelihoods) > -1e-9).all()


def test_em_of_a_flat_cloud_stays_positive() -> None:
    points = np.random.default_rng(0).random((400, 3)) * [1.0, 1.0, 0.0] + [100.0, 0, 0]
    found = fit_mixture(points, 5)
    assert np.linalg.eigvalsh(found.covariances).min() > 0
    with pytest.raises(RimlightError, match="fewer components"):
        fit_mixture(points[:10], 5)


def test_a_surface_mixture_lies_on_the_surface_and_a_volume_one_inside() -> None:
    from core.io.meshes import load_mesh

    mesh = load_mesh(primitive_path("sphere", "mesh"))
    surface = convert_mesh(mesh, Conversion(8, "surface"))
    volume = convert_mesh(mesh, Conversion(8, "volume"))
    assert np.linalg.norm(surface.means, axis=1).mean() > 0.85
    assert np.linalg.norm(volume.means, axis=1).mean() < 0.75
    assert surface.colours is None or surface.colours.shape == (8, 3)
    with pytest.raises(RimlightError, match="closed mesh"):
        convert_mesh(dataclasses.replace(mesh, facts={"watertight": False, "open_edges": 4}), Conversion(4, "volume"))


def test_saved_posed_and_loaded_again(torus: Metaballs, tmp_path) -> None:
    """The density in file units is the same; the pose is in the numbers."""
    shape = Metaballs(
        torus.parameters()["means"], host_factors(torus.parameters()), torus.parameters()["log_weights"],
        np.random.default_rng(0).random((12, 3)), (np.array([10.0, -3.0, 2.0]), 5.0),
    )  # fmt: skip
    values = values_of(shape, PoseSpec((20.0, -30.0, 50.0), (0.2, 0.1, -0.3), 1.3))
    shape.save(tmp_path / "balls.npz", values)
    assert is_metaballs_file(tmp_path / "balls.npz")
    again = load_metaballs(tmp_path / "balls.npz")
    np.testing.assert_allclose(again.centre, shape.centre)
    back = values_of(Metaballs.from_data(again))
    from kernels.camera import model_matrix

    model = model_matrix(values)
    points = np.random.default_rng(1).normal(size=(200, 3)).astype(np.float32) * 0.6
    world = (points @ model[:3, :3].T + model[:3, 3]).astype(np.float32)
    np.testing.assert_allclose(density(back, world), density(values, points), rtol=2e-3, atol=1e-5)
    np.testing.assert_allclose(back["colours"], values["colours"], atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": np.array(9)}, "version 9"),
        ({"means": np.zeros((3, 2))}, "expected"),
        ({"factors": -np.ones((12, 3, 3))}, "lower triangular"),
        ({"log_weights": np.full(12, np.nan)}, "not finite"),
    ],
)
def test_spoilt_files_are_named(torus: Metaballs, tmp_path, change: dict, message: str) -> None:
    torus.save(tmp_path / "good.npz", values_of(torus))
    arrays = dict(np.load(tmp_path / "good.npz"))
    np.savez(tmp_path / "bad.npz", **{**arrays, **change})
    with pytest.raises(RimlightError, match=f"bad.npz.*{message}"):
        load_metaballs(tmp_path / "bad.npz")


def test_ellipsoids_are_at_one_deviation(torus: Metaballs) -> None:
    values = values_of(torus)
    vertices, faces = torus.display_mesh(values)
    owner = torus.element_of_vertex(values)
    offset = np.einsum("nij,nj->ni", host_factors(values)[owner], vertices - values["means"][owner])
    np.testing.assert_allclose(np.linalg.norm(offset, axis=1), 1.0, atol=1e-3)
    corners = vertices[faces]
    outward = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    middle = values["means"][owner[faces[:, 0]]]
    assert (np.einsum("fc,fc->f", outward, corners.mean(1) - middle) > 0).all()
    assert torus.display_colours(values).shape == vertices.shape


def test_points_are_drawn_from_the_gaussians() -> None:
    ball = random_ball(1, 0)
    shape = Metaballs(np.zeros((1, 3)), np.diag([1.0, 2.0, 4.0])[None], ball.log_weights)
    drawn = sample_points(values_of(shape), 20_000, 0)
    np.testing.assert_allclose(drawn.std(0), [1.0, 0.5, 0.25], rtol=0.03)


def test_the_level_is_where_silhouettes_agree() -> None:
    """One round Gaussian: alpha is one half where lambda exp(-d^2 / 2) is ln 2, and so must the mesh end there."""
    shape = Metaballs(np.zeros((1, 3)), np.eye(3)[None] / 0.3, np.array([1.0]))
    values = values_of(shape)
    _, agreement, (vertices, faces) = best_level(
        shape, values, fitted_views(ViewsSpec(kind="sphere", count=2, width=64, height=64)), 48
    )
    radius = 0.3 * np.sqrt(2.0 * (1.0 - np.log(np.log(2.0))))
    assert agreement > 0.97
    assert np.linalg.norm(vertices, axis=1).mean() == pytest.approx(radius, rel=0.02)
    assert len(faces) > 100


def test_every_conversion_writes_its_file(torus: Metaballs, tmp_path) -> None:
    torus.save(tmp_path / "balls.npz", values_of(torus))
    for target in ("points.xyz", "surface.ply", "again.npz"):
        line = convert_metaballs(tmp_path / "balls.npz", tmp_path / target, Conversion(), points=3000)
        assert line.startswith(target)
    convert_metaballs(tmp_path / "points.xyz", tmp_path / "small.npz", Conversion(8))
    assert len(load_metaballs(tmp_path / "small.npz").means) == 8
    with pytest.raises(RimlightError, match="not written"):
        convert_metaballs(tmp_path / "balls.npz", tmp_path / "x.jpg", Conversion())
    with pytest.raises(RimlightError, match="point cloud"):
        metaballs_of_file(tmp_path / "points.xyz", Conversion(4, "volume"))


def test_a_point_cloud_keeps_its_place_and_colours() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(500, 3)) * 2.0 + [50.0, 0, 0]
    data = convert_points(points, Conversion(4), np.tile([0.2, 0.4, 0.6], (500, 1)))
    assert data.colours is not None
    np.testing.assert_allclose(data.colours, np.tile([0.2, 0.4, 0.6], (4, 1)), atol=1e-6)
    assert np.abs((data.means * data.scale + data.centre).mean(0) - points.mean(0)).max() < 1.0


# ---------------------------------------------------------------------------------------------- in an experiment


def experiment(**changes) -> Experiment:
    return dataclasses.replace(
        Experiment(
            shape=ShapeSpec(kind="metaballs", primitive="ball-metaballs", components=6),
            target=TargetSpec(primitive="torus"),
            views=ViewsSpec(kind="sphere", count=3, width=24, height=24),
            method=MethodSpec("fuzzy-metaballs"),
            terms=(TermSpec("silhouette-cross-entropy", "silhouette"),),
            optimizer=OptimizerSpec("adam", 0.05, decay=1.0, stall=10),
            parameters=ParametersSpec(("means", "precision_factors", "log_weights")),
        ),
        **changes,
    )


def test_a_blob_carves_itself_and_says_which_gaussian_moves_a_pixel() -> None:
    session = Session(experiment())
    for _ in range(40):
        session.step()
    assert session.losses[-1] < 0.65 * session.losses[0]
    from core.derivatives.probe import bulk_name, movers, painted_row, pixel_row

    scene, values = session.rendered(0), session.host()
    assert bulk_name(scene.shape, values) == "means"
    alpha = session.snapshot(0).arrays["render"][..., 0]
    row, column = np.unravel_index(int(np.argmin(np.abs(alpha - 0.5))), alpha.shape)
    found = pixel_row(scene, (int(column), int(row)), "silhouette", np.ones(1, np.float32), frozenset({"means"}))
    moving = movers("means", found["means"], 3)
    assert moving[0].label.startswith("Gaussian ")
    painted = painted_row(scene.shape, values, "means", found["means"])
    assert painted is not None
    assert len(painted) == len(scene.shape.display_mesh(values)[0])
    direction = session.direction(moving[0].theta)["means"]
    assert np.count_nonzero(direction) == 1
    from core.derivatives.derive import method_derivative

    tangent = method_derivative(scene, {"means": direction})[1]["silhouette"][..., 0]
    index = tuple(int(i) for i in np.argwhere(direction)[0])
    assert tangent[row, column] == pytest.approx(float(found["means"][index]), rel=1e-3)


def test_the_reference_is_the_methods_own_picture() -> None:
    """With its own settings: finite differences of a quarter of a pixel agree to their step's error."""
    from core.derivatives.derive import method_derivative, reference_derivative, relative_error

    session = Session(experiment(method=MethodSpec("fuzzy-metaballs", {"form": "paper", "beta4": 9.0})))
    scene, direction = session.rendered(0), session.direction("pose.translation.x")
    own = method_derivative(scene, direction)[1]["silhouette"]
    truth = reference_derivative(scene, direction, 0.05, 4)[1]["silhouette"]
    assert relative_error(own, truth) < 0.01


def test_the_experiment_file_keeps_components_and_init(tmp_path) -> None:
    chosen = experiment(shape=ShapeSpec(kind="metaballs", primitive="creature", components=9, init="volume"))
    (tmp_path / "x.toml").write_text(experiment_to_toml(chosen, tmp_path))
    assert load_experiment(tmp_path / "x.toml").shape == chosen.shape
    (tmp_path / "y.toml").write_text(experiment_to_toml(chosen, tmp_path).replace('"volume"', '"inside"'))
    with pytest.raises(RimlightError, match=r"shape\.init"):
        load_experiment(tmp_path / "y.toml")
    assert len(load_metaballs_shape(None, "ball-metaballs", None, Conversion(9)).parameters()["means"]) == 9


def test_stalls_are_counted_block_by_block() -> None:
    falling = list(np.linspace(1.0, 0.1, 40))
    assert stalls(falling, 10) == 0
    assert stalls(falling + [0.1] * 35, 10) == 2
    assert stalls([1.0] * 200, 10) == 4
    assert stalls([1.0] * 200, 0) == 0


def test_a_pixel_that_a_far_gaussian_leaves_alone_is_explained_by_its_share() -> None:
    from core.derivatives.why_zero import Cause, Counted, explain, gather

    session = Session(experiment())
    scene, direction = session.rendered(0), session.direction("means.0.x")
    nothing = np.zeros((24, 24, 1), np.float32)
    counted = Counted(np.ones((24, 24)), np.zeros((24, 24), bool), True)
    found = explain(gather(scene, "means.0.x", direction, (0, 0), "silhouette", nothing + 1e-9, counted))
    assert found.cause == Cause.NO_SHARE
    assert "means.0 has next to no share" in found.text
