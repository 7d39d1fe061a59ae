"""The gradient report: every method on every scene, as tables, pictures and curves.

The project's own version of EdgeGrad's Table 1 (errors of total gradients) and of RtS's Figure 3 (derivative images), then
run time and error against image size and triangle count, and a mesh fit. What is done is written after every scene, so
that a report which is stopped leaves a shorter one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core import pictures
from core.derivatives.derive import cosine
from core.io.atomic import write_bytes, write_text
from core.report.gradients import STEP_PIXELS, Row, Truth, entries, judge, reference_truth
from core.report.scenes import ReportScene, all_scenes
from kernels.types import SURFACES, Face

Progress = Callable[[str, float | None], None]

SHARES = (0.5, 0.9)
"""How far a report is, of its work, when the scenes and the curves are done."""


def run_report(
    out: str | Path, files: Sequence[str] = (), size: int = 128, progress: Progress = lambda task, done: None
) -> list[Row]:
    """Write report.md and its pictures into `out`; return the rows."""
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    progress("Loading the scenes", 0.0)
    scenes = all_scenes(size, files)
    rows: list[Row] = []
    truths: dict[str, Truth] = {}
    for i, scene in enumerate(scenes):
        found, truths[scene.name] = _judged(folder, scene, _part(progress, i, len(scenes), SHARES[0]))
        rows += found
        _write(folder, scenes[: i + 1], rows, truths, ["*Not finished: the report was stopped here.*", ""])
    parts = _curves(folder, _between(progress, *SHARES))
    _write(folder, scenes, rows, truths, [*parts, "*Not finished: the report was stopped here.*", ""])
    parts += _fits(folder, _between(progress, SHARES[1], 1.0))
    _write(folder, scenes, rows, truths, parts)
    progress("Done", 1.0)
    return rows


def _between(progress: Progress, low: float, high: float) -> Progress:
    """The progress of a part of the work that goes from `low` to `high`."""
    return lambda task, done: progress(task, low + (high - low) * (done or 0.0))


def _part(progress: Progress, which: int, count: int, share: float) -> Progress:
    return _between(progress, share * which / count, share * (which + 1) / count)


def _judged(folder: Path, scene: ReportScene, progress: Progress) -> tuple[list[Row], Truth]:
    """Every method that can see the scene; leaves its picture. Progress says what the last cell cost."""
    progress(f"{scene.name}: finite differences", 0.0)
    truth = reference_truth(scene)
    able = [entry for entry in entries() if entry.sees(scene.shape)]
    rows, sheets, before = [], [], f"finite differences took {truth.seconds:.1f} s"
    for i, entry in enumerate(able):
        progress(f"{scene.name}: {entry.label} ({before})", (i + 1) / (len(able) + 1))
        row, arrays = judge(scene, entry.method, truth, entry.settings, entry.label)
        before = f"{entry.label} took {row.seconds:.1f} s"
        rows.append(row)
        sheets.append(_sheet(scene, row, arrays))
    write_bytes(folder / f"{scene.name}.png", pictures.png_bytes(pictures.stacked(sheets)))
    return rows, truth


def _write(
    folder: Path, scenes: Sequence[ReportScene], rows: Sequence[Row], truths: dict[str, Truth], more: Sequence[str]
) -> None:
    write_text(folder / "report.md", "\n".join([markdown(scenes, rows, truths), *more]))


def markdown(scenes: Sequence[ReportScene], rows: Sequence[Row], truths: dict[str, Truth]) -> str:
    """The scenes, the tables (methods by scenes) and the pictures."""
    lines = ["# Gradient report", "", *_scene_table(scenes, truths)]
    lines += ["## Error of the total gradient", ""]
    lines += [
        "By six rigid motions, three shifts and three turns, under an L2 loss against the shape moved by a few pixels: "
        "relative to finite differences, in brackets the cosine. A dash: the method does not see such a shape.",
        "",
        *_table(scenes, rows, lambda row: f"{100 * row.error:.1f} % ({row.cosine:.4f})"),
        "Where triangles are smaller than a pixel (the spheres, the creature), antialias hardly differs from naive, as the "
        "edge of the outline seldom belongs to a triangle that a pixel shows; and soft-raster spends each pixel's faces on "
        "those nearest the eye within its blur, so that slanted parts grow thin.",
        "",
        "## Error of one derivative image",
        "",
        "By the first shift, in the first view, pixel by pixel. It is large for every method with one sample a pixel, "
        "which puts a derivative on one of two neighbours: judge those by their totals.",
        "",
        *_table(scenes, rows, lambda row: f"{100 * row.image_error:.0f} %"),
        "## Seconds of processor time",
        "",
        "Both derivatives in every view, compiling among it: scenes with as many vertices share compiled code, so that "
        "the first pays for all (and the one triangle has a second, out of sight).",
        "",
        *_table(scenes, rows, lambda row: f"{row.seconds:.1f}"),
    ]
    for scene in scenes:
        lines += [f"## {scene.title}", "", f"![{scene.title}]({scene.name}.png)", ""]
    return "\n".join(lines)


def _scene_table(scenes: Sequence[ReportScene], truths: dict[str, Truth]) -> list[str]:
    lines = [
        f"The reference is a central difference of a supersampled hard render, with a step of {STEP_PIXELS} pixels "
        "(Gaussians, which have no hard surface: of their own picture).",
        "",
        "| scene | of what | views | pixels | samples a pixel | its finite differences |",
        "|---|---|---|---|---|---|",
    ]
    for scene in scenes:
        view, side = scene.views[0], 1 if Face.GAUSSIANS in scene.shape.faces_offered else scene.supersampling
        lines.append(
            f"| {scene.title} | {scene.of_what} | {len(scene.views)} | {view.width} x {view.height} | {side} x {side} | "
            f"{truths[scene.name].seconds:.0f} s |"
        )
    return [*lines, ""]


def _table(scenes: Sequence[ReportScene], rows: Sequence[Row], cell: Callable[[Row], str]) -> list[str]:
    """Methods by scenes; a dash where there is no row."""
    found = {(row.scene, row.method): row for row in rows}
    lines = ["| method | " + " | ".join(scene.title for scene in scenes) + " |", "|---" * (len(scenes) + 1) + "|"]
    for name in sorted({row.method for row in rows}):
        cells = [cell(found[scene.name, name]) if (scene.name, name) in found else "–" for scene in scenes]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def _curves(folder: Path, progress: Progress) -> list[str]:
    """Error and time against image size and triangle count (EdgeGrad, Fig. 6): curves.png and a table."""
    from core.report.curves import LEFT_OUT, curves_markdown, curves_picture, measure

    chosen = [e for e in entries() if e.method.face in SURFACES and e.label not in LEFT_OUT]
    points = measure(chosen, progress=progress)
    write_bytes(folder / "curves.png", pictures.png_bytes(curves_picture(points)))
    title = "## Error and run time, two intersecting spheres"
    return [title, "", "![Error and run time](curves.png)", "", *curves_markdown(points), ""]


def _fits(folder: Path, progress: Progress) -> list[str]:
    """A mesh fit with one and two splat layers (RtS, Fig. 7): layers.png and a table."""
    from core.report.fits import fits_markdown, fits_picture, layer_fits

    fits, target = layer_fits(progress=progress)
    write_bytes(folder / "layers.png", pictures.png_bytes(fits_picture(fits, target)))
    return ["## A mesh fit with one splat layer and with two", "", "![Fits](layers.png)", "", *fits_markdown(fits), ""]


def _sheet(scene: ReportScene, row: Row, arrays: dict[str, np.ndarray]) -> Any:
    """The channel that changes most: where red meets a green as bright, the mean of the channels shows nothing."""
    from core.headless import derive_sheet

    numbers = {"relative_l2": row.image_error, "cosine": cosine(arrays["derivative"], arrays["reference"])}
    strongest = int(np.argmax(np.square(arrays["reference"]).sum(axis=(0, 1))))
    shown = {n: a if n == "image" else a[..., strongest : strongest + 1] for n, a in arrays.items()}
    colour = f", {('red', 'green', 'blue')[strongest]}" if arrays["reference"].shape[-1] == 3 else ""
    return derive_sheet(row.method, f"x{colour}", shown, numbers)
