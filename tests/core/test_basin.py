"""The basin map: starts are as far away as they should be; near ones arrive, far ones and naive do not."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from core.errors import RimlightError
from core.experiment import Experiment, OptimizerSpec, PoseSpec, ShapeSpec, StopSpec, TargetSpec, ViewsSpec
from core.metrics import pose_errors
from core.optimization.basin import BasinOptions, run_basin, seeded_start
from core.parameters import scene_values

EXPERIMENT = Experiment(
    title="basin",
    shape=ShapeSpec(primitive="creature"),
    target=TargetSpec(pose=PoseSpec((10.0, -40.0, 5.0), (0.1, 0.0, -0.1))),
    views=ViewsSpec("orbit", 2, width=48, height=48),
    optimizer=OptimizerSpec("levenberg-marquardt"),
    stop=StopSpec(14),
)


def test_starts_are_seeded_and_as_far_away_as_they_say():
    about = EXPERIMENT.target.pose
    start = seeded_start(3, 50.0, 0.3, about)
    assert start == seeded_start(3, 50.0, 0.3, about)
    assert start != seeded_start(4, 50.0, 0.3, about)
    errors = pose_errors(*(scene_values(EXPERIMENT.scene, pose, 40.0) for pose in (start, about)))
    assert errors["rotation_error_degrees"] == pytest.approx(50.0, abs=0.01)
    assert errors["translation_error"] == pytest.approx(0.3, abs=1e-5)


def test_the_map_says_where_each_method_arrives(tmp_path):
    options = BasinOptions(angles=(10.0, 170.0), offsets=(0.05, 0.1), trials=1, within=(1.0, 0.01))
    maps = run_basin(EXPERIMENT, tmp_path / "out", options, ["edge-grad", "naive"])
    assert [(m["method"], m["optimizer"]) for m in maps] == [(n, "levenberg-marquardt") for n in ("edge-grad", "naive")]
    rates = [[cell["arrived"] / cell["trials"] for cell in each["cells"]] for each in maps]
    assert rates[0][:2] == [1.0, 1.0]
    assert sum(rates[0][2:]) < 2.0
    assert rates[1] == [0.0] * 4
    written = json.loads((tmp_path / "out" / "basin.json").read_text(encoding="utf-8"))
    assert written["maps"] == maps
    with Image.open(tmp_path / "out" / "basin.png") as picture:
        pixels = np.asarray(picture.convert("RGB"))
    assert pixels.shape[0] > 150
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 8


def test_without_a_true_pose_there_is_no_basin(tmp_path):
    other = replace(EXPERIMENT, target=TargetSpec(primitive="torus"))
    with pytest.raises(RimlightError, match="basin: the target is not the fitted shape"):
        run_basin(other, tmp_path, BasinOptions())
