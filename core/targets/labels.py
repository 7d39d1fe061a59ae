"""Where the labels of an experiment come from: those of the fitted shape, and those that it is fitted to.

Both have the same number of labels, so that planes correspond: the greater of the two.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from core.errors import RimlightError
from core.experiment import Experiment
from core.io.labels import labelling_of, read_label_picture
from core.io.suffixes import LABEL_WORDS
from core.optimization.resampling import resized, same_aspect
from core.shapes.labelling import Labelling, one_hot
from kernels.types import SEGMENTATION, CameraView, Planes


class LabelSource(NamedTuple):
    """source: a word or a file, "" for none (LabelsSpec). colours: its table. count: labels at least, the background
    among them. stamp: of the file, so that an edited one is read again."""

    source: str = ""
    colours: tuple = ()
    count: int = 0
    stamp: int = 0

    def of_mesh(self, data: Any) -> Labelling | None:
        """The labels of a mesh (MeshData); None for none. Raises RimlightError."""
        return labelling_of(data, self.source, self.colours).widened(self.count) if self.source else None


def label_sources(
    experiment: Experiment, channels: tuple[str, ...], load: Callable[..., Any]
) -> tuple[LabelSource, LabelSource]:
    """Of the fitted shape and of the target; nothing where no loss sees labels. load: core.shapes.loading.load_shape."""
    if SEGMENTATION not in channels:
        return LabelSource(), LabelSource()
    spec, shape, target = experiment.labels, experiment.shape, experiment.target
    if not spec.shape:
        raise RimlightError(
            "labels.shape: a loss sees segmentation, and the shape has no labels; give parts, colours or a file"
        )
    own = _source(spec.shape, spec.colours)
    count = load(shape.kind, shape.file, shape.primitive, shape.colour, shape.grid, own).labelling.count
    other = _source(spec.target, spec.colours)
    if target.kind == "shape":
        other = other if spec.target else own
        if target.file is not None or target.primitive is not None:
            goal = load(target.shape_kind, target.file, target.primitive, target.colour, labels=other)
            count = max(count, goal.labelling.count)
    return own._replace(count=count), other._replace(count=count)


def _source(source: str, colours: tuple) -> LabelSource:
    path = Path(source)
    stamp = path.stat().st_mtime_ns if source not in LABEL_WORDS and path.exists() else 0
    return LabelSource(source, colours, 0, stamp)


def label_planes(path: str | Path, labels: LabelSource, view: CameraView) -> Planes:
    """A picture of labels at the size of a view: each plane the share of a pixel that has the label."""
    found = read_label_picture(path, labels.colours)
    height, width = found.shape
    if not same_aspect((width, height), (view.width, view.height)):
        raise RimlightError(
            f"{Path(path).name}: the labels are {width} x {height} pixels and the view {view.width} x {view.height}; "
            "set views.width and views.height to the picture's, or to the same share of both"
        )
    largest = int(found.max(initial=0))
    if largest >= labels.count:
        raise RimlightError(
            f"{Path(path).name}: has label {largest}, and the shape's labels end at {labels.count - 1}; "
            "label the shape's points alike (labels.shape)"
        )
    planes = one_hot(found, labels.count)
    return tuple(resized(np.ascontiguousarray(planes[..., i]), view.height, view.width) for i in range(labels.count))
