"""Losses on images one can compute by hand, and their gradients against central differences."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from core.errors import RimlightError
from core.experiment import TermSpec
from core.optimization.mesh_terms import laplacian
from core.optimization.terms import LOSSES, channels_seen, check_terms, halve, image_terms, iou, l1, l2, parameter_terms


def planes(*arrays):
    return tuple(jnp.asarray(np.asarray(a, np.float32)) for a in arrays)


def test_l1_and_l2_are_means_over_pixels_and_planes():
    a, b = planes([[0.0, 1.0]], [[2.0, 0.0]]), planes([[1.0, 1.0]], [[0.0, 0.0]])
    assert float(l1(a, b)) == pytest.approx((1 + 0 + 2 + 0) / 4)
    assert float(l2(a, b)) == pytest.approx((1 + 0 + 4 + 0) / 4)


def test_iou_of_half_overlapping_squares_and_of_nothing():
    a, b = planes([[1, 1, 0]]), planes([[0, 1, 1]])
    assert float(iou(a, b)) == pytest.approx(1 - 1 / 3)
    empty = planes(np.zeros((2, 2)))
    assert float(iou(empty, empty)) == 0.0
    assert np.isfinite(np.asarray(jax.grad(lambda x: iou((x,), empty))(empty[0]))).all()


@pytest.mark.parametrize("levels", [1, 3])
def test_iou_is_least_at_the_target_whatever_its_coverage(levels, rng):
    """A pyramid's coarse levels are half covered all over."""
    target = rng.uniform(size=(8, 8)).astype(np.float32)
    term = (TermSpec("iou", "silhouette", 1.0, levels),)
    f = lambda x: float(image_terms(term, np.ones(1), {"silhouette": planes(x)}, {"silhouette": planes(target)})[0])
    assert f(target) == pytest.approx(0.0, abs=1e-6)
    for other in (0.9 * target, np.minimum(1.1 * target, 1.0), np.round(target)):
        assert f(other) > 0.02


def test_iou_of_crisp_silhouettes_pulls_as_soft_rasterizers_products_do(rng):
    """Where a pixel is right already, too: nothing outside, where both are empty, is drawn to the target."""
    target, cover = (jnp.asarray(rng.integers(0, 2, (6, 6)), jnp.float32) for _ in range(2))

    def products(x):
        return 1 - jnp.sum(x * target) / jnp.sum(x + target - x * target)

    found, wanted = jax.grad(lambda x: iou((x,), (target,)))(cover), jax.grad(products)(cover)
    np.testing.assert_allclose(np.asarray(found), np.asarray(wanted), rtol=1e-5)


@pytest.mark.parametrize("loss", ["l1", "l2", "silhouette-cross-entropy", "iou"])
@pytest.mark.parametrize("levels", [1, 3])
def test_image_losses_agree_with_central_differences(loss, levels, rng):
    # Step 1e-3 in float64; l1's kinks are avoided since random values differ by far more than the step.
    with jax.enable_x64(True):
        a, b = (jnp.asarray(rng.uniform(0.05, 0.95, (7, 6))) for _ in range(2))
        term = (TermSpec(loss, "silhouette", 1.0, levels),)
        f = lambda x: image_terms(term, np.ones(1), {"silhouette": (x,)}, {"silhouette": (b,)})[0]
        gradient = np.asarray(jax.grad(f)(a))
        direction = rng.standard_normal((7, 6))
        h = 1e-5
        difference = float(f(a + h * direction) - f(a - h * direction)) / (2 * h)
        assert float((gradient * direction).sum()) == pytest.approx(difference, rel=1e-4, abs=1e-8)


def test_cross_entropy_of_a_hard_silhouette_pulls_wrong_pixels_and_not_right_ones():
    target = planes([[1.0, 0.0]])
    gradient = jax.grad(lambda x: LOSSES["silhouette-cross-entropy"].function((x,), target))
    wrong, right = np.asarray(gradient(jnp.array([[0.0, 1.0]]))), np.asarray(gradient(target[0]))
    assert wrong[0, 0] < -20
    assert wrong[0, 1] > 20
    assert np.abs(right).max() < 1.1 / 2


def test_halving_is_a_box_filter_and_keeps_the_mean(rng):
    image = rng.uniform(size=(6, 8)).astype(np.float32)
    small = np.asarray(halve((jnp.asarray(image),))[0])
    np.testing.assert_allclose(small, image.reshape(3, 2, 4, 2).mean((1, 3)), rtol=1e-6)
    odd = np.asarray(halve((jnp.ones((5, 3)),))[0])
    np.testing.assert_allclose(odd, np.ones((3, 2)), rtol=1e-6)


def test_laplacian_of_a_path_graph():
    # Vertices on a line, the middle one raised by 1: its neighbours' mean is 0, theirs is the middle.
    values = {
        "vertices": jnp.array([[0.0, 0, 0], [0.5, 1, 0], [1.0, 0, 0]]),
        "const.edges": jnp.array([[0, 1], [1, 2]]),
    }
    ends = 2 * (0.5**2 + 1.0**2)
    assert float(laplacian(values)) == pytest.approx((1.0 + ends) / 3)


def test_weights_and_each_term_are_reported():
    terms = (TermSpec("l2", "silhouette", 2.0), TermSpec("laplacian", "silhouette", 3.0))
    image, target = {"silhouette": planes([[1.0]])}, {"silhouette": planes([[0.0]])}
    weights = np.array([2.0, 3.0], np.float32)
    total, each = image_terms(terms, weights, image, target)
    assert float(total) == 2.0
    assert [float(e) for e in each] == [1.0, 0.0]
    values = {"vertices": jnp.array([[0.0, 0, 0], [1.0, 0, 0]]), "const.edges": jnp.array([[0, 1]])}
    total, each = parameter_terms(terms, weights, values)
    assert float(total) == pytest.approx(3.0)
    assert [float(e) for e in each] == [0.0, 1.0]


def test_terms_that_cannot_be_evaluated_say_why():
    with pytest.raises(RimlightError, match=r"term\[0\]\.sees.*'colour'"):
        check_terms((TermSpec("iou", "colour"),), {})
    with pytest.raises(RimlightError, match="no term looks at the image"):
        check_terms((TermSpec("laplacian"),), {"vertices": 0})
    with pytest.raises(RimlightError, match="needs vertices"):
        check_terms((TermSpec(), TermSpec("laplacian")), {})
    assert channels_seen((TermSpec("l2", "depth"), TermSpec("l1", "colour"))) == ("colour", "depth")
