"""Small tables of results: rows of one record type, as Markdown and as CSV; and the statistics that go into them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.io.atomic import write_text

Row = Mapping[str, Any]


def markdown(rows: Sequence[Row]) -> str:
    """A table with the keys of the first row as its head; floats with four digits."""
    head = list(rows[0])
    lines = [" | ".join(head), " | ".join("---" for _ in head)]
    lines += [" | ".join(_cell(row.get(key, "")) for key in head) for row in rows]
    return "\n".join(f"| {line} |" for line in lines) + "\n"


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def save_table(folder: Path, name: str, title: str, rows: Sequence[Row]) -> None:
    """folder/name.md (with `title` above) and folder/name.csv (numbers in full)."""
    write_text(folder / f"{name}.md", f"# {title}\n\n{markdown(rows)}")
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    write_text(folder / f"{name}.csv", text.getvalue())


def mean_interval(values: Sequence[float], seed: int = 0, draws: int = 2000) -> tuple[float, float]:
    """95 % bootstrap interval (percentile) of the mean."""
    array = np.asarray(values, np.float64)
    means = array[np.random.default_rng(seed).integers(0, len(array), (draws, len(array)))].mean(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def summary(errors: Sequence[float], seed: int = 0, draws: int = 2000) -> dict[str, float]:
    """mean, its 95 % bootstrap interval (percentile), median and interquartile range."""
    array = np.asarray(errors, np.float64)
    low, high = mean_interval(errors, seed, draws)
    q1, q3 = np.percentile(array, [25, 75])
    return {
        "mean": float(array.mean()),
        "mean_low": low,
        "mean_high": high,
        "median": float(np.median(array)),
        "iqr": float(q3 - q1),
    }
