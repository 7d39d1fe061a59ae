"""The experiments of Keselman and Hebert 2022 as commands that write their tables, for any meshes.

Each table is a generator (subjects, options, progress) of rows; `TABLES` lists them for `rimlight metaballs TABLE`. A
table is written after every row, so that one that is cut short keeps what it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from core.inspection import Rendered, forward
from core.metaballs.pose_tables import poses, sensitivity
from core.metaballs.scene import Options, Subject, fitted, mask_error, mixtures, subject, trials
from core.metaballs.silhouette_tables import silhouettes
from core.metaballs.timing import timed_rows
from core.metrics import iou
from core.report.tables import Row, save_table
from core.shapes.metaballs import Metaballs
from kernels.methods.fuzzy_metaballs import METHOD, Settings
from kernels.types import CameraView

Progress = Callable[[str, float | None], None]


def intersections(
    subjects: Sequence[Subject],
    options: Options,
    progress: Progress,
    count: int = 8,
    size: tuple[int, int] = (160, 120),
) -> Iterator[Row]:
    """Depth and mask errors of the three intersections against the mesh (Fig. 3), `count` views of `size` pixels."""
    for one in subjects:
        balls = {init: fitted(one, options, init) for init in mixtures(one)}
        views = [trial.view for trial in trials(count, one.size, options.seed, *size)]
        truth = [one.look(view) for view in views]
        for init, shape in balls.items():
            for name in ("linear", "quadratic", "cubic"):
                progress(f"{one.name}: {name}", None)
                errors = [_errors(one, shape, view, seen, name) for view, seen in zip(views, truth)]
                depth, mask, overlap = np.mean(errors, 0)
                yield {
                    "shape": one.name, "mixture": init, "intersection": name, "depth_error": float(depth),
                    "mask_error": float(mask), "iou": float(overlap),
                }  # fmt: skip


def _errors(one: Subject, shape: Metaballs, view: CameraView, seen: dict, intersection: str) -> tuple[float, ...]:
    """Mean relative depth error where both see the object, cross-entropy and overlap of the silhouettes."""
    image = forward(
        Rendered(shape, METHOD, Settings(intersection=intersection), one.values(shape), view, ("silhouette", "depth"))
    )
    alpha, mask = image["silhouette"][0], seen["silhouette"]
    background = float(np.linalg.norm(np.linalg.inv(view.world_to_camera)[:3, 3])) + 1.5
    depth = (image["depth"][0] - (1.0 - alpha) * background) / np.maximum(alpha, 1e-3)
    both = (mask > 0.5) & (alpha > 0.5)
    gap = np.abs(depth - seen["depth"])[both] / seen["depth"][both]
    return float(gap.mean()), mask_error(alpha, mask), iou(alpha, mask)


def runtimes(subjects: Sequence[Subject], options: Options, progress: Progress) -> Iterator[Row]:
    """Forward pass and value with pose gradient (Table 1) of every method of Rimlight on its own kind of shape, ms."""
    for one in subjects:
        yield from timed_rows(one, fitted(one, options), progress)


TABLES: dict[str, tuple[str, Callable[[Sequence[Subject], Options, Progress], Iterator[Row]]]] = {
    "runtime": ("Run time against the other representations (Table 1), milliseconds", runtimes),
    "intersections": ("Depth and mask errors of the three intersections (Fig. 3)", intersections),
    "sensitivity": ("Perturbation sensitivity: pose error from the true pose (Fig. 4)", sensitivity),
    "pose": (
        "Pose from depth and silhouette (Table 2): rotation degrees and translation percent, geometric mean",
        poses,
    ),
    "silhouette": ("Shape from silhouette (Table 3), on views never fitted", silhouettes),
}


def run_table(name: str, shapes: Sequence[str], out: str | Path, options: Options, progress: Progress) -> list[Row]:
    """Compute one table for mesh files or bundled meshes and write it to `out`; returns its rows."""
    title, table = TABLES[name]
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    for row in table([subject(shape) for shape in shapes], options, progress):
        rows.append(row)
        save_table(folder, name, title, rows)
    return rows
