"""The image panes, by the pixels they show and what they say."""

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
from PyQt6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt
from PyQt6.QtGui import QGuiApplication, QImage, QWheelEvent
from PyQt6.QtWidgets import QApplication

from app.panes import PaneGrid
from app.panes.export import pane_image
from app.panes.grid import GIVE_UP
from app.panes.lens import LADDER, Lens, fitted_scale
from app.panes.maps import channel_of, natural_picture, plane, resample, robust_range, signed_picture
from app.panes.menus import copy_values, more_menu, pane_menu, save_pane
from app.panes.ranges import Ranges
from app.theme import DARK, LIGHT
from core.colour_maps import hex_to_rgb
from tests.fakes.fake_scene import PARAMETERS, agreement, loaded, snapshot

pytestmark = pytest.mark.window
SIDE = 64
THETA = "pose.translation.x"
WIDE = 1185


@pytest.fixture
def grid(qtbot):
    widget = PaneGrid()
    qtbot.addWidget(widget)
    widget.set_theme(DARK)
    widget.resize(WIDE, widget.height_for(WIDE))
    with qtbot.waitExposed(widget):
        widget.show()
    widget.set_loaded(loaded(theta=THETA))
    return widget


def rgb(colour: str) -> np.ndarray:
    return np.rint(255 * hex_to_rgb(colour)).astype(int)


def grabbed(picture) -> np.ndarray:
    """What a picture widget shows, device pixels, (h, w, 3) int."""
    image = picture.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    return image_pixels(image)


def image_pixels(image: QImage) -> np.ndarray:
    data = image.constBits()
    assert data is not None
    data.setsize(image.sizeInBytes())
    rows = np.frombuffer(data, np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 4 * image.width()].reshape(image.height(), -1, 4)[..., 2::-1].astype(int)


def at(pane, x: int, y: int) -> np.ndarray:
    """The colour in the middle of image pixel (x, y)."""
    middle = pane.picture.pixel_box((x, y)).center()
    return grabbed(pane.picture)[int(middle.y()), int(middle.x())]


def blocks(size: float = 2.0, channels: int = 3) -> np.ndarray:
    """Zero, but for a block of +size at the left and one of -size at the right."""
    image = np.zeros((SIDE, SIDE, channels), np.float32)
    image[20:44, 8:24] = size
    image[20:44, 40:56] = -size
    return image


def derived(iteration: int = 5, theta: str = THETA, **more):
    arrays = {"derivative": blocks(2.0), "reference": blocks(4.0), "disagreement": blocks(-2.0), **more}
    return snapshot(iteration, theta=theta, **arrays)


# ---------------------------------------------------------------------------------------------- the signed map


def test_signed_map_zero_is_the_well_plus_is_orange_minus_is_blue(grid):
    for theme in (DARK, LIGHT):
        grid.set_theme(theme)
        grid.show_snapshot(derived())
        pane = grid.panes["reference"]
        assert np.abs(at(pane, 32, 32) - rgb(theme.well)).max() <= 1
        plus, minus = at(pane, 16, 32), at(pane, 48, 32)
        assert np.abs(plus - rgb(theme.signed[-1])).max() <= 2
        assert np.abs(minus - rgb(theme.signed[0])).max() <= 2
        assert plus[0] > plus[2]
        assert minus[2] > minus[0]


def test_locked_panes_share_the_range_of_the_reference(grid):
    grid.show_snapshot(derived())
    assert grid.panes["reference"].footer.limit == pytest.approx(4.0)
    assert grid.panes["derivative"].footer.limit == pytest.approx(4.0)
    assert grid.panes["disagreement"].footer.limit == pytest.approx(2.0)  # an open lock: a range of its own
    half = at(grid.panes["derivative"], 16, 32)
    assert np.abs(half - rgb(DARK.signed[-1])).max() > 40
    grid.panes["derivative"].lock.click()
    assert grid.panes["derivative"].footer.limit == pytest.approx(2.0)
    assert np.abs(at(grid.panes["derivative"], 16, 32) - rgb(DARK.signed[-1])).max() <= 2
    grid.panes["disagreement"].lock.click()
    assert grid.panes["disagreement"].footer.limit == pytest.approx(4.0)


def test_a_typed_range_stays_until_it_is_emptied(grid, qtbot):
    grid.show_snapshot(derived())
    footer = grid.panes["derivative"].footer
    for text, expected in (("8", 8.0), ("nonsense", 8.0), ("", 4.0)):
        editor = footer.edit_range()
        editor.setText(text)
        qtbot.keyClick(editor, Qt.Key.Key_Return)
        assert footer.limit == pytest.approx(expected)
        assert grid.panes["reference"].footer.limit == pytest.approx(expected)
    qtbot.mouseDClick(footer, Qt.MouseButton.LeftButton, pos=QPoint(20, 12))
    assert footer._editor.isVisible()


