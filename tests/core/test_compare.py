"""Comparisons: lanes in files, a race that steps them in turn, the table, its noise, and what is written."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from core.comparison.lanes import lane_experiment, lane_names, lane_note, split_lane, usual_lanes, with_methods
from core.comparison.race import Race, session_for
from core.comparison.table import COLUMNS, LaneResult, as_markdown, best_of, noise_lines, spread, steps_to
from core.errors import RimlightError
from core.experiment import DeriveSpec, Experiment, LaneSpec, PoseSpec, ShapeSpec, StopSpec, ViewsSpec
from core.experiments.files import experiment_from_dict, experiment_to_toml, load_experiment
from core.problem import NonFinite
from core.protocol import Derive
from core.session import Session

CUBE = Experiment(
    title="Cube",
    shape=ShapeSpec(primitive="cube", start=PoseSpec((10.0, 20.0, 0.0), (0.1, 0.0, 0.0))),
    views=ViewsSpec("orbit", 2, width=32, height=32),
    stop=StopSpec(6),
    derive=DeriveSpec("pose.translation.x", supersampling=2),
)
LOSS = next(c for c in COLUMNS if c.key == "loss")


def test_lanes_are_kept_in_files(tmp_path):
    lanes = (
        LaneSpec("splat", 0.01, "blurred", {"sigma": 0.7}),
        LaneSpec("naive"),
        LaneSpec(settings={"crossings": False}),
    )
    experiment = replace(CUBE, lanes=lanes)
    path = tmp_path / "race.toml"
    path.write_text(experiment_to_toml(experiment, tmp_path))
    assert load_experiment(path).lanes == lanes
    assert lane_experiment(experiment, lanes[0]).optimizer.learning_rate == 0.01
    assert lane_experiment(experiment, lanes[2]).method.name == "edge-grad"
    assert lane_note(experiment, lanes[0]) == "sigma 0.7 px, rate 0.01"


@pytest.mark.parametrize(
    ("lanes", "says"),
    [
        ([{"method": "splat"}], "two to 4"),
        ([{"method": "splat"}, {"method": "sdf-local"}], r"compare\[1\].method: .*needs a field"),
        ([{"method": "splat"}, {"method": "naive", "sigma": 0.5}], r"compare\[1\].sigma: unknown key"),
        ([{"method": "splat"}, {"method": "naiv"}], "did you mean naive"),
    ],
)
def test_wrong_lanes_are_told_by_file_and_key(lanes, says):
    with pytest.raises(RimlightError, match=says):
        experiment_from_dict({"shape": {"primitive": "cube"}, "compare": lanes}, ".", "race.toml")


def test_names_tell_lanes_apart():
    rates = replace(CUBE, lanes=(LaneSpec("naive"), LaneSpec("naive", 0.01), LaneSpec("naive"), LaneSpec("splat")))
    assert lane_names(rates) == ["naive", "naive, rate 0.01", "naive (2)", "splat"]
    assert lane_names(usual_lanes(CUBE))[0] == "edge-grad"
    assert split_lane("2/render") == (2, "render")
    assert split_lane("render") == (0, "render")


def test_a_race_repeats_each_fit_to_the_bit_and_shows_all_of_them():
    race = session_for(with_methods(CUBE, ["edge-grad", "naive"]))
    assert isinstance(race, Race)
    told = []
    while race.finished() is None:
        told.append(race.step())
        if told[-1].iteration == 3:
            state = race.state_bytes()
    alone = [Session(lane_experiment(race.experiment, lane)) for lane in race.experiment.lanes]
    for session, lane in zip(alone, race.lanes, strict=True):
        while session.finished() is None:
            session.step()
        assert lane.losses == session.losses
    assert [s.iteration for s in told[-1].lanes] == [6, 6]
    assert told[-1].lanes[1].loss == alone[1].losses[-1]
    assert race.finished() == "all reached 6 steps"
    arrays = race.snapshot(0).arrays
    assert np.array_equal(arrays["1/render"], alone[1].snapshot(0).arrays["render"])
    parts = [part for part in race.derive_begin(Derive("pose.translation.x", supersampling=2), 1) if part]
    named = {name for part in parts if isinstance(part, tuple) for name in part[0]}
    assert {"derivative", "reference", "1/derivative", "1/disagreement"} <= named
    assert {agreement.lane for agreement in race.agreements.values()} == {0, 1}
    assert {"iou", "1/iou"} <= set(race.metrics())
    race.restore_state(state)
    assert [lane.state.iteration for lane in race.lanes] == [3, 3]
    race.step()
    assert race.lanes[0].losses == alone[0].losses[:4]


def test_a_lane_that_fails_stops_alone(monkeypatch):
    def fail():
        raise NonFinite("iteration 0: the loss is not finite")

    race = Race(with_methods(CUBE, ["edge-grad", "naive"]))
    monkeypatch.setattr(race.lanes[1], "step", fail)
    told = race.step()
    assert "not finite" in told.lanes[1].trouble
    assert race.step().lanes[0].iteration == 2
    race.reset()
    assert race.failed == {}


def rows(a: float, b: float) -> list[LaneResult]:
    return [LaneResult("a", "splat", values={"loss": a}), LaneResult("b", "naive", values={"loss": b}, cannot="see")]


def test_the_best_is_marked_only_above_the_noise():
    assert best_of(rows(1.0, 1.02), LOSS) == 0
    assert best_of(rows(1.0, 1.02), LOSS, 0.03) is None
    assert best_of(rows(float("nan"), 1.0), LOSS) is None
    lines = noise_lines(rows(1.0, 1.02), {"loss": 0.03}, 2)
    assert "3 %" in lines[0]
    assert lines[1] == "Loss: a and b differ by less than the noise."
    assert len(noise_lines(rows(1.0, 1.2), {"loss": 0.03}, 2)) == 1
    text = as_markdown("T", rows(1.0, 1.2), ["note"], {})
    assert "| a | **1** | – |" in text
    assert "| b | 1.2 | see |" in text
    assert spread([1.0, 0.9, 0.95]) == pytest.approx(0.1)
    assert steps_to([1.0, 0.5, 0.01, 0.02]) == 3
    assert steps_to([1.0, 0.5]) is None


def test_a_comparison_is_written_with_its_noise(tmp_path):
    from core.comparison.headless import run_compare

    report = run_compare(CUBE, tmp_path, ["edge-grad", "naive"], steps=4, repeats=1)
    found = json.loads((tmp_path / "compare.json").read_text())
    assert found["runs"] == report["runs"]
    first, second = found["runs"]
    assert first["values"]["loss"] < second["values"]["loss"]
    assert first["values"]["relative_l2"] < second["values"]["relative_l2"]
    assert second["cannot"]
    assert 0 < found["noise"]["loss"] < 1
    with open(tmp_path / "curves.csv", newline="") as file:
        table = list(csv.reader(file))
    assert table[0] == ["iteration", "edge-grad", "naive"]
    assert [float(v) for v in list(zip(*table[1:]))[1]] == found["losses"]["edge-grad"]
    from xml.etree import ElementTree

    drawing = ElementTree.parse(tmp_path / "curves.svg").getroot()
    assert len(drawing.findall("{http://www.w3.org/2000/svg}polyline")) == 2
    for name in ("compare.csv", "compare.md", "curves.png", "compare.png"):
        assert (tmp_path / name).stat().st_size > 200
