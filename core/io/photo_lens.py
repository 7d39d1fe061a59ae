"""The field of view of a photograph, guessed from what its camera wrote into it (EXIF 2.32, CIPA DC-008).

Vertical, in degrees, of the picture as it stands upright. A cropped picture sees less than its EXIF says: no guess can
know that, so that the guess is a start and "camera.fov" may be left free.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from core.errors import RimlightError
from core.io.files import checked_path
from core.io.images import FILE_LIMIT, ORIENTATION, SIDEWAYS, pillow

EXIF_TABLE = 0x8769
FOCAL_LENGTH, EQUIVALENT = 0x920A, 0xA405
STORED_WIDTH, ACROSS, UNIT = 0xA002, 0xA20E, 0xA210
"""Of the sensor: pixels across when the picture was taken, pixels a unit across, and which unit."""

MILLIMETRES = {2: 25.4, 3: 10.0}
FILM_DIAGONAL = float(np.hypot(36.0, 24.0))
"""Millimetres: the equivalent focal length compares diagonals (CIPA DCG-001)."""

DEFAULT_FOV = 40.0
"""Degrees: what is taken where a picture tells nothing, of a 50 mm lens held upright (ViewsSpec)."""

PLAUSIBLE = (2.0, 150.0)
"""Degrees; what lies outside is a wrong entry."""


class PhotoLens(NamedTuple):
    """fov: vertical, degrees. told: where it comes from, for people."""

    fov: float
    told: str


def photo_lens(path: str | Path, otherwise: float = DEFAULT_FOV) -> PhotoLens:
    """The lens of a picture; `otherwise` where it does not tell. Never raises for what the EXIF holds."""
    nothing = PhotoLens(otherwise, f"no focal length in its EXIF; taken to be {otherwise:g} degrees high")
    path = checked_path(path, FILE_LIMIT)
    if path.suffix.lower() == ".exr":
        return nothing
    try:
        with pillow(path) as picture:
            size, orientation = picture.size, picture.getexif().get(ORIENTATION, 1)
            entries = dict(picture.getexif().get_ifd(EXIF_TABLE))
    except RimlightError:
        return nothing
    height = size[0] if orientation in SIDEWAYS else size[1]  # on its side: turned upright when it is read
    for focal, told in (_from_equivalent(entries, size), _from_sensor(entries, size)):
        if focal:  # 0: of numbers so small that nothing is left of their product
            fov = 2.0 * float(np.degrees(np.arctan(0.5 * height / focal)))
            if PLAUSIBLE[0] <= fov <= PLAUSIBLE[1]:
                return PhotoLens(round(fov, 2), f"{fov:.1f} degrees high by its EXIF ({told})")
    return nothing


def _from_equivalent(entries: dict[int, Any], size: tuple[int, int]) -> tuple[float | None, str]:
    """Focal length in pixels, from that of a lens on 36 x 24 mm film with the same diagonal."""
    millimetres = _number(entries.get(EQUIVALENT))
    if millimetres is None:
        return None, ""
    return millimetres / FILM_DIAGONAL * float(np.hypot(*size)), f"{millimetres:g} mm on 35 mm film"


def _from_sensor(entries: dict[int, Any], size: tuple[int, int]) -> tuple[float | None, str]:
    """Focal length in pixels, from that in millimetres and the sensor's pixels a millimetre."""
    focal, density = _number(entries.get(FOCAL_LENGTH)), _number(entries.get(ACROSS))
    unit = MILLIMETRES.get(int(_number(entries.get(UNIT)) or 2))
    if focal is None or density is None or unit is None:
        return None, ""
    stored = _number(entries.get(STORED_WIDTH)) or float(size[0])
    return focal * density / unit * size[0] / stored, f"{focal:g} mm on a sensor {stored / density * unit:.1f} mm wide"


def _number(value: Any) -> float | None:
    """A positive finite number, or None: EXIF holds fractions whose denominator may be 0, and texts."""
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if np.isfinite(number) and number > 0 else None


def distance_for(fov: float, distance: float, usual: float = DEFAULT_FOV) -> float:
    """The distance from which a lens of `fov` degrees shows a shape as large as one of `usual` does from `distance`."""
    half = lambda degrees: np.tan(0.5 * np.radians(degrees))
    return round(float(distance * half(usual) / half(fov)), 3)
