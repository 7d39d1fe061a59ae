"""Stages of a fit: meshes and images grow while it runs; reset, checkpoints and edits know where it stands."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import numpy as np
import pytest

from core.errors import RimlightError
from core.experiment import (
    Experiment,
    MethodSpec,
    OptimizerSpec,
    ParametersSpec,
    PoseSpec,
    ShapeSpec,
    StageSpec,
    StopSpec,
    TargetSpec,
    TermSpec,
    ViewsSpec,
)
from core.experiments.files import experiment_from_dict, experiment_to_toml
from core.optimization.resampling import resized, same_aspect
from core.optimization.schedule import batch_of
from core.session import Session

STAGES = (StageSpec(at=3, subdivide=1, width=48, learning_rate=0.01), StageSpec(at=6, width=64, height=64))
VERTICES = 642
FINER = 4 * VERTICES - 6
"""Vertices after one round, by Euler's formula (a closed surface of genus 0)."""


@pytest.fixture(scope="module")
def coarse(tmp_path_factory) -> str:
    import trimesh

    path = tmp_path_factory.mktemp("shapes") / "icosphere.ply"
    trimesh.creation.icosphere(3).export(path)
    return str(path)


def experiment(coarse: str) -> Experiment:
    return Experiment(
        shape=ShapeSpec(file=coarse, start=PoseSpec(scale=0.7)),
        target=TargetSpec(primitive="creature"),
        views=ViewsSpec("orbit", 2, held_out=1, width=32, height=32),
        method=MethodSpec("edge-grad", {"crossings": False}),
        terms=(TermSpec("l2", "silhouette"), TermSpec("laplacian", weight=2.0)),
        optimizer=OptimizerSpec("adam", 0.02, 1.0),
        parameters=ParametersSpec(("vertices",)),
        stages=STAGES,
        stop=StopSpec(8),
    )


def size(session: Session) -> tuple[int, int, int]:
    """Vertices, width of the views, width of the targets."""
    return (
        len(session.host()["vertices"]),
        session.problem.views[0].width,
        np.shape(session.problem.targets[0].planes["silhouette"][0])[1],
    )


def test_a_fit_goes_through_its_stages_and_back(coarse):
    session = Session(experiment(coarse))
    session.set_value("term.1.weight", 3.0)
    sizes, rates = [], []
    for _ in range(8):
        scalars = session.step()
        assert np.isfinite(scalars.loss)
        sizes.append(size(session))
        rates.append(session._learning_rate)
        if scalars.iteration == 4:
            staged = session.staged()
            assert staged is not None
            assert staged.text == "stage 1 of 2: 2,562 vertices, 5,120 triangles"
            assert {(view.width, view.held_out) for view in staged.views} == {(48, False), (48, True)}
            assert {p.name: p.count for p in staged.parameters}["vertices"] == 3 * FINER
            assert session.staged() is None
            snapshot = session.snapshot(0, include_topology=False)
            assert len(snapshot.arrays["faces"]) == 5120  # nobody had to ask: the topology is new
            assert snapshot.arrays["render"].shape[:2] == (48, 48)
    assert sizes == [(VERTICES, 32, 32)] * 3 + [(FINER, 48, 48)] * 3 + [(FINER, 64, 64)] * 2
    assert rates == [0.02] * 3 + [0.01] * 5
    assert session.state.iteration == 8
    assert session.metrics()["held_out_iou"] > 0.3
    assert session.finished() == "reached 8 steps"

    session.reset()
    assert size(session) == (VERTICES, 32, 32)
    assert session.state.iteration == 0
    assert session._learning_rate == 0.02
    assert session.problem.weights[1] == 3.0  # settings are kept
    assert session.staged() is not None
    again = [session.step().loss for _ in range(4)]
    fresh = Session(experiment(coarse))
    fresh.set_value("term.1.weight", 3.0)
    assert again == pytest.approx([fresh.step().loss for _ in range(4)], rel=1e-6)


