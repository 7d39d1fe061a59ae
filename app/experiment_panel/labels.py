"""The rows of labels: where the shape's points get theirs, and what they are fitted to."""

from __future__ import annotations

from pathlib import Path

from app.controller import Controller
from app.controls import ChoiceRow
from app.experiment_panel.adapt import with_labels
from app.experiment_panel.base import Part
from app.experiment_panel.camera_rows import FileRow, FolderRow
from core.experiment import Experiment
from core.experiments.fitting import labels_reason, within
from core.io.suffixes import COLOURS, LABEL_WORDS, PARTS

FILE = "file"
SOURCES = (("", "None"), (PARTS, "Connected parts"), (COLOURS, "Vertex colours"), (FILE, "A file"))
PATTERNS = "Labels (*.png *.bmp *.tif *.tiff *.txt *.csv *.npy)"
PICTURES = "Pictures of labels (*.png *.bmp *.tif *.tiff)"


class LabelsPart(Part):
    def __init__(self, controller: Controller) -> None:
        super().__init__(controller)
        self.source = ChoiceRow("Labels", "Which label each point of the shape has", SOURCES)
        self.source.changed.connect(self.choose)
        tip = "One whole number a vertex, or a picture of labels seen through the texture coordinates"
        self.file = FileRow("File", tip, "None", PATTERNS)
        self.bind(self.file, "labels", lambda e, v: with_labels(e, v or ""))
        self.picture = FileRow("Target", "A picture of the target's labels", "None", PICTURES)
        self.folder = FolderRow("Target", "A folder of pictures of labels, named like the cameras' pictures", "None")
        for row in (self.picture, self.folder):
            self.bind(row, "target labels", lambda e, v: within(e, "labels", target=v or ""))
        for row in (self.source, self.file, self.picture, self.folder):
            self.rows.addWidget(row)

    def show_experiment(self, experiment: Experiment) -> None:
        labels, kind = experiment.labels, experiment.target.kind
        filed = labels.shape not in LABEL_WORDS
        self.source.show_value(FILE if filed else labels.shape)
        self.source.set_reason(labels_reason(experiment))
        self.file.setVisible(filed)
        self.file.show_value(labels.shape if filed else None)
        for row, shown in ((self.picture, kind == "image"), (self.folder, kind == "cameras")):
            row.setVisible(shown)
            row.show_value(labels.target or None)

    def choose(self, source: str) -> None:
        if source == FILE:
            self.file.choose()
            self.show_experiment(self.controller.experiment)
        else:
            self.edit("labels", with_labels(self.controller.experiment, source))


def labels_summary(experiment: Experiment) -> str:
    """What the line of the folded rows says."""
    source = experiment.labels.shape
    return {PARTS: "connected parts", COLOURS: "vertex colours", "": "none"}.get(source, Path(source).name)
