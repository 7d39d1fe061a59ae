"""One element of a large parameter by name: "vertices.812.x", "vertices.812.normal", "values.3.4.5", "means.7".

Indices follow the array's own axes; a last axis of three may be named x, y, z, or be left out for all three.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.errors import RimlightError

XYZ = ("x", "y", "z")
SMALL = 4
"""Parameters of so many numbers or fewer have components with names of their own (core/parameters.py)."""


@dataclass(frozen=True)
class Element:
    """index: into the array `name`. normal: along the vertex normal instead of an axis."""

    name: str
    index: tuple[int, ...]
    normal: bool = False

    def direction(self, values: Mapping[str, Any], normals: np.ndarray | None) -> np.ndarray:
        """The tangent that moves this element by one, in the parameter's shape. normals: (n, 3) of the vertices."""
        direction = np.zeros(np.shape(values[self.name]), np.float32)
        if self.normal:
            if normals is None:
                raise RimlightError(
                    f"{self.name}.{self.index[0]}.normal: this shape has no vertex normals; use x, y, z"
                )
            direction[self.index] = normals[self.index]
        else:
            direction[self.index] = 1.0
        return direction

    def replaced(self, values: Mapping[str, Any], shown: Any) -> np.ndarray:
        """A copy of the parameter with this element set to `shown`, a number or as many as the element holds."""
        array = np.array(values[self.name], np.float32)
        wanted, given = np.shape(array[self.index]), np.asarray(shown, np.float32)
        if self.normal or given.shape != wanted or not np.isfinite(given).all():
            count = int(np.prod(wanted, dtype=int))
            raise RimlightError(f"{self.name}: an element is {count} finite numbers, found {shown!r}")
        array[self.index] = given
        return array


def element_of(path: str, values: Mapping[str, Any]) -> Element | None:
    """The element that `path` names, or None where it names no large parameter. Raises where the indices are wrong."""
    if path == "vertices.normal":  # all of them, see core/parameters.py
        return None
    name = max((n for n in values if path.startswith(f"{n}.")), key=len, default="")
    shape = tuple(np.shape(values[name])) if name else ()
    if len(shape) == 0 or int(np.prod(shape)) <= SMALL or name.startswith("const."):
        return None
    of_three = shape[-1] == 3
    parts = path[len(name) + 1 :].split(".")
    normal = name == "vertices" and parts[-1] == "normal" and len(parts) == 2
    if normal:
        parts = parts[:-1]
    elif len(parts) == len(shape) and of_three and parts[-1] in XYZ:
        parts[-1] = str(XYZ.index(parts[-1]))
    whole = len(parts) == len(shape) or (len(parts) == len(shape) - 1 and of_three)
    known = all(p.isdigit() and int(p) < side for p, side in zip(parts, shape))
    if not (whole and known):
        numbers = ", ".join(str(side) for side in shape[: 1 if shape[-1] == 3 else None])
        form = "'vertices.NUMBER.x' or 'vertices.normal'" if name == "vertices" else f"{name!r} and indices from 0"
        raise RimlightError(f"parameter {path!r}: expected {form} with numbers below {numbers}")
    return Element(name, tuple(int(p) for p in parts), normal)


def path_of(name: str, index: tuple[int, ...]) -> str:
    """The name of an element, as `element_of` reads it."""
    return ".".join([name, *(str(i) for i in index)])
