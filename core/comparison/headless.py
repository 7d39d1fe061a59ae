"""`rimlight compare`: a race run to its end, repeated for its noise, and written as table, curves and pictures."""

from __future__ import annotations

import dataclasses
import time
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core import pictures
from core.accelerators import device
from core.comparison.curve_svg import curves_svg
from core.comparison.lanes import lane_tokens, of_lane, split_lane, usual_lanes, with_methods
from core.comparison.race import Race
from core.comparison.table import (
    MEASURED,
    LaneResult,
    as_csv,
    as_markdown,
    curves_csv,
    lane_noise,
    lane_results,
    noise_lines,
    spread,
    terms_lines,
)
from core.engine.ports import Waiting
from core.experiment import Experiment
from core.experiments.files import experiment_from_dict
from core.headless import out_folder
from core.io.atomic import write_bytes, write_json, write_text
from core.protocol import Derive
from core.record.history import EXPERIMENT, Edit
from core.versions import versions

Progress = Callable[[str, float | None], None]

WAIT_S = 0.01
"""Between two looks whether a derivative has compiled."""


def run_compare(
    experiment: Experiment,
    out: str | Path,
    methods: Sequence[str] = (),
    steps: int | None = None,
    repeats: int = 0,
    progress: Progress = lambda task, done: None,
    edits: Sequence[Edit] = (),
) -> dict[str, Any]:
    """Race the experiment's lanes (or `methods`, or the usual ones), write everything to `out`, return the report.

    edits: what a hand changed at which iteration (core/record/history.py), done again by every run."""
    folder = out_folder(out)
    if methods:
        experiment = with_methods(experiment, list(dict.fromkeys(methods)))
    elif not experiment.lanes:
        experiment = usual_lanes(experiment)
    if steps is not None:
        experiment = dataclasses.replace(experiment, stop=dataclasses.replace(experiment.stop, steps=steps))
    race = Race(experiment, progress)
    derive(race, progress)
    start = dict(race.agreements)
    race = run_to_end(race, "Racing", progress, edits)
    sheet = derive(race, progress)
    race.agreements = start  # judged where all runs stood at the same pose
    others = [_repeat(experiment, r, progress, edits) for r in range(1, repeats + 1)]
    return _write(race, folder, sheet, noise_of(results_of(race), others), repeats)


def run_to_end(race: Race, task: str, progress: Progress = lambda task, done: None, edits: Sequence[Edit] = ()) -> Race:
    """Every lane to its stop rule; an edit of the experiment itself makes another race of it, which is returned."""
    waiting = list(edits)
    while True:
        while waiting and waiting[0][0] <= race.iteration:
            race = _edited(race, *waiting.pop(0)[1:])
        if race.finished() is not None:
            return race
        if race.needs_compile():
            race.compile()
        scalars = race.step()
        progress(f"{task}, step {scalars.iteration}", scalars.iteration / max(race.experiment.stop.steps, 1))


def _edited(race: Race, what: str, value: Any) -> Race:
    if what != EXPERIMENT:
        race.set_value(what, value)
        return race
    changed = race.replace(experiment_from_dict(tomllib.loads(value), Path.cwd(), "an edit"))
    assert isinstance(changed, Race), "a comparison's script compares to its end"
    return changed


def _repeat(experiment: Experiment, number: int, progress: Progress, edits: Sequence[Edit] = ()) -> list[LaneResult]:
    """The same race from a start a thousandth away, with another seed."""
    lanes = tuple(dataclasses.replace(lane, repeat=lane.repeat + number) for lane in experiment.lanes)
    race = Race(dataclasses.replace(experiment, lanes=lanes))
    return results_of(run_to_end(race, f"Repeat {number}", progress, edits))


def noise_of(results: Sequence[LaneResult], others: Sequence[Sequence[LaneResult]]) -> dict[str, float]:
    """Column -> the largest spread of a lane over its repeats."""
    found = {}
    for key in MEASURED:
        spreads = []
        for i in range(len(results)):
            values = [value for run in (results, *others) if (value := run[i].value(key)) is not None]
            spreads.append(spread(values))
        if others and any(run.value(key) is not None for run in results):
            found[key] = max(spreads)
    return found


