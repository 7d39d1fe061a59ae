"""The parameter studies: which fits they make, and that they leave a table and pictures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import study
from core.errors import RimlightError
from core.experiment import Experiment
from core.experiments.defaults import experiment_for_file
from core.study import Outcome, resolutions, run_study, staged, table, variants

LESSON = Path(__file__).resolve().parents[2] / "assets" / "lessons" / "11-sdf-local.toml"


def test_every_study_changes_one_thing() -> None:
    found = variants(experiment_for_file(LESSON))
    by = {(v.study, v.label): v.experiment for v in found}
    assert len(by) == len(found) == 4 + 4 + 3 + 3 + 3
    assert resolutions(8, 4) == [8, 16, 32, 64]
    usual = by["initial", "8^3"]
    assert [s.resolution for s in usual.stages] == [16, 32, 64]
    assert [s.learning_rate for s in usual.stages] == pytest.approx([0.004, 0.0015, 0.0006])
    assert by["stages", "1"].stages == ()
    assert by["stages", "1"].shape.grid.resolution == 64
    assert len(by["stages", "8"].stages) == 7
    assert by["pixels", "x 2"].stages[-1].width == 205
    assert by["noise", "0.17"].target.noise == 0.17
    assert by["poses", "0.1"].views.pose_noise == 0.1
    assert replace(by["poses", "0"], views=usual.views) == usual


def test_what_is_no_fit_of_a_grid_is_refused() -> None:
    experiment = experiment_for_file(LESSON)
    with pytest.raises(RimlightError, match="values"):
        variants(replace(experiment, parameters=replace(experiment.parameters, free=("pose.rotation",))))
    with pytest.raises(RimlightError, match="'colour' is not one of"):
        variants(experiment, ("colour",))


def test_a_study_leaves_a_table_and_pictures_and_makes_the_usual_fit_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Experiment] = []

    def fit(experiment: Experiment, progress: Any) -> Outcome:
        made.append(experiment)
        numbers = {"hausdorff": 0.01 * len(made), "chamfer": 0.001, "loss": 1e-3, "steps": 8, "seconds": 0.1}
        return Outcome(numbers, np.zeros((16, 16, 3), np.float32))

    monkeypatch.setattr(study, "fit", fit)
    rows = run_study(experiment_for_file(LESSON), tmp_path)
    assert len(rows) == 17
    assert len(made) == 13
    usual = [("initial", "8^3"), ("stages", "4"), ("pixels", "x 1"), ("noise", "0"), ("poses", "0")]
    assert {row["hausdorff"] for row in rows if (row["study"], row["value"]) in usual} == {0.01}
    assert json.loads((tmp_path / "study.json").read_text()) == rows
    assert (tmp_path / "study.md").read_text() == table(rows)
    assert all((tmp_path / f"study-{name}.png").stat().st_size > 1000 for name in study.STUDIES)


def test_a_fit_of_a_study_is_measured() -> None:
    experiment = experiment_for_file(LESSON)
    small = replace(experiment, views=replace(experiment.views, kind="orbit", count=1))
    found = study.fit(staged(small, [12], 1.0, 2))
    assert found.numbers["hausdorff"] > 0.05
    assert found.numbers["steps"] == 2
    assert found.render.shape == (19, 19, 3)
