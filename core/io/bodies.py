"""Analytic signed distances as JSON text (.bodies): a list of spheres, boxes and tori, and how smoothly they are joined.

    {"format": "rimlight-bodies", "smoothing": 0.1, "bodies": [
      {"kind": "torus", "radius": 0.6, "tube": 0.25, "centre": [0, 0, 0], "rotation": [90, 0, 0], "name": "ring"}]}

Lengths are the file's own units; rotation is a rotation vector in degrees and fixed. Free of JAX.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import RimlightError
from core.io.atomic import write_text
from core.io.files import MEBIBYTE, one_line, read_text, shown
from kernels.body_parts import KINDS, PARTS, SMOOTHING, Bodies, Body, parameter_sizes

FORMAT = "rimlight-bodies"
FILE_LIMIT = MEBIBYTE
MOST_BODIES = 64
"""The tracer asks every body at every step: more belong into a grid."""
LARGEST = 1e12
"""Of a length, file units, either way: squares of what is larger do not fit the 32-bit floats that a fit computes in."""
LEAST_SHARE = 1e-4
"""Of the largest length: a file whose largest body is smaller than this has nothing to be seen (own choice; a pixel
of 4,096 is 2.4e-4 of the picture)."""
WIDEST = 10.0
"""Times the largest length: beyond this a blend is all there is of the bodies (own choice)."""
LARGEST_TURN = 1e6
"""Degrees of a rotation vector: beyond, its float has no exact degrees left to turn by in 32 bits."""
NAME = re.compile(r"[a-z][a-z0-9-]{0,23}")


VOLUME: dict[str, tuple[str, ...]] = {"sphere": ("radius",), "box": ("size",), "torus": ("tube",)}
"""Kind of body -> the parts that must be above 0."""


@dataclass(frozen=True)
class BodyData:
    """values: dotted name -> number or list of three, file units. rotations: rotation vectors, degrees, one a body."""

    bodies: Bodies
    values: Mapping[str, Any]
    rotations: tuple[tuple[float, float, float], ...]

    @property
    def summary(self) -> str:
        """What it is made of: "2 spheres and 1 torus"."""
        counts = {kind: sum(body.kind == kind for body in self.bodies) for kind in KINDS}
        plural = {"sphere": "spheres", "box": "boxes", "torus": "tori"}
        return " and ".join(f"{n} {plural[kind] if n > 1 else kind}" for kind, n in counts.items() if n)


def load_bodies(path: str | Path) -> BodyData:
    """Read a .bodies file. Raises RimlightError naming the file, the key and the cause."""
    path = Path(path)
    try:
        data = json.loads(read_text(path, FILE_LIMIT))
    except (ValueError, RecursionError) as error:  # ValueError: a number of thousands of digits, and JSONDecodeError
        raise RimlightError(f"{path.name}: is not valid JSON ({one_line(error)}); correct that place") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise RimlightError(f'{path.name}: format is missing; a file of bodies says "format": "{FORMAT}"')
    listed = data.get("bodies")
    if not isinstance(listed, list) or not 1 <= len(listed) <= MOST_BODIES:
        raise RimlightError(f"{path.name}: bodies must be a list of 1 to {MOST_BODIES} bodies; list them there")
    bodies: list[Body] = []
    values: dict[str, Any] = {}
    rotations = []
    for index, item in enumerate(listed):
        body, own, rotation = _body(path, index, item, {b.name for b in bodies})
        bodies.append(body)
        values |= own
        rotations.append(rotation)
    reach = _checked_reach(path, bodies, values)
    if len(bodies) > 1:
        values[SMOOTHING] = _number(path, "smoothing", data.get("smoothing", 0.0), 0.0, WIDEST * reach)
    return BodyData(tuple(bodies), values, tuple(rotations))


def save_bodies(path: str | Path, data: BodyData) -> None:
    """Write what `load_bodies` reads back. Raises RimlightError."""
    if Path(path).suffix.lower() != ".bodies":
        raise RimlightError(f"{path}: analytic bodies are saved as .bodies; change the ending")
    listed = []
    for body, rotation in zip(data.bodies, data.rotations):
        item: dict[str, Any] = {"name": body.name, "kind": body.kind}
        item |= {part: data.values[f"{body.name}.{part}"] for part in PARTS[body.kind]}
        listed.append(item | ({"rotation": list(rotation)} if any(rotation) else {}))
    text = {"format": FORMAT, "smoothing": data.values.get(SMOOTHING, 0.0), "bodies": listed}
    write_text(path, json.dumps(text, indent=1) + "\n")


def _body(path: Path, index: int, item: Any, taken: set[str]) -> tuple[Body, dict[str, Any], tuple]:
    where = f"bodies[{index}]"
    kind = item.get("kind") if isinstance(item, dict) else None
    if not isinstance(kind, str) or kind not in PARTS:
        raise RimlightError(f"{path.name}: {where}.kind: found {shown(kind)}; allowed: {', '.join(KINDS)}")
    known = {"name", "kind", "rotation", *PARTS[kind]}
    unknown = [key for key in item if key not in known]
    if unknown:
        raise RimlightError(
            f"{path.name}: {where}.{one_line(unknown[0])}: unknown key; allowed: {', '.join(sorted(known))}"
        )
    name = item.get("name", _free_name(kind, taken))
    if not isinstance(name, str) or not NAME.fullmatch(name) or name in taken or name in ("pose", "union", "surface"):
        raise RimlightError(
            f"{path.name}: {where}.name: found {shown(name)}; allowed: small letters, digits and -, each name once"
        )
    values: dict[str, Any] = {}
    for part, count in PARTS[kind].items():
        default = [0.0] * 3 if part == "centre" else 0.0 if part == "rounding" else None
        found, key = item.get(part, default), f"{where}.{part}"
        low = -LARGEST if part == "centre" else 0.0
        values[f"{name}.{part}"] = _numbers(path, key, found, low) if count else _number(path, key, found, low)
        if part in VOLUME[kind] and not np.min(values[f"{name}.{part}"]) > 0:
            raise RimlightError(
                f"{path.name}: {key}: found {shown(found)}; allowed: above 0, or the body has no inside"
            )
    rotation = _numbers(path, f"{where}.rotation", item.get("rotation", [0.0] * 3), -LARGEST_TURN, LARGEST_TURN)
    return Body(name, kind), values, tuple(rotation)


def _free_name(kind: str, taken: set[str]) -> str:
    return next(name for name in (kind, *(f"{kind}{i}" for i in range(2, MOST_BODIES + 2))) if name not in taken)


def _checked_reach(path: Path, bodies: list[Body], values: Mapping[str, Any]) -> float:
    """The largest length of all, which the largest body must not be lost beside."""
    lengths = [float(np.abs(values[f"{b.name}.{part}"]).max()) for b in bodies for part in PARTS[b.kind]]
    size = max(float(np.max(values[f"{b.name}.{part}"])) for b in bodies for part in VOLUME[b.kind])
    spread = np.ptp([values[f"{b.name}.centre"] for b in bodies], axis=0).max()
    if size < LEAST_SHARE * spread:
        raise RimlightError(
            f"{path.name}: the largest body measures {size:.3g} and their centres are {spread:.3g} apart, too far to be "
            "seen together; move them closer"
        )
    return max(lengths)


def _number(path: Path, key: str, value: Any, low: float, high: float = LARGEST) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise RimlightError(
            f"{path.name}: {key}: found {shown(value)}; allowed: a finite number of at least {low:g} and at most {high:.4g}"
        )
    return float(value)


def _numbers(path: Path, key: str, value: Any, low: float, high: float = LARGEST) -> list[float]:
    if not isinstance(value, list) or len(value) != 3:
        raise RimlightError(f"{path.name}: {key}: found {shown(value)}; allowed: a list of three numbers")
    return [_number(path, key, v, low, high) for v in value]


__all__ = ["BodyData", "load_bodies", "parameter_sizes", "save_bodies"]
