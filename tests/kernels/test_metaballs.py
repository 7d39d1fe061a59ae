"""Fuzzy metaballs against a float64 NumPy twin, by finite differences, at zero rotation, and where guards act."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core.parameters import retract, zero_tangent
from core.shapes.metaballs import Metaballs, host_factors, triangular
from kernels.camera import lens_of
from kernels.metaballs import FORMS, INTERSECTIONS, factor_matrices, quadrics
from kernels.metaballs import Gaussians as Balls
from kernels.metaballs_reference import render_reference
from kernels.metaballs_render import render_rays
from kernels.methods.fuzzy_metaballs import METHOD, Settings
from kernels.settings import split_settings
from kernels.types import CHANNELS
from tests.kernels.scenes import QUICK, as_float64, orbit_view, scene

BETA = dict(beta1=1.284, beta2=7.389, beta3=3.14, beta4=7.2, beta5=-5.0, eta=1.0)
DEPTH_TOLERANCE, ALPHA_TOLERANCE = 5e-4, 1e-4
ALL = frozenset(
    {"means", "precision_factors", "log_weights", "colours", "pose.rotation", "pose.translation", "pose.scale"}
)


def balls(count: int = 12, seed: int = 0, thin: float = 1.0) -> Balls:
    """Gaussians in camera space around (0, 0, 3); thin: how much flatter one axis is."""
    rng = np.random.default_rng(seed)
    logs = np.log(rng.uniform(4, 10, (count, 3)))
    logs[:, 2] += np.log(thin)
    parameters = np.concatenate([logs, rng.normal(size=(count, 3)) * 0.4], 1)
    means = rng.normal(size=(count, 3)) * 0.4 + [0, 0, 3]
    colours = rng.random((count, 3))
    return Balls(means, factor_matrices(parameters, np), rng.normal(size=count) * 0.5, colours)


def rays(count: int = 300) -> tuple[np.ndarray, np.ndarray]:
    return tuple(np.random.default_rng(5).uniform(-0.45, 0.45, (2, count)))  # type: ignore[return-value]


def rendered(g: Balls, x: np.ndarray, y: np.ndarray, intersection: str, form: str, chunk: int = 128) -> dict[str, Any]:
    single = jax.tree.map(lambda a: jnp.asarray(a, jnp.float32), g)
    run = lambda g, x, y: render_rays(
        quadrics(g), g.colours, x, y, BETA, intersection=intersection, form=form, chunk=chunk
    )
    return jax.jit(run, compiler_options=QUICK)(single, jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("intersection", INTERSECTIONS)
def test_depth_and_alpha_are_the_twins(intersection: str, form: str) -> None:
    g, (x, y) = balls(), rays()
    alpha, depth = render_reference(*g[:3], x, y, BETA, intersection, form)
    found = rendered(g, x, y, intersection, form)
    assert 0.1 < alpha.mean() < 0.9
    gap = np.abs(found["depth"] - depth)
    if intersection == "cubic":  # where two roots of a cubic meet, float32 may choose the other
        assert np.mean(gap > DEPTH_TOLERANCE) < 0.02
        assert np.mean(np.abs(found["alpha"] - alpha) > ALPHA_TOLERANCE) < 0.02
    else:
        assert gap.max() < DEPTH_TOLERANCE
        assert np.abs(found["alpha"] - alpha).max() < ALPHA_TOLERANCE


def test_thin_gaussians_far_away_lose_no_digits() -> None:
    """Flat as a surface mixture's, ten bounding spheres from the camera: |m|^2 - b^2 / q would be off by whole units."""
    g, (x, y) = balls(thin=20.0), rays()
    far = g._replace(means=g.means + np.array([0, 0, 7.0]))
    alpha, depth = render_reference(*far[:3], x * 0.3, y * 0.3, BETA)
    found = rendered(far, x * 0.3, y * 0.3, "linear", "code")
    assert np.abs(found["depth"] - depth).max() < 4 * DEPTH_TOLERANCE  # ten units of depth have two bits fewer
    assert np.abs(found["alpha"] - alpha).max() < 4 * ALPHA_TOLERANCE


def test_chunks_do_not_show() -> None:
    g, (x, y) = balls(), rays(300)
    whole, parts = (rendered(g, x, y, "linear", "code", chunk) for chunk in (1000, 64))
    np.testing.assert_allclose(whole["depth"], parts["depth"], atol=1e-5)
    np.testing.assert_allclose(whole["alpha"], parts["alpha"], atol=1e-6)


def test_triangular_factors_keep_the_precision() -> None:
    f = balls().factors
    precision = np.einsum("nki,nkj->nij", f, f)
    np.testing.assert_allclose(triangular(precision), f, rtol=1e-9)


# ---------------------------------------------------------------------------------------------- the method


def shape_of(g: Balls) -> Metaballs:
    return Metaballs(g.means - np.array([0, 0, 3]), g.factors, g.log_weights, g.colours)


def evaluator(shape: Metaballs, settings: Settings, channels: tuple[str, ...], size: int = 12) -> Any:
    """image(values, delta), and float64 values, by the whole method, pose at ZERO rotation."""
    values = as_float64(scene(shape))
    view = orbit_view(size)
    samples = as_float64(METHOD.sample(shape, values, view, settings, ALL, channels))
    lens, traced = as_float64(lens_of(view)), as_float64(split_settings(settings)[0])

    def image(values: Any, delta: Any) -> Any:
        return METHOD.evaluate(shape, retract(values, delta), samples, lens, traced, settings, channels, ALL)

    return image, values


