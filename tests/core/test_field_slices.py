"""Slices through a field: the zero line lies where the surface does, isolines at round distances, sheets of both."""

from __future__ import annotations

import numpy as np
import pytest

from core.build import load_shape
from core.colour_maps import signed_lut
from core.derivatives.field_slicing import HALF, PIXELS, plane_of
from core.derivatives.questions import SLICED_SHAPES, FieldSlice, FieldSliced
from core.field_slices import SIDE, isoline_spacing, slice_picture, slice_sheet
from tests.kernels.grids import ball


def test_the_surface_is_a_white_circle_of_its_radius() -> None:
    grid = ball(33)
    picture = slice_picture(grid.values[16], 1.0, 0.1)
    assert picture.shape == (SIDE, SIDE, 3)
    y, x = np.nonzero((picture == 255).all(-1))
    radius = np.hypot(x - (SIDE - 1) / 2, y - (SIDE - 1) / 2) * 2.2 / (SIDE - 1)
    assert radius.mean() == pytest.approx(0.8, abs=0.01)
    assert radius.std() < 0.02


def test_isolines_lie_at_their_distances() -> None:
    """Along a row of a ramp from -1 to 1 they are a quarter apart, and the zero is white."""
    ramp = np.repeat(np.linspace(-1.0, 1.0, 33)[:, None], 33, axis=1)
    picture = slice_picture(ramp, 1.0, 0.25, side=257).astype(int)
    plain = signed_lut()[128 + np.rint(127 * np.linspace(-1, 1, 257)).astype(int)].astype(int)
    lines = np.nonzero(np.abs(picture[100] - plain).max(-1) > 20)[0]
    assert set(lines[np.abs(lines - 128) > 4]) == {0, 32, 64, 96, 160, 192, 224, 256}
    assert (picture[100, 128] == 255).all()


def test_a_plane_is_a_layer_of_nodes_and_its_gradient_is_theirs() -> None:
    grid = ball(17)
    values = {**grid.parameters(), **grid.constants()}
    gradient = np.random.default_rng(0).standard_normal(grid.values.shape).astype(np.float32)
    plane = plane_of(grid, values, gradient, FieldSlice(1, 0.26, gradient=True))
    assert plane is not None
    assert plane.gradient is not None
    np.testing.assert_array_equal(plane.distance, grid.values[:, 4])
    np.testing.assert_array_equal(plane.gradient, gradient[:, 4])
    at = grid.origin[1] + 4 * grid.spacing[1]
    assert plane.low[1] == plane.high[1] == pytest.approx(at)
    assert (plane.nodes, plane.high[0]) == (17, pytest.approx(grid.origin[0] + 16 * grid.spacing[0]))
    other_stage = plane_of(grid, values, gradient[:8], FieldSlice(1, 0.26))
    assert other_stage is not None
    assert other_stage.gradient is None


@pytest.mark.parametrize(
    ("kind", "primitive"), [("sdf-analytic", "torus"), ("swept-sphere", "swept-sphere"), ("mesh", "sphere")]
)
def test_every_field_has_planes_and_nothing_else(kind: str, primitive: str) -> None:
    shape = load_shape(kind, None, primitive, None)
    values = {**shape.parameters(), **shape.constants()}
    plane = plane_of(shape, values, None, FieldSlice(2, 0.5))
    assert (plane is not None) == (kind in SLICED_SHAPES)
    if plane is not None:
        assert plane.distance.min() < 0 < plane.distance.max()
        assert plane.low[0] == -HALF == -plane.high[0]
        beside = plane_of(shape, values, None, FieldSlice(2, 0.02))
        assert beside is not None
        assert (beside.limits[0], beside.span) == pytest.approx((plane.limits[0], plane.span), rel=0.3)


def test_a_session_answers_with_the_gradient_of_its_last_step() -> None:
    """Before a step there is none; after it the picture's coloured nodes are those that the loss has a say in."""
    from core.experiment import Experiment, GridSpec, ParametersSpec, ShapeSpec, TargetSpec, TermSpec, ViewsSpec
    from core.session import Session

    session = Session(
        Experiment(
            shape=ShapeSpec("sdf-grid", primitive="sphere", grid=GridSpec(resolution=8)),
            target=TargetSpec(primitive="torus"),
            views=ViewsSpec("single", width=16, height=16),
            terms=(TermSpec("l2", "silhouette"),),
            parameters=ParametersSpec(("values",)),
        )
    )
    asked = FieldSlice(2, 0.5, gradient=True)
    (before,) = session.answer(asked)
    assert isinstance(before, FieldSliced)
    assert before.picture is None
    session.step()
    (after,) = session.answer(asked)
    assert isinstance(after, FieldSliced)
    assert after.picture is not None
    assert after.iteration == 1
    assert after.limit > 0
    assert after.picture.shape == (PIXELS, PIXELS, 4)
    (field,) = session.answer(FieldSlice(2, 0.5, dark=False))
    assert isinstance(field, FieldSliced)
    assert field.spacing > 0
    assert not np.array_equal(field.picture, after.picture)


def test_isolines_are_round() -> None:
    assert isoline_spacing(1.2) == pytest.approx(0.1)
    assert isoline_spacing(60.0) == pytest.approx(5.0)
    assert isoline_spacing(0.0) > 0


def test_a_sheet_holds_both_rows() -> None:
    values = ball(12).values[:, :9, :]
    alone = slice_sheet(values, None)
    both = slice_sheet(values, np.random.default_rng(0).standard_normal(values.shape))
    assert both.height > 1.8 * alone.height
    assert alone.width == both.width
