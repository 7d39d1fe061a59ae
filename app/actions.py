"""Every action of the window in one place: text, keys, tooltip, and why it is disabled when it is.

Convention: a tooltip names the action's key; `explain` disables an action and says why in the same place.
"""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QAction, QActionGroup
from PyQt6.QtWidgets import QWidget

from app.keymap import KeyMap, key_text
from app.lab.actions import LabActions
from app.panes.kinds import KINDS
from app.settings import Settings


class Actions:
    """The window's actions, parented to it, so that their keys work everywhere in it."""

    def __init__(self, window: QWidget, settings: Settings) -> None:
        self._window = window
        self._tips: dict[QAction, str] = {}
        self._reasons: dict[QAction, str] = {}
        self.all: list[QAction] = []
        self.keymap = KeyMap(settings)
        self.keymap.changed.connect(lambda action: self.explain(action, self._reasons[action]))
        self._make_running()
        self._make_files()
        self._make_recording()
        self._make_edits()
        self._make_looking()
        self._make_exports()
        self._make_comparison()
        self._make_layout()
        self._make_help()
        self.lab = LabActions(self._new)
        self.keymap.recall()

    def _make_running(self) -> None:
        self.run = self._new("Run", "Space", "Run the fit, or pause it")
        self.step = self._new("Step", ".", "Take one step")
        self.reset = self._new("Reset", "R", "Back to the experiment's start")
        self.cancel = self._new("Cancel compiling", "", "Give up compiling or loading; the last good state is kept")
        self.restart = self._new(
            "Restart engine", "", "End the engine process and start another; the last state is kept"
        )
        self.live = self._new("Back to the newest step", "L", "Leave the stored step that the timeline shows")
        self.fork = self._new("Fork here", "Shift+F", "Begin another run at the stored step on screen; this one stays")

    def _make_files(self) -> None:
        self.open = self._new(
            "Open…", "Ctrl+O", "Open an experiment, a mesh, a grid or a picture; a shape and its target together"
        )
        self.save = self._new("Save experiment", "Ctrl+S", "Write the experiment to its file")
        self.save_as = self._new("Save experiment as…", "Ctrl+Shift+S", "Write the experiment to another file")
        self.save_session = self._new(
            "Save session…", "Ctrl+Alt+S", "Write experiment, data, runs and their steps into one file"
        )
        self.export_script = self._new("Python script…", "", "Write a script that reproduces this run without a window")
        self.quit = self._new("Quit", "Ctrl+Q", "Close Rimlight")

    def _make_recording(self) -> None:
        self.record = self._new("Record", "Ctrl+R", "Record a video while the fit goes on, or end the recording")
        self.record.setCheckable(True)
        self.film = self._new("Video of the timeline…", "", "Write the stored steps as MP4 or GIF")
        self.filmed = QActionGroup(self._window)
        for name, tip in (
            ("viewport", "Videos show the viewport"),
            ("panes", "Videos show the images"),
            ("both", "Videos show the viewport above the images"),
        ):
            action = self._new(f"Record {name}", "", tip)
            action.setCheckable(True)
            action.setChecked(name == "both")
            action.setData(name)
            self.filmed.addAction(action)

    def _make_edits(self) -> None:
        self.undo = self._new("Undo", "Ctrl+Z", "Take back the last change of a setting")
        self.redo = self._new("Redo", "Ctrl+Shift+Z", "Make the change again")

    def _make_looking(self) -> None:
        self.derive = self._new(
            "Derivative images", "D", "Show the derivative of every pixel, beside finite differences"
        )
        self.derive.setCheckable(True)
        self.derive.setChecked(True)
        self.theta = self._new("Derive by the chosen parameter", "H", "Show the derivative by the tree's current row")
        self.fit = self._new("Fit view", "F", "Bring the whole scene into the viewport")
        self.panes = {
            kind.key: self._new(
                f"Maximize {kind.full_title}", str(kind.key), f"Show image {kind.key} alone, or all again"
            )
            for kind in KINDS
        }

    def _make_exports(self) -> None:
        self.exports = {
            "shape": self._new("Shape…", "", "Write the shape in the units it came in (PLY, OBJ, GLB, STL)"),
            "images": self._new("Images…", "", "Write every image of this view (PNG, and exact values as NPZ)"),
            "curves": self._new(
                "Curves…", "", "Write the loss and its terms at every step (CSV), or the curve (PNG, SVG)"
            ),
            "report": self._new("Report…", "", "Write report.json: loss, metrics, parameters, versions"),
            "all": self._new("Everything…", "Ctrl+E", "Write shape, images, curves and report into one folder"),
        }

    def _make_comparison(self) -> None:
        self.compare = self._new(
            "Compare", "C", "Race two to four methods, shapes or settings on the same problem, side by side"
        )
        self.compare.setCheckable(True)
        self.export_compare = self._new("Export comparison…", "", "Write the table, the curves and the pictures")

    def _make_layout(self) -> None:
        self.lesson_text = self._new("Lesson text", "T", "Show the lesson's text in place of the experiment panel")
        self.lesson_text.setCheckable(True)
        self.present = self._new("Presentation", "F5", "Larger type and fewer panels, for a lecture room")
        self.present.setCheckable(True)
        self.reset_layout = self._new("Reset layout", "", "Put every panel back in its place")
        self.themes = QActionGroup(self._window)
        for name, tip in (("system", "Follow the desktop"), ("dark", "Dark theme"), ("light", "Light theme")):
            action = self._new(name.capitalize(), "", tip)
            action.setCheckable(True)
            action.setData(name)
            self.themes.addAction(action)

    def _make_help(self) -> None:
        self.help = self._new("Help", "F1", "What everything is, and a tour of five minutes")
        self.shortcuts = self._new("Keyboard shortcuts", "?", "All keys on one sheet")
        self.change_keys = self._new("Change shortcuts…", "Ctrl+K", "Give any action another key, or its own back")
        self.about = self._new("About Rimlight", "", "Version, licence and where files are kept")

    def _new(self, text: str, key: str, tip: str) -> QAction:
        action = QAction(text, self._window)
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        self._tips[action], self._reasons[action] = tip, ""
        self.keymap.add(action, text, key)
        self._window.addAction(action)
        self.all.append(action)
        self.explain(action, "")
        return action

    def explain(self, action: QAction, reason: str) -> None:
        """Enable an action, or disable it with a reason that its tooltip then tells."""
        self._reasons[action] = reason
        action.setEnabled(not reason)
        key = key_text(action)
        tip = f"{self._tips[action]} ({key})" if key else self._tips[action]
        action.setToolTip(f"{tip}\n{reason}" if reason else tip)
        action.setStatusTip("")

    def tip(self, action: QAction) -> str:
        """What an action does, without its key."""
        return self._tips[action]
