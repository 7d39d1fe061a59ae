"""The 3D view, by the pixels it shows: shading, slices, ghosts, themes, and what it does without graphics."""

from __future__ import annotations

import gc
import pickle

import numpy as np
import pytest
from PyQt6.QtCore import QCoreApplication, QEvent
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QApplication
from vispy.gloo.context import canvasses

from app.theme import DARK, LIGHT
from app.viewport import Viewport
from app.viewport import viewport as viewport_module
from app.viewport.camera import Orbit
from app.viewport.field_plane import Slice
from app.viewport.surface import MOVING_LIMIT
from tests.fakes.fake_scene import cube, loaded, moved, snapshot, sphere
from tests.fakes.pictures import HEIGHT, WIDTH, bare, covered, pixels, rgb, show_sphere

pytestmark = pytest.mark.window


def test_the_plain_ground_is_seen_first_and_opengl_starts_after_it(qtbot):
    widget = Viewport()
    qtbot.addWidget(widget, before_close_func=lambda closing: closing.shutdown())
    if widget.problem is not None:
        pytest.skip(f"no 3D here: {widget.problem}")
    widget.set_theme(LIGHT)
    widget.resize(WIDTH, HEIGHT)
    assert widget.surface.isHidden()
    image = QImage(WIDTH, HEIGHT, QImage.Format.Format_RGB32)
    widget.render(image)
    assert image.pixelColor(WIDTH // 2, HEIGHT // 2).name().upper() == LIGHT.viewport
    assert widget._canvas.repaints == 0
    widget.show()
    qtbot.waitUntil(lambda: widget.surface.isVisible() and widget._canvas.repaints > 0)
    assert widget.childAt(20, 20) is not widget.surface  # the controls still lie above it


def test_mesh_in_the_middle_is_shaded_and_lit_from_the_left(viewport):
    bare(viewport)
    show_sphere(viewport)
    viewport.set_mode("shaded")
    picture = pixels(viewport)
    middle = picture[HEIGHT // 2, WIDTH // 2]
    assert middle.min() > 90
    assert np.ptp(middle) < 12  # a neutral grey
    assert np.abs(picture[HEIGHT // 2, 8] - rgb(DARK.viewport)).max() <= 2
    columns = np.flatnonzero(covered(picture)[HEIGHT // 2])
    left, right = picture[HEIGHT // 2, columns[3]], picture[HEIGHT // 2, columns[-4]]
    assert left.sum() > right.sum()


def test_mesh_moves_with_the_model_matrix(viewport):
    bare(viewport)
    show_sphere(viewport)
    before = covered(pixels(viewport))
    viewport.show_snapshot(snapshot(1, model=moved(y=0.15)))
    after = covered(pixels(viewport))
    rise = np.nonzero(before)[0].mean() - np.nonzero(after)[0].mean()
    half_height = np.tan(np.radians(0.5 * viewport.helm.orbit.fov)) * viewport.helm.orbit.distance
    expected = 0.15 * np.cos(np.radians(viewport.helm.orbit.elevation)) * 0.5 * HEIGHT / half_height
    assert rise == pytest.approx(expected, rel=0.2)


def test_vertices_and_topology_may_change_at_any_snapshot(viewport):
    bare(viewport)
    show_sphere(viewport)
    ball = covered(pixels(viewport)).sum()
    vertices, _ = sphere(radius=0.3)
    viewport.show_snapshot(snapshot(1, vertices=vertices))
    small = covered(pixels(viewport)).sum()
    assert small == pytest.approx(ball / 4, rel=0.15)
    corners, faces = cube()
    viewport.show_snapshot(snapshot(2, vertices=corners, faces=faces))
    assert covered(pixels(viewport)).sum() > 2 * small
    viewport.show_snapshot(snapshot(3, vertices=corners[:3], faces=np.zeros((0, 3), np.int32)))
    assert covered(pixels(viewport)).sum() < 0.2 * small  # only the ground's lines
    assert viewport.problem is None


def test_arrays_may_come_pickled_in_fortran_order_and_not_finite(viewport):
    bare(viewport)
    vertices, faces = sphere()
    vertices[5] = np.nan
    vertices, faces = (pickle.loads(pickle.dumps(np.asfortranarray(a))) for a in (vertices, faces))
    gradient = np.full(len(vertices), np.nan, np.float32)
    viewport.set_loaded(loaded((vertices, faces), views=()))
    viewport.show_snapshot(snapshot(vertices=vertices, faces=faces, model=moved(), vertex_gradient=gradient))
    assert covered(pixels(viewport)).sum() > 1000
    assert viewport.problem is None


def test_modes_differ(viewport):
    bare(viewport)
    vertices, _ = sphere()
    gradient = 10.0 ** (2 * vertices[:, 1] / 0.6 - 4)  # 1e-6 below to 1e-2 above
    colours = np.tile(np.float32([0.0, 0.5, 0.0]), (len(vertices), 1))
    show_sphere(viewport, vertex_gradient=gradient.astype(np.float32), vertex_colours=colours)
    shown = {}
    for mode in ("gradient", "shaded", "normals", "wire"):
        viewport.set_mode(mode)
        shown[mode] = pixels(viewport)
    x, y = WIDTH // 2, HEIGHT // 2
    assert shown["shaded"][y, x, 1] > 3 * shown["shaded"][y, x, 0]
    column = shown["gradient"][:, x].sum(-1)
    rows = np.flatnonzero(covered(shown["gradient"])[:, x])
    low, high = column[rows[-12]], column[rows[12]]
    assert high > low + 150  # the sequential map is light where the gradient is large
    assert not viewport.scale.isVisible()  # only the gradient has one
    assert shown["normals"][y, x, 2] > shown["normals"][y, x, 0]  # the middle faces the eye, near +z
    assert np.abs(shown["wire"][y - 40 : y + 40, x - 40 : x + 40].astype(float)).std() > 12


def test_gradient_scale_says_when_there_is_none(viewport):
    bare(viewport)
    show_sphere(viewport)
    assert viewport.scale.isVisible()
    assert viewport.scene.surface.exponent is None
    count = len(sphere()[0])

    def shown(values) -> tuple[float, float]:
        viewport.show_snapshot(snapshot(1, vertex_gradient=np.broadcast_to(values, count).astype(np.float32)))
        return viewport.scene.surface.range

    assert shown(3e-3) == (-4.5, -2.5)  # at least two decades
    assert shown(2e-3) == (-4.5, -2.5)  # stays put for small changes
    assert shown(3e-6) == (-7.5, -5.5)
    assert shown(10.0 ** np.linspace(-12, -3, count)) == (-8.0, -3.0)  # at most five
    assert shown(np.nan) == (-8.0, -3.0)
    assert viewport.scale._known


def coloured(colour: tuple[int, int, int], cut: bool, axis: int = 2, at: float = 0.0) -> Slice:
    """A plain picture on a plane of half size 0.8, its lower left quarter white."""
    picture = np.full((64, 64, 4), (*colour, 255), np.uint8)
    picture[32:, :32] = 255
    low, high = np.full(3, -0.8), np.full(3, 0.8)
    low[axis] = high[axis] = at
    return Slice(picture, axis, low, high, cut)


def test_a_slice_is_hidden_by_the_shape_until_what_lies_before_it_is_cut_away(viewport):
    """The eye is on +z: of a ball of radius 0.6 that is cut at z = 0 the plane is seen, else the ball before it."""
    bare(viewport)
    show_sphere(viewport)
    viewport._steer(Orbit(azimuth=0.0, elevation=0.0, distance=3.2))
    green = (0, 200, 40)
    whole = pixels(viewport)[HEIGHT // 2 - 20, WIDTH // 2 + 20]
    viewport.scene.plane.show(coloured(green, cut=False))
    viewport.redraw()
    assert np.abs(pixels(viewport)[HEIGHT // 2 - 20, WIDTH // 2 + 20] - whole).max() <= 2
    viewport.scene.plane.show(coloured(green, cut=True))
    viewport.redraw()
    shown = pixels(viewport)
    assert np.abs(shown[HEIGHT // 2 - 20, WIDTH // 2 + 20] - green).max() <= 2
    assert shown[HEIGHT // 2 + 20, WIDTH // 2 - 20].min() >= 250  # x to the right, y upwards
    assert np.abs(shown[HEIGHT // 2 + 20, WIDTH // 2 + 20] - green).max() <= 2
    viewport._steer(Orbit(azimuth=180.0, elevation=0.0, distance=3.2))  # from behind the other half is cut away
    assert np.abs(pixels(viewport)[HEIGHT // 2 - 20, WIDTH // 2 - 20] - green).max() <= 2
    viewport.scene.plane.show(None)
    viewport.redraw()
    assert np.abs(pixels(viewport)[HEIGHT // 2 - 20, WIDTH // 2 - 20] - green).max() > 40


def test_ghost_shows_beside_the_shape_and_can_be_hidden(viewport):
    vertices, faces = sphere()
    viewport.set_loaded(loaded((vertices + np.float32([0.9, 0, 0]), faces), views=()))
    show_sphere(viewport)
    with_ghost = pixels(viewport)
    viewport.set_ghost_visible(False)
    without = pixels(viewport)
    changed = np.abs(with_ghost - without).max(-1) > 12
    assert changed.sum() > 1500
    strongest = with_ghost[changed].max(0)
    assert (np.abs(strongest - rgb(DARK.ghost)) < 60).all()
    assert not viewport.tools.ghost.isChecked()


def test_ghost_of_a_converged_fit_leaves_the_shape_as_it_is(viewport):
    vertices, faces = sphere()
    viewport.set_loaded(loaded((vertices, faces), views=()))
    show_sphere(viewport)
    with_ghost = pixels(viewport)
    viewport.set_ghost_visible(False)
    inside = covered(pixels(viewport))
    inside &= np.roll(inside, 3, 0) & np.roll(inside, -3, 0) & np.roll(inside, 3, 1) & np.roll(inside, -3, 1)
    difference = np.abs(with_ghost - pixels(viewport)).max(-1)
    assert np.mean(difference[inside] > 6) < 0.01


def test_theme_changes_the_ground(viewport):
    bare(viewport)
    for theme in (LIGHT, DARK):
        viewport.set_theme(theme)
        assert np.abs(pixels(viewport)[60, 8] - rgb(theme.viewport)).max() <= 2


def test_large_meshes_are_thinned_while_they_move_in_software(viewport, qtbot):
    bare(viewport)
    vertices, faces = sphere(100)
    assert len(faces) > MOVING_LIMIT
    viewport.show_snapshot(snapshot(vertices=vertices, faces=faces, model=moved()))
    viewport.set_mode("shaded")
    moving = covered(pixels(viewport))
    if not viewport._canvas.software:
        pytest.skip("a graphics card draws here")
    assert viewport.scene.surface._thin is not None
    qtbot.waitUntil(lambda: not viewport._moving, timeout=3000)
    still = covered(pixels(viewport))
    assert np.mean(moving != still) < 0.004


def test_many_requests_make_few_repaints(viewport, qtbot):
    bare(viewport)
    show_sphere(viewport)
    pixels(viewport)
    qtbot.wait(80)
    before = viewport._canvas.repaints
    for i in range(200):
        viewport.show_snapshot(snapshot(i, model=moved(0.001 * i)))
    qtbot.wait(200)
    assert 1 <= viewport._canvas.repaints - before <= 20


def test_readout_shows_what_is_known(viewport):
    def words() -> str:
        return " ".join(
            label.text() for _, title, values in viewport.readout._pairs for label in (title, *values) if label.text()
        )

    viewport.set_metrics({})
    assert viewport.readout.isHidden()
    viewport.set_metrics({"loss": 0.012, "iou": 0.871, "translation_error": 0.0887, "rotation_error_degrees": 11.4})
    assert words() == "Overlap 0.871 Off by 0.0887 11.4°"
    viewport.set_metrics({"loss": 0.012})
    assert words() == "Loss 0.0120"


def test_overlays_keep_their_places_and_text(viewport, qtbot):
    bare(viewport)
    viewport.resize(700, 360)
    qtbot.wait(20)
    assert viewport.modes.geometry().left() == 8
    assert viewport.tools.geometry().right() == 700 - 8 - 1
    assert viewport.gizmo.geometry().bottom() == 360 - 4 - 1
    for index in range(4):
        button = viewport.modes.button(index)
        assert button.width() >= button.sizeHint().width()


def test_without_graphics_a_placeholder_says_why_and_takes_every_call(qtbot, monkeypatch):
    monkeypatch.setattr(viewport_module, "opengl_problem", lambda: "no OpenGL context can be created")
    widget = Viewport()
    qtbot.addWidget(widget)
    widget.show()
    assert "no OpenGL context" in widget.placeholder.text.text()
    widget.set_loaded(loaded(sphere()))
    widget.show_snapshot(snapshot(vertices=sphere()[0], faces=sphere()[1]))
    for call in (widget.fit, widget.reset_view, widget.shutdown):
        call()
    widget.set_metrics({"loss": 1.0})
    widget.set_theme(LIGHT)
    widget.set_view(1)
    widget.set_mode("wire")
    widget.set_looking_through(True)


def test_a_failing_driver_ends_in_the_placeholder(viewport, qtbot, monkeypatch):
    bare(viewport)

    def refuse(*_arguments):
        raise RuntimeError("shader did not compile")

    monkeypatch.setattr(viewport.scene, "draw", refuse)
    viewport._canvas.request_now()
    qtbot.waitUntil(lambda: viewport.problem is not None, timeout=2000)
    assert "shader did not compile" in viewport.placeholder.text.text()
    show_sphere(viewport)


def test_viewports_come_and_go_without_leaving_canvases(qtbot):
    def alive() -> int:
        gc.collect()
        return sum(canvas() is not None for canvas in canvasses)

    before = alive()
    for _ in range(4):
        widget = Viewport()
        if widget.problem is not None:
            pytest.skip(f"no 3D here: {widget.problem}")
        widget.resize(200, 150)
        with qtbot.waitExposed(widget):
            widget.show()
        show_sphere(widget)
        QApplication.processEvents()
        widget.shutdown()
        widget.close()
        widget.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        del widget
    assert alive() <= before
