"""Harmonics and gloss: closed forms, guarded gradients, and both modes through a whole experiment."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core.experiment import Experiment, PoseSpec, SceneSpec, ShapeSpec
from core.experiments.files import experiment_to_toml, load_experiment
from core.parameters import scene_values
from kernels.camera import lens_of, look_at
from kernels.shading import harmonics, shade
from kernels.types import CameraView

LENS = lens_of(CameraView(look_at((0.0, 0.0, 3.0)), 8, 8))


def _directions(count: int = 4000) -> np.ndarray:
    n = np.random.default_rng(5).standard_normal((3, count))
    return n / np.linalg.norm(n, axis=0)


def test_harmonics_are_orthonormal() -> None:
    """Nine functions, each of unit mean square over the sphere (times 4 pi), none like another."""
    n = _directions(200_000)
    basis = np.array([harmonics(jnp.asarray(np.eye(9)[i][:, None] * np.ones(3)), tuple(n))[0] * np.ones(n.shape[1])
                      for i in range(9)])  # fmt: skip
    np.testing.assert_allclose(4 * np.pi * basis @ basis.T / n.shape[1], np.eye(9), atol=0.03)


def test_the_first_coefficients_are_ambient_light_and_a_linear_light() -> None:
    n = tuple(_directions(50).astype(np.float32))
    values = {
        name: jnp.asarray(v) for name, v in scene_values(SceneSpec(light_intensity=0.0), PoseSpec(), 40.0).items()
    }
    white = (jnp.ones(50),) * 3
    plain = shade({**values, "light.ambient": jnp.float32(0.7)}, white, n, n, LENS)
    around = jnp.zeros((9, 3)).at[0].set(0.5 / 0.282095).at[3, 0].set(0.1 / 0.488603)
    lit = shade({**values, "light.ambient": jnp.float32(0.2), "light.sh": around}, white, n, n, LENS)
    np.testing.assert_allclose(lit[1], plain[1], atol=1e-6)
    np.testing.assert_allclose(lit[0], plain[0] + 0.1 * n[0], atol=1e-6)


def test_gloss_peaks_half_way_and_its_gradient_is_finite_everywhere() -> None:
    scene = SceneSpec(light_direction=(1.0, 0.0, 0.0), specular=0.5, shininess=40.0)
    values = {name: jnp.asarray(v) for name, v in scene_values(scene, PoseSpec(), 40.0).items()}
    angle = jnp.linspace(-jnp.pi, jnp.pi, 721)
    normal = (jnp.sin(angle), 0 * angle, jnp.cos(angle))
    black, origin = (0 * angle,) * 3, (0 * angle,) * 3
    seen = shade(values, black, normal, origin, LENS)[0]
    assert float(angle[jnp.argmax(seen)]) == pytest.approx(np.pi / 4, abs=0.01)  # viewer at +z, light at +x
    assert float(seen.max()) == pytest.approx(0.5 * 0.8, rel=1e-3)
    gradient: Any = jax.grad(lambda v: shade({**values, **v}, black, normal, origin, LENS)[0].sum())(
        {n: values[n] for n in ("material.specular", "material.shininess", "light.direction")}
    )
    assert all(np.isfinite(np.asarray(g)).all() for g in gradient.values())


def test_an_experiment_says_them_and_comes_back(tmp_path: Any) -> None:
    scene = SceneSpec(light_sh=((0.5, 0.4, 0.3), (0.0, 0.1, -0.2)), specular=0.3, shininess=20.0)
    path = tmp_path / "lit.toml"
    path.write_text(
        experiment_to_toml(Experiment(shape=ShapeSpec(primitive="sphere"), scene=scene), tmp_path), encoding="utf-8"
    )
    assert load_experiment(path).scene == scene
    values = scene_values(scene, PoseSpec(), 40.0)
    assert values["light.sh"].shape == (9, 3)
    assert values["light.sh"][1, 2] == np.float32(-0.2)
    assert float(values["material.shininess"]) == 20.0
    assert "light.sh" not in scene_values(SceneSpec(), PoseSpec(), 40.0)
