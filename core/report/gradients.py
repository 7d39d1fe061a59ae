"""The gradient report: every method on every scene, against supersampled finite differences.

The project's own version of EdgeGrad's Table 1 (errors of total gradients) and of RtS's Figure 3 (derivative images);
run time and error against image size and triangle count, and a mesh fit, stand in report_curves.py and report_fit.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core import pictures
from core.derivatives.derive import (
    Rendered,
    cosine,
    method_derivative,
    method_pullback,
    reference_derivative,
    relative_error,
)
from core.derivatives.reference import hard_image
from core.io.atomic import write_bytes, write_text
from core.registry import methods
from core.report.scenes import ReportScene, bundled_scenes, file_scenes, sphere_scenes, triangle_scenes
from kernels.types import SURFACES, Method

VARIANTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("edge-grad", "edge-grad, no crossings", {"crossings": False}),
    ("splat", "splat, one layer", {"layers": 1}),
)
"""Method, label, settings: intersection handling (EdgeGrad) and the second layer (RtS), switched off."""

STEP_PIXELS, SUPERSAMPLING = 0.3, 16
"""Finite differences of the report: noise of a 16 x 16 grid at 0.3 px stays below 1 % of a total (measured). Scenes of
four views have 8 x 8 in each, which are as many rays in all."""


@dataclass(frozen=True)
class Entry:
    """A method with settings, and what the report calls it."""

    label: str
    method: Method
    settings: Any


@dataclass(frozen=True)
class Truth:
    """A scene's reference: per view the cotangent dL/dI and the six derivative images; their totals (6,)."""

    cotangents: list[dict[str, np.ndarray]]
    images: list[list[dict[str, np.ndarray]]]
    total: np.ndarray


@dataclass(frozen=True)
class Row:
    """One method on one scene. error: relative L2 of the six total derivatives; scaled: after the best scale."""

    scene: str
    method: str
    error: float
    cosine: float
    image_error: float
    total: np.ndarray


def reference_truth(scene: ReportScene, samples: int = SUPERSAMPLING, step_pixels: float = STEP_PIXELS) -> Truth:
    """Supersampled finite differences of the scene's six motions, weighted by the derivative of an L2 loss."""
    cotangents, images = [], []
    for view in scene.views:
        now = hard_image(scene.shape, scene.values, view, scene.channels, 4)
        wanted = hard_image(scene.shape, scene.target, view, scene.channels, 4)
        cotangents.append({c: (2.0 * (now[c] - wanted[c])).astype(np.float32) for c in scene.channels})
        plain = Rendered(scene.shape, None, None, scene.values, view, scene.channels)  # type: ignore[arg-type]
        images.append([reference_derivative(plain, d, step_pixels, samples)[1] for d in scene.directions])
    total = np.array(
        [sum(_dot(cotangents[v], images[v][i]) for v in range(len(scene.views))) for i in range(len(scene.directions))]
    )
    return Truth(cotangents, images, total)


def method_total(scene: ReportScene, method: Method, truth: Truth, settings: Any = None) -> np.ndarray:
    """The six total derivatives (6,) by reverse mode, summed over the views."""
    settings = method.Settings() if settings is None else settings
    names = frozenset(n for d in scene.directions for n in d)
    total = np.zeros(len(scene.directions))
    for view, cotangent in zip(scene.views, truth.cotangents):
        rendered = Rendered(scene.shape, method, settings, scene.values, view, scene.channels)
        pulled = method_pullback(rendered, names, cotangent)
        total += [sum(float(np.vdot(pulled[n], d[n])) for n in d) for d in scene.directions]
    return total


def judge(
    scene: ReportScene, method: Method, truth: Truth, settings: Any = None, label: str = ""
) -> tuple[Row, dict[str, np.ndarray]]:
    """A method's row (called `label`, or by its name), and its derivative image by the first motion in the first view."""
    settings = method.Settings() if settings is None else settings
    total = method_total(scene, method, truth, settings)
    rendered = Rendered(scene.shape, method, settings, scene.values, scene.views[0], scene.channels)
    image, tangent = method_derivative(rendered, scene.directions[0])
    channel = scene.channels[0]
    row = Row(
        scene.name,
        label or method.name,
        relative_error(total, truth.total),
        cosine(total, truth.total),
        relative_error(tangent[channel], truth.images[0][0][channel]),
        total,
    )
    return row, {"image": image[channel], "derivative": tangent[channel], "reference": truth.images[0][0][channel]}


def entries() -> list[Entry]:
    """Every method at its defaults, and those whose parts are worth seeing apart."""
    found = methods()
    chosen = [Entry(name, method, method.Settings()) for name, method in found.items()]
    for name, label, settings in VARIANTS:
        chosen.append(Entry(label, found[name], found[name].Settings(**settings)))
    return sorted(chosen, key=lambda entry: entry.label)


