"""The image panes, by what they say: waiting, lagging, their title bar, what is saved of them."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
import weakref
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import QCoreApplication, QEvent, Qt
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QApplication

from app.panes import PaneGrid
from app.panes.export import pane_image
from app.panes.grid import GIVE_UP
from app.panes.menus import more_menu, pane_menu, save_pane
from app.panes.ranges import Ranges
from app.theme import DARK
from tests.fakes.fake_scene import PARAMETERS, agreement, loaded, snapshot
from tests.fakes.pictures import SIDE, THETA, WIDE, at, blocks, derived, image_pixels, rgb

pytestmark = pytest.mark.window


# ---------------------------------------------------------------------------------------------- states


def test_a_lagging_image_says_its_iteration(grid):
    grid.show_snapshot(derived(76, target=blocks(), render=blocks()))
    assert grid.panes["derivative"].picture._chips == ()
    grid.show_snapshot(snapshot(80, theta=THETA, render=blocks(1.0)))
    assert grid.panes["derivative"].picture._chips == (("it 76", "text2"),)
    assert grid.panes["render"].picture._chips == ()
    assert grid.panes["target"].picture._chips == ()  # a target belongs to no iteration
    before = snapshot(80, theta=THETA, derivative=blocks(1.5), stamps={"derivative": -1})
    grid.show_snapshot(before)
    assert grid.panes["derivative"].picture._chips == (("before the edit", "text2"),)


def test_another_parameter_fades_the_panes_until_its_images_come(grid, qtbot):
    grid.show_snapshot(derived())
    pane = grid.panes["derivative"]
    bright = at(pane, 16, 32)
    grid.set_theta("pose.translation.y")
    qtbot.waitUntil(lambda: pane.picture._busy_since is not None, timeout=2000)
    assert at(pane, 16, 32).sum() < 0.8 * bright.sum()
    grid.show_snapshot(derived(6))  # of the old parameter, still on its way
    assert pane.picture._busy_since is not None
    grid.show_snapshot(derived(7, "pose.translation.y", derivative=blocks(3.0)))
    assert pane.picture._busy_since is None
    assert at(pane, 16, 32).sum() > 0.8 * bright.sum()
    assert pane.values[32, 16] == pytest.approx(3.0)


def test_panes_that_wait_give_a_slow_event_loop_nothing_to_do(grid, qtbot, monkeypatch):
    grid.show_snapshot(derived())
    posted: list[str] = []
    monkeypatch.setattr(grid, "_post", lambda key, piece, widget: (posted.append(key), piece()))
    grid.set_theta("pose.translation.y")
    qtbot.waitUntil(lambda: grid._late == set(grid._waiting) != set(), timeout=2000)
    assert grid.panes["derivative"].picture._busy_since is not None
    grid._ticker.stop()
    posted.clear()
    for _ in range(5):
        grid._tick()
    assert posted == []
    grid._waiting = dict.fromkeys(grid._waiting, time.monotonic() - 2 * GIVE_UP)
    grid._tick()
    assert "pane derivative" in posted
    assert grid.panes["derivative"].picture._busy_since is None


def test_another_view_drops_the_images_of_the_old_one(grid):
    grid.show_snapshot(derived(5, target=blocks()))
    grid.show_snapshot(snapshot(5, view=1, theta=THETA, target=blocks(1.0)))
    assert grid.panes["target"].array is not None
    assert grid.panes["derivative"].array is None


def test_empty_panes_say_what_to_do(grid, qtbot):
    grid.show_snapshot(snapshot(3, theta=THETA, derivative=blocks()))
    grid.stop_waiting()
    empty = grid.panes["reference"].empty
    assert empty.isVisible()
    assert empty.text.text() == "No reference derivative yet."
    with qtbot.waitSignal(grid.reference_requested):
        qtbot.mouseClick(empty.button, Qt.MouseButton.LeftButton)
    grid.show_snapshot(derived())
    assert not empty.isVisible()
    grid.set_theta(None)
    derivative = grid.panes["derivative"].empty
    assert derivative.text.text() == "Choose a parameter to derive by."
    with qtbot.waitSignal(grid.theta_changed) as chosen:
        qtbot.mouseClick(derivative.button, Qt.MouseButton.LeftButton)
    assert chosen.args == [THETA]


def test_loading_another_problem_empties_the_panes(grid):
    grid.show_snapshot(derived(target=blocks()))
    grid.set_pin((3, 3))
    grid.set_loaded(loaded())
    assert all(pane.array is None for pane in grid.panes.values())
    assert grid.theta is None
    assert grid.linking.pin is None


def test_loading_again_waits_for_the_same_parameter(grid, qtbot):
    grid.show_snapshot(derived())
    grid.set_loaded(loaded(theta=THETA))
    assert grid.theta == THETA
    assert not grid.panes["reference"].empty.button.isVisible()  # on its way: nothing to ask for
    grid.show_snapshot(snapshot(0, theta=THETA, derivative=blocks()))
    assert not grid.panes["reference"].empty.isVisible()
    qtbot.waitUntil(lambda: grid.panes["reference"].picture._busy_since is not None, timeout=2000)


# ---------------------------------------------------------------------------------------------- the title bar


def test_theta_combo_offers_every_parameter_and_direction(grid, qtbot):
    combo = grid.head.theta
    offered = [combo.itemData(i) for i in range(combo.count()) if combo.itemData(i)]
    assert offered[:4] == ["pose.translation.x", "pose.translation.y", "pose.translation.z", "random"]  # free ones
    assert {"pose.scale", "vertices.normal", "random:vertices"} <= set(offered)
    with qtbot.waitSignal(grid.theta_changed) as changed:
        combo.setCurrentIndex(combo.findData("vertices.normal"))
        combo.activated.emit(combo.currentIndex())
    assert changed.args == ["vertices.normal"]
    assert grid.theta == "vertices.normal"
    grid.set_theta("vertices.12.x")  # not in the list: joins it
    assert combo.currentData() == "vertices.12.x"
    grid.set_parameters(PARAMETERS[:1])
    assert combo.currentData() is None


def test_options_are_edited_in_place(grid, qtbot):
    changes = []
    grid.derive_options_changed.connect(lambda step, samples: changes.append((step, samples)))
    field = grid.head.step
    for text in ("0.5 px", "0.5", "nonsense", "99"):
        field.setText(text)
        field.editingFinished.emit()
    grid.head.samples.menu().actions()[-1].trigger()
    assert changes == [(0.5, 4), (8.0, 4), (8.0, 16)]
    assert field.text() == "8 px"
    grid.set_derive_options(0.25, 8)
    assert grid.head.options == (0.25, 8)
    assert len(changes) == 3  # said by the engine, not by the user


def test_agreement_is_that_of_the_shown_parameter(grid):
    assert grid.head.unknown.isVisible()
    grid.set_agreement(agreement("pose.translation.y"))
    assert grid.head.unknown.isVisible()
    grid.set_agreement(agreement(THETA))
    shown = {name: value.text() for name, (_, value) in grid.head.numbers.items()}
    assert shown == {"relative_l2": "0.139", "silhouette_relative_l2": "0.162", "cosine": "0.990"}
    assert not grid.head.unknown.isVisible()
    grid.set_theta("pose.translation.y")
    assert grid.head.unknown.isVisible()


def test_five_panes_at_1024_and_a_title_bar_that_fits(grid):
    grid.set_agreement(agreement(THETA))
    assert len(grid.shown()) == 6
    for width, count in ((968, 5), (1032, 6), (520, 3), (300, 1)):
        grid.resize(width, 260)
        QApplication.processEvents()
        assert grid.width() == width
        assert len(grid.shown()) == count, width
        head = grid.head
        visible = [child for child in (head.theta, head.link, head.more) if child.isVisible()]
        assert all(child.geometry().right() <= width for child in visible)
    grid.resize(968, 260)
    QApplication.processEvents()
    assert grid.head.numbers["relative_l2"][1].isVisible()


def test_a_digit_enlarges_a_pane_and_gives_the_grid_back(grid, qtbot):
    grid.show_snapshot(derived(loss_gradient=blocks()))
    grid.maximise(7)  # dL/dI, which is not among the six
    assert grid.shown() == ["loss_gradient"]
    assert grid.panes["loss_gradient"].picture.picture is not None
    grid.maximise(5)
    assert grid.shown() == ["reference"]
    grid.maximise(5)
    assert len(grid.shown()) == 6
    qtbot.mouseDClick(grid.panes["render"].caption, Qt.MouseButton.LeftButton)
    assert grid.shown() == ["render"]
    qtbot.keyClick(grid, Qt.Key.Key_Escape)
    assert len(grid.shown()) == 6
    grid.set_pane_shown(7, True)
    grid.set_pane_shown(1, False)
    assert grid.shown()[0] == "render"
    assert grid.shown()[-1] == "loss_gradient"


def test_menus_name_what_they_do(grid):
    grid.show_snapshot(derived())
    texts = [action.text() for action in pane_menu(grid, grid.panes["derivative"]).actions()]
    assert {"Enlarge", "Copy picture", "Save as…", "Set range…", "Automatic range"} <= set(texts)
    shown = {
        action.text().split("  ")[0]: action.isChecked() for action in more_menu(grid).actions() if action.isCheckable()
    }
    assert shown["6"]
    assert not shown["7"]


def test_pictures_fill_panes_of_any_aspect(grid):
    wide = np.zeros((32, 64, 3), np.float32)
    grid.show_snapshot(snapshot(1, target=wide, render=wide))
    QApplication.processEvents()
    picture = grid.panes["target"].picture
    assert picture.height() == pytest.approx(0.5 * picture.width(), abs=2)
    assert grid.height_for(WIDE) < 230


# ---------------------------------------------------------------------------------------------- export, life, scale


def test_saved_pane_has_its_picture_and_colour_bar(grid, tmp_path, qtbot):
    grid.show_snapshot(derived())
    assert save_pane(grid, grid.panes["reference"], tmp_path / "pane.png")
    image = QImage(str(tmp_path / "pane.png"))
    picture = image_pixels(image.convertToFormat(QImage.Format.Format_RGB32))
    assert image.width() == 512 + 24
    assert np.abs(picture[26 + 8 * 32 + 4, 12 + 8 * 16 + 4] - rgb(DARK.signed[-1])).max() <= 2
    bar = picture[26 + 512 + 10, [20, -20]]
    assert bar[0, 2] > bar[0, 0]
    assert bar[1, 0] > bar[1, 2]
    assert pane_image(grid.panes["target"], DARK) is None
    with qtbot.waitSignal(grid.failed) as failed:
        save_pane(grid, grid.panes["reference"], tmp_path / "missing" / "pane.png")
    assert "pane.png" in failed.args[0]


def test_grids_come_and_go(qtbot):
    alive = []
    for _ in range(5):
        widget = PaneGrid()
        widget.set_loaded(loaded(theta=THETA))
        widget.show_snapshot(derived())
        widget.resize(WIDE, 260)
        with qtbot.waitExposed(widget):
            widget.show()
        alive.append(weakref.ref(widget))
        widget.close()
        widget.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        del widget
    gc.collect()
    assert not any(reference() for reference in alive[:-1])  # qtbot holds the last one it waited for


def test_ranges_without_a_reference_follow_the_method():
    ranges = Ranges({"derivative", "reference"})
    assert ranges.limits({"derivative": 2.0, "reference": None, "difference": 5.0}) == {
        "derivative": (2.0, False),
        "reference": (None, False),
        "difference": (5.0, False),
    }
    ranges.type("difference", 7.0)
    ranges.type("reference", 3.0)
    limits = ranges.limits({"derivative": 2.0, "reference": 4.0, "difference": 5.0})
    assert limits == {"derivative": (3.0, True), "reference": (3.0, True), "difference": (7.0, True)}
    ranges.reset()
    assert ranges.limits({"derivative": 2.0, "reference": 4.0})["derivative"] == (4.0, False)


@pytest.mark.parametrize("scale", ["1.25", "1.5", "2"])
def test_every_image_pixel_is_whole_device_pixels_at_scale(scale):
    environment = {**os.environ, "QT_SCALE_FACTOR": scale, "QT_SCALE_FACTOR_ROUNDING_POLICY": "PassThrough"}
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fakes.scaled_panes", scale],
        env=environment,
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_render_over_the_target_blended_and_wiped(grid):
    """The check of cameras: half of each everywhere, or the render in the columns left of the slider."""
    target, render = np.zeros((SIDE, SIDE, 3), np.float32), np.ones((SIDE, SIDE, 3), np.float32)
    grid.show_snapshot(snapshot(1, target=target, render=render))
    pane = grid.panes["target"]
    assert at(pane, 5, 30).tolist() == [0, 0, 0]
    pane.over.slider.setValue(pane.over.slider.maximum() // 2)
    assert np.abs(at(pane, 5, 30) - 128).max() <= 1
    pane.over.how.click()
    assert at(pane, 5, 30).tolist() == [255, 255, 255]
    assert at(pane, 60, 30).tolist() == [0, 0, 0]
    grid.show_snapshot(snapshot(2, target=target, render=0.0 * render))  # what lies over follows the run
    assert at(pane, 5, 30).tolist() == [0, 0, 0]
    assert grid.panes["render"].over is None
