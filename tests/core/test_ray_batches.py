"""Steps that see random pixels of each view, and targets as sensors and segmentations spoil them, in any fit."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from core.build import build
from core.errors import RimlightError
from core.experiment import (
    Experiment,
    MethodSpec,
    OptimizerSpec,
    ParametersSpec,
    ShapeSpec,
    TargetSpec,
    TermSpec,
    ViewsSpec,
)
from core.experiments.files import experiment_to_toml, load_experiment
from core.experiments.rays import rays_complaint, with_possible_rays
from core.optimization.gradient_step import compiled_steps
from core.problem import host_values
from core.session import Session
from core.targets.noise import spoilt_views

BLOB = Experiment(
    seed=3,
    shape=ShapeSpec(kind="metaballs", primitive="ball-metaballs", components=6),
    target=TargetSpec(primitive="sphere"),
    views=ViewsSpec("sphere", count=4, held_out=1, width=24, height=20, batch=2, rays=60),
    method=MethodSpec("fuzzy-metaballs"),
    terms=(TermSpec("silhouette-cross-entropy", "silhouette"),),
    optimizer=OptimizerSpec(learning_rate=0.03, decay=1.0),
    parameters=ParametersSpec(("means", "precision_factors", "log_weights")),
)


def with_table(experiment: Experiment, table: str, **changes) -> Experiment:
    return dataclasses.replace(experiment, **{table: dataclasses.replace(getattr(experiment, table), **changes)})


def test_picked_pixels_are_those_of_the_whole_picture_and_a_fit_by_them_falls() -> None:
    session = Session(BLOB)
    problem = session.problem
    host = host_values(problem, session.state)
    some, other = (problem.sample_step(host, 1, i) for i in (5, 6))
    assert some.pixels.shape == (60,)
    assert (some.pixels != other.pixels).any()
    np.testing.assert_array_equal(some.pixels, problem.sample_step(host, 1, 5).pixels)
    from kernels.camera import lens_of

    seen = problem.structure.image(host, some, lens_of(problem.views[1]), problem.traced)["silhouette"][0]
    whole = problem.structure.image(
        host, problem.sample(host, problem.views[1]), lens_of(problem.views[1]), problem.traced
    )
    np.testing.assert_allclose(seen[0], np.asarray(whole["silhouette"][0]).reshape(-1)[some.pixels], atol=1e-5)
    session.step()
    compiled = compiled_steps()
    for _ in range(59):
        session.step()
    assert compiled_steps() == compiled
    assert np.mean(session.losses[-10:]) < 0.6 * np.mean(session.losses[:5])


def test_what_cannot_take_pixels_says_so_and_is_given_whole_views(tmp_path) -> None:
    (tmp_path / "x.toml").write_text(experiment_to_toml(BLOB, tmp_path))
    assert load_experiment(tmp_path / "x.toml").views.rays == 60
    mesh = dataclasses.replace(BLOB, shape=ShapeSpec(), method=MethodSpec("splat"))
    levels = dataclasses.replace(BLOB, terms=(TermSpec("l2", "silhouette", levels=3),))
    solver = dataclasses.replace(BLOB, optimizer=OptimizerSpec("levenberg-marquardt"))
    depth = dataclasses.replace(BLOB, method=MethodSpec("fuzzy-metaballs", {"normals": "depth"}))
    for wrong, key in ((mesh, "views.rays"), (levels, "levels"), (solver, "views.rays"), (depth, "normals")):
        found = rays_complaint(wrong)
        assert found is not None
        assert key in found[0]
        assert with_possible_rays(wrong).views.rays == 0
    (tmp_path / "y.toml").write_text(experiment_to_toml(levels, tmp_path))
    with pytest.raises(RimlightError, match=r"y\.toml.*term\[0\]\.levels"):
        load_experiment(tmp_path / "y.toml")


def test_depth_and_silhouettes_are_spoilt_where_asked_and_held_out_ones_never() -> None:
    terms = (TermSpec("l1", "depth"), TermSpec("l2", "silhouette"))
    clean = build(dataclasses.replace(BLOB, terms=terms))
    noisy = with_table(dataclasses.replace(BLOB, terms=terms), "target", depth_noise=0.02, missing=0.5)
    found, again = build(noisy), build(noisy)
    lost = spoilt_views(noisy, 4)
    assert len(lost) == 2
    for i in range(4):
        before, after = (np.asarray(s.problem.targets[i].planes["silhouette"][0]) for s in (clean, found))
        assert (0.75 < after.sum() / before.sum() < 0.97) if i in lost else (after == before).all()
        inside = np.asarray(clean.problem.targets[i].planes["silhouette"][0]) > 0.99
        depths = [np.asarray(s.problem.targets[i].planes["depth"][0])[inside] for s in (clean, found, again)]
        assert np.std(depths[1] / depths[0]) == pytest.approx(0.02, rel=0.3)
        np.testing.assert_array_equal(depths[1], depths[2])
    for name in ("depth", "silhouette"):
        kept = [np.asarray(s.held_out_targets[0].planes[name][0]) for s in (clean, found)]
        np.testing.assert_array_equal(kept[0], kept[1])