def all_scenes(size: int, files: Sequence[str] = ()) -> list[ReportScene]:
    return [*triangle_scenes(size), *sphere_scenes(size), *bundled_scenes(size), *file_scenes(list(files), size)]


def run_report(
    out: str | Path,
    files: Sequence[str] = (),
    size: int = 128,
    progress: Callable[[str, float | None], None] = lambda task, done: None,
) -> list[Row]:
    """Write report.md and a picture a scene into `out`; return the rows."""
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    scenes, rows = all_scenes(size, files), []
    for i, scene in enumerate(scenes):
        progress(f"Judging methods on {scene.title}", i / len(scenes))
        truth = reference_truth(scene, SUPERSAMPLING // (2 if len(scene.views) > 1 else 1))
        sheets = []
        for entry in entries():
            if entry.method.face in scene.shape.faces_offered:
                row, arrays = judge(scene, entry.method, truth, entry.settings, entry.label)
                rows.append(row)
                sheets.append(_sheet(scene, row, arrays))
        write_bytes(folder / f"{scene.name}.png", pictures.png_bytes(pictures.stacked(sheets)))
    more = _curves(folder, progress) + _fits(folder, progress)
    write_text(folder / "report.md", "\n".join([markdown(scenes, rows, size), *more]))
    progress("Done", 1.0)
    return rows


def markdown(scenes: Sequence[ReportScene], rows: Sequence[Row], size: int) -> str:
    """The table, methods by scenes, and the pictures."""
    names = sorted({r.method for r in rows})
    found = {(r.scene, r.method): r for r in rows}
    lines = [
        "# Gradient report",
        "",
        f"Error of the total gradient by six rigid motions, {size} x {size} pixels, against central differences of a "
        f"{SUPERSAMPLING} x {SUPERSAMPLING} supersampled hard render (half as many a side where there are four views) "
        f"with a step of {STEP_PIXELS} px. In brackets the "
        "cosine, and the error of one per-pixel derivative image (large for every method with one sample a pixel: "
        "judge by totals).",
        "",
        "| scene | " + " | ".join(names) + " |",
        "|---|" + "---|" * len(names),
    ]
    for scene in scenes:
        cells = []
        for name in names:
            row = found.get((scene.name, name))
            cells.append(f"{100 * row.error:.1f} % ({row.cosine:.4f}; {100 * row.image_error:.0f} %)" if row else "–")
        lines.append(f"| {scene.title} | " + " | ".join(cells) + " |")
    lines += ["", "– : the method has no such face of the shape.", ""]
    for scene in scenes:
        lines += [f"## {scene.title}", "", f"![{scene.title}]({scene.name}.png)", ""]
    return "\n".join(lines)


def _curves(folder: Path, progress: Callable[[str, float | None], None]) -> list[str]:
    """Error and time against image size and triangle count (EdgeGrad, Fig. 6): curves.png and a table."""
    from core.report.curves import curves_markdown, curves_picture, measure

    points = measure([e for e in entries() if e.method.face in SURFACES], progress=progress)
    write_bytes(folder / "curves.png", pictures.png_bytes(curves_picture(points)))
    title = "## Error and run time, two intersecting spheres"
    return [title, "", "![Error and run time](curves.png)", "", *curves_markdown(points), ""]


def _fits(folder: Path, progress: Callable[[str, float | None], None]) -> list[str]:
    """A mesh fit with one and two splat layers (RtS, Fig. 7): layers.png and a table."""
    from core.report.fits import fits_markdown, fits_picture, layer_fits

    fits, target = layer_fits(progress=progress)
    write_bytes(folder / "layers.png", pictures.png_bytes(fits_picture(fits, target)))
    return ["## A mesh fit with one splat layer and with two", "", "![Fits](layers.png)", "", *fits_markdown(fits), ""]


def _sheet(scene: ReportScene, row: Row, arrays: dict[str, np.ndarray]) -> Any:
    """The channel that changes most: where red meets a green as bright, the mean of the channels shows nothing."""
    from core.headless import derive_sheet

    motion = "x" if "vertices" in scene.directions[0] else "pose.translation.x"
    numbers = {"relative_l2": row.image_error, "cosine": cosine(arrays["derivative"], arrays["reference"])}
    strongest = int(np.argmax(np.square(arrays["reference"]).sum(axis=(0, 1))))
    shown = {n: a if n == "image" else a[..., strongest : strongest + 1] for n, a in arrays.items()}
    colour = f", {('red', 'green', 'blue')[strongest]}" if arrays["reference"].shape[-1] == 3 else ""
    return derive_sheet(row.method, f"{motion}{colour}", shown, numbers)


def _dot(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> float:
    return sum(float(np.vdot(a[c].astype(np.float64), b[c].astype(np.float64))) for c in a)