def test_a_checkpoint_and_an_edit_keep_the_stage(coarse):
    session = Session(experiment(coarse))
    for _ in range(5):
        session.step()
    successor = Session(experiment(coarse))
    successor.restore_state(session.state_bytes())
    assert size(successor) == (FINER, 48, 48)
    assert successor.state.iteration == 5
    np.testing.assert_array_equal(successor.host()["const.faces"], session.host()["const.faces"])
    edited = session.replace(replace(experiment(coarse), terms=(TermSpec("l1", "silhouette"),)))
    assert size(edited) == (FINER, 48, 48)
    assert edited._learning_rate == 0.01
    np.testing.assert_array_equal(edited.host()["vertices"], session.host()["vertices"])
    expected = [session.step().loss for _ in range(3)]
    assert [successor.step().loss for _ in range(3)] == pytest.approx(expected, rel=1e-6)
    assert size(successor) == (FINER, 64, 64)


def test_stages_are_read_checked_and_written(coarse, tmp_path):
    wanted = experiment(coarse)
    text = experiment_to_toml(wanted, tmp_path)
    assert experiment_from_dict(tomllib.loads(text), tmp_path) == wanted

    def read(stages: list, **tables: dict):
        shape = {"shape": {"primitive": "sphere"}, **tables}
        return experiment_from_dict({**shape, "stage": stages}, tmp_path)

    assert read([{"at": 10, "width": 64}]).stages == (StageSpec(10, width=64),)
    for stages, found in (
        ([{"at": 10, "width": 64}, {"at": 10, "width": 80}], "in order"),
        ([{"at": 10}], "changes nothing"),
        ([{"at": 10, "resolution": 64}], "a mesh cannot do this; allowed: subdivide or remesh"),
        ([{"at": 10, "width": 4}], "at least 8"),
        ([{"at": 0, "width": 64}], "a whole number, 1 to"),
        ([], r"headed \[\[stage\]\]"),
    ):
        with pytest.raises(RimlightError, match=found):
            read(stages)
    grid = {"shape": {"kind": "sdf-grid", "primitive": "torus"}, "target": {"shape_kind": "sdf-grid"}}
    with pytest.raises(RimlightError, match="a sdf-grid cannot do this"):
        read([{"at": 10, "subdivide": 1}], **grid, method={"name": "sdf-local"})


def test_pictures_keep_their_mean_at_another_size():
    plane = np.random.default_rng(0).random((6, 9)).astype(np.float32)
    for height, width in ((3, 3), (4, 6), (12, 18)):
        small = resized(plane, height, width)
        assert small.shape == (height, width)
        assert small.mean() == pytest.approx(plane.mean(), rel=1e-5)
    np.testing.assert_allclose(resized(plane, 3, 3)[0, 0], plane[:2, :3].mean(), rtol=1e-5)
    assert same_aspect((256, 128), (128, 64))
    assert same_aspect((225, 173), (112, 86))
    assert not same_aspect((256, 128), (128, 128))


def test_views_come_in_the_order_that_was_asked_for(coarse):
    wanted = replace(experiment(coarse), views=ViewsSpec("orbit", 4, width=32, height=32, batch=2), stages=())
    with_order = lambda order: replace(wanted, views=replace(wanted.views, order=order))
    losses = np.array([1.0, 5.0, np.inf, 2.0])
    assert batch_of(with_order("in-order"), 4, 1, losses) == [2, 3]
    assert batch_of(with_order("in-order"), 4, 2, losses) == [0, 1]
    assert batch_of(with_order("worst-first"), 4, 7, losses) == [1, 2]
    assert sorted(batch_of(wanted, 4, 0, losses) + batch_of(wanted, 4, 1, losses)) == [0, 1, 2, 3]
    assert batch_of(replace(wanted, views=replace(wanted.views, batch=0)), 4, 3, losses) == [0, 1, 2, 3]
    session = Session(with_order("worst-first"))
    session.step()
    session.step()
    assert np.isfinite(session._view_losses).all()  # what was never seen comes first
    assert session.last is not None
    image_loss = session.losses[-1] - 2.0 * session.last.terms[1]  # less the regulariser
    assert np.mean(session.last.views) == pytest.approx(image_loss, rel=1e-4)
