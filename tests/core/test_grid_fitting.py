"""What SDFDiff's multi-view fit needs of a grid: its terms, its order of views, its light, more nodes at a stage."""

from __future__ import annotations

import dataclasses
import itertools

import jax
import numpy as np
import pytest

from core.build import build
from core.experiment import (
    Experiment,
    GridSpec,
    MethodSpec,
    OptimizerSpec,
    ParametersSpec,
    SceneSpec,
    ShapeSpec,
    StageSpec,
    StopSpec,
    TargetSpec,
    TermSpec,
    ViewsSpec,
)
from core.inspection import Rendered, forward
from core.looking import fragment_arrays
from core.optimization.grid_terms import eikonal, grid_laplacian
from core.parameters import scene_constants
from core.session import Session
from core.shapes.grid_refining import redistanced, resampled
from core.shapes.loading import load_shape
from core.targets.noise import shaken_view
from core.targets.view_order import GreedyOrder
from kernels.methods.sdf_local import METHOD as SDF_LOCAL
from kernels.types import CameraView
from tests.kernels.grids import ball, grid_scene, lattice, lumpy
from tests.kernels.scenes import orbit_view


def test_eikonal_and_laplacian_of_known_fields() -> None:
    points, _, spacing = lattice(12)
    plane = points @ np.array([0.6, 0.0, 0.8])
    values = {"values": plane, "const.spacing": spacing}
    assert float(eikonal(values, 0.0)) == pytest.approx(0.0, abs=1e-9)
    assert float(grid_laplacian(values, 0.0)) == pytest.approx(0.0, abs=1e-9)
    assert float(eikonal({**values, "values": 3 * plane}, 0.0)) == pytest.approx(4.0, rel=1e-5)
    bowl = {**values, "values": 0.5 * (points**2).sum(-1) - 0.4}
    assert float(grid_laplacian(bowl, 0.0)) == pytest.approx((3 * spacing[0]) ** 2, rel=1e-4)
    kinked = {**values, "values": np.where(np.abs(plane) < 0.6, plane, 5 * plane)}
    assert float(eikonal(kinked, 1.0)) < 1e-9 < float(eikonal(kinked, 0.0))


def test_grid_terms_have_finite_gradients_where_the_field_is_flat() -> None:
    flat = {"values": np.zeros((6, 6, 6), np.float32), "const.spacing": np.full(3, 0.1, np.float32)}
    for term in (eikonal, grid_laplacian):
        for band in (0.0, 1.6):
            gradient = jax.grad(lambda v, t=term, b=band: t({**flat, "values": v}, b))(flat["values"])
            assert np.isfinite(np.asarray(gradient)).all()


def test_greedy_order_gives_five_updates_up_to_twenty_and_moves_on_when_the_loss_rises() -> None:
    order, losses, seen = GreedyOrder(3), [], []
    loss = [3.0, 1.0, 1.0]
    for _ in range(70):
        view = order.view(losses)
        seen.append(view)
        loss[view] -= 0.01
        losses.append(loss[view])
    turns = [(v, len(list(g))) for v, g in itertools.groupby(seen)]
    assert turns[:6] == [(0, 5), (1, 5), (2, 5), (0, 20), (1, 5), (2, 5)]
    again = GreedyOrder(3)
    assert again.view(losses[:40]) == seen[40]
    rising = GreedyOrder(2)
    assert [rising.view([1.0, 2.0]), rising.view([1.0, 2.0, 0.5])] == [1, 1]


def test_resampling_keeps_the_box_and_a_linear_field() -> None:
    points, _, spacing = lattice(8)
    plane = (points @ np.array([0.2, -0.5, 0.7])).astype(np.float32)[:, :6, :]
    finer, step = resampled(plane, spacing, 15)
    assert finer.shape == (15, 11, 15)
    np.testing.assert_allclose(step * (np.array(finer.shape) - 1), spacing * (np.array(plane.shape) - 1))
    np.testing.assert_allclose(finer[::2, ::2, ::2], plane, atol=1e-6)


