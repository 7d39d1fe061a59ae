"""How the window writes numbers: three significant digits, a true minus on screen, ASCII when copied.

Convention: plain notation from 0.01 to 9999, otherwise a mantissa and a power as in 3.5e−3; zero is "0".
"""

from __future__ import annotations

import math

MINUS = "\u2212"
THIN = "\u2009"
NOT_A_NUMBER = "\u2013"
"""Shown for NaN and for values that do not exist."""

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float | None, digits: int = 3, *, signed: bool = False, trim: bool = False) -> str:
    """`value` to `digits` significant digits. signed: positive values carry a plus. trim: 3.50e−3 becomes 3.5e−3."""
    if value is None or math.isnan(value):
        return NOT_A_NUMBER
    if value == 0:
        return "0"
    sign = MINUS if value < 0 else "+" if signed else ""
    if math.isinf(value):
        return f"{sign}∞"
    mantissa, power = f"{abs(value):.{digits - 1}e}".split("e")
    exponent = int(power)
    if 1e-2 <= abs(value) < 9999.5:
        return sign + f"{abs(value):.{max(0, digits - 1 - exponent)}f}"
    if trim and "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{sign}{mantissa}e{MINUS if exponent < 0 else ''}{abs(exponent)}"


def narrow(value: float | None) -> str:
    """Two significant digits, for narrow columns."""
    return number(value, 2)


def field(value: float) -> str:
    """What an edit field shows: three digits, no idle zeros after a power."""
    return number(value, 3, trim=True)


def integer(value: int) -> str:
    return f"{MINUS}{-value}" if value < 0 else str(value)


def count(value: int) -> str:
    """Of iterations and the like: digits in threes from 10 000 on, a thin space between them."""
    return integer(value) if abs(value) < 10_000 else f"{value:,}".replace(",", THIN).replace("-", MINUS)


def colour(value: float | None) -> str:
    """A colour component, to three decimals."""
    if value is None or math.isnan(value):
        return NOT_A_NUMBER
    return f"{value:.3f}".replace("-", MINUS)


def signed_colour(value: float | None) -> str:
    """The difference of two colour components: three decimals and a sign, but no sign before zero."""
    if value is None or math.isnan(value):
        return NOT_A_NUMBER
    text = f"{value:+.3f}"
    return "0.000" if text[1:] == "0.000" else text.replace("-", MINUS)


def power_of_ten(exponent: int) -> str:
    """A logarithmic axis's tick: 10⁻⁴."""
    return "10" + str(exponent).translate(_SUPERSCRIPT)


def ascii_minus(text: str) -> str:
    """What is put on the clipboard or into a file."""
    return text.replace(MINUS, "-").replace("∞", "inf").replace(NOT_A_NUMBER, "nan")


def parse(text: str) -> float:
    """A number typed by hand, in either minus and with a decimal point or comma. Raises ValueError."""
    cleaned = text.strip().replace(MINUS, "-").replace(",", ".").replace("∞", "inf")
    for unit in ("°", "px", "%"):
        cleaned = cleaned.removesuffix(unit).strip()
    value = float(cleaned)
    if math.isnan(value):
        raise ValueError("not a number")
    return value
