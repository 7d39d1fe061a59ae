"""Opening, saving and exporting: dialogs, drops, and what a bare file means. Failures become one line in the window.

Convention: every path that comes back from a dialog is remembered as the folder the next one starts in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from PyQt6.QtCore import QObject, QTimer, pyqtSignal
from PyQt6.QtWidgets import QFileDialog, QWidget

from app.controller import Controller
from app.lessons import Lesson
from app.opening import experiment_for_files, together, with_target
from app.sessions import Sessions
from app.settings import Settings
from core.errors import OUT_OF_MEMORY, RimlightError, out_of_memory
from core.experiments.fitting import with_shape
from core.io.file_kinds import file_kind
from core.io.guard import guarded
from core.io.suffixes import (
    BODY_SUFFIXES,
    CAGE_SUFFIXES,
    CAMERA_SUFFIXES,
    EXPERIMENT_SUFFIXES,
    GRID_SUFFIXES,
    IMAGE_SUFFIXES,
    MESH_SUFFIXES,
    OPENED_SUFFIXES,
    POINT_SUFFIXES,
    SESSION_SUFFIX,
)

Answer = TypeVar("Answer")

SHAPE_GROUPS = (MESH_SUFFIXES, GRID_SUFFIXES, BODY_SUFFIXES, POINT_SUFFIXES)
SHAPE_FILTERS = ("PLY (*.ply)", "OBJ (*.obj)", "GLB (*.glb)", "STL (*.stl)")
GRID_FILTERS = ("Grid (*.npz)",)
BALLS_FILTERS = ("Gaussians (*.npz)", "Ellipsoids, PLY (*.ply)", "Ellipsoids, GLB (*.glb)")
NETWORK_FILTERS = ("Network (*.npz)", "Grid of distances (*.grid.npz)", *SHAPE_FILTERS)
EXPORT_FILTERS = {
    "sdf-grid": GRID_FILTERS,
    "metaballs": BALLS_FILTERS,
    "sdf-analytic": ("Bodies (*.bodies)",),
    "sdf-network": NETWORK_FILTERS,
}
"""Kind of shape -> what it can be written as, where that is no mesh."""


def _filter(title: str, *groups: tuple[str, ...]) -> str:
    return f"{title} ({' '.join(f'*{suffix}' for group in groups for suffix in group)})"


OPEN_FILTERS = ";;".join(
    (
        _filter("All that can be opened", (SESSION_SUFFIX,), OPENED_SUFFIXES),
        _filter("Experiments", EXPERIMENT_SUFFIXES),
        _filter("Sessions", (SESSION_SUFFIX,)),
        _filter("Meshes", MESH_SUFFIXES),
        _filter("Signed distance grids", GRID_SUFFIXES),
        _filter("Analytic distances", BODY_SUFFIXES),
        _filter("Tables of points", POINT_SUFFIXES),
        _filter("Pictures", IMAGE_SUFFIXES),
        _filter("Cameras with pictures", CAMERA_SUFFIXES),
    )
)


class Files(QObject):
    """`opened(Lesson or None)` after another experiment was opened."""

    opened = pyqtSignal(object)

    def __init__(self, window: QWidget, controller: Controller, settings: Settings) -> None:
        super().__init__(window)
        self._window, self._controller, self._settings = window, controller, settings
        self.sessions = Sessions(self, controller, Path(settings.location).parent / "autosave")
        self._told: tuple[str, str] | None = None
        """Level and line of what is being opened."""
        controller.loaded_changed.connect(self._on_loaded)
        controller.open_failed.connect(lambda: self._now_at(*controller.origin))
        controller.followed.connect(lambda: self._now_at(None, None))
        controller.exported.connect(lambda event: controller.say("info", f"Wrote {event.path}"))

    # ------------------------------------------------------------------------------------------ opening

    def open_dialog(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self._window, "Open", self._settings.folder, OPEN_FILTERS)
        if paths:
            self._settings.folder = str(Path(paths[0]).parent)
            self.open_paths([Path(path) for path in paths])

    def open_path(self, path: str | Path) -> bool:
        """Open an experiment, a mesh, a grid or a picture. False where it cannot be, which the window then says."""
        return self.open_paths([Path(path)])

    def open_paths(self, paths: Sequence[Path]) -> bool:
        """Open what files mean together (app/opening.py), and say which were left out."""
        meant = self._asked(paths[0], lambda: together(paths))
        if meant is None:
            return False
        path, target, told = meant
        if path.suffix.lower() == SESSION_SUFFIX:
            return self._open_session(path) and self._tell(told, bool(told))
        opened = self._asked(path, lambda: experiment_for_files(path, target))
        if opened is None:
            return False
        experiment, note = opened
        self._settings.folder = str(path.absolute().parent)
        self._settings.add_recent(str(path.absolute()))
        self._controller.open(experiment)
        self._now_at(path.absolute() if path.suffix.lower() in EXPERIMENT_SUFFIXES else None, None)
        return self._tell(told or note, "; not " in told)

    def _tell(self, text: str, left_out: bool) -> bool:
        """Once it is loaded: loading puts messages away. left_out: something was not opened, which stays in sight until
        it is put away."""
        self._told = ("warning" if left_out else "info", text) if text else None
        return True

    def _on_loaded(self) -> None:
        told, self._told = self._told, None
        if told is not None:
            QTimer.singleShot(0, lambda: self._controller.say(*told))  # over what loading had to say

    def _open_session(self, path: Path) -> bool:
        if not self._open_record(path, self.sessions.open):
            return False
        self._settings.folder = str(path.absolute().parent)
        self._settings.add_recent(str(path.absolute()))
        return True

    def restore_autosave(self, file: Path | None = None) -> None:
        """Open what a program that ended unexpectedly was doing: the newest, or a file of `sessions.left`."""
        for left in [file] if file is not None else self.sessions.left.files()[:1]:
            self._open_record(left, self.sessions.take_up)

    def _open_record(self, path: Path, read: Callable[[Path], None]) -> bool:
        if self._asked(path, lambda: (read(path),)) is None:
            return False
        self._now_at(None, None)
        return True

    def _asked(self, path: str | Path, read: Callable[[], Answer]) -> Answer | None:
        """What `read` makes of a file; None where it cannot be read, which the window then says."""
        try:
            with guarded(path):
                return read()
        except (RimlightError, OSError, MemoryError) as error:
            self._complain(error)
            return None

    def _now_at(self, path: Path | None, lesson: Lesson | None) -> None:
        """Another experiment is on screen."""
        self._told = None
        self._controller.origin = path, lesson
        self.opened.emit(lesson)

    @property
    def path(self) -> Path | None:
        """The experiment's own file; None for a lesson or a bare mesh."""
        return self._controller.origin[0]

    def open_lesson(self, lesson: Lesson) -> bool:
        from core.experiments.files import load_experiment

        experiment = self._asked(lesson.path, lambda: load_experiment(lesson.path))
        if experiment is None:
            return False
        self._controller.open(experiment)
        self._now_at(None, lesson)
        return True

    def choose_shape(self) -> None:
        """Another file for the shape that is fitted; the rest of the experiment stays. In place of spline patches an OBJ
        is their control cage."""
        path = self._ask_open("Open a shape", _filter("Shapes", *SHAPE_GROUPS))
        if path:
            experiment = self._controller.experiment
            cage = experiment.shape.kind == "spline-patches" and Path(path).suffix.lower() in CAGE_SUFFIXES
            kind = "spline-patches" if cage else self._asked(path, lambda: file_kind(path))
            changed = kind and self._asked(path, lambda: with_shape(experiment, kind, path, None))
            if changed:
                self._controller.edit("shape", changed)
                self._controller.settle()

    def choose_target(self) -> None:
        """A shape, a picture or a file of cameras as the target."""
        path = self._ask_open(
            "Open a target",
            _filter("Shapes, pictures, cameras", *SHAPE_GROUPS, IMAGE_SUFFIXES, CAMERA_SUFFIXES),
        )
        if not path:
            return
        experiment = self._controller.experiment
        found = self._asked(path, lambda: with_target(experiment, path))
        if found is None:
            return
        changed, told = found
        self._controller.edit("target", changed)
        self._controller.settle()
        self._tell(told, False)

    def _ask_open(self, title: str, filters: str) -> str:
        path, _ = QFileDialog.getOpenFileName(self._window, title, self._settings.folder, filters)
        if path:
            self._settings.folder = str(Path(path).parent)
        return path

    # ------------------------------------------------------------------------------------------ saving

    def save(self) -> None:
        if self.path is None:
            self.save_as()
        else:
            self.save_to(self.path)

    def save_as(self) -> None:
        name = self.path.name if self.path else f"{_slug(self._controller.experiment.title)}.toml"
        start = str(Path(self._settings.folder) / name)
        path, _ = QFileDialog.getSaveFileName(self._window, "Save experiment", start, "Experiment (*.toml)")
        if path:
            self.save_to(Path(path).with_suffix(".toml"))

    def save_session(self) -> None:
        """The experiment, its data, its runs and their steps, into one file."""
        start = Path(self._settings.folder) / f"{_slug(self._controller.experiment.title)}{SESSION_SUFFIX}"
        path, _ = QFileDialog.getSaveFileName(self._window, "Save session", str(start), f"Session (*{SESSION_SUFFIX})")
        if path:
            self._settings.folder = str(Path(path).parent)
            self._settings.add_recent(path)
            self.sessions.save(path)

    def save_script(self) -> None:
        """A Python script that reproduces the run without a window."""
        c = self._controller
        start = Path(self._settings.folder) / f"{_slug(c.experiment.title)}.py"
        path, _ = QFileDialog.getSaveFileName(self._window, "Export a Python script", str(start), "Python (*.py)")
        if path:
            c.settle()
            c.export("script", str(Path(path).with_suffix(".py")))  # the engine knows every edit, stored or not

    def save_to(self, path: Path) -> bool:
        """Write the experiment, with what the derivative images show. False where it cannot be."""
        from core.experiments.files import save_experiment

        experiment = self._controller.as_shown()
        try:
            save_experiment(experiment, path)
        except (RimlightError, OSError) as error:
            self._complain(error)
            return False
        path = path.absolute()
        self._controller.origin = path, self._controller.origin[1]
        self._settings.folder = str(path.parent)
        self._settings.add_recent(str(path))
        self._controller.mark_saved(self._controller.experiment)
        self._controller.say("info", f"Saved {path}")
        return True

    # ------------------------------------------------------------------------------------------ exporting

    def export(self, what: str) -> None:
        """what: "shape", "images", "curves", "report" or "all"."""
        name = _slug(self._controller.experiment.title)
        folder = Path(self._settings.folder)
        if what in ("images", "all"):
            path = QFileDialog.getExistingDirectory(self._window, "Export into a folder", str(folder))
        else:
            kind = self._controller.experiment.shape.kind
            filters = {
                "shape": ";;".join(EXPORT_FILTERS.get(kind, SHAPE_FILTERS)),
                "curves": "Numbers (*.csv);;Picture (*.png);;Drawing (*.svg)",
                "report": "Report (*.json)",
            }[what]
            first = filters.partition("*")[2].partition(")")[0]
            start = str(folder / f"{name}{first}")
            path, chosen = QFileDialog.getSaveFileName(self._window, f"Export the {what}", start, filters)
            if path and not Path(path).suffix:
                path += chosen.partition("*")[2].rstrip(")")
        if path:
            self._settings.folder = str(path if Path(path).is_dir() else Path(path).parent)
            self._controller.export(what, path)

    def _complain(self, error: Exception) -> None:
        text = OUT_OF_MEMORY if out_of_memory(error) else str(error)
        self._controller.say("error", text, getattr(error, "details", ""))


def _slug(title: str) -> str:
    """A title as a file name."""
    words = "".join(c if c.isalnum() else " " for c in title.lower()).split()
    return "-".join(words) or "experiment"