def test_redistancing_in_a_fit_leaves_out_specks_and_says_so() -> None:
    """A ball whose field has slope 2 and a valley that dips below zero at a border node, and a bubble of two nodes."""
    points, origin, spacing = lattice(16)
    far = np.linalg.norm(points, axis=-1) - 0.6
    spoiled = (2.0 * far).astype(np.float32)
    spoiled[3, 2, 0] = -0.002
    spoiled[8, 8, 7:9] = 0.0
    cleared, note = redistanced(spoiled, origin, spacing, 8)
    assert note == "left out 1 piece (1 node) and 1 cavity (2 nodes)"
    assert np.abs(cleared - far)[far > -0.3].max() < 0.15 * spacing[0]  # what triangles of this size cut off
    assert (cleared[far < -0.3] < 0).all()
    # As marching cubes has it: nodes across a cell's face are two pieces of the inside, and one of the outside.
    for spoil, what in ((lambda v: -np.abs(v), "2 pieces (2 nodes)"), (np.abs, "1 cavity (2 nodes)")):
        touching = far.astype(np.float32)
        where = ([0, 1], [2, 3], [2, 2]) if "piece" in what else ([7, 8], [7, 8], [8, 8])
        touching[where] = spoil(touching[where])
        assert redistanced(touching, origin, spacing, 8)[1] == f"left out {what}"
    kept, note = redistanced(spoiled, origin, spacing, 1)
    assert note == ""
    np.testing.assert_array_equal(kept < 0, spoiled < 0)


def test_a_stage_redistances_a_grid_in_mid_fit() -> None:
    """The optimizer's moments are kept, as the nodes are the same; the report tells what was left out."""
    session = Session(_carving((StageSpec(at=2, redistance=8),), 4))
    for _ in range(2):
        session.step()
    grid = 3.0 * session.host()["values"]
    grid[0, 0, 4] = -0.01
    session._take_values({**session.host(), "values": grid})
    moments = [np.asarray(leaf) for leaf in jax.tree.leaves(session.state.optimizer)]
    session.compile()
    assert all(np.array_equal(a, b) for a, b in zip(moments, jax.tree.leaves(session.state.optimizer)))
    values = session.host()["values"]
    assert np.median(np.linalg.norm(np.gradient(values, 2.0 / 7.0), axis=0)) == pytest.approx(1.0, abs=0.2)
    assert values[0, 0, 4] > 0
    assert session.scene.warnings[-1] == "before step 2: left out 1 piece (1 node)"
    staged = session.staged()
    assert staged is not None
    assert staged.text == "stage 1 of 1: 8 x 8 x 8 nodes; left out 1 piece (1 node)"


def test_the_headlight_falls_off() -> None:
    """With the square of the distance to the camera, 3.2 away, of a ball of radius 0.8 that comes half a unit nearer."""
    grid = ball(24)
    values = {**grid_scene(grid), **scene_constants(SceneSpec(light="camera"))}
    values["light.ambient"] = np.float32(0.0)
    near, far = (
        forward(Rendered(
            grid, SDF_LOCAL, SDF_LOCAL.Settings(), {**values, "pose.translation": np.array([0, 0, z], np.float32)},
            _front(), ("colour",),
        ))["colour"][0][15, 15]
        for z in (0.5, 0.0)
    )  # fmt: skip
    assert float(near / far) == pytest.approx(((3.2 - 0.8) / (3.2 - 1.3)) ** 2, rel=0.02)


def _front() -> CameraView:
    from kernels.camera import look_at

    return CameraView(look_at((0.0, 0.0, 3.2)), 32, 32)


def _carving(stages: tuple[StageSpec, ...], steps: int, method: str = "sdf-local") -> Experiment:
    return Experiment(
        shape=ShapeSpec("sdf-grid", primitive="sphere", grid=GridSpec(resolution=8)),
        target=TargetSpec(primitive="torus", shape_kind="sdf-grid"),
        views=ViewsSpec("orbit", 3, width=20, height=20, order="greedy"),
        method=MethodSpec(method),
        terms=(TermSpec("l2", "colour"), TermSpec("eikonal", weight=0.02)),
        optimizer=OptimizerSpec("adam", 0.01, decay=1.0),
        parameters=ParametersSpec(("values",)),
        stages=stages,
        stop=StopSpec(steps),
        scene=SceneSpec(light="camera", light_intensity=1.0, light_ambient=0.0, background=(0.0, 0.0, 0.0)),
    )


