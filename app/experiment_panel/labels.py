"""The rows of labels: where the shape's points get theirs, and what they are fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QLineEdit

from app.controller import Controller
from app.controls import ChoiceRow, Row
from app.experiment_panel.adapt import with_labels
from app.experiment_panel.base import Part
from app.experiment_panel.camera_rows import FileRow, FolderRow
from app.widgets import hbox
from core.experiment import Experiment
from core.experiments.fitting import labels_reason, within
from core.io.suffixes import COLOURS, LABEL_WORDS, PARTS

FILE = "file"
SOURCES = (("", "None"), (PARTS, "Connected parts"), (COLOURS, "Vertex colours"), (FILE, "A file"))
PATTERNS = "Labels (*.png *.bmp *.tif *.tiff *.txt *.csv *.npy)"
PICTURES = "Pictures of labels (*.png *.bmp *.tif *.tiff)"


def parse_colours(text: str) -> tuple[tuple[float, float, float], ...]:
    """ "#102030 #ff0000" -> rows of sRGB, 0 to 255. Raises ValueError with what is no colour."""
    words = text.replace(",", " ").split()
    found = [QColor(word if word.startswith("#") else f"#{word}") for word in words]
    for word, colour in zip(words, found):
        if not colour.isValid():
            raise ValueError(f"{word!r} is no colour; write #rrggbb, the background's first, a space between two")
    return tuple((float(c.red()), float(c.green()), float(c.blue())) for c in found)


def colours_text(colours: Sequence[Sequence[float]]) -> str:
    return " ".join("#" + "".join(f"{round(c):02x}" for c in row) for row in colours)


class PaletteRow(Row):
    """name | "#rrggbb #rrggbb ...". `refused(why)` where it is none."""

    refused = pyqtSignal(str)

    def __init__(self, name: str, tip: str) -> None:
        super().__init__(name, tip)
        self.field = QLineEdit()
        self.field.setToolTip(tip)
        self.field.setAccessibleName(name)
        self.field.setPlaceholderText("Rimlight's own")
        self.field.editingFinished.connect(self._take)
        self._shown: tuple[tuple[float, float, float], ...] = ()
        self.setLayout(hbox(self.name, self.field))

    def show_value(self, value: tuple[tuple[float, float, float], ...]) -> None:
        self._shown = value
        self.field.setText(colours_text(value))

    def _take(self) -> None:
        if self.field.text() == colours_text(self._shown):
            return
        try:
            self._shown = parse_colours(self.field.text())
        except ValueError as error:
            self.refused.emit(f"{self.name.text()}: {error}")
            self.show_value(self._shown)
            return
        self.show_value(self._shown)
        self.changed.emit(self._shown)
        self.settled.emit()


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
        self.colours = PaletteRow(
            "Colours",
            "The colours by which pictures and vertex colours are read as labels: #rrggbb, the background's first",
        )
        self.bind(self.colours, "label colours", lambda e, v: within(e, "labels", colours=v))
        self.colours.refused.connect(lambda why: controller.say("warning", why))
        for row in (self.source, self.file, self.picture, self.folder, self.colours):
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
        self.colours.setVisible(bool(labels.shape) and (filed or labels.shape == COLOURS or bool(labels.target)))
        self.colours.show_value(labels.colours)

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
