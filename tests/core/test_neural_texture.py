"""Features and a decoder that knows the ray: gradients, every surface method, and a highlight no plain texture can fit."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core.derivatives.derive import method_derivative, reference_derivative
from core.derivatives.reference import as_arrays, hard_image
from core.errors import RimlightError
from core.experiment import (
    Experiment,
    MethodSpec,
    OptimizerSpec,
    ParametersSpec,
    PoseSpec,
    SceneSpec,
    ShapeSpec,
    StopSpec,
    TargetSpec,
    TermSpec,
    ViewsSpec,
)
from core.experiments.defaults import experiment_for_file
from core.inspection import Rendered
from core.io.check import check_file
from core.registry import methods
from core.session import Session
from core.shapes.loading import load_shape
from kernels.camera import lens_of
from kernels.neural_parts import FEATURES, WEIGHTS, initial_decoder
from kernels.neural_texture import decode, viewing_rays
from tests.kernels.scenes import QUICK, orbit_view, scene

SURFACE = ("edge-grad", "splat")
"""The others evaluate the same G-buffer; each compilation costs seconds."""


def test_the_decoder_is_four_layers_of_32() -> None:
    assert WEIGHTS == 12 * 32 + 2 * 33 * 32 + 33 * 3
    rng = np.random.default_rng(0)
    weights = initial_decoder(0)
    features = tuple(rng.standard_normal((FEATURES, 2, 3)).astype(np.float32))
    ray = tuple(rng.standard_normal((3, 2, 3)).astype(np.float32))
    x, start = np.stack([*features, *ray], -1), 0
    for i, (a, b) in enumerate(((11, 32), (32, 32), (32, 32), (32, 3))):
        x = x @ weights[start : start + a * b].reshape(a, b) + weights[start + a * b : start + (a + 1) * b]
        x, start = np.maximum(x, 0) if i < 3 else x, start + (a + 1) * b
    np.testing.assert_allclose(np.stack(decode(jnp.asarray(weights), features, ray), -1), x, atol=1e-5)


def test_rays_run_from_the_camera_to_the_fragments() -> None:
    view = orbit_view(16)
    shape = load_shape("neural-mesh", None, "textured-sphere", None)
    values = scene(shape, PoseSpec(rotation=(20.0, 50.0, -10.0), translation=(0.1, 0.0, 0.2)))
    y, x = (np.float32(a) + np.float32(0.5) for a in np.mgrid[0:16, 0:16])
    rays = np.stack(viewing_rays(values, lens_of(view), x, y), -1)
    samples = shape.sample_surface(  # type: ignore[attr-defined]
        values, view, layers=1, cull_back_faces=True, free=frozenset(), channels=("normals",)
    )
    seen = np.asarray(samples.fragments.inverse_depth[0]) > 0
    points = np.stack([np.asarray(p) for p in samples.fragments.position[0]], -1)
    from kernels.camera import camera_eye, model_matrix

    eye = np.linalg.inv(model_matrix(values)) @ np.append(camera_eye(view), 1.0)
    expected = points - eye[:3]
    expected /= np.linalg.norm(expected, axis=-1, keepdims=True)
    np.testing.assert_allclose(rays[seen], expected[seen], atol=2e-4)


def test_total_gradients_of_the_pose_agree_with_finite_differences() -> None:
    shape, method, view = (
        load_shape("neural-mesh", None, "textured-sphere", None),
        methods()["edge-grad"],
        orbit_view(48),
    )
    smooth = shape.begun_anew(4, 3)  # type: ignore[attr-defined]
    values = scene(smooth, PoseSpec(rotation=(10.0, 30.0, 5.0)))
    rendered = Rendered(smooth, method, method.Settings(), values, view, ("colour",))
    y, x = np.mgrid[0:48, 0:48] / 48.0
    weight = np.stack([x, y, x * y], -1)
    found, truth = [], []
    for name in ("pose.translation", "pose.rotation"):
        for axis in np.eye(3, dtype=np.float32):
            found.append(float((method_derivative(rendered, {name: axis})[1]["colour"] * weight).sum()))
            truth.append(float((reference_derivative(rendered, {name: axis}, 0.5, 4)[1]["colour"] * weight).sum()))
    for part in (slice(0, 3), slice(3, 6)):
        gap = np.linalg.norm(np.subtract(found, truth)[part])
        assert gap < 0.16 * np.linalg.norm(truth[part]), (found, truth)


@pytest.mark.parametrize("name", SURFACE)
def test_surface_methods_differentiate_features_and_weights(name: str) -> None:
    """A central difference of the method's own image along a random direction of both."""
    method, view = methods()[name], orbit_view(12)
    shape = load_shape("neural-mesh", None, "textured-sphere", None).begun_anew(8, 0)  # type: ignore[attr-defined]
    values, names = scene(shape), frozenset({"texture", "decoder"})
    settings = method.Settings()
    samples = method.sample(shape, values, view, settings, names, ("colour",))
    rng = np.random.default_rng(0)
    step = {n: rng.standard_normal(np.shape(values[n])).astype(np.float32) for n in names}
    from kernels.settings import split_settings

    traced = split_settings(settings)[0]

    def image(amount: jax.Array) -> jax.Array:
        moved = {**values, **{n: values[n] + amount * step[n] for n in names}}
        planes = method.evaluate(shape, moved, samples, lens_of(view), traced, settings, ("colour",), names)["colour"]
        return sum(((i + 1.0) * p).sum() for i, p in enumerate(planes))  # type: ignore[return-value]

    run = jax.jit(lambda a: jax.jvp(image, (a,), (jnp.ones(()),)), compiler_options=QUICK)
    slope = float(run(jnp.zeros(()))[1])
    h = 2e-3
    difference = float(run(jnp.asarray(h))[0] - run(jnp.asarray(-h))[0]) / (2 * h)
    assert slope == pytest.approx(difference, rel=3e-2)


