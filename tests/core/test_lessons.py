"""Lessons say what is true: their claims, run headless on the lesson's own file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.catalog import ASSETS
from core.comparison.lanes import chosen_lanes, lane_experiment
from core.comparison.race import Race
from core.experiment import Experiment, MethodSpec
from core.experiments.files import load_experiment
from core.headless import derive_one
from core.session import Session


def lesson(name: str) -> Experiment:
    return load_experiment(ASSETS / "lessons" / f"{name}.toml")


def derived(experiment: Experiment, method: str):
    """agreement.json's row and |dI/dtheta| at its largest, by the method at the lesson's start."""
    row, _, arrays = derive_one(replace(experiment, method=MethodSpec(method)), experiment.derive.parameter or "")
    return row, float(np.abs(arrays["derivative"]).max()), float(np.abs(arrays["reference"]).max())


def last_share(experiment: Experiment, method: str) -> float:
    """The last loss over the first."""
    session = Session(replace(experiment, method=MethodSpec(method)))
    while session.finished() is None:
        session.step()
    return session.losses[-1] / session.losses[0]


def small(experiment: Experiment, side: int) -> Experiment:
    """The same at `side` pixels, for claims that do not hang on the size of the pictures."""
    return replace(experiment, views=replace(experiment.views, width=side, height=side))


def test_one_triangle_is_nothing_to_autodiff():
    experiment = lesson("01-triangle")
    _, naive, truth = derived(experiment, "naive")
    assert naive < 1e-6  # rounding
    assert truth > 10
    row, _, _ = derived(experiment, "edge-grad")
    assert row["total_gradient_relative_error"] < 0.02
    assert derived(experiment, "splat")[0]["total_gradient_relative_error"] == pytest.approx(0.14, abs=0.01)
    assert last_share(small(experiment, 48), "naive") == pytest.approx(1.0, abs=1e-3)
    assert last_share(small(experiment, 48), "edge-grad") < 0.05


def test_the_outline_that_naive_leaves_out_is_nearly_half_of_the_derivative():
    experiment = lesson("02-silhouette")
    naive = replace(experiment, method=MethodSpec("naive"))
    _, _, arrays = derive_one(naive, experiment.derive.parameter or "")
    missing = np.abs(arrays["derivative"] - arrays["reference"]).sum() / np.abs(arrays["reference"]).sum()
    assert missing == pytest.approx(0.46, abs=0.01)


def test_a_step_of_one_pixel_is_blurred_as_edge_grad_is_and_noise_jumps_above_the_bar():
    experiment = lesson("03-step")

    def against(step: float, samples: int) -> tuple[float, float]:
        """The relative error, and how bright the brightest pixel is."""
        options = replace(experiment.derive, step_pixels=step, supersampling=samples)
        row, _, arrays = derive_one(replace(experiment, derive=options), experiment.derive.parameter or "")
        return row["relative_l2"], float(np.abs(arrays["reference"]).max())

    assert against(0.25, 8)[0] == pytest.approx(0.45, abs=0.01)
    assert against(1.0, 8)[0] == pytest.approx(0.22, abs=0.01)
    assert against(0.01, 1)[1] > 1500


def test_only_edge_grad_sees_a_crossing_move():
    experiment = lesson("06-crossing")
    row, _, _ = derived(experiment, "edge-grad")
    assert row["total_gradient_relative_error"] < 0.06
    assert derived(experiment, "splat")[1] < 1e-4
    without = replace(experiment, method=MethodSpec("edge-grad", {"crossings": False}))
    found, _, _ = derive_one(without, experiment.derive.parameter or "")
    assert found["total_gradient_relative_error"] > 0.5
    assert last_share(experiment, "edge-grad") < 0.15


def test_silhouettes_bring_it_home_and_colour_alone_drives_it_away():
    experiment = small(lesson("08-two-losses"), 64)

    def found(colour: float, silhouette: float) -> dict[str, float]:
        terms = tuple(replace(t, weight=w) for t, w in zip(experiment.terms, (colour, silhouette), strict=True))
        session = Session(replace(experiment, terms=terms))
        while session.finished() is None:
            session.step()
        return session.metrics()

    away, home = found(1, 0), found(0, 1)
    assert away["translation_error"] > 1
    assert away["iou"] < 0.1
    assert home["rotation_error_degrees"] < 0.4
    assert home["translation_error"] < 0.005


def test_a_soup_is_torn_where_the_same_ball_in_one_piece_is_not():
    experiment = lesson("10-soup")
    short = replace(small(experiment, 64), stop=replace(experiment.stop, steps=40))
    soup, ball = (
        Session(lane_experiment(short, lane))
        for lane in chosen_lanes(short, [], [str(ASSETS / "lessons" / "meshes" / "ball.obj")]).lanes
    )
    for session in (soup, ball):
        while session.finished() is None:
            session.step()
    assert (soup.problem.shape.facts()["parts"], ball.problem.shape.facts()["parts"]) == (320, 1)
    torn, whole = soup.all_metrics(), ball.all_metrics()
    assert whole["held_out_iou"] > torn["held_out_iou"] + 0.1
    assert torn["iou"] > torn["held_out_iou"] + 0.08
    assert whole["iou"] < whole["held_out_iou"] + 0.08


def test_three_optimizers_wander_down_a_valley_that_the_fourth_solves_for():
    race = Race(lesson("16-race"))

    def arrivals(*start: tuple[str, float]) -> list[float]:
        """By run, the step from which on it is within 0.02 of the minimum."""
        race.reset()
        for name, place in start:
            race.set_value(f"value.pose.translation.{name}", place)
        places = []
        while race.finished() is None:
            places.append([own.places[1][0:3:2] for own in race.step().lanes])
        away = np.hypot(*np.moveaxis(np.array(places), -1, 0)) > 0.02
        return [float(len(a)) if a[-1] else float(np.flatnonzero(a)[-1] + 2) for a in away.T]

    assert arrivals() == pytest.approx([22, 34, 41, 3], abs=2)
    creeping, *others = arrivals(("x", -0.6), ("z", -0.7))
    assert creeping == 60
    assert others == pytest.approx([46, 35, 3], abs=2)


def test_a_network_takes_on_the_outline_of_what_no_mask_shows():
    """A tenth of the lesson's steps: held-out IoU 0.54 at the start."""
    experiment = lesson("19-network")
    views = replace(experiment.views, width=32, height=32, rays=400, held_out=2)
    session = Session(replace(experiment, views=views, stop=replace(experiment.stop, steps=40)))
    start = session.all_metrics()["held_out_iou"]
    while session.finished() is None:
        session.step()
    assert session.all_metrics()["held_out_iou"] > start + 0.03
