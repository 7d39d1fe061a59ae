"""Mesh regularisers: known values, what leaves them at zero, gradients against central differences."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core.derivatives.term_gradients import term_gradient
from core.experiment import Experiment, OptimizerSpec, ParametersSpec, ShapeSpec, TargetSpec, TermSpec, ViewsSpec
from core.inspection import compiled_count
from core.io.topology import undirected_edges
from core.optimization.gradient_step import gradient_step
from core.optimization.mesh_terms import (
    _best_rotations,
    as_rigid_as_possible,
    cotangent_laplacian,
    edge_length,
    laplacian,
    mesh_constants,
    normal_consistency,
)
from core.session import Session
from kernels.rotation import quaternion_from_vector, quaternion_matrix

TERMS = [laplacian, cotangent_laplacian, edge_length, normal_consistency, as_rigid_as_possible]


def values_of(vertices: np.ndarray, faces: np.ndarray) -> dict:
    constants = {"const.faces": faces, "const.edges": undirected_edges(faces, len(vertices))[0]}
    found = {"vertices": np.asarray(vertices, np.float32), **constants}
    return {**found, **mesh_constants({"face_pairs", "rest"}, constants, found)}


@pytest.fixture(scope="module")
def sphere() -> dict:
    import trimesh

    mesh = trimesh.creation.icosphere(1)
    return values_of(mesh.vertices, np.asarray(mesh.faces, np.int32))


def grid(uneven: float = 0.0) -> dict:
    """A flat 5 x 5 patch; `uneven` moves its inner vertices within the plane."""
    side = 5
    ids = np.arange(side * side).reshape(side, side)
    a, b, c, d = ids[:-1, :-1].ravel(), ids[:-1, 1:].ravel(), ids[1:, :-1].ravel(), ids[1:, 1:].ravel()
    faces = np.concatenate([np.stack([a, b, d], 1), np.stack([a, d, c], 1)]).astype(np.int32)
    x, y = np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side))
    points = np.stack([x, y, 0 * x], -1)
    points[1:-1, 1:-1, :2] += uneven * np.random.default_rng(0).standard_normal((3, 3, 2))
    return values_of(points.reshape(-1, 3), faces)


def gradient(term, values: dict) -> np.ndarray:
    slope = jax.jit(jax.grad(lambda v: term({**values, "vertices": v})))
    return np.asarray(slope(jnp.asarray(values["vertices"])))


def test_what_is_flat_even_and_rigid_costs_nothing(sphere):
    assert float(normal_consistency(grid(0.02))) == pytest.approx(0.0, abs=1e-6)
    assert float(as_rigid_as_possible(sphere)) == pytest.approx(0.0, abs=1e-10)
    rotation = quaternion_matrix(quaternion_from_vector(np.array([0.4, -2.3, 1.1])))
    turned = {**sphere, "vertices": (sphere["vertices"] @ rotation.T + [1, 2, 3]).astype(np.float32)}
    assert float(as_rigid_as_possible(turned)) < 1e-9
    tetrahedron = np.array([[1, 1, 1], [-1, -1, 1], [-1, 1, -1], [1, -1, -1]], float)
    even = values_of(tetrahedron, np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]], np.int32))
    assert float(edge_length(even)) == pytest.approx(0.0, abs=1e-9)
    assert float(normal_consistency(even)) == pytest.approx(1 + 1 / 3, rel=1e-5)  # the normals' cosine is -1/3


def test_cotangents_leave_an_uneven_plane_where_it_is():
    """Inside a flat patch the cotangent mean of a vertex's neighbours is the vertex itself; the uniform one is not."""
    values = grid(0.02)
    inner = np.zeros(25, bool).reshape(5, 5)
    inner[2, 2] = True
    at = np.flatnonzero(inner.ravel())[0]
    cotangent, uniform = gradient(cotangent_laplacian, values), gradient(laplacian, values)
    assert float(cotangent_laplacian(values)) < float(laplacian(values))
    assert np.abs(cotangent[at]).max() < 0.5 * np.abs(uniform[at]).max()


