"""Large steps: the matrix, both solvers, that a step is the paper's, and that they do not tangle where Adam does."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from core.errors import RimlightError
from core.experiment import (
    Experiment,
    MethodSpec,
    OptimizerSpec,
    ParametersSpec,
    PoseSpec,
    ShapeSpec,
    StopSpec,
    TargetSpec,
    TermSpec,
    ViewsSpec,
)
from core.experiments.files import experiment_from_dict
from core.metrics import flipped_triangles
from core.optimization import parameterization
from core.optimization.parameterization import (
    IDENTITY,
    LargeSteps,
    diffusion_matrix,
    parameterization_of,
    texel_diffusion,
)
from core.session import Session

TETRAHEDRON = np.array([[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]], np.int32)


def test_the_matrix_is_the_papers():
    """I + lambda L with the uniform Laplacian; on a tetrahedron its eigenvalues are 1, 5, 5, 5 for lambda 1."""
    matrix = diffusion_matrix(TETRAHEDRON, 4, 1.0).toarray()
    np.testing.assert_allclose(np.linalg.eigvalsh(matrix), [1, 5, 5, 5], atol=1e-12)


@pytest.mark.parametrize("factor", ["_cholesky", "_superlu"])
def test_both_solvers_solve(factor):
    if factor == "_cholesky":
        pytest.importorskip("cholespy")
    rng = np.random.default_rng(0)
    edges = np.unique(np.sort(rng.integers(0, 60, (200, 2)), axis=1), axis=0)
    edges = edges[edges[:, 0] != edges[:, 1]].astype(np.int32)
    matrix = diffusion_matrix(edges, 60, 19.0)
    right = rng.standard_normal((60, 3)).astype(np.float32)
    right.flags.writeable = False
    found = getattr(parameterization, factor)(matrix)(right)
    assert found.dtype == np.float32
    np.testing.assert_allclose(matrix @ found, right, atol=2e-5)


def test_a_step_is_the_one_in_u_brought_back():
    """v = M^-1 u: gradient by u is M^-1 g, and moving u by d moves v by M^-1 d. What is not a vertex stays as it is."""
    constants = {"const.edges": TETRAHEDRON}
    values = {"vertices": np.zeros((4, 3), np.float32)}
    chart = parameterization_of(ParametersSpec(("vertices",), large_steps=2.0), constants, values)
    assert isinstance(chart, LargeSteps)
    gradient = {"vertices": jnp.asarray(np.eye(4, 3, dtype=np.float32)), "pose.scale": jnp.ones(())}
    inverse = np.linalg.inv(diffusion_matrix(TETRAHEDRON, 4, 2.0).toarray())
    for pulled in (chart.pull(gradient), chart.push(gradient)):
        np.testing.assert_allclose(pulled["vertices"], inverse[:, :3], atol=1e-6)
        assert pulled["pose.scale"] is gradient["pose.scale"]
    assert parameterization_of(ParametersSpec(("vertices",)), constants, values) is IDENTITY
    assert parameterization_of(ParametersSpec(("vertices",), 2.0), {}, {"values": np.zeros(3)}) is IDENTITY


def test_a_shape_without_vertices_cannot_have_them(tmp_path):
    with pytest.raises(RimlightError, match=r"large_steps: it diffuses over a mesh's edges, and a sdf-grid has none"):
        experiment_from_dict(
            {
                "shape": {"kind": "sdf-grid", "primitive": "torus"},
                "target": {"shape_kind": "sdf-grid"},
                "method": {"name": "sdf-local"},
                "parameters": {"free": ["values"], "large_steps": 8.0},
            },
            tmp_path,
        )


def vertices() -> Experiment:
    """A sphere of 2,562 vertices to the creature."""
    return Experiment(
        shape=ShapeSpec(primitive="sphere", start=PoseSpec(scale=0.7)),
        target=TargetSpec(primitive="creature", colour=(0.72, 0.7, 0.67)),
        views=ViewsSpec("sphere", 8, held_out=4, width=96, height=96, batch=4),
        method=MethodSpec("edge-grad", {"crossings": False}),
        terms=(TermSpec("l2", "silhouette"), TermSpec("l2", "normals", 0.5), TermSpec("laplacian", weight=0.0)),
        optimizer=OptimizerSpec("adam-uniform", 0.3, 0.1),
        parameters=ParametersSpec(("vertices",), large_steps=4.0),
        stop=StopSpec(120),
    )


def fitted(experiment: Experiment) -> tuple[float, int]:
    """Held-out IoU and flipped triangles at the end."""
    session = Session(experiment)
    while session.finished() is None:
        session.step()
    values = session.host()
    flipped = flipped_triangles(values["vertices"], np.asarray(values["const.faces"]))
    return session.metrics()["held_out_iou"], flipped


def test_large_steps_reach_further_than_adam_with_a_tenth_of_the_folds():
    experiment = vertices()
    smooth = (*experiment.terms[:2], TermSpec("laplacian", weight=1.0))
    adam = OptimizerSpec("adam", 0.03, 0.05)
    plain = replace(experiment, terms=smooth, optimizer=adam, parameters=ParametersSpec(("vertices",)))
    large, other = fitted(experiment), fitted(plain)
    assert large[0] > 0.92
    assert large[0] > other[0]
    assert large[1] < 60
    assert other[1] >= 10 * large[1]


def test_texels_are_diffused_over_the_torus_that_a_repeating_texture_is():
    height, width, strength = 5, 6, 8.0
    index = np.arange(height * width).reshape(height, width)
    matrix = np.eye(height * width) * (1 + 4 * strength)
    for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
        matrix[index.ravel(), np.roll(index, step, axis).ravel()] -= strength
    right = np.random.default_rng(0).standard_normal((height, width, 8)).astype(np.float32)
    expected = np.linalg.solve(matrix, right.reshape(-1, 8)).reshape(right.shape)
    np.testing.assert_allclose(texel_diffusion(height, width, strength)(right), expected, atol=1e-6)
    chart = parameterization_of(ParametersSpec(large_steps_texture=strength), {}, {"texture": right})
    np.testing.assert_allclose(chart.pull({"texture": right})["texture"], expected, atol=1e-6)
