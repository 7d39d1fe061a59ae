"""Which label the points of a mesh have: one-hot rows at its vertices, or a one-hot texture (kernels/labels.py).

Label 0 is the background's; a shape may wear it too, and is then not told from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.errors import RimlightError
from core.label_colours import MOST_LABELS
from kernels.labels import LABEL_UV, LABELS


@dataclass(frozen=True)
class Labelling:
    """table: (n, C) float32, a row a vertex, or [h, w, C], then with corner_uv (m, 3, 2). source: for people."""

    table: np.ndarray
    corner_uv: np.ndarray | None = None
    source: str = ""

    @property
    def count(self) -> int:
        """C, the background's label among them."""
        return self.table.shape[-1]

    @property
    def summary(self) -> str:
        return f"{self.count - 1} label{'' if self.count == 2 else 's'}"

    def constants(self) -> dict[str, np.ndarray]:
        uv = {} if self.corner_uv is None else {LABEL_UV: self.corner_uv}
        return {LABELS: self.table, **uv}

    def of_vertices(self) -> np.ndarray:
        """(n, C) float64, for a mesh that gets other vertices. Raises RimlightError where the labels are a texture."""
        if self.corner_uv is not None:
            raise RimlightError(
                "stage: labels in a texture do not follow new triangles; use labels at the vertices (labels.shape)"
            )
        return self.table.astype(np.float64)

    def rebuilt(self, constants: Mapping[str, Any]) -> Labelling:
        """The same with the table of a refined mesh or a checkpoint."""
        return replace(self, table=np.asarray(constants[LABELS])) if LABELS in constants else self

    def widened(self, count: int) -> Labelling:
        """The same with at least `count` labels, the new ones nowhere."""
        missing = count - self.count
        if missing <= 0:
            return self
        empty = np.zeros((*self.table.shape[:-1], missing), np.float32)
        return replace(self, table=np.concatenate([self.table, empty], axis=-1))


def one_hot(labels: np.ndarray, count: int) -> np.ndarray:
    """Whole numbers (...) -> (..., count) float32."""
    return (labels[..., None] == np.arange(count)).astype(np.float32)


def checked_labels(labels: np.ndarray, source: str) -> np.ndarray:
    """Labels as int64, or RimlightError where they are negative or more than can be told apart."""
    labels = np.asarray(labels)
    low, high = labels.min(initial=0), labels.max(initial=0)  # before the cast: a float may be too large for it
    if low < 0 or high > MOST_LABELS:
        raise RimlightError(
            f"{source}: label {float(low if low < 0 else high):.12g} is out of range; use 0 (background) to {MOST_LABELS}"
        )
    return labels.astype(np.int64)
