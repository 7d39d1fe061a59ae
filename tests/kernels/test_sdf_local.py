"""SDFDiff's local shading: derivatives against closed forms and finite differences of its own image; both modes."""

from __future__ import annotations

import functools
from typing import Any

import jax
import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from core.experiment import PoseSpec
from core.inspection import Rendered
from core.parameters import retract, zero_tangent
from core.shapes.sdf_grid import SdfGrid
from kernels.camera import lens_of, look_at
from kernels.field import pixel_rays
from kernels.methods.sdf_local import METHOD, Settings
from kernels.settings import split_settings
from kernels.types import CHANNELS, CameraView, Image
from tests.kernels.grids import ball, grid_scene, lumpy
from tests.kernels.modes import assert_transposes
from tests.kernels.scenes import QUICK, orbit_view

POSE = PoseSpec(rotation=(20.0, 35.0, 10.0), translation=(0.1, -0.05, 0.1), scale=0.95)
EVERYTHING = (
    "values",
    "surface.colour",
    "pose.rotation",
    "pose.translation",
    "pose.scale",
    "camera.fov",
    "light.direction",
    "light.intensity",
    "light.ambient",
    "background",
)
SHADED = ("colour", "depth", "normals")


class Case:
    """A scene whose image can be evaluated, pushed forward and pulled back; compiled once for all names in `free`."""

    def __init__(self, grid: SdfGrid, size: int, settings: Settings = Settings(), pose: PoseSpec = POSE) -> None:
        self.grid, self.settings, self.view = grid, settings, orbit_view(size)
        self.values = grid_scene(grid, pose)
        self.traced = split_settings(settings)[0]

    def samples(self, values: Any = None) -> Any:
        return METHOD.sample(self.grid, values or self.values, self.view, self.settings, frozenset())

    def image(self, values: Any, samples: Any, channels: tuple[str, ...] = SHADED) -> Any:
        lens, traced = lens_of(self.view), self.traced
        return METHOD.evaluate(self.grid, values, samples, lens, traced, self.settings, channels, frozenset())

    @functools.cached_property
    def _push(self) -> Any:
        def run(values: Any, samples: Any, direction: Any) -> Any:
            zero = jax.tree.map(lambda d: d * 0, direction)
            return jax.jvp(lambda d: self.image(retract(values, d), samples), (zero,), (direction,))[1]

        return jax.jit(run, compiler_options=QUICK)

    @functools.cached_property
    def _evaluate(self) -> Any:
        return jax.jit(lambda values, samples: self.image(values, samples), compiler_options=QUICK)

    def derivative(self, direction: dict[str, Any]) -> dict[str, np.ndarray]:
        full = {n: np.zeros_like(z) for n, z in zero_tangent(self.values, EVERYTHING).items()}
        full.update({n: np.asarray(d, np.float32) for n, d in direction.items()})
        return _arrays(self._push(self.values, self.samples(), full))

    def difference(self, direction: dict[str, Any], step: float, retrace: bool = True) -> dict[str, np.ndarray]:
        """Central difference of the method's own image; without `retrace` the visibility stays frozen."""
        sides = []
        for sign in (1.0, -1.0):
            moved = retract(self.values, {n: np.float32(sign * step) * np.asarray(d) for n, d in direction.items()})
            moved = {n: np.asarray(v) for n, v in moved.items()}
            sides.append(_arrays(self._evaluate(moved, self.samples(moved if retrace else None))))
        return {c: (sides[0][c] - sides[1][c]) / (2 * step) for c in sides[0]}


def _arrays(image: Image) -> dict[str, np.ndarray]:
    return {c: np.stack([np.asarray(p, np.float64) for p in planes], -1) for c, planes in image.items()}


@pytest.fixture(scope="module")
def torus() -> Case:
    return Case(lumpy(), 56)


def interior(case: Case) -> np.ndarray:
    """Pixels (H, W) away from silhouettes and occlusions: whole 5 x 5 neighbourhoods of like depth."""
    distance = case.samples().distance
    jump = np.hypot(*np.gradient(distance)) > 0.15
    return binary_erosion((distance > 0) & ~jump, iterations=2)


DIRECTIONS = {
    "turn": {"pose.rotation": (0.3, 1.0, 0.2)},
    "shift": {"pose.translation": (1.0, 0.5, -0.3)},
    "grow": {"pose.scale": 1.0},
    "zoom": {"camera.fov": 1.0},
    "level": {"values": np.ones((24, 24, 24))},
}


@pytest.mark.parametrize("name", DIRECTIONS)
def test_interior_derivative_is_that_of_its_own_image(torus: Case, name: str) -> None:
    """Visibility changes with the parameter, but not away from the silhouette: there the first-order hit is exact.

    Step 0.002 of the unit sphere: rays cross cell faces, where the trilinear field has kinks; they cost the 6 %.
    """
    inner = interior(torus)
    assert inner.mean() > 0.1
    got, expected = torus.derivative(DIRECTIONS[name]), torus.difference(DIRECTIONS[name], 2e-3)
    failures = []
    for channel in SHADED:
        a, b = got[channel][inner], expected[channel][inner]
        error = np.linalg.norm(a - b) / np.linalg.norm(b)
        if error > 0.06:
            failures.append(f"{channel}: {error:.3f}")
    assert not failures, failures