def test_a_sphere_nears_a_torus_from_coarse_to_fine() -> None:
    """SDFDiff in small: 8^3, then 12^3 with larger images; a restart goes on from the second stage."""
    session = Session(_carving((StageSpec(at=80, resolution=12, width=24, height=24, learning_rate=0.004),), 120))
    while session.finished() is None:
        session.step()
    assert session.host()["values"].shape == (12, 12, 12)
    assert session.problem.views[0].width == 24
    assert session.losses[-1] < 0.3 * session.losses[0]
    bytes_ = session.state_bytes()
    again = Session(session.experiment)
    again.restore_state(bytes_)
    np.testing.assert_array_equal(again.host()["values"], session.host()["values"])


def test_values_fit_through_the_isosurface_too() -> None:
    """The same start by edge-grad's silhouettes, gradient descent: what marching cubes samples can be fitted."""
    experiment = dataclasses.replace(
        _carving((), 12, "edge-grad"),
        terms=(TermSpec("l2", "silhouette"), TermSpec("eikonal", weight=0.02)),
        target=TargetSpec(primitive="torus", shape_kind="sdf-grid"),
        optimizer=OptimizerSpec("sgd", 1.0, decay=1.0),
    )
    session = Session(experiment)
    while session.finished() is None:
        session.step()
    assert session.losses[-1] < 0.8 * session.losses[0]
    assert build(experiment).problem.shape.facts()["nodes"] == 512


def test_the_sphere_start_is_a_distance_at_every_resolution() -> None:
    for nodes in (8, 16, 33):
        grid = load_shape("sdf-grid", None, "sphere", None, GridSpec(resolution=nodes))
        values = grid.parameters()["values"]
        assert values.shape == (nodes,) * 3
        corner = np.linalg.norm(grid.constants()["const.origin"]) - 1.0
        assert values[0, 0, 0] == pytest.approx(corner, abs=0.02)
    assert lumpy(8).refines == ("resolution", "redistance")
    assert orbit_view(8).width == 8


def test_noise_is_seeded_by_view_and_spares_silhouettes() -> None:
    experiment = _carving((), 1)
    clean = build(experiment).problem
    spec = dataclasses.replace(experiment.target, noise=0.1)
    loud = build(dataclasses.replace(experiment, target=spec)).problem
    again = build(dataclasses.replace(experiment, target=spec)).problem
    gap = np.asarray(loud.targets[0].planes["colour"][0]) - np.asarray(clean.targets[0].planes["colour"][0])
    assert gap.std() == pytest.approx(0.1, rel=0.1)
    np.testing.assert_array_equal(loud.targets[0].planes["silhouette"][0], clean.targets[0].planes["silhouette"][0])
    np.testing.assert_array_equal(loud.targets[1].planes["colour"][0], again.targets[1].planes["colour"][0])
    views = dataclasses.replace(experiment.views, pose_noise=0.05)
    shaken = shaken_view(clean.views[0], dataclasses.replace(experiment, views=views), 0)
    turn = shaken.world_to_camera[:3, :3]
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-9)
    assert 0.005 < np.linalg.norm(shaken.world_to_camera - clean.views[0].world_to_camera) < 0.5
    assert build(dataclasses.replace(experiment, views=views)).problem.views[0] is not shaken


def test_depth_of_a_traced_field_is_along_the_view_axis() -> None:
    grid, view = ball(24), _front()
    samples = SDF_LOCAL.sample(grid, grid_scene(grid), view, SDF_LOCAL.Settings(), frozenset())
    depth = fragment_arrays(samples, view, np.radians(40.0))["depth"]
    assert np.isnan(depth[0, 0])
    assert depth[15:17, 15:17] == pytest.approx(2.4, abs=0.02)
    row, column = 16, 22
    x, y = ((column + 0.5 - 16) / (16 / np.tan(np.radians(20))), (16 - row - 0.5) / (16 / np.tan(np.radians(20))))
    point = np.array([x, y, -1.0]) * depth[row, column] + np.array([0, 0, 3.2])
    assert np.linalg.norm(point) == pytest.approx(0.8, abs=0.01)