def test_stretching_costs_what_it_stretches(sphere):
    """Scaled by s, the best rotations stay the identity: the energy is (s - 1)^2 times the mean squared edge."""
    bigger = {**sphere, "vertices": np.float32(1.5) * sphere["vertices"]}
    edges = sphere["const.edges"]
    ends = np.concatenate([edges, edges[:, ::-1]])
    squared = np.sum(np.square(sphere["vertices"][ends[:, 0]] - sphere["vertices"][ends[:, 1]]), axis=1)
    degree = np.bincount(ends[:, 0])
    wanted = 0.25 * np.sum(squared / degree[ends[:, 0]]) / len(degree)
    assert float(as_rigid_as_possible(bigger)) == pytest.approx(wanted, rel=1e-4)


def test_rotations_are_the_best_ones_and_never_reflections():
    rng = np.random.default_rng(1)
    covariance = rng.standard_normal((40, 3, 3)).astype(np.float32)
    found = np.asarray(_best_rotations(jnp.asarray(covariance)))
    u, _, vt = np.linalg.svd(covariance)
    sign = np.linalg.det(np.swapaxes(vt, 1, 2) @ np.swapaxes(u, 1, 2))
    best = np.swapaxes(vt, 1, 2) @ (np.stack([np.ones(40), np.ones(40), sign], 1)[:, :, None] * np.swapaxes(u, 1, 2))
    reached = np.einsum("nij,nji->n", covariance, found), np.einsum("nij,nji->n", covariance, best)
    np.testing.assert_allclose(reached[0], reached[1], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(np.linalg.det(found), 1.0, atol=1e-4)


SMOOTH = [laplacian, normal_consistency, as_rigid_as_possible]
"""Those of which nothing is held constant that would change the value."""


@pytest.mark.parametrize("term", SMOOTH, ids=lambda t: t.__name__)
def test_gradients_agree_with_central_differences(term, sphere):
    """Along 3 random directions, step 2e-3 of the radius; the functions are smooth there."""
    rng = np.random.default_rng(2)
    start = sphere["vertices"] + 0.08 * rng.standard_normal(sphere["vertices"].shape).astype(np.float32)
    values = {**sphere, "vertices": start}
    analytic, value = gradient(term, values), jax.jit(lambda v: term({**values, "vertices": v}))
    for _ in range(3):
        direction = rng.standard_normal(start.shape).astype(np.float32)
        ahead, behind = (float(value(start + np.float32(step) * direction)) for step in (2e-3, -2e-3))
        slope = float(np.sum(analytic * direction))
        assert slope == pytest.approx((ahead - behind) / 4e-3, rel=0.02, abs=1e-3 * float(np.linalg.norm(analytic)))


@pytest.mark.parametrize("term", TERMS, ids=lambda t: t.__name__)
def test_gradients_are_finite_on_a_mesh_that_has_collapsed(term):
    values = grid()
    values["vertices"] = np.zeros_like(values["vertices"])
    assert np.isfinite(gradient(term, values)).all()


def test_the_terms_gradients_add_up_to_the_whole_and_colour_the_mesh():
    experiment = Experiment(
        shape=ShapeSpec(primitive="cube"),
        target=TargetSpec(primitive="sphere"),
        views=ViewsSpec("orbit", 2, width=48, height=48),
        terms=(TermSpec("l2", "silhouette", 2.0), TermSpec("edge-length", weight=0.5), TermSpec("arap", weight=3.0)),
        optimizer=OptimizerSpec("adam-uniform", 0.02),
        parameters=ParametersSpec(("vertices",)),
    )
    session = Session(experiment)
    session.step()
    before = compiled_count()
    each = [term_gradient(session.problem, session.state, [0, 1], i)["vertices"] for i in range(3)]
    _, report = gradient_step(session.problem, session.state, [0, 1], 0.0)
    assert compiled_count() == before
    np.testing.assert_allclose(sum(np.asarray(e) for e in each), report.gradient["vertices"], atol=1e-6)
    session.set_value("overlay.term", 1)
    shown = session.snapshot(0).arrays["vertex_gradient"]
    np.testing.assert_allclose(shown, np.linalg.norm(each[1], axis=1), rtol=1e-4, atol=1e-8)
    session.set_value("overlay.term", -1)
    assert not np.allclose(session.snapshot(0).arrays["vertex_gradient"], shown)
