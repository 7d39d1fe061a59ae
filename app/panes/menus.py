"""The panes' menus: which panes are shown, the channel, a pane's range, copying and saving it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtGui import QAction, QActionGroup, QGuiApplication
from PyQt6.QtWidgets import QFileDialog, QMenu

from app import numbers
from app.panes.export import pane_image
from app.panes.kinds import KINDS
from app.panes.maps import CHANNELS
from app.panes.pane import Pane
from core.errors import RimlightError
from core.io.pixels import save_values

SAVE_FILTERS = "Picture with colour bar (*.png);;Exact values (*.exr);;Exact values, NumPy (*.npz)"

if TYPE_CHECKING:
    from app.panes.grid import PaneGrid


def _add(menu: QMenu, text: str, act: Callable[[], object], *, enabled: bool = True, tip: str = "") -> QAction:
    action = menu.addAction(text)
    assert action is not None
    action.triggered.connect(lambda _checked=False: act())
    action.setEnabled(enabled)
    action.setToolTip(tip)
    return action


def more_menu(grid: PaneGrid) -> QMenu:
    """Behind the plus: panes, channel, ranges."""
    menu = QMenu(grid)
    for kind in KINDS:
        title = f"{kind.key}  {kind.title}" + (f"  {grid.panes[kind.name].note.text()}" if kind.note else "")
        action = menu.addAction(title)
        assert action is not None
        action.setCheckable(True)
        action.setChecked(kind.name in grid.chosen)
        action.toggled.connect(lambda shown, key=kind.key: grid.set_pane_shown(key, shown))
    menu.addSeparator()
    _add_channels(menu, grid)
    _add(menu, "Automatic ranges", grid.reset_ranges)
    return menu


def _add_channels(menu: QMenu, grid: PaneGrid) -> None:
    channels = menu.addMenu("Channel of signed maps")
    assert channels is not None
    group = QActionGroup(channels)
    for channel in CHANNELS:
        action = _add(channels, channel.capitalize(), lambda channel=channel: grid.set_channel(channel))
        action.setCheckable(True)
        action.setChecked(channel == grid.channel)
        group.addAction(action)


def pane_menu(grid: PaneGrid, pane: Pane) -> QMenu:
    """A right click on a pane."""
    menu = QMenu(grid)
    full = pane.array is not None
    enlarged = grid.enlarged == pane.kind.name
    _add(menu, "Back to all panes" if enlarged else "Enlarge", lambda: grid.maximise(pane.kind.key))
    _add(menu, "Fit the picture", grid.linking.fit, enabled=full)
    menu.addSeparator()
    _add(menu, "Copy picture", lambda: copy_pane(grid, pane), enabled=full)
    _add(
        menu, "Copy values at the cursor", lambda: copy_values(grid), enabled=full and grid.linking.pointed is not None
    )
    save = "As a picture with its colour bar (PNG), or with its exact values (EXR, NPZ)"
    _add(menu, "Save as…", lambda: ask_and_save(grid, pane), enabled=full, tip=save if full else "It is empty")
    if pane.kind.signed:
        menu.addSeparator()
        _add(menu, "Set range…", pane.footer.edit_range, enabled=pane.footer.limit is not None)
        _add(menu, "Automatic range", lambda: pane.footer.range_reset.emit())
        _add_channels(menu, grid)
    return menu


def copy_pane(grid: PaneGrid, pane: Pane) -> None:
    """The pane with its colour bar onto the clipboard."""
    image, clipboard = pane_image(pane, grid.theme), QGuiApplication.clipboard()
    if image is not None and clipboard is not None:
        clipboard.setImage(image)


def copy_values(grid: PaneGrid) -> None:
    """Every pane's value at the cursor as lines of text, with a plain minus."""
    pixel, clipboard = grid.linking.pointed, QGuiApplication.clipboard()
    if pixel is None or clipboard is None:
        return
    lines = [f"pixel\t{pixel[0]}\t{pixel[1]}"]
    for pane in grid.panes.values():
        values = pane.values_at(pixel)
        if values is not None:
            name = pane.kind.name.replace("_", " ")
            lines.append("\t".join([name, *(f"{value:.7g}" for value in values)]))
    clipboard.setText(numbers.ascii_minus("\n".join(lines)))


def ask_and_save(grid: PaneGrid, pane: Pane) -> None:
    """Ask where, and write the pane with its colour bar or its values."""
    suggested = f"{pane.kind.name}-it{max(pane.stamp, 0)}.png".replace("_", "-")
    path, _ = QFileDialog.getSaveFileName(grid, f"Save {pane.kind.title}", suggested, SAVE_FILTERS)
    if path:
        save_pane(grid, pane, Path(path))


def save_pane(grid: PaneGrid, pane: Pane, path: Path) -> bool:
    """Write the pane with its colour bar (PNG) or its values (EXR, NPZ). False, and a signal why, where that fails."""
    path = path if path.suffix else path.with_suffix(".png")
    if path.suffix.lower() in (".exr", ".npz") and pane.array is not None:
        try:
            save_values(path, pane.kind.name, pane.array, pane.stamp)
        except (RimlightError, OSError) as error:
            grid.failed.emit(str(error))
            return False
        return True
    image = pane_image(pane, grid.theme)
    if image is None or not image.save(str(path)):
        grid.failed.emit(f"{path.name}: the picture could not be written; choose another folder.")
        return False
    return True
