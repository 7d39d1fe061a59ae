"""The image panes, by the pixels they show: signed maps, ranges, zoom and cursor."""

from __future__ import annotations

import numpy as np
import pytest
from PyQt6.QtCore import QEvent, QPoint, QPointF, Qt
from PyQt6.QtGui import QGuiApplication, QWheelEvent
from PyQt6.QtWidgets import QApplication

from app.panes.lens import LADDER, Lens, fitted_scale
from app.panes.maps import channel_of, natural_picture, plane, resample, robust_range, signed_picture
from app.panes.menus import copy_values
from app.theme import DARK, LIGHT
from tests.fakes.fake_scene import loaded, snapshot
from tests.fakes.pictures import SIDE, THETA, at, blocks, derived, grabbed, rgb

pytestmark = pytest.mark.window


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


def test_a_narrow_pane_says_its_note_shorter(grid):
    note = grid.panes["difference"].note
    whole = note.fontMetrics().horizontalAdvance("render − target")
    assert note.fitted(whole) == "render − target"
    assert note.fitted(whole - 1) == "2 − 1"
    note.resize(whole - 1, note.height())
    note.grab()
    assert note.toolTip() == "render − target"
    note.resize(whole, note.height())
    note.grab()
    assert note.toolTip() == ""


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
