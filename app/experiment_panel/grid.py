"""The rows of a grid: what a file of numbers alone does not say (axes, spacing, origin, sign), and how it is resampled.

A raw .npy says none of it: there its longest side spans -1 to 1, and these rows come open with it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.controller import Controller
from app.controls import ChoiceRow, FlagRow, NumberRow, VectorRow
from app.experiment_panel.base import Part
from app.numbers import field
from core.experiment import Experiment, GridSpec
from core.experiments.fitting import within
from core.io.suffixes import MESH_SUFFIXES

RAW = ".npy"
MOST_NODES = 128
"""Of the slider; experiment files may ask for more."""
AXES = [(order, f"{order[0]}, {order[1]}, {order[2]}") for order in ("xyz", "zyx", "xzy", "yxz", "yzx", "zxy")]


class GridPart(Part):
    """`lattice`: origin and spacing of the loaded grid, in the file's units, for the rows that are not set by hand."""

    def __init__(self, controller: Controller) -> None:
        super().__init__(controller)
        tip = "Along the longest side; 0 keeps a grid's own, and makes 64 of a mesh"
        self.nodes = NumberRow("Nodes", tip, 0, MOST_NODES, whole=True)
        self.axes = ChoiceRow("Axes", "Which axis the first, second and third index of the array runs along", AXES)
        self.spacing = VectorRow("Spacing", "Between nodes, in the file's units: exports come back in them", "xyz")
        self.origin = VectorRow("Origin", "Where the first node is, in the file's units", "xyz")
        self.negate = FlagRow("Positive inside", "The file's values are positive inside the shape")
        self.redistance = FlagRow("Redistance", "Replace the values by true distances to their own surface")
        self.repair = FlagRow("Close holes", "Of an open mesh, which has no inside: it is refused otherwise")
        self.bind(self.nodes, "grid nodes", lambda e, v: _grid(e, resolution=int(v)))
        self.bind(self.axes, "grid axes", lambda e, v: _grid(e, axes=v))
        self.bind(self.spacing, "grid spacing", lambda e, v: _grid(e, spacing=_three(v)))
        self.bind(self.origin, "grid origin", lambda e, v: _grid(e, origin=_three(v)))
        self.bind(self.negate, "grid sign", lambda e, v: _grid(e, negate=bool(v)))
        self.bind(self.redistance, "redistancing", lambda e, v: _grid(e, redistance=bool(v)))
        self.bind(self.repair, "closing of holes", lambda e, v: _grid(e, repair=bool(v)))
        for row in (self.nodes, self.axes, self.spacing, self.origin, self.negate, self.redistance, self.repair):
            self.rows.addWidget(row)

    def show_experiment(self, experiment: Experiment) -> None:
        shape, spec = experiment.shape, experiment.shape.grid
        mesh = shape.file is not None and Path(shape.file).suffix.lower() in MESH_SUFFIXES
        self.nodes.show_value(spec.resolution)
        self.axes.show_value(spec.axes)
        self.negate.show_value(spec.negate)
        self.redistance.show_value(spec.redistance)
        self.repair.show_value(spec.repair)
        for row in (self.axes, self.spacing, self.origin, self.negate, self.redistance):
            row.setVisible(shape.file is not None and not mesh)
        self.repair.setVisible(mesh)
        self._show_place(spec)

    def _show_place(self, spec: GridSpec) -> None:
        """What was set by hand, else what the loaded grid has; of a resampled one the file's own is not known here."""
        loaded = self.controller.loaded
        own = loaded is not None and loaded.experiment.shape.file == self.controller.experiment.shape.file
        place = loaded.shape_facts.get("place", {}) if own and loaded is not None else {}
        resampled = "Nodes are resampled; 0 nodes keep the file's own" if spec.resolution else ""
        for row, name in ((self.spacing, "spacing"), (self.origin, "origin")):
            chosen = getattr(spec, name)
            row.show_value(chosen if chosen is not None else place.get(name, (0.0, 0.0, 0.0)))
            row.set_reason(resampled if chosen is None and name == "spacing" else "")


def grid_summary(experiment: Experiment) -> str:
    """ "zyx, 0.1 apart", or that the file says it all."""
    spec = experiment.shape.grid
    parts = [f"{spec.resolution} nodes"] if spec.resolution else []
    parts += [spec.axes] if spec.axes != "xyz" else []
    parts += [f"{field(spec.spacing[0])} apart"] if spec.spacing is not None else []
    parts += ["positive inside"] if spec.negate else []
    parts += ["redistanced"] if spec.redistance else []
    return ", ".join(parts) or "as it is"


def is_raw(experiment: Experiment) -> bool:
    """Whether the shape's file holds numbers alone, and nothing was said about them yet."""
    shape = experiment.shape
    raw = shape.kind == "sdf-grid" and shape.file is not None and shape.file.lower().endswith(RAW)
    return raw and shape.grid == GridSpec()


def _three(value: Sequence[float]) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in value)
    return x, y, z


def _grid(experiment: Experiment, **changes: Any) -> Experiment:
    return within(experiment, "shape", grid=dataclasses.replace(experiment.shape.grid, **changes))
