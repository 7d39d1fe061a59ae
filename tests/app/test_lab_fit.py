"""The lab on a real fit, in this process: a probed pixel, a dragged vertex that the fit goes on from, a landscape."""

from __future__ import annotations

import numpy as np
import pytest
from PyQt6.QtCore import Qt

from core import protocol
from core.catalog import ASSETS
from core.derivatives.derive import method_derivative
from core.experiment import DeriveSpec, Experiment, MethodSpec, ParametersSpec, PoseSpec, ShapeSpec, TermSpec, ViewsSpec
from tests.fakes.in_process import InProcess

pytestmark = pytest.mark.window

BALL = ASSETS / "lessons" / "meshes" / "ball.obj"
"""320 triangles, and the method that compiles fastest: what is tested is the way from pixel to vertex and back."""
SMALL = Experiment(
    title="Ball",
    shape=ShapeSpec(file=str(BALL), start=PoseSpec((5.0, 25.0, 0.0), (0.15, 0.0, 0.0))),
    views=ViewsSpec(kind="single", width=32, height=32),
    method=MethodSpec("naive"),
    terms=(TermSpec("l2", "colour"),),
    parameters=ParametersSpec(("vertices",)),
    derive=DeriveSpec(parameter="vertices.normal"),
)


@pytest.fixture
def lab_window(qtbot, qapp, settings_folder):  # type: ignore[no-untyped-def]
    from app.settings import Settings
    from app.window import MainWindow

    client = InProcess()
    window = MainWindow(lambda: client, Settings())  # type: ignore[arg-type]
    window.resize(1280, 800)
    window.controller.open(SMALL)
    window.show()
    window.controller.start()
    qtbot.waitUntil(lambda: window.controller.shown is not None, timeout=120_000)
    yield window, client
    window.close()
    window.deleteLater()
    qapp.processEvents()


def test_three_clicks_lead_from_a_wrong_pixel_to_its_parameter_and_the_cause(lab_window, qtbot):
    """By the mouse alone: the pixel that is furthest from the truth, the first of its parameters, and, where that
    vertex's own derivative is wrong, the worst pixel of that."""
    window, _client = lab_window
    c, inspector = window.controller, window.inspector
    left, pane = Qt.MouseButton.LeftButton, window.panes.panes["disagreement"]

    def click_the_worst_pixel() -> tuple[int, int]:
        theta = c.theta
        of_now = lambda: c.shown.theta == theta and c.shown.stamps.get("disagreement") == c.shown.iteration
        qtbot.waitUntil(lambda: of_now() and c.settled, timeout=120_000)
        apart = np.abs(c.shown.arrays["disagreement"]).max(axis=-1) * (c.shown.arrays["render"].mean(axis=-1) > 0.15)
        y, x = np.unravel_index(apart.argmax(), apart.shape)
        if window.lab.prober.probed is None or window.lab.prober.probed.question.pixel != (
            x,
            y,
        ):  # a second click lets it go
            qtbot.mouseClick(pane.picture, left, pos=pane.picture.pixel_box((int(x), int(y))).center().toPoint())
        told = lambda: (
            (p := window.lab.prober.probed) is not None and p.question.pixel == (x, y) and p.question.theta == theta
        )
        qtbot.waitUntil(told, timeout=120_000)
        return int(x), int(y)

    click_the_worst_pixel()
    assert inspector.why_title.text().startswith("Why is this")
    assert "naive keeps triangle" in inspector.why.text()
    assert "no silhouette term" in inspector.why.text()
    first = next(row for row in inspector.rows.movers if row.isVisible())
    theta = window.lab.prober.probed.movers[0].theta
    assert first.theta == theta
    qtbot.mouseClick(first, left)
    assert c.theta == theta
    click_the_worst_pixel()
    assert window.lab.prober.probed.question.theta == theta
    assert inspector.why.text() == window.lab.prober.probed.why.text


def test_from_a_pixel_to_a_vertex_that_is_dragged_and_a_fit_that_goes_on(lab_window, qtbot):
    window, client = lab_window
    lab, c = window.lab, window.controller
    lab.prober.pin((20, 16))
    qtbot.waitUntil(lambda: lab.prober.probed is not None, timeout=120_000)
    mover = lab.prober.probed.movers[0]
    session = client.engine.session
    direction = {"vertices": np.zeros_like(session.host()["vertices"])}
    index = int(mover.theta.split(".")[1])
    direction["vertices"][index] = np.array(mover.vector) / mover.size
    image = method_derivative(session.rendered(0), direction)[1]["colour"]
    luminance = float(image[16, 20] @ np.array([0.2126, 0.7152, 0.0722]))
    assert luminance == pytest.approx(mover.size, rel=1e-3)  # the row's vertex moves the pixel as its column says

    window.inspector.rows.mover_chosen.emit(mover.theta)
    qtbot.waitUntil(lambda: c.shown.theta == mover.theta and "derivative" in c.shown.arrays, timeout=120_000)
    assert np.abs(c.shown.arrays["derivative"][16, 20]).max() > 0

    before = np.array(session.host()["vertices"][index])
    wanted = np.add(before, (0.05, 0.0, 0.0))
    assert window.viewport.hand is not None
    window.viewport.hand.moved.emit(index, tuple(wanted))
    qtbot.waitUntil(lambda: np.allclose(session.host()["vertices"][index], wanted, atol=1e-6), timeout=60_000)
    c.settle()
    c.undo()
    qtbot.waitUntil(lambda: np.array_equal(session.host()["vertices"][index], before), timeout=60_000)
    c.redo()
    qtbot.waitUntil(lambda: np.allclose(session.host()["vertices"][index], wanted, atol=1e-6), timeout=60_000)
    c.step(2)
    qtbot.waitUntil(lambda: c.last is not None and c.last.iteration == 2, timeout=120_000)
    assert not [e for e in client.events if isinstance(e, protocol.Message) and e.level == "error"]
    assert not np.allclose(session.host()["vertices"][index], wanted, atol=1e-5)  # the fit went on from there