@pytest.mark.parametrize(
    ("intersection", "form", "normals", "channels"),
    [
        ("linear", "code", "analytic", ("colour", "silhouette", "depth")),
        ("quadratic", "paper", "depth", ("silhouette", "normals")),
        ("cubic", "code", "analytic", ("silhouette", "depth")),
    ],
)
def test_both_modes_against_finite_differences(
    intersection: str, form: str, normals: str, channels: tuple[str, ...]
) -> None:
    """float64, all parameters and the pose at once; central differences of 1e-5 (1e-4 relative, smooth scene)."""
    with jax.enable_x64(True):
        settings = Settings(intersection=intersection, form=form, normals=normals)
        image, values = evaluator(shape_of(balls(6)), settings, channels)
        zero = zero_tangent(values, ALL | {"camera.fov"})
        rng = np.random.default_rng(2)
        u = {n: 0.3 * rng.standard_normal(z.shape) for n, z in zero.items()}
        push = jax.jit(lambda d, u: jax.jvp(lambda d: image(values, d), (d,), (u,)), compiler_options=QUICK)
        step, pushed = 1e-5, push(zero, u)[1]
        w = jax.tree.map(lambda p: rng.standard_normal(p.shape), pushed)
        pulled = jax.jit(lambda w: jax.vjp(lambda d: image(values, d), zero)[1](w)[0], compiler_options=QUICK)(w)
        dot = lambda a, b: sum(float(np.vdot(p, q)) for p, q in zip(jax.tree.leaves(a), jax.tree.leaves(b)))
        assert dot(pushed, w) == pytest.approx(dot(u, pulled), rel=1e-9)
        ends = [push(jax.tree.map(lambda d, s=s: s * step * d, u), u)[0] for s in (1, -1)]
        for channel in channels:
            for a, b, tangent in zip(ends[0][channel], ends[1][channel], pushed[channel]):
                truth = (a - b) / (2 * step)
                kinks = 0.02 if intersection != "linear" else 0.0  # the clipped root and the choice of a cubic's root
                assert np.mean(np.abs(truth - tangent) > 1e-4 * np.abs(truth).max() + 1e-7) <= kinks, channel


@pytest.mark.parametrize("intersection", INTERSECTIONS)
def test_gradients_are_finite_everywhere(intersection: str) -> None:
    """Float32: Gaussians beside, on and behind the camera's plane, tiny and huge ones, and rays far from all of them."""
    g = balls(8)
    means = g.means - np.array([0, 0, 3])
    means[0], means[1], means[2], means[3] = [0, 0, 3.2], [0.5, 0, 3.2], [0, 0, 6.0], [30.0, 0, 0]
    factors = g.factors.copy()
    factors[4] *= 1e4
    factors[5] *= 1e-3
    shape = Metaballs(means, factors, g.log_weights, g.colours)
    view, settings, channels = orbit_view(16), Settings(intersection=intersection), tuple(CHANNELS)
    values = scene(shape)
    samples, lens, traced = (
        METHOD.sample(shape, values, view, settings, ALL),
        lens_of(view),
        split_settings(settings)[0],
    )

    def loss(delta: Any) -> Any:
        image = METHOD.evaluate(shape, retract(values, delta), samples, lens, traced, settings, channels, ALL)
        return sum(jnp.sum(jnp.square(plane - 0.3)) for planes in image.values() for plane in planes)

    value, gradient = jax.jit(jax.value_and_grad(loss), compiler_options=QUICK)(zero_tangent(values, ALL))
    assert np.isfinite(value)
    for name, g_ in gradient.items():
        assert np.isfinite(np.asarray(g_)).all(), name


def test_the_picture_stands_where_a_mesh_would() -> None:
    """A round Gaussian's ellipsoid projects to where its silhouette is darkest; its depth is that of its middle."""
    shape = Metaballs(np.array([[0.3, -0.2, 0.1]]), np.eye(3)[None] / 0.1, np.array([2.0]))
    values, view = scene(shape), orbit_view(33)
    image = METHOD.evaluate(
        shape, values, METHOD.sample(shape, values, view, Settings(), ALL), lens_of(view),
        split_settings(Settings())[0], Settings(), ("silhouette", "depth", "normals"), frozenset(),
    )  # fmt: skip
    from kernels.camera import object_to_pixel

    alpha = np.asarray(image["silhouette"][0])
    x, y, w = object_to_pixel(values, view) @ [0.3, -0.2, 0.1, 1.0]
    row, column = np.unravel_index(alpha.argmax(), alpha.shape)
    assert abs(column + 0.5 - x / w) < 1
    assert abs(row + 0.5 - y / w) < 1
    assert abs(float(image["depth"][0][row, column]) - w) < 5e-3
    normal = np.array([plane[row, column] for plane in image["normals"]])
    towards = np.linalg.inv(view.world_to_camera)[:3, 3] - [0.3, -0.2, 0.1]
    assert normal @ towards / np.linalg.norm(towards) > 0.98
    np.testing.assert_allclose(host_factors(values)[0], np.eye(3) / 0.1, rtol=1e-5)
