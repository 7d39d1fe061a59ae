"""Why a pixel's derivative is zero: a labelled scene for every method and cause, and every label must come back.

Cards are flat, of one colour, and lit by ambient light alone, so that nothing changes but at their edges. The camera
stands at z = 3 and looks along -z; 32 x 32 pixels show about 2.2 units at z = 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from core.derivatives.answers import left_out
from core.derivatives.derive import method_derivative
from core.derivatives.questions import Layer
from core.derivatives.reference import as_arrays
from core.derivatives.why_zero import Cause, Counted, Evidence, explain, gather
from core.derivatives.window_truth import Truth
from core.experiment import Experiment, MethodSpec, ParametersSpec, PoseSpec, SceneSpec, ShapeSpec, TermSpec, ViewsSpec
from core.inspection import Rendered, inspect
from core.io.grids import save_grid
from core.parameters import scene_values, theta_direction
from core.registry import methods
from core.session import Session
from core.shapes.mesh import Mesh
from core.shapes.metaballs import Metaballs
from core.shapes.sdf_grid import SdfGrid
from kernels.camera import look_at
from kernels.types import SURFACES, CameraView, Shape
from tests.kernels.grids import ball

SIDE = 32
VIEW = CameraView(look_at((0.0, 0.0, 3.0)), SIDE, SIDE)
FOCAL = 0.5 * SIDE / np.tan(np.radians(20.0))
RED, GREEN = (0.9, 0.2, 0.1), (0.1, 0.8, 0.3)
SURFACE = [name for name, m in methods().items() if m.face in SURFACES]
"""Every method that renders triangles, those of later issues included."""


def card(x0: float, x1: float, z: float, slope: float = 0.0) -> np.ndarray:
    """Corners (4, 3) of a rectangle from x0 to x1, 1.2 high; slope: dz/dx about its middle."""
    lean = slope * 0.5 * (x1 - x0)
    return np.array([[x0, -0.6, z - lean], [x1, -0.6, z + lean], [x1, 0.6, z + lean], [x0, 0.6, z - lean]])


def cards(*corners: np.ndarray) -> Mesh:
    """Rectangles of two triangles each, the first red, the others green."""
    faces = np.concatenate([np.array([[0, 1, 2], [0, 2, 3]]) + 4 * k for k in range(len(corners))])
    colours = np.repeat([RED] + [GREEN] * (len(corners) - 1), 4, axis=0)
    return Mesh(np.concatenate(corners), faces, colours)


def pixel_of(x: float, y: float, z: float) -> tuple[int, int]:
    """The pixel that a world point falls into."""
    scale = FOCAL / (3.0 - z)
    return int(0.5 * SIDE + scale * x), int(0.5 * SIDE - scale * y)


def scene_of(shape: Shape, name: str, channel: str = "colour", light: SceneSpec | None = None) -> Rendered:
    flat = SceneSpec(light_intensity=0.0, light_ambient=1.0, background=(0.1, 0.15, 0.2))
    values = {**scene_values(light or flat, PoseSpec(), 40.0), **shape.parameters(), **shape.constants()}
    method = methods()[name]
    return Rendered(shape, method, method.Settings(), values, VIEW, (channel,))


def ask(scene: Rendered, theta: str | dict[str, Any], pixel: tuple[int, int], **counted: Any) -> Cause:
    """The cause at a pixel; a direction of one's own goes by the name "vertices"."""
    channel = scene.channels[0]
    name = theta if isinstance(theta, str) else "vertices"
    direction = theta_direction(theta, scene.values, (), None, 0)[1] if isinstance(theta, str) else theta
    image = method_derivative(scene, direction)[1][channel]
    plane = np.ones((SIDE, SIDE))
    given = {"loss_gradient": plane, "masked": np.zeros((SIDE, SIDE), bool), "free": True, **counted}
    why = explain(gather(scene, name, direction, pixel, channel, image, Counted(**given)))
    assert why.text
    assert "{" not in why.text
    return Cause(why.cause)


def moving(mesh: Mesh, motion: tuple[float, float, float]) -> dict[str, np.ndarray]:
    """The first card moves."""
    direction = np.zeros(mesh.vertices.shape, np.float32)
    direction[:4] = motion
    return {"vertices": direction}


def moving_all(mesh: Mesh) -> dict[str, np.ndarray]:
    direction = np.zeros(mesh.vertices.shape, np.float32)
    direction[:, 0] = 1.0
    return {"vertices": direction}


@dataclass(frozen=True)
class Label:
    """A scene, what is asked, and the cause by method; "*" is every other method."""

    mesh: Mesh
    theta: Any
    pixel: tuple[int, int]
    causes: dict[str, Cause]
    channel: str = "colour"
    light: SceneSpec | None = None
    counted: Callable[[], dict[str, Any]] = dict