def results_of(race: Race) -> list[LaneResult]:
    """The table's rows as the race stands."""
    metrics: list[dict[str, float]] = [{} for _ in race.lanes]
    for name, value in race.all_metrics().items():
        lane, plain = split_lane(name)
        metrics[lane][plain] = value
    pace = [(lane.seconds, len(lane.losses) / lane.seconds if lane.seconds > 0 else 0.0) for lane in race.lanes]
    losses = [list(lane.losses) for lane in race.lanes]
    return lane_results(race.experiment, losses, metrics, race.agreements, pace, race.failed)


def derive(race: Race, progress: Progress) -> dict[str, np.ndarray]:
    """The images of every lane's column, now; the agreements stay in the race."""
    spec = race.experiment.derive
    arrays = dict(race.snapshot(spec.view).arrays)
    if spec.parameter is not None:
        progress(f"Deriving by {spec.parameter}", None)
        request = Derive(spec.parameter, spec.step_pixels, spec.supersampling)
        for part in race.derive_begin(request, spec.view):
            if isinstance(part, Waiting):
                time.sleep(WAIT_S)
            elif part is not None:
                arrays |= part[0]
    return arrays


def write_comparison(race: Race, path: str | Path) -> None:
    """What the window exports: the race as it stands, into a folder."""
    noise, repeats = lane_noise(race.experiment, results_of(race))
    _write(race, out_folder(path), derive(race, lambda task, done: None), noise, repeats)


def _write(race: Race, folder: Path, arrays: dict[str, np.ndarray], noise: dict[str, float], repeats: int) -> dict:
    results, losses = results_of(race), [list(lane.losses) for lane in race.lanes]
    notes = [*noise_lines(results, noise, repeats), *terms_lines(race.experiment)]
    title = race.experiment.title
    report = {
        "title": title,
        "seed": race.experiment.seed,
        "runs": [dataclasses.asdict(r) for r in results],
        "losses": dict(zip(race.names, losses)),
        "repeats": repeats,
        "noise": noise,
        "notes": notes,
        "device": device(),
        "versions": versions(),
    }
    write_json(folder / "compare.json", report)
    write_text(folder / "compare.csv", as_csv(results))
    write_text(folder / "compare.md", as_markdown(title, results, notes, noise))
    write_text(folder / "curves.csv", curves_csv(race.names, losses))
    curves = {name: curve or [1.0] for name, curve in zip(race.names, losses)}
    write_text(folder / "curves.svg", curves_svg(curves, f"Loss, {title}"))
    drawn = pictures.curve(curves, f"Loss, {title}", tokens=lane_tokens(race.experiment))
    write_bytes(folder / "curves.png", pictures.png_bytes(drawn))
    write_bytes(folder / "compare.png", pictures.png_bytes(compare_sheet(race, arrays)))
    return report


def compare_sheet(race: Race, arrays: dict[str, np.ndarray], side: int = 224) -> Any:
    """One row a run: target, render, difference, and the derivative's three images on one range."""
    rows = []
    leader = arrays.get("reference")
    shared = pictures.robust_range(leader.mean(axis=-1)) if leader is not None else None
    for i, name in enumerate(race.names):
        panes = [pictures.pane(pictures.plain(arrays["target"], side), "Target")]
        panes.append(pictures.pane(pictures.plain(arrays[of_lane("render", i)], side), f"Render, {name}"))
        for key, title, limit in (
            ("difference", "Difference", None),
            ("derivative", f"dI/dθ, {race.lanes[i].problem.method.name}", shared),
            ("reference", "dI/dθ, finite differences", shared),
            ("disagreement", "Disagreement", shared),
        ):
            image = arrays.get(of_lane(key, i))
            if image is not None:
                r = limit or pictures.robust_range(image.mean(axis=-1))
                panes.append(pictures.pane(pictures.signed(image, r, side), title, limit=r))
        rows.append(pictures.side_by_side(panes))
    return pictures.stacked(rows)
