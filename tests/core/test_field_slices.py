"""Slices through a field: the zero line lies where the surface does, isolines at round distances, sheets of both."""

from __future__ import annotations

import numpy as np
import pytest

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


def test_isolines_are_round() -> None:
    assert isoline_spacing(np.array([0.0, 1.2])) == pytest.approx(0.1)
    assert isoline_spacing(np.array([-30.0, 30.0])) == pytest.approx(5.0)
    assert isoline_spacing(np.zeros(3)) > 0


def test_a_sheet_holds_both_rows() -> None:
    values = ball(12).values[:, :9, :]
    alone = slice_sheet(values, None)
    both = slice_sheet(values, np.random.default_rng(0).standard_normal(values.shape))
    assert both.height > 1.8 * alone.height
    assert alone.width == both.width
