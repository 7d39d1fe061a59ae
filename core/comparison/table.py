"""The table of a comparison: what is told of each run, which is best, what is only noise, as CSV and Markdown. No JAX.

Convention: a value that does not exist is None and stands as an en dash; the best of a column is bold, unless the
difference to another run is no larger than what repeating the same run changes.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.catalog import entry
from core.comparison.lanes import NUDGE, lane_experiment, lane_names, lane_note, repeats_of
from core.experiment import Experiment
from core.protocol import Agreement

SHARE = 0.01
"""Of its first loss: how far a run must come for "steps to 1 %"."""


@dataclass(frozen=True)
class Column:
    """better: "low", "high" or "" where no run is best. percent: shown times 100."""

    key: str
    title: str
    better: str = "low"
    unit: str = ""
    tip: str = ""


COLUMNS = (
    Column("loss", "Loss", tip="The weighted sum of the terms at the last step"),
    Column("translation_error", "Off by", tip="Distance from the target's place, unit-sphere units"),
    Column("rotation_error_degrees", "Angle", unit="°", tip="Angle to the target's orientation"),
    Column("held_out_iou", "Held-out IoU", "high", tip="Overlap of silhouettes on views that were not fitted"),
    Column("iou", "IoU", "high", tip="Overlap of silhouettes on the fitted views"),
    Column("held_out_psnr", "Held-out PSNR", "high", "dB", tip="Of hard renders of views that were not fitted"),
    Column("relative_l2", "Rel. L2", tip="Error of the derivative image against finite differences, all pixels"),
    Column("silhouette_relative_l2", "Silhouette", tip="The same over silhouette pixels"),
    Column("cosine", "Cosine", "high", tip="Of the angle between the derivative images"),
    Column("total_gradient_relative_error", "Total", tip="Error of the derivative of the loss, summed over the image"),
    Column("steps_to", "Steps to 1 %", tip="Steps until the loss was a hundredth of the first"),
    Column("steps_per_second", "it/s", "high", tip="Steps a second, of the run's own time"),
    Column("seconds", "Seconds", unit="s", tip="Spent in this run's steps"),
)

MEASURED = ("loss", "translation_error", "rotation_error_degrees", "held_out_iou", "iou", "held_out_psnr", "steps_to")
"""Columns that a repeat measures anew."""


@dataclass(frozen=True)
class LaneResult:
    """One run. values: column key -> number. cannot: what the method cannot show, in a sentence and in few words. trouble: why it went no further."""

    name: str
    method: str
    note: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    cannot: str = ""
    misses: str = ""
    trouble: str = ""

    def value(self, key: str) -> float | None:
        number = self.values.get(key)
        return None if number is None or math.isnan(number) else float(number)


def lane_results(
    experiment: Experiment,
    losses: Sequence[Sequence[float]],
    metrics: Sequence[Mapping[str, float]],
    agreements: Mapping[int, Agreement],
    pace: Sequence[tuple[float, float]],
    trouble: Mapping[int, str],
    iterations: Sequence[Sequence[int]] = (),
) -> list[LaneResult]:
    """Rows from what each lane brought. losses: of every step, or of these iterations. pace: (seconds, steps a second)."""
    results = []
    for i, (lane, name) in enumerate(zip(experiment.lanes, lane_names(experiment))):
        values: dict[str, float] = {n: float(v) for n, v in metrics[i].items()}
        if losses[i]:
            values["loss"] = losses[i][-1]
            reached = steps_to(losses[i], iterations[i] if iterations else None)
            values |= {"steps_to": float(reached)} if reached is not None else {}
        agreement = agreements.get(i)
        if agreement is not None and (agreement.relative_l2, agreement.cosine) != (0.0, 0.0):  # else both are blank
            keys = ("relative_l2", "silhouette_relative_l2", "cosine", "total_gradient_relative_error")
            values |= {key: getattr(agreement, key) for key in keys}
        if pace[i][0] > 0:
            values |= {"seconds": pace[i][0], "steps_per_second": pace[i][1]}
        method = lane_experiment(experiment, lane).method.name
        cannot, misses = (entry("methods", method)[key] for key in ("cannot", "misses"))
        note = lane_note(experiment, lane)
        results.append(LaneResult(name, method, note, values, cannot, misses, trouble.get(i, "")))
    return results


def steps_to(losses: Sequence[float], iterations: Sequence[int] | None = None, share: float = SHARE) -> int | None:
    """Steps until the loss was at most `share` of the first, None where it never was. iterations: 1, 2, ... else."""
    counted = iterations if iterations is not None else range(1, len(losses) + 1)
    return next((i for i, loss in zip(counted, losses) if loss <= share * losses[0]), None)


def columns_of(results: Sequence[LaneResult]) -> list[Column]:
    """The columns that any run has a number for; overlap on fitted views gives way to held-out ones."""
    there = [c for c in COLUMNS if any(r.value(c.key) is not None for r in results)]
    held_out = any(c.key == "held_out_iou" for c in there)
    return [c for c in there if not (held_out and c.key == "iou")]


def best_of(results: Sequence[LaneResult], column: Column, noise: float = 0.0) -> int | None:
    """Which run is best by a column; None where none is, or where the next differs by no more than the noise."""
    found = [(v, i) for i, r in enumerate(results) if (v := r.value(column.key)) is not None]
    if not column.better or len(found) < 2:
        return None
    found.sort(reverse=column.better == "high")
    return None if same(found[0][0], found[1][0], noise) else found[0][1]


def same(a: float, b: float, noise: float) -> bool:
    """Whether two values differ by no more than `noise` of the larger."""
    return abs(a - b) <= noise * max(abs(a), abs(b))


def spread(values: Sequence[float]) -> float:
    """What repeating one run changes: the range over the largest magnitude, 0 for fewer than two."""
    largest = max((abs(v) for v in values), default=0.0)
    return (max(values) - min(values)) / largest if len(values) > 1 and largest > 0 else 0.0


def lane_noise(experiment: Experiment, results: Sequence[LaneResult]) -> tuple[dict[str, float], int]:
    """From lanes that repeat one another: column -> the largest spread of a group, and how many repeats there are."""
    groups = repeats_of(experiment)
    found: dict[str, float] = {}
    for key in MEASURED:
        known = [[v for i in group if (v := results[i].value(key)) is not None] for group in groups]
        if any(len(values) > 1 for values in known):
            found[key] = max(spread(values) for values in known)
    return found, max((len(group) - 1 for group in groups), default=0)


def terms_lines(experiment: Experiment) -> list[str]:
    """A line where lanes have other terms than the experiment, since their shapes cannot have all: losses then differ."""
    lines = []
    for name, lane in zip(lane_names(experiment), experiment.lanes):
        own = lane_experiment(experiment, lane).terms
        if own != experiment.terms:
            missing = [t.loss for t in experiment.terms if t not in own]
            lines.append(f"{name} has no {', '.join(missing)}: its loss is not comparable with the others'.")
    return lines


def noise_lines(results: Sequence[LaneResult], noise: Mapping[str, float], repeats: int) -> list[str]:
    """What the noise is, and which differences do not rise above it."""
    if not repeats:
        return ["Each run was taken once: how far repeating one would change it is not known."]
    known = {c.key: c for c in columns_of(results) if c.key in noise}
    lines = [
        f"Noise is the range over {repeats + 1} runs of the same lane, from starts {NUDGE:g} apart and with other "
        "seeds: " + ", ".join(f"{c.title} {100 * noise[key]:.2g} %" for key, c in known.items()) + "."
    ]
    for key, column in known.items():
        for i, first in enumerate(results):
            for second in results[i + 1 :]:
                a, b = first.value(key), second.value(key)
                if a is not None and b is not None and a != b and same(a, b, noise[key]):
                    lines.append(f"{column.title}: {first.name} and {second.name} differ by less than the noise.")
    return lines


def text_of(value: float | None, column: Column) -> str:
    """Three significant digits and the unit; an en dash for nothing."""
    if value is None:
        return "–"
    text = f"{value:.0f}" if column.key == "steps_to" else f"{value:.3g}"
    return f"{text}{'' if column.unit == '°' else ' '}{column.unit}".strip()


def as_markdown(title: str, results: Sequence[LaneResult], notes: Sequence[str], noise: Mapping[str, float]) -> str:
    """A table that a paper's README takes as it is; the best of each column bold."""
    columns = columns_of(results)
    best = {c.key: best_of(results, c, noise.get(c.key, 0.0)) for c in columns}
    head = ["Run", *(c.title for c in columns), "Cannot show"]
    lines = [f"# {title}", "", _row(head), "|" + "---|" * len(head)]
    for i, result in enumerate(results):
        cells = [text_of(result.value(c.key), c) for c in columns]
        cells = [f"**{text}**" if best[c.key] == i else text for c, text in zip(columns, cells)]
        lines.append(_row([result.name, *cells, result.trouble or result.cannot or "–"]))
    return "\n".join([*lines, "", *(f"- {note}" for note in notes)]) + "\n"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def as_csv(results: Sequence[LaneResult]) -> str:
    """The same numbers in full."""
    columns, text = columns_of(results), io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["run", "method", "settings", *(c.key for c in columns), "cannot", "trouble"])
    for r in results:
        numbers = ["" if (v := r.value(c.key)) is None else repr(v) for c in columns]
        writer.writerow([r.name, r.method, r.note, *numbers, r.cannot, r.trouble])
    return text.getvalue()


def curves_csv(names: Sequence[str], losses: Sequence[Sequence[float]]) -> str:
    """Every step's loss, one column a run."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["iteration", *names])
    for i in range(max((len(curve) for curve in losses), default=0)):
        writer.writerow([i + 1, *(repr(curve[i]) if i < len(curve) else "" for curve in losses)])
    return text.getvalue()