def test_robust_range_sees_thin_lines_and_ignores_a_few_spikes():
    image = np.zeros((100, 100), np.float32)
    assert robust_range(image) == 1.0
    image[50, :40] = -3.0  # 0.4 % of the pixels: a short silhouette
    assert robust_range(image) == pytest.approx(3.0)
    image[60:63] = 1e-5  # rounding, which covers more than the line does
    assert robust_range(image) == pytest.approx(3.0)
    dense = np.full((100, 100), 2.0, np.float32)
    dense[0, :50] = 1000.0
    dense[1, 0] = np.nan
    assert robust_range(dense) == pytest.approx(2.0)


def test_channels_of_a_colour_derivative(grid):
    image = np.zeros((SIDE, SIDE, 3), np.float32)
    image[..., 0], image[..., 2] = 1.0, -1.0
    grid.show_snapshot(snapshot(1, theta=THETA, derivative=image))
    expected = {"luminance": 0.2126 - 0.0722, "mean": 0.0, "red": 1.0, "green": 0.0, "blue": -1.0}
    for channel, value in expected.items():
        grid.set_channel(channel)
        assert grid.panes["derivative"].values[3, 3] == pytest.approx(value, abs=1e-6)
    assert np.abs(at(grid.panes["derivative"], 30, 30) - rgb(DARK.signed[0])).max() <= 2


def test_one_channel_and_no_channel(grid):
    grid.set_loaded(loaded(theta=THETA, sees="silhouette"))
    mask = np.zeros((SIDE, SIDE, 1), np.float32)
    mask[:, 32:] = 1.0
    grid.show_snapshot(snapshot(2, theta=THETA, target=mask, render=mask, difference=mask[..., 0], derivative=mask))
    assert at(grid.panes["target"], 40, 30).min() == 255
    assert at(grid.panes["target"], 20, 30).max() == 0
    for name in ("difference", "derivative"):
        assert np.abs(at(grid.panes[name], 40, 30) - rgb(DARK.signed[-1])).max() <= 2


def test_pictures_are_shown_in_srgb(grid):
    grid.show_snapshot(snapshot(1, target=np.full((SIDE, SIDE, 3), 0.2140, np.float32)))
    assert np.abs(at(grid.panes["target"], 30, 30) - 128).max() <= 1


def test_the_channel_of_an_image_follows_from_the_losses():
    one, three = np.zeros((2, 2, 1)), np.zeros((2, 2, 3))
    for sees, of_one, of_three in (
        ({"colour"}, "silhouette", "colour"),
        ({"silhouette", "normals"}, "silhouette", "normals"),
        ({"depth"}, "depth", "colour"),
        ({"colour", "normals", "silhouette", "depth"}, "silhouette", "colour"),
    ):
        assert channel_of(one, frozenset(sees)) == of_one
        assert channel_of(three, frozenset(sees)) == of_three


def test_normals_and_depth_have_their_own_pictures():
    normals = np.zeros((2, 2, 3), np.float32)
    normals[..., 2] = 1.0
    assert natural_picture(normals, "normals")[0, 0].tolist() == [128, 128, 255]
    depth = np.array([[2.0, 3.0], [4.0, np.nan]], np.float32)
    picture = natural_picture(depth, "depth")
    assert picture[0, 0, 0] == 255
    assert picture[1, 0, 0] == 0
    assert picture[1, 1].tolist() == [255, 0, 255]


def test_what_is_not_finite_is_magenta_and_counted(grid):
    image = blocks()
    image[10, 12, 1] = np.nan
    image[11, 12] = np.inf
    grid.show_snapshot(snapshot(1, theta=THETA, render=image, derivative=image))
    for name in ("render", "derivative"):
        assert at(grid.panes[name], 12, 10).tolist() == [255, 0, 255]
        assert at(grid.panes[name], 12, 11).tolist() == [255, 0, 255]
        assert ("2 not finite", "warn") in grid.panes[name].picture._chips
    assert grid.panes["derivative"].footer.limit == pytest.approx(2.0)
    grid.show_snapshot(snapshot(2, theta=THETA, derivative=np.full((SIDE, SIDE, 3), np.nan)))
    assert grid.panes["derivative"].footer.limit == 1.0


# ---------------------------------------------------------------------------------------------- zoom, cursor


def wheel(widget, point: QPointF, notches: int) -> None:
    event = QWheelEvent(
        point, widget.mapToGlobal(point), QPoint(), QPoint(0, 120 * notches), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)


