"""Tangents and retractions: smooth at zero, right in direction, honest in display units."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core.errors import RimlightError
from core.experiment import PoseSpec, SceneSpec
from core.parameters import (
    describe_parameters,
    display_values,
    free_masks,
    retract,
    scene_values,
    set_small_value,
    theta_direction,
    zero_tangent,
)
from kernels.rotation import (
    quaternion_exp,
    quaternion_from_vector,
    quaternion_matrix,
    rotation_angle,
    vector_from_quaternion,
)


def values_at(rotation=(0.0, 0.0, 0.0)):
    return scene_values(SceneSpec(), PoseSpec(rotation, (0.1, 0.2, 0.3), 1.5), 40.0)


@pytest.mark.parametrize("rotation", [(0, 0, 0), (10, 20, 30), (0, 179, 0), (0, 0, 270)])
def test_rotation_tangent_is_a_rotation_rate_about_world_axes_everywhere(rotation):
    # d/d(delta) of R(exp(delta) q) v at 0 is delta x (R v), at zero rotation and near 180 degrees alike.
    values = {n: jnp.asarray(v) for n, v in values_at(rotation).items()}
    v = jnp.array([0.3, -0.5, 0.7])
    turn = lambda delta: quaternion_matrix(retract(values, {"pose.rotation": delta})["pose.rotation"]) @ v
    jacobian = np.asarray(jax.jacfwd(turn)(jnp.zeros(3)))
    reverse = np.asarray(jax.jacrev(turn)(jnp.zeros(3)))
    placed = np.asarray(turn(jnp.zeros(3)))
    expected = np.stack([np.cross(axis, placed) for axis in np.eye(3)], axis=1)
    np.testing.assert_allclose(jacobian, expected, atol=2e-6)
    np.testing.assert_allclose(reverse, expected, atol=2e-6)


def test_quaternion_exp_is_exact_on_both_sides_of_its_series():
    with jax.enable_x64(True):
        for angle in (0.0, 1e-9, 9.9e-5, 1.01e-4, 1.0, 3.0):
            delta = np.array([0.6, 0.0, 0.8]) * angle
            q = np.asarray(quaternion_exp(jnp.asarray(delta)))
            np.testing.assert_allclose(q, quaternion_from_vector(delta), atol=1e-15)


def test_second_derivative_of_rotation_at_zero_is_finite():
    hessian = jax.jacfwd(jax.jacrev(lambda d: quaternion_matrix(quaternion_exp(d))[0, 0]))(jnp.zeros(3))
    np.testing.assert_allclose(np.asarray(hessian), np.diag([0.0, -2.0, -2.0]) / 2, atol=1e-5)


@pytest.mark.parametrize("vector", [(0.0, 0.0, 0.0), (0.1, -0.2, 0.3), (3.0, 0.5, 0.0)])
def test_rotation_vectors_survive_the_round_trip(vector):
    np.testing.assert_allclose(vector_from_quaternion(quaternion_from_vector(np.array(vector))), vector, atol=1e-12)


def test_rotation_angle_is_accurate_for_tiny_angles_and_blind_to_sign():
    q = quaternion_from_vector(np.array([0.0, 1e-6, 0.0]))
    assert rotation_angle(np.array([1.0, 0, 0, 0]), q) == pytest.approx(1e-6, rel=1e-6)
    assert rotation_angle(np.array([-1.0, 0, 0, 0]), q) == pytest.approx(1e-6, rel=1e-6)


def test_scale_moves_by_factors_and_light_stays_a_unit_vector():
    values = {n: jnp.asarray(v) for n, v in values_at().items()}
    delta = zero_tangent(values, ["pose.scale", "light.direction"])
    delta["pose.scale"] = jnp.asarray(np.float32(np.log(2.0)))
    delta["light.direction"] = jnp.array([5.0, -3.0, 1.0])
    moved = retract(values, delta)
    assert float(moved["pose.scale"]) == pytest.approx(3.0, rel=1e-6)
    assert float(jnp.linalg.norm(moved["light.direction"])) == pytest.approx(1.0, abs=1e-6)


def test_display_units_are_degrees_and_can_be_set_back():
    values = values_at((10.0, 20.0, -30.0))
    shown = display_values(values)
    np.testing.assert_allclose(shown["pose.rotation"], (10, 20, -30), atol=1e-4)
    assert shown["camera.fov"] == pytest.approx(40.0, abs=1e-4)
    changed = set_small_value(values, "pose.rotation.y", 25.0)
    np.testing.assert_allclose(display_values(changed)["pose.rotation"], (10, 25, -30), atol=1e-4)
    changed = set_small_value(values, "camera.fov", 55.0)
    assert display_values(changed)["camera.fov"] == pytest.approx(55.0, abs=1e-4)


def test_free_names_and_components_become_masks():
    values = values_at()
    masks = free_masks(["pose.rotation", "pose.translation.y"], values)
    np.testing.assert_array_equal(masks["pose.rotation"], [1, 1, 1])
    np.testing.assert_array_equal(masks["pose.translation"], [0, 1, 0])
    infos = {i.name: i for i in describe_parameters(values, ["pose.translation.y", "camera.fov"])}
    assert infos["pose.translation"].free_components == ("y",)
    assert infos["camera.fov"].free
    assert not infos["pose.rotation"].free


def test_an_unknown_parameter_is_named_with_what_exists():
    with pytest.raises(RimlightError, match=r"'pose\.rotaton'.*pose\.rotation"):
        free_masks(["pose.rotaton"], values_at())


def test_theta_names_directions():
    values = {**values_at(), "vertices": np.zeros((5, 3), np.float32)}
    name, direction = theta_direction("pose.translation.z", values, ["pose.rotation"], None, 0)
    assert name == "pose.translation"
    np.testing.assert_array_equal(direction[name], [0, 0, 1])
    normals = np.tile(np.array([0, 1, 0], np.float32), (5, 1))
    np.testing.assert_array_equal(theta_direction("vertices.normal", values, [], normals, 0)[1]["vertices"], normals)
    one = theta_direction("vertices.3.x", values, [], None, 0)[1]["vertices"]
    assert one[3, 0] == 1
    assert one.sum() == 1
    a = theta_direction("random:vertices", values, [], None, 7)[1]["vertices"]
    b = theta_direction("random:vertices", values, [], None, 7)[1]["vertices"]
    np.testing.assert_array_equal(a, b)
    with pytest.raises(RimlightError, match="below 5"):
        theta_direction("vertices.9.x", values, [], None, 0)
