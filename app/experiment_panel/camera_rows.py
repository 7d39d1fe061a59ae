"""The rows of a target that is a file of cameras: what is held out, where masks are, where the scene lies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtWidgets import QFileDialog, QWidget

from app.controls import ChoiceRow, NumberRow, VectorRow
from app.controls.rows import Row
from app.theme import BASE, REGULAR
from app.widgets import Elided, hbox, mini
from core.experiment import TargetSpec
from core.experiments.fitting import within

if TYPE_CHECKING:
    from app.experiment_panel.target import TargetPart

SPLITS = (("test", "The test split"), ("val", "The validation split"), ("every-8th", "Every eighth frame"))


class FolderRow(Row):
    """name | folder | open | none. Its value is a path or None."""

    def __init__(self, name: str, tip: str, absent: str) -> None:
        super().__init__(name, tip)
        self._absent = absent
        self.folder = Elided(absent, BASE, REGULAR, "text")
        self.open = mini("open", tip)
        self.open.clicked.connect(self.choose)
        self.none = mini("close", f"{absent} again")
        self.none.clicked.connect(lambda: self._take(None))
        self.setLayout(hbox(self.name, self.folder, None, self.open, self.none, gap=4))

    def show_value(self, value: str | None) -> None:
        self.folder.setText(self._absent if value is None else Path(value).name)
        self.folder.set_tip(value or self.tip)
        self.none.setVisible(value is not None)

    def choose(self) -> None:
        path = QFileDialog.getExistingDirectory(self, self.tip)
        if path:
            self._take(path)

    def _take(self, value: str | None) -> None:
        self.changed.emit(value)
        self.settled.emit()


class FileRow(FolderRow):
    """The same for a file. patterns: of the dialog, "Pictures (*.png)"."""

    def __init__(self, name: str, tip: str, absent: str, patterns: str) -> None:
        super().__init__(name, tip, absent)
        self._patterns = patterns

    def choose(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, self.tip, "", self._patterns)
        if path:
            self._take(path)


class CameraRows:
    """Made for one TargetPart; `rows` stand below its own."""

    def __init__(self, part: TargetPart) -> None:
        self.held_out = ChoiceRow("Held out", "What is measured and not fitted", SPLITS)
        self.masks = FolderRow(
            "Masks", "A folder of silhouettes, one a picture and named like it", "The pictures' alpha"
        )
        self.images = FolderRow("Pictures", "The folder of the pictures", "Where the file says")
        tip = "What becomes the middle of the unit sphere, in the file's units"
        self.centre = VectorRow("Centre", tip, "xyz")
        tip = "What becomes the unit sphere's radius, in the file's units; 0: found from the masks"
        self.radius = NumberRow("Radius", tip)
        part.bind(self.held_out, "held out", lambda e, v: within(e, "target", held_out=v))
        part.bind(self.masks, "masks", lambda e, v: within(e, "target", masks=v))
        part.bind(self.images, "pictures", lambda e, v: within(e, "target", images=v))
        part.bind(self.centre, "scene centre", lambda e, v: within(e, "target", centre=tuple(v)))
        part.bind(self.radius, "scene radius", lambda e, v: within(e, "target", radius=max(float(v), 0.0)))
        self.rows: tuple[QWidget, ...] = (self.held_out, self.masks, self.images, self.centre, self.radius)

    def show_target(self, target: TargetSpec) -> None:
        for row in self.rows:
            row.setVisible(target.kind == "cameras")
        self.held_out.show_value(target.held_out)
        self.masks.show_value(target.masks)
        self.images.show_value(target.images)
        self.centre.show_value(target.centre or (0.0, 0.0, 0.0))
        self.radius.show_value(target.radius)
