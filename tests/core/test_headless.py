"""Fits and derivatives without a window: what Ctrl-C leaves, and that numbers are those of the window."""

from __future__ import annotations

import json
import math
import signal
from dataclasses import replace

import numpy as np
import pytest

from core.derivatives.images import derivative_images
from core.engine.ports import Waiting
from core.errors import RimlightError
from core.experiment import Experiment, MethodSpec, PoseSpec, ShapeSpec, StageSpec, TermSpec
from core.headless import derive_one, run_fit
from core.io.atomic import write_json
from core.problem import NonFinite
from core.protocol import Derive
from core.session import Session


@pytest.fixture
def small():
    experiment = Experiment()
    return replace(
        experiment,
        shape=ShapeSpec("mesh", primitive="cube", start=PoseSpec((0, 20, 0), (0.1, 0, 0))),
        method=MethodSpec("naive"),
        views=replace(experiment.views, kind="single", count=1, held_out=0, width=32, height=32),
    )


def test_ctrl_c_ends_a_fit_after_the_step_in_hand_and_writes_what_is_there(small, tmp_path):
    def progress(task, done):
        if task.startswith("Fitting") and done and done >= 0.03:
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    report = run_fit(small, tmp_path, 100, progress)
    assert signal.getsignal(signal.SIGINT) is before
    assert report["steps"] == 3
    assert report["stopped"] == "Ctrl-C after 3 of 100 steps"
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8")) == report
    assert (tmp_path / "fit.gif").stat().st_size > 0


BLOWN_UP = (TermSpec(), TermSpec("laplacian", weight=1e6))


@pytest.mark.parametrize(("rate", "steps"), [(100.0, range(1, 40)), (3e38, range(3))])
def test_a_step_that_is_not_finite_ends_a_fit_and_the_state_before_it_is_written(small, tmp_path, rate, steps):
    small = replace(
        small,
        shape=replace(small.shape, primitive="torus"),
        terms=BLOWN_UP,
        optimizer=replace(small.optimizer, name="sgd", learning_rate=rate, decay=1.0),
        parameters=replace(small.parameters, free=("vertices",)),
    )
    report = run_fit(small, tmp_path, 100)
    assert report["steps"] in steps
    assert report["stopped"].startswith(f"could not go on after {report['steps']} of 100 steps: iteration ")
    assert "not finite" in report["stopped"]
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8")) == report
    assert all(math.isfinite(loss) for loss in report["loss"]["curve"])
    kept = (tmp_path / "shape.ply").read_bytes()
    vertices = np.frombuffer(kept, "<f4", 3, kept.index(b"end_header") + 11)
    assert np.isfinite(vertices).all()
    assert {"fit.gif", "history.csv", "loss.png", "view_00.png"} <= {path.name for path in tmp_path.iterdir()}


def test_a_first_step_that_is_not_finite_leaves_the_start(small, tmp_path, monkeypatch):
    def refuse(*arguments):
        raise NonFinite("iteration 0, view 0: the loss (nan) is not finite; the state before this step is kept.")

    monkeypatch.setattr("core.session.step", refuse)
    report = run_fit(small, tmp_path, 10)
    assert (report["steps"], report["loss"]["first"]) == (0, None)
    assert report["stopped"].startswith("could not go on after 0 of 10 steps: iteration 0, view 0")
    assert (tmp_path / "shape.ply").exists()


def test_a_stage_that_cannot_be_entered_ends_a_fit_likewise(small, tmp_path, monkeypatch):
    def refuse(*arguments):
        raise RimlightError("stage.remesh: the surface has vanished")

    monkeypatch.setattr("core.session.Stages.enter", refuse)
    report = run_fit(replace(small, stages=(StageSpec(at=3, width=16, height=16),)), tmp_path, 10)
    assert report["stopped"] == "could not go on after 3 of 10 steps: stage.remesh: the surface has vanished"
    assert (tmp_path / "shape.ply").exists()


def test_the_command_line_and_the_window_agree_on_silhouette_pixels(small):
    """With a step so wide that the displaced renders' silhouettes are not the undisplaced one's."""
    terms = (TermSpec(), TermSpec(sees="silhouette"))
    small = replace(small, method=MethodSpec("edge-grad"), terms=terms, derive=replace(small.derive, step_pixels=2.0))
    parts = derivative_images(Session(small), Derive("pose.translation.x", small.derive.step_pixels, 4), 0)
    shown = [part[1] for part in parts if part is not None and not isinstance(part, Waiting)][-1]
    row, _, _ = derive_one(small, "pose.translation.x")
    assert shown is not None
    assert row["silhouette_relative_l2"] == pytest.approx(shown.silhouette_relative_l2, rel=1e-6)
    assert row["total_gradient_relative_error"] == pytest.approx(shown.total_gradient_relative_error, rel=1e-5)


def test_what_is_not_finite_is_null_in_reports(tmp_path):
    """At its target a fit has no gradient to be off by, and its PSNR is infinite: JSON knows neither."""
    write_json(tmp_path / "report.json", {"psnr": math.inf, "rows": [(1.5, math.nan)], "steps": 3, "name": "NaN"})
    found = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert found == {"psnr": None, "rows": [[1.5, None]], "steps": 3, "name": "NaN"}