def test_zoom_is_linked_whole_and_keeps_what_lies_under_the_pointer(grid, qtbot):
    grid.show_snapshot(derived(target=blocks()))
    picture = grid.panes["reference"].picture
    point = QPointF(40, 50)
    before = picture.pixel_at(point)
    wheel(picture, point, 2)
    scales = {pane.picture.lens.scale for pane in grid.panes.values()}
    assert len(scales) == 1
    assert scales.pop() in LADDER
    assert abs(picture.pixel_at(point)[0] - before[0]) <= 1
    assert abs(picture.pixel_at(point)[1] - before[1]) <= 1
    qtbot.mousePress(picture, Qt.MouseButton.LeftButton, pos=QPoint(60, 60))
    qtbot.mouseMove(picture, QPoint(90, 60))
    qtbot.mouseRelease(picture, Qt.MouseButton.LeftButton, pos=QPoint(90, 60))
    assert grid.panes["target"].picture.pixel_at(QPointF(70, 50)) == before
    assert grid.linking.pin is None  # a drag is no click
    grid.head.link.click()
    wheel(picture, point, -9)
    assert picture.lens == Lens()
    assert grid.panes["target"].picture.lens != Lens()
    grid.head.link.click()
    assert len({pane.picture.lens for pane in grid.panes.values()}) == 1


def test_the_cursor_is_linked_and_reads_values(grid, qtbot):
    grid.show_snapshot(derived(target=np.full((SIDE, SIDE, 3), 0.25, np.float32)))
    picture = grid.panes["target"].picture
    middle = picture.pixel_box((16, 32)).center().toPoint()
    with qtbot.waitSignal(grid.cursor_moved) as moved:
        qtbot.mouseMove(picture, middle)
    assert moved.args == [(16, 32)]
    assert grid.panes["reference"].footer._value == pytest.approx(4.0)
    assert grid.panes["target"].footer._reading == "16, 32   0.250  0.250  0.250"
    other = grid.panes["disagreement"].picture
    lines, x = grabbed(other), int(other.pixel_box((16, 32)).center().x())
    assert np.abs(lines[5, x] - rgb(DARK.well)).max() > 15  # the hairline
    assert np.abs(lines[5, x + 12] - rgb(DARK.well)).max() <= 1
    with qtbot.waitSignal(grid.pixel_pinned) as pinned:
        qtbot.mouseClick(picture, Qt.MouseButton.LeftButton, pos=middle)
    assert pinned.args == [(16, 32)]
    with qtbot.waitSignal(grid.cursor_moved) as moved:
        QApplication.sendEvent(picture, QEvent(QEvent.Type.Leave))
    assert moved.args == [None]
    near = grabbed(other)[int(other.pixel_box((16, 32)).center().y()) - 6 :][:13, x - 6 : x + 7].reshape(-1, 3)
    assert np.abs(near - rgb(DARK.accent)).max(-1).min() < 40  # the box stays
    with qtbot.waitSignal(grid.pixel_pinned) as pinned:
        qtbot.mouseClick(picture, Qt.MouseButton.LeftButton, pos=middle)
    assert pinned.args == [None]


def test_copying_the_values_at_the_pin(grid):
    grid.show_snapshot(derived())
    grid.set_pin((48, 32))
    copy_values(grid)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0] == "pixel\t48\t32"
    assert "reference\t-4\t-4\t-4" in lines


@pytest.mark.parametrize(
    ("widget", "image", "scale"), [(187, 96, 2), (180, 96, 180 / 96), (190, 64, 3), (100, 256, 100 / 256)]
)
def test_fitted_scale_is_whole_where_that_is_near(widget, image, scale):
    assert fitted_scale((widget, widget), (image, image)) == pytest.approx(scale)


def test_resampling_is_nearest_when_whole_and_a_mean_below(rng):
    picture = rng.integers(0, 256, (8, 6, 3)).astype(np.uint8)
    np.testing.assert_array_equal(resample(picture, 18, 24, (0, 0, 6, 8)), picture.repeat(3, 0).repeat(3, 1))
    half = resample(picture, 3, 4, (0, 0, 6, 8)).astype(float)
    means = picture.reshape(4, 2, 3, 2, 3).mean((1, 3))
    assert np.abs(half - means).max() <= 0.51
    soft = resample(picture, 9, 8, (0, 0, 6, 8))
    np.testing.assert_array_equal(soft[:, 0], picture[:, 0])  # whole inside a pixel, mixed only across its edge
    assert np.abs(soft[:, 1] - picture[:, :2].astype(float).mean(1)).max() <= 0.51


def test_signed_picture_clips_at_the_range():
    lut = DARK.signed_lut()
    picture = signed_picture(np.array([[-9.0, -1.0, 0.0, 1.0, 9.0]], np.float32), 1.0, lut)
    np.testing.assert_array_equal(picture[0], lut[[1, 1, 128, 255, 255]])


def test_plane_takes_what_there_is():
    assert plane(np.ones((4, 5))).shape == (4, 5)
    assert plane(np.ones((4, 5, 1)), "red").shape == (4, 5)
    assert plane(np.ones((4, 5, 3)), "mean").shape == (4, 5)


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
