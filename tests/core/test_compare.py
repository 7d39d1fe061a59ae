"""Comparisons: lanes in files, a race that steps them in turn, the table, its noise, and what is written."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from core.comparison.lanes import (
    chosen_lanes,
    follows,
    lane_experiment,
    lane_names,
    lane_note,
    lane_tokens,
    repeats_of,
    split_lane,
    usual_lanes,
    with_methods,
)
from core.comparison.race import Race, session_for
from core.comparison.table import (
    COLUMNS,
    LaneResult,
    as_markdown,
    best_of,
    lane_noise,
    lane_results,
    noise_lines,
    spread,
    steps_to,
    terms_lines,
)
from core.errors import RimlightError
from core.experiment import (
    DeriveSpec,
    Experiment,
    LaneSpec,
    MethodSpec,
    OptimizerSpec,
    ParametersSpec,
    PoseSpec,
    ShapeSpec,
    StopSpec,
    TermSpec,
    ViewsSpec,
)
from core.experiments.files import experiment_from_dict, experiment_to_toml, load_experiment
from core.problem import NonFinite
from core.protocol import Agreement, Derive
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
        LaneSpec(optimizer="sgd", optimizer_settings={"momentum": 0.5}),
    )
    experiment = replace(CUBE, lanes=lanes)
    path = tmp_path / "race.toml"
    path.write_text(experiment_to_toml(experiment, tmp_path))
    assert load_experiment(path).lanes == lanes
    assert lane_experiment(experiment, lanes[0]).optimizer.learning_rate == 0.01
    assert lane_experiment(experiment, lanes[2]).method.name == "edge-grad"
    assert lane_note(experiment, lanes[0]) == "sigma 0.7 px, rate 0.01"
    assert lane_experiment(experiment, lanes[3]).optimizer.settings["momentum"] == 0.5
    assert lane_note(experiment, lanes[3]) == "SGD with momentum, momentum 0.5"


@pytest.mark.parametrize(
    ("lanes", "says"),
    [
        ([{"method": "splat"}], "two to 4"),
        ([{"method": "splat"}, {"method": "sdf-local"}], r"compare\[1\].method: .*needs a field"),
        ([{"method": "splat"}, {"method": "naive", "sigma": 0.5}], r"compare\[1\].sigma: unknown key"),
        ([{"method": "splat"}, {"method": "naiv"}], "did you mean naive"),
        ([{}, {"optimizer_settings": {"momentum": 0.5}}], r"compare\[1\].optimizer_settings.momentum: unknown key"),
        ([{}, {"optimizer_settings": 0.5}], r"compare\[1\].optimizer_settings: found 0.5; allowed: a table"),
    ],
)
def test_wrong_lanes_are_told_by_file_and_key(lanes, says):
    with pytest.raises(RimlightError, match=says):
        experiment_from_dict({"shape": {"primitive": "cube"}, "compare": lanes}, ".", "race.toml")


def test_a_number_changed_on_the_way_reaches_the_lanes_that_have_none_of_their_own():
    momentum = LaneSpec(learning_rate=0.1, optimizer_settings={"momentum": 0.0})
    race = replace(
        CUBE, optimizer=OptimizerSpec("sgd"), lanes=(LaneSpec(), momentum, LaneSpec("splat", optimizer="adam"))
    )
    told = lambda path: [follows(race, lane, path) for lane in race.lanes]
    assert told("optimizer.learning_rate") == [True, False, True]
    assert told("optimizer.momentum") == [True, False, False]
    assert told("method.reach") == [True, True, False]
    assert told("value.pose.scale") == [True] * 3
    assert lane_tokens(race) == ["edge-grad", "edge-grad", "splat"]
    assert len(set(lane_tokens(replace(race, lanes=race.lanes[:2])))) == 2


def test_names_tell_lanes_apart():
    rates = replace(CUBE, lanes=(LaneSpec("naive"), LaneSpec("naive", 0.01), LaneSpec("naive"), LaneSpec("splat")))
    assert lane_names(rates) == ["naive", "naive, rate 0.01", "naive (2)", "splat"]
    assert lane_names(usual_lanes(CUBE))[0] == "edge-grad"
    assert split_lane("2/render") == (2, "render")
    assert split_lane("render") == (0, "render")


def test_shapes_are_lanes_in_front_of_the_same_target(tmp_path):
    torus = replace(
        CUBE,
        shape=ShapeSpec(primitive="torus"),
        terms=(TermSpec("l2", "silhouette"), TermSpec("laplacian", weight=0.1)),
        parameters=ParametersSpec(("vertices", "pose.translation")),
    )
    grid = chosen_lanes(torus, [], ["torus-grid", "sphere"])
    own, other, third = (lane_experiment(grid, lane) for lane in grid.lanes)
    assert own.shape == torus.shape
    assert (other.shape.kind, other.shape.primitive, other.method.name) == ("sdf-grid", "torus-grid", "edge-grad")
    assert set(other.parameters.free) == {"pose.translation", "values"}
    assert [t.loss for t in other.terms] == ["l2"]
    assert (other.target.primitive, third.target.primitive, third.target.shape_kind) == ("torus", "torus", "mesh")
    assert lane_names(grid) == ["torus mesh", "torus-grid sdf-grid", "sphere mesh"]
    assert "torus-grid sdf-grid has no laplacian" in terms_lines(grid)[0]
    assert [lane.method for lane in chosen_lanes(torus, ["naive", "splat"], ["cube"]).lanes] == ["naive", "splat"] * 2
    file = replace(
        grid, lanes=(*grid.lanes, LaneSpec(file=str(tmp_path / "a.obj"), optimizer="sgd", shape_kind="mesh"))
    )
    (tmp_path / "a.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    (tmp_path / "race.toml").write_text(experiment_to_toml(file, tmp_path))
    assert 'file = "a.obj"' in (tmp_path / "race.toml").read_text()
    assert load_experiment(tmp_path / "race.toml").lanes == file.lanes


def test_a_repeat_is_a_lane_that_tells_the_noise():
    lanes = (LaneSpec("splat"), LaneSpec("splat", repeat=1), LaneSpec("naive"))
    experiment = replace(CUBE, lanes=lanes)
    assert repeats_of(experiment) == [[0, 1]]
    assert lane_names(experiment) == ["splat", "splat, repeat 1", "naive"]
    first, second = (lane_experiment(experiment, lane) for lane in lanes[:2])
    assert second.seed == first.seed + 1
    moved = np.subtract(second.shape.start.translation, first.shape.start.translation)
    assert np.linalg.norm(moved) == pytest.approx(1e-3, rel=1e-6)
    results = [*rows(1.0, 1.02), LaneResult("c", "naive", values={"loss": 2.0})]
    noise, repeats = lane_noise(experiment, results)
    assert noise["loss"] == pytest.approx(0.02 / 1.02)
    assert repeats == 1


def test_a_run_that_left_the_picture_has_no_best_derivative():
    pair = with_methods(CUBE, ["edge-grad", "naive"])
    blank = Agreement(5, "edge-grad", "pose.translation.x", 0, 0.0, 0.0, 0.0, 0.0, 0.25, 4, 1.0, 2.0)
    judged = {0: blank, 1: replace(blank, relative_l2=0.6, cosine=0.8)}
    left, stayed = lane_results(pair, [[1.0], [1.0]], [{}, {}], judged, [(0.0, 0.0)] * 2, {})
    assert left.value("relative_l2") is None
    assert stayed.value("relative_l2") == 0.6


def test_lanes_of_two_shapes_race():
    small = replace(CUBE, views=ViewsSpec("single", width=16, height=16), method=MethodSpec("naive"))
    race = Race(chosen_lanes(small, [], ["sphere-grid"]))
    race.step()
    assert np.isfinite([scalars.loss for scalars in race.told().lanes]).all()
    parts = [part for part in race.derive_begin(Derive("vertices.normal", reference=False), 0) if part]
    assert not any("1/derivative" in part[0] for part in parts if isinstance(part, tuple))
    race.set_value("value.vertices.0", [0.0, 0.0, 0.0])  # the grid has none, and goes on
    assert "1/render" in race.snapshot(0).arrays


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
