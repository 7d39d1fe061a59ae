"""The basin of convergence of a pose: from how far away, by angle and by offset, a fit finds back.

Every cell of the map is a number of fits from seeded starts that far from the target's pose; the same starts for every
method and optimizer. A fit succeeds where both its errors end below the tolerances.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.build import pose_spec_is_same_shape
from core.errors import RimlightError
from core.experiment import Experiment, MethodSpec, OptimizerSpec, PoseSpec
from core.io.atomic import write_bytes, write_json
from core.parameters import scene_values
from core.problem import NonFinite
from core.session import Session
from kernels.rotation import quaternion_from_vector, quaternion_multiply, vector_from_quaternion

Progress = Callable[[str, float | None], None]


@dataclass(frozen=True)
class BasinOptions:
    """angles: degrees. offsets: unit-sphere units. within: degrees, and units: what counts as found."""

    angles: tuple[float, ...] = (15.0, 30.0, 45.0, 60.0, 90.0)
    offsets: tuple[float, ...] = (0.0, 0.1, 0.2, 0.4)
    trials: int = 5
    seed: int = 0
    within: tuple[float, float] = (0.5, 0.005)


@dataclass(frozen=True)
class Cell:
    """So many of `trials` fits from `angle` and `offset` away arrived; medians over all of them."""

    angle: float
    offset: float
    arrived: int
    trials: int
    rotation_error_degrees: float
    translation_error: float
    iterations: float
    seconds: float

    @property
    def rate(self) -> float:
        return self.arrived / self.trials


def seeded_start(seed: int, degrees: float, offset: float, about: PoseSpec = PoseSpec()) -> PoseSpec:
    """A start `degrees` about a random axis and `offset` in a random direction away from the pose `about`."""
    rng = np.random.default_rng(seed)
    axis, direction = (v / np.linalg.norm(v) for v in rng.normal(size=(2, 3)))
    turn = quaternion_from_vector(np.radians(degrees * axis))
    rotation = quaternion_multiply(turn, quaternion_from_vector(np.radians(about.rotation)))
    vector = np.degrees(vector_from_quaternion(np.asarray(rotation)))
    shift = np.asarray(about.translation) + offset * direction
    return PoseSpec(_three(vector), _three(shift), about.scale)


def _three(vector: Any) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in vector)
    return x, y, z


def basin_map(experiment: Experiment, options: BasinOptions, progress: Progress = lambda t, d: None) -> list[Cell]:
    """All cells of one method and optimizer, offsets within angles. Raises RimlightError where there is no true pose."""
    if not pose_spec_is_same_shape(experiment):
        raise RimlightError(
            "basin: the target is not the fitted shape, so that no pose is the right one; drop [target]"
        )
    session = Session(experiment, progress)
    session.compile()
    cells, total = [], len(options.angles) * len(options.offsets)
    what = f"{experiment.method.name}, {experiment.optimizer.name}"
    for angle in options.angles:
        for offset in options.offsets:
            progress(f"Fitting with {what}, {angle:g} degrees and {offset:g} off", len(cells) / total)
            cells.append(_cell(session, angle, offset, options))
    return cells


def _cell(session: Session, angle: float, offset: float, options: BasinOptions) -> Cell:
    ends = np.array([_fit(session, options.seed + i, angle, offset) for i in range(options.trials)])
    there = (ends[:, 0] < options.within[0]) & (ends[:, 1] < options.within[1])
    medians = (float(m) for m in np.median(ends, axis=0))
    return Cell(angle, offset, int(np.count_nonzero(there)), options.trials, *medians)


def _fit(session: Session, seed: int, angle: float, offset: float) -> tuple[float, float, float, float]:
    """(degrees, distance, iterations, seconds) at the end of one fit; a fit that breaks down stays where it was."""
    experiment = session.experiment
    start = seeded_start(seed, angle, offset, experiment.target.pose)
    session.reset()
    placed = scene_values(experiment.scene, start, experiment.views.fov)
    for name in ("pose.rotation", "pose.translation", "pose.scale"):
        session.scene.values[name] = placed[name]
    session.reset()
    try:
        while session.finished() is None:
            session.step()
    except NonFinite:
        pass
    found = session.pose_metrics()
    return (
        found["rotation_error_degrees"],
        found["translation_error"],
        float(session.state.iteration),
        session.seconds,
    )


# ---------------------------------------------------------------------------------------------- the command


def run_basin(
    experiment: Experiment,
    out: str | Path,
    options: BasinOptions,
    methods: Sequence[str] = (),
    optimizers: Sequence[str] = (),
    progress: Progress = lambda t, d: None,
) -> list[dict[str, Any]]:
    """Maps of every method with every optimizer; writes basin.png and basin.json, returns the latter's maps."""
    from core.headless import out_folder
    from core.pictures import png_bytes, side_by_side

    folder = out_folder(out)
    maps, sheets = [], []
    for method in methods or [experiment.method.name]:
        for optimizer in optimizers or [experiment.optimizer.name]:
            chosen = experiment
            if method != experiment.method.name:
                chosen = replace(chosen, method=MethodSpec(method))
            if optimizer != experiment.optimizer.name:
                old = experiment.optimizer
                chosen = replace(chosen, optimizer=OptimizerSpec(optimizer, old.learning_rate, old.decay))
            cells = basin_map(chosen, options, progress)
            maps.append({"method": method, "optimizer": optimizer, "cells": [asdict(c) for c in cells]})
            sheets.append(map_picture(f"{method}, {optimizer}", cells, options))
    facts = {"title": experiment.title, "options": asdict(options), "maps": maps}
    write_json(folder / "basin.json", facts)
    write_bytes(folder / "basin.png", png_bytes(side_by_side(sheets)))
    return maps


def map_picture(title: str, cells: Sequence[Cell], options: BasinOptions) -> Any:
    """Success by angle (to the right) and offset (upwards), percent in every cell, dark to light."""
    from PIL import Image as Picture
    from PIL import ImageDraw

    from core.colour_maps import sequential_lut
    from core.pictures import GROUND, INK, PALE, font

    side, left, top = 52, 64, 38
    width, height = left + side * len(options.angles) + 20, top + side * len(options.offsets) + 50
    sheet = Picture.new("RGB", (max(width, 260), height), GROUND)
    draw = ImageDraw.Draw(sheet)
    draw.text((8, 8), title, INK, font(13, bold=True))
    for cell in cells:
        column, row = options.angles.index(cell.angle), options.offsets.index(cell.offset)
        x, y = left + side * column, top + side * (len(options.offsets) - 1 - row)
        colour = tuple(int(v) for v in sequential_lut()[round(255 * cell.rate)])
        draw.rectangle((x, y, x + side - 2, y + side - 2), fill=colour)
        ink = (16, 19, 22) if cell.rate > 0.6 else (236, 238, 241)
        draw.text((x + side // 2, y + side // 2), f"{100 * cell.rate:.0f}%", ink, font(13), anchor="mm")
    bottom = top + side * len(options.offsets)
    for i, angle in enumerate(options.angles):
        draw.text((left + side * i + side // 2, bottom + 8), f"{angle:g}°", PALE, font(11), anchor="ma")
    for i, offset in enumerate(options.offsets):
        place = top + side * (len(options.offsets) - 1 - i) + side // 2
        draw.text((left - 8, place), f"{offset:g}", PALE, font(11), anchor="rm")
    note = f"{options.trials} starts a cell, found within {options.within[0]:g}° and {options.within[1]:g}"
    draw.text((8, bottom + 28), note, PALE, font(11))
    return sheet
