"""The window's numbers: STYLE's rules, one row a rule."""

from __future__ import annotations

import math

import pytest

from app import numbers

M = numbers.MINUS


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (0.012, "0.0120"),
        (0.0087, "8.70e−3"),
        (0.48749, "0.487"),
        (11.4, "11.4"),
        (9999.0, "9999"),
        (12345.0, "1.23e4"),
        (9.996, "10.0"),
        (99.96, "100"),
        (0.01, "0.0100"),
        (1e-12, "1.00e−12"),
        (-13.1, f"{M}13.1"),
        (math.inf, "∞"),
        (math.nan, "–"),
        (None, "–"),
    ],
)
def test_three_significant_digits(value, shown):
    assert numbers.number(value) == shown


def test_signs_and_narrow_columns():
    assert numbers.number(0.175, signed=True) == "+0.175"
    assert numbers.number(0.0, signed=True) == "0"
    assert numbers.narrow(0.0086) == "8.6e−3"
    assert numbers.narrow(5e-4) == "5.0e−4"
    assert numbers.narrow(0.087) == "0.087"
    assert numbers.field(0.0035) == "3.5e−3"
    assert numbers.integer(-8790) == f"{M}8790"
    assert [numbers.count(n) for n in (150, 9999, 10_000, -1_000_082)] == [
        "150",
        "9999",
        "10\u2009000",
        f"{M}1\u2009000\u2009082",
    ]
    assert numbers.colour(-0.2536) == f"{M}0.254"
    assert numbers.signed_colour(0.1) == "+0.100"
    assert numbers.signed_colour(-0.0001) == "0.000"
    assert numbers.power_of_ten(-4) == "10⁻⁴"


def test_what_is_copied_is_ascii():
    assert numbers.ascii_minus(numbers.number(-0.0035)) == "-3.50e-3"
    assert float(numbers.ascii_minus(numbers.number(-0.0035))) == -0.0035


@pytest.mark.parametrize(
    ("typed", "value"), [("−3.5e−3", -0.0035), ("0,25", 0.25), (" 12° ", 12.0), ("-1e2 px", -100.0)]
)
def test_what_is_typed_is_understood(typed, value):
    assert numbers.parse(typed) == value


@pytest.mark.parametrize("typed", ["", "abc", "nan", "1.2.3"])
def test_what_is_not_a_number_is_refused(typed):
    with pytest.raises(ValueError):  # noqa: PT011
        numbers.parse(typed)


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.119, "°", "0.119°"),
        (-0.0015, "°", "−2e−3°"),
        (-112.0, "°", "−112°"),
        (-5.3e-4, "", "−5.3e−4"),
        (25.0, "", "25.0"),
    ],
)
def test_values_fit_the_column_of_the_tree(value, unit, shown):
    from app.experiment_panel.tree import FITS, _short

    assert _short(value, unit) == shown
    assert len(shown) <= FITS
