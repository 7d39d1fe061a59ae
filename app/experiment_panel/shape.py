"""The section of the shape that is fitted: what it is, and where it starts."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
from PyQt6.QtCore import QRectF
from PyQt6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent
from PyQt6.QtWidgets import QWidget

from app.controller import Controller
from app.controls import ChoiceRow, NumberRow, VectorRow
from app.experiment_panel.adapt import with_gaussians
from app.experiment_panel.base import Fold, PanelSection, Part, Source, source_title
from app.experiment_panel.grid import GridPart, grid_summary, is_raw
from app.experiment_panel.labels import LabelsPart, labels_summary
from app.experiment_panel.network import KINDS as NETWORK_KINDS
from app.experiment_panel.network import NetworkPart, network_summary
from app.numbers import field
from app.theme import Theme
from app.timeline import picture
from app.widgets import Themed, current_theme
from core.experiment import Experiment, PoseSpec
from core.experiments.fitting import with_shape, within
from core.experiments.rules import LABELLED
from core.protocol import Loaded
from core.shapes.primitives import HULL

SIDE = 40
UNUSED = "none"
"""What the line of a form says that the shape does not take."""
TEXTURES = (
    ("mesh", "At the vertices"),
    ("textured-mesh", "In a texture"),
    ("neural-mesh", "In a neural texture"),
)
"""Kind of shape, and where its colours are."""
MAY_HAVE_TEXTURE = (".obj", ".glb", ".gltf")


class Thumbnail(QWidget, Themed):
    """A small rounded picture, or a soft square before there is one."""

    def __init__(self, side: int = SIDE) -> None:
        super().__init__()
        self._theme, self._picture = current_theme(), None
        self.setFixedSize(side, side)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def set_picture(self, image: np.ndarray | None) -> None:
        """uint8 [h, w, 3]."""
        self._picture = None if image is None else picture(image)
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        shape = QPainterPath()
        shape.addRoundedRect(QRectF(self.rect()), 4, 4)
        painter.setClipPath(shape)
        painter.fillRect(self.rect(), QColor(self._theme.well))
        if self._picture is not None:
            side = min(self._picture.width(), self._picture.height())
            left, top = (self._picture.width() - side) / 2, (self._picture.height() - side) / 2
            painter.drawPixmap(QRectF(self.rect()), self._picture, QRectF(left, top, side, side))


class StartPart(Part):
    """Where the fit begins."""

    def __init__(self, controller: Controller) -> None:
        super().__init__(controller)
        self.rotation = VectorRow("Rotation", "Start: rotation vector about the shape's centre, world axes", "xyz", "°")
        self.translation = VectorRow("Position", "Start: in radii of the shape's bounding sphere", "xyz")
        self.scale = NumberRow("Scale", "Start: size of the shape", 0.1, 3.0, unit="×", log=True)
        self.bind(self.rotation, "start rotation", lambda e, v: _start(e, rotation=v))
        self.bind(self.translation, "start position", lambda e, v: _start(e, translation=v))
        self.bind(self.scale, "start scale", lambda e, v: _start(e, scale=v))
        tip = "Nodes a side of the grid that the visual hull is carved from"
        self.hull = NumberRow("Carved on", tip, 16, 128, unit="³", whole=True)
        self.bind(self.hull, "visual hull", lambda e, v: within(e, "shape", hull_resolution=v))
        for row in (self.rotation, self.translation, self.scale, self.hull):
            self.rows.addWidget(row)

    def show_experiment(self, experiment: Experiment) -> None:
        start = experiment.shape.start
        self.hull.setVisible(experiment.shape.primitive == HULL)
        self.hull.show_value(experiment.shape.hull_resolution)
        self.rotation.show_value(start.rotation)
        self.translation.show_value(start.translation)
        self.scale.show_value(start.scale)


class BallsPart(Part):
    """How many Gaussians a mesh or a point cloud becomes, and where they are put."""

    def __init__(self, controller: Controller) -> None:
        super().__init__(controller)
        self.components = NumberRow(
            "Gaussians", "How many are fitted; a metaballs file has its own", 1, 1024, whole=True
        )
        places = [
            ("", "No: triangles"),
            ("surface", "To the surface"),
            ("volume", "To the volume"),
            ("random", "Not: a ball"),
        ]
        tip = "Fit Gaussians to points on the surface or inside a closed mesh, begin with a ball of them, or keep the mesh"
        self.init = ChoiceRow("Gaussians", tip, places)
        self.bind(self.components, "number of Gaussians", lambda e, v: within(e, "shape", components=v))
        self.bind(self.init, "how Gaussians are fitted", with_gaussians)
        self.rows.addWidget(self.init)
        self.rows.addWidget(self.components)

    def show_experiment(self, experiment: Experiment) -> None:
        shape = experiment.shape
        balls = shape.kind == "metaballs"
        self.components.show_value(shape.components)
        self.init.show_value(shape.init if balls else "")
        own = shape.file is not None and shape.file.lower().endswith(".npz")
        carved = "It is carved from the target" if shape.primitive == HULL else ""
        self.init.set_reason("The file holds its own Gaussians" if own else carved)
        self.components.set_reason(
            "" if balls and not own else "There are no Gaussians to count" if not own else "As many as the file has"
        )


class FormsPart(Part):
    """What few experiments need: other forms that the shape can take, and its labels."""

    def __init__(self, controller: Controller, *folds: Fold) -> None:
        super().__init__(controller)
        self.rows.setContentsMargins(12, 0, 0, 0)
        for fold in folds:
            self.rows.addWidget(fold)

    def show_experiment(self, experiment: Experiment) -> None:
        """The section tells the folds itself."""


class ShapeSection(PanelSection):
    def __init__(self, controller: Controller) -> None:
        super().__init__(controller, "Shape", "What is fitted")
        self.thumbnail = Thumbnail()
        self.source = Source("Open a mesh or a grid (Ctrl+O)", lines=2)
        self.source.choose_primitive = self.choose_primitive
        self.hull = self.source.menu.addAction("Visual hull of the target")
        self.hull.triggered.connect(lambda: self.choose_primitive(HULL, "mesh"))
        self.source.row.insertWidget(0, self.thumbnail)
        self.source.row.insertSpacing(1, 6)
        self.source.setFixedHeight(48)
        self.start = Fold(controller, "Start", "Where the fit begins", StartPart)
        self.rows.addWidget(self.source)
        self.texture = ChoiceRow("Colours", "Where the colours of a mesh are", TEXTURES)
        self.texture.changed.connect(self.choose_texture)
        self.rows.addWidget(self.texture)
        self.features = NumberRow("Features", "Texels a side of the neural texture", 4, 1024, log=True, whole=True)
        self.bind(self.features, "neural texture", lambda e, v: within(e, "shape", feature_resolution=v))
        self.rows.addWidget(self.features)
        self.balls = Fold(controller, "Gaussians", "How Gaussians are fitted to the shape", BallsPart)
        tip = "What a loss on segmentation compares"
        self.labels = Fold(controller, "Labels", tip, LabelsPart)
        self.network = Fold(controller, "Network", "A distance network in place of the shape", NetworkPart)
        self.grid = Fold(controller, "Grid", "Nodes, axes, spacing, origin and sign of the distances", GridPart)
        self.rows.addWidget(self.grid)
        tip = "Gaussians or a network in the shape's place, and labels for a loss on segmentation"
        folds = (self.balls, self.labels, self.network)
        self.forms = Fold(controller, "More", tip, lambda c: FormsPart(c, *folds))
        self.forms.ensure_part()
        self._in_use: list[str] = []
        self.rows.addWidget(self.start)
        self.rows.addWidget(self.forms)
        self._facts: tuple[object, str] = (None, "")

    def show_experiment(self, experiment: Experiment) -> None:
        shape, target = experiment.shape, experiment.target
        itself = target.kind == "shape" and target.file is None and target.primitive is None
        self.hull.setEnabled(not itself)
        self.hull.setToolTip("The target is the shape itself" if itself else "Carved from the target's silhouettes")
        known = (shape.kind, shape.file, shape.primitive)
        self.source.show_source(shape.file, shape.primitive, self._facts[1] if self._facts[0] == known else "Loading…")
        self.set_summary(source_title(shape.file, shape.primitive))
        self.start.show_experiment(experiment, pose_summary(shape.start))
        can = shape.file is not None and shape.file.lower().endswith(MAY_HAVE_TEXTURE)
        bundled = shape.primitive is not None and shape.kind in ("textured-mesh", "neural-mesh")
        self.texture.setVisible(bundled or (can and shape.kind in [kind for kind, _ in TEXTURES]))
        self.texture.show_value(shape.kind)
        self.features.setVisible(shape.kind == "neural-mesh")
        self.features.show_value(shape.feature_resolution)
        self.labels.setVisible(shape.kind in LABELLED)
        self.grid.setVisible(shape.kind == "sdf-grid")
        self.grid.show_experiment(experiment, grid_summary(experiment))
        self.balls.setVisible(shape.kind in ("mesh", "metaballs"))
        self.network.setVisible(shape.kind in NETWORK_KINDS)
        self._show_forms(experiment)

    def _show_forms(self, experiment: Experiment) -> None:
        """What is in use is opened once; the rest is named."""
        shape = experiment.shape
        balls = f"{shape.components}, {shape.init}" if shape.kind == "metaballs" else UNUSED
        summaries = {"Gaussians": balls, "labels": labels_summary(experiment), "network": network_summary(experiment)}
        folds = dict(zip(summaries, (self.balls, self.labels, self.network)))
        for name, fold in folds.items():
            fold.show_experiment(experiment, summaries[name])
        there = [name for name, fold in folds.items() if not fold.isHidden()]
        in_use = [name for name in there if summaries[name] != UNUSED]
        self.forms.setVisible(bool(there))
        self.forms.show_experiment(experiment, ", ".join(in_use or there))
        if in_use != self._in_use:
            self._in_use = in_use
            self.forms.set_open(bool(in_use))

    def show_loaded(self, loaded: Loaded) -> None:
        shape = loaded.experiment.shape
        summary = re.sub(r"(?<=\d),(?=\d{3})", "", str(loaded.shape_facts.get("summary", "")))
        known = (shape.kind, shape.file, shape.primitive)
        if is_raw(loaded.experiment) and self._facts[0] != known:
            self.grid.set_open(True)
            name = Path(str(shape.file)).name
            self.controller.say("info", f"{name} says no spacing: see Shape, Grid")
        self._facts = (known, summary)
        self.show_experiment(self.controller.experiment)

    def choose_texture(self, kind: str) -> None:
        shape = self.controller.experiment.shape
        if kind == "mesh" and shape.file is None:  # a bundled texture has no mesh of vertex colours beside it
            self.show_experiment(self.controller.experiment)
            return
        self.edit("texture", with_shape(self.controller.experiment, kind, shape.file, shape.primitive))

    def choose_primitive(self, name: str, kind: str) -> None:
        self.edit("shape", with_shape(self.controller.experiment, kind, None, name))


def _start(experiment: Experiment, **changes: object) -> Experiment:
    return within(experiment, "shape", start=dataclasses.replace(experiment.shape.start, **changes))  # type: ignore[arg-type]


def pose_summary(pose: PoseSpec) -> str:
    """A pose in a few words: "24.7°, 0.130 off"."""
    angle, distance = float(np.linalg.norm(pose.rotation)), float(np.linalg.norm(pose.translation))
    parts = [f"{field(angle)}°"] if angle else []
    parts += [f"{field(distance)} off"] if distance else []
    parts += [f"× {field(pose.scale)}"] if pose.scale != 1.0 else []
    return ", ".join(parts) or "in place"
