"""SDFDiff's parameter studies (Jiang et al. 2020, Figs. 3 to 6) on any fit of a grid from coarse to fine.

One experiment is fitted again and again with one thing changed: the initial resolution, the number of stages, the size of
the images, noise on the pictures, noise on the cameras. The usual fit is part of every study, and is made once. Leaves
study.md, study.json and a picture a study.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from core import pictures
from core.errors import RimlightError
from core.experiment import Experiment, StageSpec
from core.io.atomic import write_bytes, write_json, write_text
from core.metrics import surface_distances
from core.session import Session

Progress = Callable[[str, float | None], None]

INITIAL, FINAL = (8, 16, 32, 48), 64
STAGES = (1, 2, 4, 8)
SCALES = (0.5, 1.0, 2.0)
NOISES = (0.0, 0.1, 0.17)
"""Standard deviations; the paper's variance of 0.03 is 0.17."""
POSE_NOISES = (0.0, 0.02, 0.1)
"""The paper's variance of 0.01 is 0.1."""
PIXELS_A_NODE = 1.6
"""Image size over grid size: a pixel about a cell at the unit sphere's far side, from 3.2 units through 40 degrees."""

LAST_STEPS = 26
"""The loss that is told is their mean: one update of each of SDFDiff's views."""

STUDIES = ("initial", "stages", "pixels", "noise", "poses")


@dataclass(frozen=True)
class Variant:
    """One fit of a study. label: what was changed, as the table shows it."""

    study: str
    label: str
    experiment: Experiment


def variants(experiment: Experiment, studies: tuple[str, ...] = STUDIES, steps: int = 260) -> list[Variant]:
    """The fits of the chosen studies; every stage takes `steps`. Raises RimlightError where it is no fit of a grid."""
    if experiment.shape.kind != "sdf-grid" or "values" not in experiment.parameters.free:
        raise RimlightError("study: the experiment must fit the values of an sdf-grid; parameters.free = ['values']")
    unknown = [name for name in studies if name not in STUDIES]
    if unknown:
        raise RimlightError(f"study: {unknown[0]!r} is not one of {', '.join(STUDIES)}")
    plan = lambda sizes, scale=1.0: staged(experiment, sizes, scale, steps)
    usual = resolutions(INITIAL[0], 4)
    with_target = lambda e, noise: replace(e, target=replace(e.target, noise=noise))
    with_views = lambda e, noise: replace(e, views=replace(e.views, pose_noise=noise))
    found = {
        "initial": [(f"{n}^3", plan(resolutions(n, 4))) for n in INITIAL],
        "stages": [(str(k), plan(resolutions(INITIAL[0] if k > 1 else FINAL, k))) for k in STAGES],
        "pixels": [(f"x {scale:g}", plan(usual, scale)) for scale in SCALES],
        "noise": [(f"{noise:g}", with_target(plan(usual), noise)) for noise in NOISES],
        "poses": [(f"{noise:g}", with_views(plan(usual), noise)) for noise in POSE_NOISES],
    }
    return [Variant(study, label, e) for study in studies for label, e in found[study]]


def resolutions(first: int, count: int) -> list[int]:
    """`count` grid sizes from `first` to FINAL, in equal ratios."""
    if count == 1:
        return [FINAL]
    return sorted({round(first * (FINAL / first) ** (i / (count - 1))) for i in range(count)})


def staged(experiment: Experiment, sizes: list[int], scale: float, steps: int) -> Experiment:
    """The experiment through grids of these sizes, `steps` each, its rate falling with the size as its own stages' do."""
    pixels = [max(8, round(PIXELS_A_NODE * scale * size)) for size in sizes]
    rates = np.interp(np.log(sizes), *_rates(experiment))
    stages = tuple(
        StageSpec(at=steps * (i + 1), resolution=size, width=pixels[i + 1], height=pixels[i + 1],
                  learning_rate=float(np.exp(rates[i + 1])))
        for i, size in enumerate(sizes[1:])
    )  # fmt: skip
    return replace(
        experiment,
        shape=replace(experiment.shape, grid=replace(experiment.shape.grid, resolution=sizes[0])),
        views=replace(experiment.views, width=pixels[0], height=pixels[0]),
        optimizer=replace(experiment.optimizer, learning_rate=float(np.exp(rates[0]))),
        stages=stages,
        stop=replace(experiment.stop, steps=steps * len(sizes)),
    )