ONE = cards(card(-0.503, 0.503, 0.0))
TWO = cards(card(-0.7, 0.103, 0.2), card(-0.3, 0.8, -0.3))
MEETING = cards(card(-0.8, 0.8, 0.0, slope=0.6), card(-0.85, 0.85, 0.0, slope=-0.6))
EDGE = pixel_of(0.503, 0.1, 0.0)
FAR_LIGHT = SceneSpec(light_direction=(0.0, 0.0, -1.0), light_intensity=0.8, light_ambient=0.2)
SPECK = cards(
    card(-0.503, 0.503, 0.0), np.array([[0.655, 0.0, 0], [0.675, 0.0, 0], [0.675, 0.02, 0], [0.655, 0.02, 0]])
)
COUNTS = "light.ambient"
"""What every method sees change inside: for the causes that lie behind dI/dtheta."""


def masked() -> dict[str, Any]:
    return {"masked": np.ones((SIDE, SIDE), bool)}


def settled() -> dict[str, Any]:
    """The loss pulls somewhere, but not at the asked pixel."""
    gradient = np.zeros((SIDE, SIDE))
    gradient[0, 0] = 1.0
    return {"loss_gradient": gradient}


NO_EDGES, NO_SPECK = (
    {"naive": Cause.NO_SILHOUETTE_TERM, "*": Cause.NONE},
    {
        "naive": Cause.NO_SILHOUETTE_TERM,
        "soft-raster": Cause.NONE,
        "*": Cause.BETWEEN_SAMPLES,
    },
)
NO_OCCLUSION = {"naive": Cause.NO_OCCLUSION_TERM, "soft-raster": Cause.NO_OCCLUSION_TERM, "*": Cause.NONE}
SHIFT = moving(ONE, (1, 0, 0))

LABELS = {
    "silhouette": Label(ONE, SHIFT, EDGE, NO_EDGES),
    "silhouette channel": Label(ONE, SHIFT, EDGE, NO_EDGES, "silhouette"),
    "occlusion": Label(TWO, moving(TWO, (1, 0, 0)), pixel_of(0.103, 0.1, 0.2), NO_OCCLUSION),
    "intersection": Label(
        MEETING,
        moving(MEETING, (0, 0, 1)),
        pixel_of(0.0, 0.1, 0.0),
        # The splat has a derivative here, of the screen's motion alone.
        {"edge-grad": Cause.NONE, "splat": Cause.NONE, "soft-raster": Cause.NONE, "*": Cause.NO_INTERSECTION_TERM},
    ),
    "no hit": Label(ONE, SHIFT, (2, 2), {"*": Cause.NO_HIT}),
    "occluded": Label(TWO, "vertices.4.x", pixel_of(-0.2, -0.3, 0.2), {"*": Cause.OCCLUDED}),
    "elsewhere": Label(TWO, "vertices.0.x", pixel_of(0.6, 0.1, -0.3), {"*": Cause.ELSEWHERE}),
    "inside, coverage": Label(ONE, SHIFT, pixel_of(0, 0, 0), {"*": Cause.NOT_ON_SILHOUETTE}, "silhouette"),
    "inside, one colour": Label(ONE, SHIFT, pixel_of(0, 0, 0), {"*": Cause.FLAT}),
    "colour alone": Label(ONE, "light.intensity", EDGE, {"*": Cause.CHANNEL}, "silhouette"),
    "shadow": Label(ONE, "light.intensity", pixel_of(0, 0, 0), {"*": Cause.CLAMPED}, light=FAR_LIGHT),
    "speck": Label(SPECK, moving_all(SPECK), pixel_of(0.665, 0.01, 0.0), NO_SPECK),
    "mask": Label(ONE, COUNTS, pixel_of(0, 0, 0), {"*": Cause.MASKED}, counted=masked),
    "settled": Label(ONE, COUNTS, pixel_of(0, 0, 0), {"*": Cause.RESIDUAL}, counted=settled),
    "not free": Label(ONE, COUNTS, pixel_of(0, 0, 0), {"*": Cause.NOT_FREE}, counted=lambda: {"free": False}),
}


@pytest.mark.parametrize("name", SURFACE)
def test_every_label_of_triangles_comes_back(name):
    wrong = []
    for title, label in LABELS.items():
        scene = scene_of(label.mesh, name, label.channel, label.light)
        wanted = label.causes.get(name, label.causes["*"])
        found = ask(scene, label.theta, label.pixel, **label.counted())
        if found is not wanted:
            wrong.append(f"{title}: {found}, not {wanted}")
    assert not wrong


