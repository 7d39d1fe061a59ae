"""Fits and derivatives without a window: the command line's half that does the work. Same Session as the window's."""

from __future__ import annotations

import io
import json
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from core import pictures
from core.derivatives.derive import (
    agreement,
    coverage_of,
    method_derivative,
    milliseconds,
    reference_derivative,
    silhouette_pixels,
)
from core.derivatives.reference import as_arrays
from core.errors import RimlightError
from core.experiment import Experiment, MethodSpec
from core.experiments.files import experiment_from_dict
from core.export import export
from core.inspection import inspect
from core.interrupts import held
from core.io.atomic import write_bytes, write_json
from core.label_colours import as_shown
from core.problem import NonFinite, Vanished
from core.record.history import EXPERIMENT, Edit, due
from core.session import Session

Progress = Callable[[str, float | None], None]
"""(what, fraction or None)."""

BY_HAND = "Ctrl-C"
"""How a report's "stopped" begins where a hand ended the fit before its stop rule did."""

GAVE_UP = "could not go on"
"""How it begins where a step was not possible: a loss or gradient that is not finite, a stage that the shape cannot enter."""

FRAMES = 60
"""Frames of the animation a fit leaves."""


def run_fit(
    experiment: Experiment,
    out: str | Path,
    steps: int | None = None,
    progress: Progress = lambda task, done: None,
    edits: Sequence[Edit] = (),
) -> dict[str, Any]:
    """Fit to the stop rule (or `steps`), write report.json, history.csv, the shape, PNGs and fit.gif; return the report.

    Ctrl-C ends the fit after the step in hand, and so does a step that cannot be taken: all is written as it is then, the
    last good state, and the report's "stopped" says so, beginning with BY_HAND or GAVE_UP.
    edits: what a hand changed at which iteration (core/record/history.py), done again. Raises RimlightError.
    """
    if steps is not None:
        experiment = replace(experiment, stop=replace(experiment.stop, steps=steps))
    folder = out_folder(out)
    session = Session(experiment, progress)
    progress(f"Compiling {session.compile_text()}", None)
    session.compile()
    total = experiment.stop.steps
    every = max(1, total // FRAMES)
    frames = [_frame(session)]
    ended = ""
    with held() as stopped:
        while not stopped():
            session = edited(session, edits)
            if session.finished() is not None:
                break
            try:
                if session.needs_compile():
                    session.compile()
                scalars = session.step()
            except RimlightError as error:
                if not (isinstance(error, NonFinite) or session.state.iteration):
                    raise  # it never began
                ended = f"{GAVE_UP} after {session.state.iteration} of {total} steps: {error}"
                break
            if scalars.iteration % every == 0:
                frames.append(_frame(session))
            progress(f"Fitting, loss {scalars.loss:.3e}", scalars.iteration / max(total, 1))
        if stopped():
            ended = f"{BY_HAND} after {session.state.iteration} of {total} steps"
    progress("Writing", None)
    pictures.save_animation(folder / "fit.gif", frames)
    refused = None
    try:
        export(session, "all", str(folder))
    except Vanished as error:
        refused = error
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    if ended or refused:
        report["stopped"] = ended or report["stopped"]
        report["warnings"] += [str(refused)] if refused else []
        write_json(folder / "report.json", report)
    if refused:
        raise refused
    return report


def edited(session: Session, edits: Sequence[Edit]) -> Session:
    """After what was changed by hand at this iteration."""
    for _, what, value in due(edits, session.state.iteration):
        if what == EXPERIMENT:
            session = session.replace(experiment_from_dict(tomllib.loads(value), Path.cwd(), "an edit"))
        else:
            session.set_value(what, value)
    return session


def _frame(session: Session) -> np.ndarray:
    arrays = session.snapshot(0).arrays
    limit = max(pictures.robust_range(arrays["difference"].mean(axis=-1)), 0.25)
    panes = [
        pictures.pane(pictures.plain(arrays["target"], 256), "Target"),
        pictures.pane(pictures.plain(arrays["render"], 256), f"Render, iteration {session.state.iteration}"),
        pictures.pane(pictures.signed(arrays["difference"], limit, 256), "Difference", limit=limit),
    ]
    return np.asarray(pictures.side_by_side(panes))


def run_derive(
    experiment: Experiment,
    parameter: str,
    out: str | Path,
    methods: Sequence[str] = (),
    progress: Progress = lambda task, done: None,
) -> list[dict[str, Any]]:
    """Derivative images of `parameter` at the experiment's start by each method, with the reference; agreement.json.

    Writes derive.png (one row a method), derive.npz and agreement.json; returns the latter's rows.
    """
    folder = out_folder(out)
    names = list(methods) or [experiment.method.name]
    rows, sheets, arrays = [], [], {}
    for i, name in enumerate(names):
        progress(f"Deriving with {name}", i / len(names))
        chosen = experiment.method if name == experiment.method.name else MethodSpec(name)
        row, sheet, found = derive_one(replace(experiment, method=chosen), parameter)
        rows.append(row)
        sheets.append(sheet)
        arrays.update({f"{name}/{key}": value for key, value in found.items()})
    write_bytes(folder / "derive.png", pictures.png_bytes(pictures.stacked(sheets)))
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_bytes(folder / "derive.npz", buffer.getvalue())
    write_json(folder / "agreement.json", rows)
    return rows


def derive_one(experiment: Experiment, parameter: str) -> tuple[dict[str, Any], Any, dict[str, np.ndarray]]:
    """One method's agreement row, its picture and its arrays, at the experiment's start."""
    session = Session(experiment)
    spec, view = experiment.derive, experiment.derive.view
    if not 0 <= view < len(session.problem.views):
        raise RimlightError(
            f"derive.view: {view} does not exist; the experiment has {len(session.problem.views)} views"
        )
    scene, channel = session.rendered(view), session.primary_channel()
    direction = session.direction(parameter)
    method_derivative(scene, direction)  # compiles; the timing below is of the compiled call
    (image, tangent), forward_ms = milliseconds(lambda: method_derivative(scene, direction))
    truth_image, truth, _ = reference_derivative(scene, direction, spec.step_pixels, spec.supersampling)
    inspect(session.problem, session.state, view)
    seen, reverse_ms = milliseconds(lambda: as_arrays(inspect(session.problem, session.state, view).loss_gradient))
    silhouette = silhouette_pixels(coverage_of(scene, truth_image))
    numbers = agreement(tangent[channel], truth[channel], silhouette, seen[channel])
    row = {
        "method": experiment.method.name,
        "parameter": parameter,
        "view": view,
        "relative_l2": numbers.relative_l2,
        "cosine": numbers.cosine,
        "silhouette_relative_l2": numbers.silhouette_relative_l2,
        "total_gradient_relative_error": numbers.total_gradient_relative_error,
        "step_pixels": spec.step_pixels,
        "supersampling": spec.supersampling,
        "forward_ms": round(forward_ms, 3),
        "reverse_ms": round(reverse_ms, 3),
    }
    found = {"image": image[channel], "derivative": tangent[channel], "reference": truth[channel]}
    arrays = {name: as_shown(channel, array) for name, array in found.items()}
    return row, derive_sheet(experiment.method.name, parameter, arrays, row), arrays


def derive_sheet(method: str, parameter: str, arrays: dict[str, np.ndarray], row: dict[str, Any]) -> Any:
    """Image, dI/dtheta by the method, by finite differences, and their disagreement, in one row."""
    limit = pictures.robust_range(arrays["reference"].mean(axis=-1)) or 1.0
    gap = arrays["derivative"] - arrays["reference"]
    note = f"rel. L2 {row['relative_l2']:.3f}, cosine {row['cosine']:.3f}"
    panes = [
        pictures.pane(pictures.plain(arrays["image"], 256), f"{method}, {parameter}", note),
        pictures.pane(pictures.signed(arrays["derivative"], limit, 256), f"dI/dθ, {method}", limit=limit),
        pictures.pane(pictures.signed(arrays["reference"], limit, 256), "dI/dθ, finite differences", limit=limit),
        pictures.pane(pictures.signed(gap, limit, 256), "Disagreement", limit=limit),
    ]
    return pictures.side_by_side(panes)


def out_folder(out: str | Path) -> Path:
    """The folder for results, made where it is missing. Raises RimlightError where it cannot be."""
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RimlightError(f"{folder}: cannot be made a folder ({error.strerror}); give another --out") from error
    return folder