@pytest.mark.parametrize(
    "name", ["light.direction", "light.intensity", "light.ambient", "surface.colour", "background"]
)
def test_shading_derivative_is_exact(torus: Case, name: str, rng: np.random.Generator) -> None:
    """Light and colours are smooth but at the terminator, which is left out; float32 and a step of 1e-2 leave 1e-4."""
    direction = {name: rng.standard_normal(np.shape(torus.values[name])).astype(np.float32)}
    normal = _arrays(torus._evaluate(torus.values, torus.samples()))["normals"]
    smooth = (normal == 0).all(-1) | (np.abs(normal @ torus.values["light.direction"]) > 0.03)
    got, expected = torus.derivative(direction)["colour"][smooth], torus.difference(direction, 1e-2)["colour"][smooth]
    assert np.linalg.norm(expected) > 1.0
    assert np.linalg.norm(got - expected) < 1e-3 * np.linalg.norm(expected)


def test_sample_derivative_with_frozen_hits(torus: Case, rng: np.random.Generator) -> None:
    """Random changes of the node values, visibility frozen: every path through the 32 samples."""
    smooth = rng.standard_normal((24, 24, 24)).astype(np.float32)
    got = torus.derivative({"values": smooth})
    expected = torus.difference({"values": smooth}, 1e-4, retrace=False)
    inner = interior(torus)
    for channel in SHADED:
        gap = np.linalg.norm((got[channel] - expected[channel])[inner])
        assert gap < 0.02 * np.linalg.norm(expected[channel][inner]), channel


def test_a_raised_level_brings_a_ball_nearer_along_the_ray() -> None:
    """d(depth)/d(level) of a ball from far away: 1/cos of the angle between ray and normal (towards the eye: +)."""
    case = Case(ball(40), 48, pose=PoseSpec())
    case.view = CameraView(look_at((0.0, 0.0, 3.2)), 48, 48)
    derivative = case.derivative({"values": np.ones((40, 40, 40), np.float32)})
    image = _arrays(case._evaluate(case.values, case.samples()))
    depth, normal = derivative["depth"][..., 0], image["normals"]
    y, x = np.mgrid[:48, :48] + 0.5
    focal = 24 / np.tan(np.radians(20))
    ray = np.stack([(x - 24) / focal, (24 - y) / focal, -np.ones_like(x)], -1)
    length = np.linalg.norm(ray, axis=-1)
    cosine = -(ray * normal).sum(-1) / length
    inner = cosine > 0.4
    assert inner.sum() > 500
    # The trilinear field's slope within a cell is some per cent off the ball's, to either side.
    np.testing.assert_allclose(depth[inner], 1 / (cosine * length)[inner], rtol=0.08)
    assert (depth * cosine * length)[inner].mean() == pytest.approx(1.0, abs=0.005)
    paper = Case(ball(40), 48, Settings(intersection="paper"), PoseSpec())
    paper.view = case.view
    by_paper = paper.derivative({"values": np.ones((40, 40, 40), np.float32)})["depth"][..., 0]
    np.testing.assert_allclose(by_paper[inner], 1 / length[inner], rtol=1e-4)


def test_silhouette_and_background_know_no_geometry(torus: Case) -> None:
    derivative = torus.derivative({"pose.translation": (1.0, 0.0, 0.0)})
    missed = torus.samples().distance == 0
    assert missed.any()
    for channel in SHADED:
        assert (derivative[channel][missed] == 0).all()
    samples = torus.samples()
    mask = np.asarray(torus.image(torus.values, samples, ("silhouette",))["silhouette"][0])
    np.testing.assert_array_equal(mask, samples.distance > 0)


def test_image_is_finite_and_depth_is_the_axis_distance(torus: Case) -> None:
    samples = torus.samples()
    image = _arrays(torus._evaluate(torus.values, samples))
    assert all(np.isfinite(plane).all() for plane in image.values())
    hit = samples.distance > 0
    np.testing.assert_allclose(np.linalg.norm(image["normals"][hit], axis=-1), 1.0, atol=1e-5)
    assert (image["depth"][~hit] == lens_of(torus.view).background_depth).all()
    rays = pixel_rays(torus.values, lens_of(torus.view), 56, 56)
    gap = image["depth"][..., 0] - samples.distance * np.asarray(rays.cosine)
    assert np.median(np.abs(gap[hit])) < 1e-5
    assert np.abs(gap[hit]).max() < 0.05 * 0.0416 / 0.1 + 1e-3  # a tolerance of 0.05 px over the least cosine of 0.1
    np.testing.assert_allclose(image["colour"][~hit], np.broadcast_to([0.1, 0.15, 0.2], (int((~hit).sum()), 3)))


@pytest.mark.parametrize(("intersection", "wide"), [("newton", True), ("paper", True), ("newton", False)])
def test_both_modes_are_transposes(intersection: str, wide: bool) -> None:
    """Every parameter and channel at once."""
    case = Case(lumpy(12), 12, Settings(intersection=intersection))
    rendered = Rendered(case.grid, METHOD, case.settings, case.values, case.view, tuple(CHANNELS))
    assert_transposes(rendered, EVERYTHING, wide)


def test_views_values_and_sliders_recompile_nothing() -> None:
    """More hits, fewer hits, another camera, another tolerance: the same shapes, so the same code."""
    case = Case(lumpy(), 40)
    run = jax.jit(
        lambda v, s, lens, t: METHOD.evaluate(case.grid, v, s, lens, t, case.settings, ("colour",), frozenset())
    )
    for azimuth, level, tolerance in ((0.0, 0.0, 0.05), (80.0, 0.1, 0.05), (10.0, -0.15, 0.5)):
        view, settings = orbit_view(40, azimuth), Settings(hit_tolerance=tolerance, grazing=tolerance)
        values = {**case.values, "values": case.values["values"] + np.float32(level)}
        samples = METHOD.sample(case.grid, values, view, settings, frozenset())
        run(values, samples, lens_of(view), split_settings(settings)[0])
    assert run._cache_size() == 1