def boxes() -> SdfGrid:
    """A box before a leaning plane, 48 nodes a side: flat faces, so that shading says nothing when they slide."""
    axis = np.linspace(-1.1, 1.1, 48)
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    gap = np.stack([np.abs(x + 0.35) - 0.35, np.abs(y) - 0.6, np.abs(z - 0.4) - 0.2])
    box = np.linalg.norm(np.maximum(gap, 0), axis=0) + np.minimum(gap.max(axis=0), 0)
    leaning = (z + 0.5 + 0.4 * y) / np.hypot(1.0, 0.4)
    plate = np.maximum(np.abs(leaning) - 0.15, np.maximum(np.abs(x) - 0.8, np.abs(y) - 0.8))
    return SdfGrid(np.minimum(box, plate), np.full(3, -1.1), np.full(3, axis[1] - axis[0]), GREEN)


LIT = SceneSpec(light_direction=(0.2, 0.5, 0.8), background=(0.1, 0.15, 0.2))
SHIFT_X = "pose.translation.x"
GRID_LABELS = {
    "silhouette": (SHIFT_X, pixel_of(0.8, 0.2, -0.5), Cause.NO_SILHOUETTE_TERM, {}),
    "occlusion": (SHIFT_X, pixel_of(0.02, 0.1, 0.6), Cause.NO_OCCLUSION_TERM, {}),
    "no hit": (SHIFT_X, (1, 1), Cause.NO_HIT, {}),
    "flat": (SHIFT_X, pixel_of(-0.35, 0.0, 0.6), Cause.FLAT, {}),
    "outside": ("values.1.2.3", pixel_of(-0.35, 0.0, 0.6), Cause.OUTSIDE_BAND, {}),
    "mask": ("light.ambient", pixel_of(-0.35, 0.0, 0.6), Cause.MASKED, masked()),
    "settled": ("light.ambient", pixel_of(-0.35, 0.0, 0.6), Cause.RESIDUAL, settled()),
    "not free": ("light.ambient", pixel_of(-0.35, 0.0, 0.6), Cause.NOT_FREE, {"free": False}),
}


def test_every_label_of_a_grid_comes_back():
    scene, wrong = scene_of(boxes(), "sdf-local", light=LIT), []
    for title, (theta, pixel, wanted, counted) in GRID_LABELS.items():
        found = ask(scene, theta, pixel, **counted)
        if found is not wanted:
            wrong.append(f"{title}: {found}, not {wanted}")
    shadow = scene_of(scene.shape, "sdf-local", light=FAR_LIGHT)
    assert ask(shadow, "light.intensity", pixel_of(-0.35, 0.0, 0.6)) is Cause.CLAMPED
    coverage = replace(scene, channels=("silhouette",))
    assert ask(coverage, "pose.translation.x", pixel_of(-0.35, 0.0, 0.6)) is Cause.NOT_ON_SILHOUETTE
    assert ask(coverage, "light.ambient", pixel_of(-0.35, 0.0, 0.6)) is Cause.CHANNEL
    assert not wrong


def test_every_label_of_a_warped_grid_comes_back():
    """The warp has the terms that sdf-local lacks; one derivative serves all questions about colour."""
    scene, wrong = scene_of(boxes(), "warp", light=LIT), []
    face, edge, front = pixel_of(-0.35, 0.0, 0.6), pixel_of(0.8, 0.2, -0.5), pixel_of(0.02, 0.1, 0.6)
    labels = [
        ("silhouette", SHIFT_X, edge, Cause.NONE, {}),
        ("occlusion", SHIFT_X, front, Cause.NONE, {}),
        ("no hit", SHIFT_X, (1, 1), Cause.NO_HIT, {}),
        ("flat", SHIFT_X, face, Cause.FLAT, {}),
        ("mask", SHIFT_X, edge, Cause.MASKED, masked()),
        ("settled", SHIFT_X, edge, Cause.RESIDUAL, settled()),
        ("not free", SHIFT_X, front, Cause.NOT_FREE, {"free": False}),
    ]
    for title, theta, pixel, wanted, counted in labels:
        found = ask(scene, theta, pixel, **counted)
        if found is not wanted:
            wrong.append(f"{title}: {found}, not {wanted}")
    coverage = replace(scene, channels=("silhouette",))
    assert ask(coverage, SHIFT_X, face) is Cause.NOT_ON_SILHOUETTE
    assert ask(coverage, SHIFT_X, edge) is Cause.NONE
    assert not wrong


