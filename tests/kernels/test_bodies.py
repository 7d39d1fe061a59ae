"""Analytic bodies: the compiled field against its JAX twin, gradients against differences, traced hits against formulas."""

from __future__ import annotations

import numpy as np
import pytest

from core.derivatives.reference import step_for_pixels
from core.experiment import PoseSpec, SceneSpec
from core.parameters import scene_values
from core.shapes.loading import load_shape
from core.shapes.sdf_analytic import SdfAnalytic
from kernels.bodies import BodyField, distance
from kernels.body_parts import Body
from kernels.camera import camera_eye
from kernels.host_field import bend, normal, sample
from tests.kernels.scenes import orbit_view

NAMES = ("sphere", "torus", "two-spheres", "rounded")


def scene(shape: SdfAnalytic) -> dict:
    return {**shape.parameters(), **shape.constants(), **scene_values(SceneSpec(), PoseSpec(), 40.0)}


@pytest.fixture(params=NAMES)
def shape(request: pytest.FixtureRequest) -> SdfAnalytic:
    found = load_shape("sdf-analytic", None, request.param, None)
    assert isinstance(found, SdfAnalytic)
    return found


def test_compiled_field_is_its_twin_and_a_distance(shape: SdfAnalytic, rng: np.random.Generator) -> None:
    """Values to 1e-6 (float32), the exact gradient to 1e-5, of length 1 but where the union is blended or hard."""
    points = rng.uniform(-1.2, 1.2, (300, 3))
    values = scene(shape)
    field, _ = shape.host_field(values)
    twin = np.asarray(distance(shape.bodies, shape.rotations, values, tuple(points.T.astype(np.float32))))
    np.testing.assert_allclose(shape.distance_at(values, points), twin, atol=1e-6)
    jax_normal = np.stack(
        BodyField(shape.bodies, values["const.rotations"], values).normal(tuple(points.T.astype(np.float32))), -1
    )
    found = np.array([sample(field, *p) for p in points])
    np.testing.assert_allclose(found[:, 1:], jax_normal, atol=2e-4)
    np.testing.assert_allclose(found[:, 1:], [normal(field, *p) for p in points], atol=1e-12)
    lengths = np.linalg.norm(found[:, 1:], axis=1)
    assert lengths.max() <= 1 + 1e-6
    assert np.median(lengths) == pytest.approx(1.0, abs=1e-6)


def test_the_bend_is_the_derivative_of_the_normal(rng: np.random.Generator) -> None:
    for kind, name in (("sdf-analytic", "torus"), ("sdf-grid", "torus")):
        shape = load_shape(kind, None, name, None)
        field, _ = shape.host_field({**shape.parameters(), **shape.constants()})  # type: ignore[attr-defined]
        worst, bent = 0.0, np.empty((3, 3))
        for p, v in zip(rng.uniform(-0.7, 0.7, (40, 3)), rng.standard_normal((40, 3))):
            step = 1e-5
            ahead, behind = np.array(normal(field, *(p + step * v))), np.array(normal(field, *(p - step * v)))
            np.testing.assert_array_equal(bend(field, *p, bent), normal(field, *p))
            gap = (ahead - behind) / (2 * step) - bent @ v
            worst = max(worst, float(np.abs(gap).max()))
        assert worst < 1e-2, (kind, worst)


def test_hits_of_a_ball_are_where_the_quadratic_has_them() -> None:
    shape = SdfAnalytic((Body("sphere", "sphere"),), {"sphere.centre": (0.1, 0.2, -0.1), "sphere.radius": 0.6})
    values, view = scene(shape), orbit_view(48)
    samples = shape.trace_field(values, view, max_steps=200, hit_pixels=0.01)
    from kernels.field import object_rays

    rays = object_rays(values, view)
    x, y = np.meshgrid(np.arange(48) + 0.5, np.arange(48) + 0.5)
    q = np.stack([x, y, np.ones_like(x)], -1) @ rays.matrix.T
    q /= np.linalg.norm(q, axis=-1, keepdims=True)
    offset = camera_eye(view) - np.array([0.1, 0.2, -0.1])
    b = q @ offset
    inside = b * b - (offset @ offset - 0.36)
    clear = np.abs(inside) > 4e-3  # beyond, a ray grazes: within the tolerance of a hit, or nearly tangent
    np.testing.assert_array_equal((samples.distance > 0)[clear], (inside > 0)[clear])
    hit = clear & (inside > 0)
    np.testing.assert_allclose(samples.distance[hit], (-b - np.sqrt(np.maximum(inside, 0)))[hit], atol=2e-5)


def test_reference_step_moves_the_outline_by_the_stated_pixels() -> None:
    """A ball's radius moves the outline of a front view by focal / distance pixels a unit, a little more in front."""
    shape = load_shape("sdf-analytic", None, "torus", None)
    view = orbit_view(128)
    step = step_for_pixels(shape, scene(shape), view, {"torus.radius": np.float32(1.0)}, 0.25)  # type: ignore[arg-type]
    assert 0.25 / (64 / np.tan(np.radians(20)) / 2.2) < step < 0.25 / (64 / np.tan(np.radians(20)) / 3.3)
