"""Analytic antialiasing against nvdiffrast's numbers, closed forms, its own forward image and finite differences."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core.parameters import retract
from core.shapes.mesh import Mesh
from kernels.antialiased_pairs import antialiased_pairs, opposite_vertices
from kernels.blending import blend_pairs
from kernels.camera import lens_of, look_at
from kernels.methods.antialias import METHOD, Settings
from kernels.raster.sampler import Rasterizer
from kernels.types import CameraView
from tests.kernels.scenes import method_totals, reference_totals, scene

FLAT = np.array([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
"""Vertices are pixels already, at w = 1."""


def _row(vertices: Any, faces: Any, width: int = 2, height: int = 1) -> Any:
    vertices, faces = np.array(vertices, np.float32), np.array(faces, np.int32)
    fragments = Rasterizer(width, height, 1)(vertices, faces, FLAT)
    return fragments, antialiased_pairs(vertices, faces, opposite_vertices(faces), FLAT, 0.05, fragments)


@pytest.mark.parametrize(("crossing", "expected"), [(0.8, (1.0, 0.3)), (0.3, (0.8, 0.0))])
def test_white_beside_black(crossing: float, expected: tuple[float, float]) -> None:
    """nvdiffrast's rule: white ends `crossing` pixels after its centre; d(sum)/d(crossing) = 1 either way."""
    end = 0.5 + crossing
    fragments, pairs = _row([(-5, -9, 0), (end, -9, 0), (end, 20, 0), (-5, 20, 0)], [(0, 1, 2), (0, 2, 3)])
    white = jnp.asarray((fragments.face_id[0] >= 0) * 1.0, jnp.float32)
    np.testing.assert_array_equal(white[0], (1.0, 0.0))
    blend = lambda shift: blend_pairs((white,), (pairs.alpha[0] - shift, pairs.alpha[1]))[0]
    image, change = jax.jvp(blend, (jnp.float32(0.0),), (jnp.float32(1.0),))
    np.testing.assert_allclose(image[0], expected, atol=1e-6)
    assert float(change.sum()) == pytest.approx(1.0, abs=1e-6)
    backward = jax.grad(lambda shift: blend(shift).sum())(jnp.float32(0.0))
    assert float(backward) == pytest.approx(1.0, abs=1e-6)


def test_only_silhouettes_that_cross_rather_than_run_along_the_pair() -> None:
    square = [(-5, -9, 0), (1.2, -9, 0), (1.2, 20, 0), (-5, 20, 0), (9, -9, 0), (9, 20, 0)]
    across = _row(square, [(0, 1, 2), (0, 2, 3), (1, 4, 5), (1, 5, 2)])[1]
    assert not across.alpha.any()  # the surface goes on across the edge
    folded = [(-5, -9, 0), (1.2, -9, 0), (1.2, 20, 0), (-5, 20, 0), (-5, -9, -1), (-5, 20, -1)]
    inverse = np.array([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, -1e-6, 1]])
    faces = np.array([(0, 1, 2), (0, 2, 3), (1, 4, 5), (1, 5, 2)], np.int32)
    vertices = np.array(folded, np.float32)
    fragments = Rasterizer(2, 1, 1)(vertices, faces, inverse)
    fold = antialiased_pairs(vertices, faces, opposite_vertices(faces), inverse, 0.05, fragments)
    assert fold.alpha[0, 0, 0] == pytest.approx(-0.2, abs=1e-4)  # the surface folds back under itself
    slanted = _row([(-40, -22, 0), (40, -20.5, 0), (40, 21.3, 0), (-40, -0.7, 0)], [(0, 1, 2), (0, 2, 3)])[1]
    assert not slanted.alpha[0].any()


def test_opposite_vertices() -> None:
    """A tetrahedron has a neighbour across every edge; a fan over one edge (not a manifold) still finds one each."""
    tetrahedron = np.array([(0, 1, 2), (0, 3, 1), (1, 3, 2), (2, 3, 0)], np.int32)
    assert (opposite_vertices(tetrahedron) >= 0).all()
    assert opposite_vertices(tetrahedron)[0].tolist() == [3, 3, 3]
    fan = np.array([(0, 1, 2), (1, 0, 3), (0, 1, 4)], np.int32)
    found = opposite_vertices(fan)
    assert found[:, 2].tolist() == [3, 4, 3]
    assert (found[:, :2] == -1).all()
    assert opposite_vertices(np.empty((0, 3), np.int32)).shape == (0, 3)


def test_the_derivative_is_that_of_the_antialiased_image() -> None:
    """Quad, perspective: central differences of its own image by a move too small to change which edge crosses where.

    d(sum of the right half)/d(tx) = 128 * 128 exactly (scaled to 32 x 32: 16 edge pixels * 16 pixels a unit).
    """
    corners = np.array([(-0.5, -0.5, 0), (0.5, -0.5, 0), (0.5, 0.5, 0), (-0.5, 0.5, 0)])
    mesh = Mesh(corners, np.array([(0, 1, 2), (0, 2, 3)]), np.ones((4, 3)))
    view = replace(CameraView(look_at((0.0, 0.0, 3.0)), 32, 32), shift=(-0.3, 0.2))
    values = {**scene(mesh, emissive=True, fov=float(np.degrees(2 * np.arctan(1 / 3)))), "background": np.zeros(3)}
    values = {n: np.asarray(v, np.float32) if np.asarray(v).dtype == np.float64 else v for n, v in values.items()}
    free, channels = frozenset({"pose.translation", "pose.rotation"}), ("silhouette",)
    sample = lambda v: METHOD.sample(mesh, v, view, Settings(), free, channels)

    def image(delta: Any, samples: Any) -> Any:
        moved = retract(values, delta)
        return METHOD.evaluate(mesh, moved, samples, lens_of(view), {}, Settings(), channels, free)["silhouette"][0]

    push = jax.jit(lambda d, s: jax.jvp(lambda e: image(e, s), ({n: 0 * x for n, x in d.items()},), (d,)))
    zero = {n: np.zeros(3, np.float32) for n in free}
    for name, axis, exact in (("pose.translation", 0, 256.0), ("pose.rotation", 2, None)):
        direction = {**zero, name: np.eye(3, dtype=np.float32)[axis]}
        step = 4e-3
        sides = []
        for sign in (1, -1):
            moved = {n: np.asarray(v) for n, v in retract(values, {name: sign * step * direction[name]}).items()}
            sides.append(np.asarray(push(direction, sample(moved))[0], np.float64))
        change = np.asarray(push(direction, sample(values))[1], np.float64)
        # The pushed image above holds `values`; only its samples moved, and alpha is theirs: a fair own difference.
        difference = (sides[0] - sides[1]) / (2 * step)
        np.testing.assert_allclose(change, difference, atol=0.02 * np.abs(difference).max())
        if exact:
            assert change[:, 16:].sum() == pytest.approx(exact, rel=1e-3)
            # In one row at the left the pixel's triangle ends at the quad's diagonal: no silhouette is found there.
            assert change[:, :16].sum() == pytest.approx(-exact * 15 / 16, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("one triangle", 0.0, 0.04), ("two overlapping", 0.0, 0.04), ("two intersecting", 0.3, 0.8)],
)
def test_totals(name: str, least: float, most: float) -> None:
    """Good at silhouettes and occlusions, blind to intersections (nvdiffrast: 39 to 69 % in EdgeGrad's Table 1)."""
    reference, found = reference_totals(name, 128)[1], method_totals(METHOD, Settings(), name, 128)
    error = np.linalg.norm(found - reference) / np.linalg.norm(reference)
    assert least <= error <= most