def highlight(kind: str, free: tuple[str, ...]) -> Experiment:
    """A glossy brown ball; what is fitted knows of no gloss, and has a grey texture or one of features."""
    return Experiment(
        shape=ShapeSpec(kind, primitive="textured-sphere", colour=(0.5, 0.5, 0.5), feature_resolution=8),
        target=TargetSpec(
            shape_kind="textured-mesh", primitive="textured-sphere", colour=(0.35, 0.22, 0.15), specular=0.8
        ),
        scene=SceneSpec(light_intensity=0.4, light_ambient=0.4, shininess=12.0),
        views=ViewsSpec("sphere", 40, held_out=4, width=24, height=24, distance=2.6, batch=4),
        method=MethodSpec("edge-grad"),
        terms=(TermSpec("l2", "colour"),),
        optimizer=OptimizerSpec("adam", 0.03, decay=0.1),
        parameters=ParametersSpec(free, large_steps=20.0),
        stop=StopSpec(200),
    )


def inside_psnr(session: Session) -> float:
    """PSNR of the held-out views where they show the ball and nothing else, so that no jagged outline counts."""
    values, errors = session.host(), []
    for view, target in zip(session.scene.held_out, session.scene.held_out_targets):
        seen = hard_image(session.problem.shape, values, view, ("colour",), 1)["colour"]
        truth = as_arrays(target.planes)
        inside = truth["silhouette"][..., 0] > 0.999
        errors.append(np.mean(np.square(seen - truth["colour"])[inside]))
    return float(-10.0 * np.log10(np.mean(errors)))


def test_a_highlight_that_a_plain_texture_cannot_fit() -> None:
    found = {}
    for kind, free in (("textured-mesh", ("texture",)), ("neural-mesh", ("texture", "decoder"))):
        experiment = highlight(kind, free)
        if kind == "textured-mesh":
            # 131,072 texels and a solve a step make its steps dear, and these are enough for it.
            experiment = dataclasses.replace(
                experiment, optimizer=OptimizerSpec("adam", 0.1, decay=0.1), stop=StopSpec(60)
            )
        session = Session(experiment)
        while session.finished() is None:
            session.step()
        found[kind] = inside_psnr(session)
    assert found["textured-mesh"] < 26.0, found
    assert found["neural-mesh"] > found["textured-mesh"] + 1.5, found


def test_what_is_exported_is_opened_again_and_looks_the_same(tmp_path: Path) -> None:
    """Turned and moved: the turn goes into the decoder, the move into the vertices."""
    shape = load_shape("neural-mesh", None, "textured-sphere", None).begun_anew(8, 5)  # type: ignore[attr-defined]
    values = scene(shape, PoseSpec((25.0, 40.0, -15.0), (0.2, -0.1, 0.3), 0.7))
    shape.save(tmp_path / "ball.ply", values)
    path = tmp_path / "ball.npz"
    assert experiment_for_file(path).shape.kind == "neural-mesh"
    assert check_file(path).summary.startswith("mesh with a neural texture of 8 x 8, ")
    again = load_shape("neural-mesh", str(path), None, None)
    moved = (again.centre - shape.centre) / shape.scale  # type: ignore[attr-defined]
    there = PoseSpec(translation=tuple(moved), scale=again.scale / shape.scale)  # type: ignore[attr-defined]
    poses = ((shape, values), (again, scene(again, there)))
    seen = [hard_image(one, pose, orbit_view(32), ("colour",), 1)["colour"] for one, pose in poses]
    assert np.ptp(seen[0]) > 0.3
    assert np.quantile(np.abs(seen[0] - seen[1]), 0.98) < 2e-3  # a pixel on the outline may fall to either side


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("texture", np.zeros((4, 4, 3), np.float32), r"'texture' has shape \(4, 4, 3\)"),
        ("decoder", np.full(WEIGHTS, np.nan, np.float32), "'decoder' has shape"),
        ("faces", np.full((2, 3), 9), "names a vertex that is not there"),
        ("version", np.int64(2), "update it"),
    ],
)
def test_a_damaged_file_is_told_in_a_line(name: str, array: np.ndarray, message: str, tmp_path: Path) -> None:
    arrays = {
        "version": np.int64(1),
        "vertices": np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0.0)]),
        "faces": np.array([(0, 1, 2), (1, 3, 2)]),
        "corner_uv": np.zeros((2, 3, 2)),
        "texture": np.zeros((4, 4, FEATURES), np.float32),
        "decoder": np.zeros(WEIGHTS, np.float32),
    }
    arrays[name] = array
    np.savez(tmp_path / "broken.npz", allow_pickle=False, **arrays)
    with pytest.raises(RimlightError, match=message):
        check_file(tmp_path / "broken.npz")
