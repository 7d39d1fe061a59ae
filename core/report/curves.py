"""Error and run time of every surface method against image size and triangle count (EdgeGrad, Fig. 6).

The scene is that of two intersecting spheres, by the six rigid motions of one. A time is one reverse pass: sample,
evaluate, pull dL/dI back to every vertex; the least of a few, after compiling.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from core.derivatives.derive import method_pullback, milliseconds, relative_error
from core.inspection import Rendered
from core.pictures import side_by_side, stacked
from core.report.charts import Axis, chart
from core.report.gradients import Entry, Truth, method_total, reference_truth
from core.report.scenes import ReportScene, sphere_scenes

SIZES = (64, 128, 256, 512)
RINGS = (8, 24, 64, 160)
PLAIN_SIZE, PLAIN_RINGS = 128, 64
LEFT_OUT = ("splat with one layer",)
"""Judged on the scenes alone."""
REPEATS = 3
LONGEST_MS = 2000.0
"""A method whose pass would take longer than this is left out at that size; its line in the table says so."""


@dataclass(frozen=True)
class Point:
    """One method at one image size and triangle count. error: relative L2 of six totals; milliseconds: of one pass.
    Left out as too dear: error is NaN, and the time what was expected."""

    method: str
    size: int
    triangles: int
    error: float
    milliseconds: float


def measure(
    entries: Sequence[Entry],
    sizes: Sequence[int] = SIZES,
    rings: Sequence[int] = RINGS,
    progress: Callable[[str, float | None], None] = lambda task, done: None,
) -> list[Point]:
    """Points of all entries: over `sizes` with PLAIN_RINGS rings a sphere, and over `rings` at PLAIN_SIZE pixels."""
    cases = sorted({(size, PLAIN_RINGS) for size in sizes} | {(PLAIN_SIZE, ring) for ring in rings})
    points = []
    for i, (size, ring) in enumerate(cases):
        where = f"curves at {size} x {size} pixels with {ring} rings"
        progress(f"{where}: finite differences", i / len(cases))
        scene = sphere_scenes(size, ring)[1]
        truth = reference_truth(scene, samples=max(4, 1024 // size))
        before = f"finite differences took {truth.seconds:.1f} s"
        for k, entry in enumerate(entries):
            progress(f"{where}: {entry.label} ({before})", (i + (k + 1) / (len(entries) + 1)) / len(cases))
            worked, expected = time.process_time(), _expected(points, entry.label, size)
            if expected > LONGEST_MS:
                triangles = len(scene.shape.constants()["const.faces"])
                points.append(Point(entry.label, size, triangles, float("nan"), expected))
            else:
                points.append(_point(scene, truth, entry))
            before = f"{entry.label} took {time.process_time() - worked:.1f} s"
    return points


def _expected(points: Sequence[Point], method: str, size: int) -> float:
    """Milliseconds that a pass should take: by its pixels, from the method's largest smaller image; 0 for its first."""
    smaller = [p for p in points if p.method == method and p.size < size]
    last = max(smaller, key=lambda p: (p.size, p.milliseconds), default=None)
    return 0.0 if last is None else last.milliseconds * (size / last.size) ** 2


def _point(scene: ReportScene, truth: Truth, entry: Entry) -> Point:
    error = relative_error(method_total(scene, entry.method, truth, entry.settings), truth.total)
    rendered = Rendered(scene.shape, entry.method, entry.settings, scene.values, scene.views[0], scene.channels)
    call = lambda: method_pullback(rendered, frozenset({"vertices"}), truth.cotangents[0])
    least = min(milliseconds(call)[1] for _ in range(REPEATS))
    triangles = len(scene.shape.constants()["const.faces"])
    return Point(entry.label, scene.views[0].width, triangles, error, least)


def curves_picture(points: Sequence[Point]) -> Any:
    """Four charts: error and time, by image size and by triangle count."""
    by_size = [p for p in points if _is_plain_count(p, points)]
    by_count = [p for p in points if p.size == PLAIN_SIZE]
    sizes = tuple(sorted({p.size for p in by_size}))
    counts = {p.triangles for p in by_size}
    rows = []
    for chosen, x_of, axis, held in (
        (by_size, lambda p: p.size, Axis("image side, pixels", True, sizes), f"{max(counts, default=0):,} triangles"),
        (by_count, lambda p: p.triangles, Axis("triangles", True), f"{PLAIN_SIZE} x {PLAIN_SIZE} pixels"),
    ):
        errors = _curves(chosen, x_of, lambda p: 100 * p.error)
        times = _curves(chosen, x_of, lambda p: p.milliseconds)
        rows.append(
            side_by_side(
                [
                    chart(errors, f"Error of the total gradient, {held}", axis, Axis("%", True)),
                    chart(times, f"Time of a reverse pass, {held}", axis, Axis("milliseconds", True)),
                ]
            )
        )
    return stacked(rows)


def curves_markdown(points: Sequence[Point]) -> list[str]:
    lines = ["| method | image | triangles | error | time |", "|---|---|---|---|---|"]
    for p in sorted(points, key=lambda p: (p.method, p.size, p.triangles)):
        error, spent = f"{100 * p.error:.1f} %", f"{p.milliseconds:.1f} ms"
        if not p.error >= 0:
            error, spent = "left out", f"about {p.milliseconds / 1000:.0f} s expected"
        lines.append(f"| {p.method} | {p.size} | {p.triangles:,} | {error} | {spent} |")
    return lines


def _is_plain_count(point: Point, points: Sequence[Point]) -> bool:
    """Whether a point belongs to the curve over image sizes: its triangle count occurs at every size."""
    sizes = {p.size for p in points}
    return {p.size for p in points if p.triangles == point.triangles} == sizes


def _curves(points: Sequence[Point], x: Callable[[Point], float], y: Callable[[Point], float]) -> dict[str, Any]:
    found: dict[str, tuple[list[float], list[float]]] = {}
    for point in sorted((p for p in points if p.error >= 0), key=x):
        xs, ys = found.setdefault(point.method, ([], []))
        xs.append(x(point))
        ys.append(y(point))
    return found