def test_every_label_of_gaussians_comes_back():
    shape = Metaballs(np.zeros((1, 3)), np.eye(3)[None] / 0.15, np.array([1.0]))
    scene = scene_of(shape, "fuzzy-metaballs", "silhouette")
    edge, middle, far = pixel_of(0.3, 0.0, 0.0), pixel_of(0.0, 0.0, 0.0), (1, 1)
    assert ask(scene, "pose.translation.x", edge) is Cause.NONE
    assert ask(scene, "pose.translation.x", far) is Cause.NO_HIT
    assert ask(scene, "light.intensity", middle) is Cause.CHANNEL
    assert ask(scene, "pose.translation.x", edge, **masked()) is Cause.MASKED
    assert ask(scene, "pose.translation.x", edge, **settled()) is Cause.RESIDUAL
    assert ask(scene, "pose.translation.x", edge, free=False) is Cause.NOT_FREE


@pytest.mark.parametrize(
    ("method", "cause"), [("edge-grad", Cause.MASKED), ("sdf-local", Cause.NO_SILHOUETTE_TERM), ("naive", Cause.NO_SILHOUETTE_TERM)]
)  # fmt: skip
def test_a_mask_after_the_estimator_is_found_where_a_fit_has_one(tmp_path, method, cause):
    """IDR's masks leave out what hits inside the mask: a pixel on the outline that both images cover. Its derivative is
    there, L2 would pull at it, and the masks' gradient is exactly zero; a method without the derivative is told that first."""
    grid = ball(12)
    save_grid(tmp_path / "ball.npz", grid.values, grid.origin, grid.spacing)
    start = PoseSpec(translation=(0.03, 0.0, 0.0))
    experiment = Experiment(
        shape=ShapeSpec("sdf-grid", str(tmp_path / "ball.npz"), start=start), views=ViewsSpec("single", width=24, height=24),
        method=MethodSpec(method), terms=(TermSpec("idr-mask", "silhouette"),), parameters=ParametersSpec((SHIFT_X,)),
    )  # fmt: skip
    session = Session(experiment)
    seen = inspect(session.problem, session.state, 0)
    image, target = as_arrays(seen.image), as_arrays(seen.target)
    scene, direction = session.rendered(0), session.direction(SHIFT_X)
    derivative = method_derivative(scene, direction)[1]["silhouette"]
    apart = np.abs(image["silhouette"] - target["silhouette"])[..., 0]
    masked = left_out(experiment.terms, image, target) & (apart > 0.05)
    y, x = np.unravel_index(np.argmax(np.where(masked, np.abs(derivative[..., 0]), -1.0)), masked.shape)
    assert masked[y, x]
    gradient = np.abs(np.concatenate(list(as_arrays(seen.loss_gradient).values()), axis=-1)).max(axis=-1)
    assert gradient[y, x] == 0.0 < gradient.max()
    why = lambda counted: explain(
        gather(scene, SHIFT_X, direction, (int(x), int(y)), "silhouette", derivative, counted)
    )
    assert why(Counted(gradient, masked, True)).cause == cause
    unmasked = Counted(2 * apart / apart.size, np.zeros_like(masked), True)  # L2's
    assert why(unmasked).cause == (Cause.NONE if cause is Cause.MASKED else cause)


def test_settings_of_a_method_change_what_it_moves():
    edge_grad = methods()["edge-grad"]
    assert "intersection" in edge_grad.moves(edge_grad.Settings())
    scene = replace(scene_of(MEETING, "edge-grad"), settings=edge_grad.Settings(crossings=False))
    label = LABELS["intersection"]
    assert ask(scene, label.theta, label.pixel) is Cause.NO_INTERSECTION_TERM


@pytest.mark.parametrize(("by_method", "moves", "title"), [
    (132.0, frozenset[str](), "Why is this wrong?"),
    (-19.0, frozenset[str](), ""),  # right by other means: a texture's edge that lies on the outline
    (132.0, frozenset({"silhouette"}), ""),
])  # fmt: skip
def test_a_wrong_derivative_that_is_not_zero_names_the_missing_term(by_method, moves, title):
    change = np.full((3, 3, 1), -20.0)
    truth = Truth(change, np.full((3, 3), 0.5), frozenset({"silhouette"}), False, True, frozenset({7}))
    evidence = Evidence(
        "naive", moves, "pose.translation.x", "colour", np.array([by_method]), 132.0, truth, (Layer(7, 1.0),), "whole",
        1.0, 1.0, False, True,
    )  # fmt: skip
    why = explain(evidence)
    assert (why.cause, why.title, why.zero) == (Cause.NONE, title, False)
    assert explain(replace(evidence, free=False)).title == (title or "Why does this not count?")
    assert why.text == ("naive keeps triangle 7 here: it has no silhouette term." if title else why.text)