def _rates(experiment: Experiment) -> tuple[list[float], list[float]]:
    """Logarithms of the grid sizes and learning rates that the experiment's own stages go through."""
    sizes, rates = [experiment.shape.grid.resolution or INITIAL[0]], [experiment.optimizer.learning_rate]
    for stage in experiment.stages:
        if stage.resolution:
            sizes.append(stage.resolution)
            rates.append(stage.learning_rate or rates[-1])
    return [float(np.log(s)) for s in sizes], [float(np.log(r)) for r in rates]


def run_study(
    experiment: Experiment,
    out: str | Path,
    studies: tuple[str, ...] = STUDIES,
    steps: int = 260,
    progress: Progress = lambda task, done: None,
) -> list[dict[str, Any]]:
    """Fit all variants and write the table and the pictures to `out`; returns the table's rows. Raises RimlightError."""
    chosen = variants(experiment, studies, steps)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    panes: dict[str, list[Any]] = {}
    made: list[tuple[Experiment, Outcome]] = []
    for i, variant in enumerate(chosen):
        what = f"Study of {variant.study} {variant.label}"
        progress(what, i / len(chosen))
        found = next((outcome for experiment, outcome in made if experiment == variant.experiment), None)
        if found is None:
            found = fit(variant.experiment, _within(progress, what, i, len(chosen)))
            made.append((variant.experiment, found))
        rows.append({"study": variant.study, "value": variant.label, **found.numbers})
        panes.setdefault(variant.study, []).append(_pane(variant, found))
        write_json(folder / "study.json", rows)
        write_text(folder / "study.md", table(rows))
        sheet = pictures.side_by_side(panes[variant.study])
        write_bytes(folder / f"study-{variant.study}.png", pictures.png_bytes(sheet))
    return rows


def _within(progress: Progress, what: str, which: int, count: int) -> Progress:
    """The progress of the `which`-th of `count` fits."""
    return lambda task, done: progress(f"{what}, {task}", (which + (done or 0.0)) / count)


@dataclass(frozen=True)
class Outcome:
    """numbers: "hausdorff" and "chamfer" (NaN without a target shape), "loss", "steps", "seconds" (of processor
    time). render: of one view."""

    numbers: dict[str, Any]
    render: np.ndarray


def fit(experiment: Experiment, progress: Progress = lambda task, done: None) -> Outcome:
    """Run a fit to its end."""
    started = time.process_time()
    session = Session(experiment)
    while session.finished() is None:
        session.step()
        progress(f"step {session.state.iteration}", session.state.iteration / experiment.stop.steps)
    truth, mesh = session.scene.target_mesh(), session.world_mesh()
    gaps = {"hausdorff": float("nan"), "chamfer": float("nan")}
    if truth is not None:
        gaps |= surface_distances(mesh, truth)
    numbers = {
        **gaps,
        "loss": float(np.mean(session.losses[-LAST_STEPS:])),
        "steps": session.state.iteration,
        "seconds": round(time.process_time() - started, 1),
    }
    return Outcome(numbers, session.snapshot(len(session.problem.views) // 2).arrays["render"])


def _pane(variant: Variant, found: Outcome) -> Any:
    note = f"Hausdorff {found.numbers['hausdorff']:.4f}"
    return pictures.pane(pictures.plain(found.render, 256), f"{variant.study} {variant.label}", note)


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| study | value | Hausdorff | chamfer | loss | steps | processor s |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {r['study']} | {r['value']} | {r['hausdorff']:.4f} | {r['chamfer']:.4f} | {r['loss']:.2e} | {r['steps']} "
            f"| {r['seconds']:.0f} |"
            for r in rows
        ),
    ]
    return "\n".join(lines) + "\n"
