"""The schema of experiment files: types from the dataclasses, choices and ranges from the catalog. Free of JAX.

A `Complaint` knows file, dotted key and, where the text is at hand, the line; every error says what was found and what
is allowed. What several keys must agree on is in core/experiments/rules.py.
"""

from __future__ import annotations

import dataclasses
import math
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.catalog import allowed, names
from core.errors import RimlightError
from core.experiment import NETWORK_LAYERS, NETWORK_LEVELS, NETWORK_WIDTH, GridSpec, LaneSpec, NetworkSpec, PoseSpec
from core.io.files import shown


@dataclass(frozen=True)
class Complaint:
    """Makes errors about keys of one file. text: the file's content, "" where there is none."""

    file: str
    text: str = ""

    def __call__(self, key: str, message: str) -> RimlightError:
        line = find_line(self.text, key)
        where = f"line {line}: " if line else ""
        return RimlightError(f"{self.file}: {where}{key}: {message}")


@dataclass(frozen=True)
class Limits:
    """What a number may be. open_low: `low` itself is not allowed."""

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False

    def accept(self, value: float) -> bool:
        return (value > self.low if self.open_low else value >= self.low) and value <= self.high

    def __str__(self) -> str:
        if self.low == -math.inf:
            return "finite" if self.high == math.inf else f"at most {self.high:g}"
        if self.high == math.inf:
            return f"{'above' if self.open_low else 'at least'} {self.low:g}"
        return f"{'above ' if self.open_low else ''}{self.low:g} to {self.high:g}"


LIMITS: dict[str, Limits] = {
    "seed": Limits(0, 2**63 - 1),
    "shape.components": Limits(1, 1024),
    "shape.feature_resolution": Limits(2, 2048),
    "target.specular": Limits(0, 100),
    "shape.grid.resolution": Limits(0, 320),
    "shape.network.width": Limits(*NETWORK_WIDTH),
    "shape.network.layers": Limits(*NETWORK_LAYERS),
    "shape.network.levels": Limits(*NETWORK_LEVELS),
    "shape.network.radius": Limits(0.05, 1),
    "shape.network.warm_steps": Limits(0, 100_000),
    "views.count": Limits(1, 256),
    "views.held_out": Limits(0, 256),
    "views.width": Limits(8, 4096),
    "views.height": Limits(8, 4096),
    "views.elevation": Limits(-90, 90),
    "views.distance": Limits(0.1, 1000),
    "views.fov": Limits(1, 170),
    "views.batch": Limits(0, 256),
    "views.rays": Limits(0, 16_777_216),
    "views.pose_noise": Limits(0, 1),
    "target.noise": Limits(0, 10),
    "target.depth_noise": Limits(0, 1),
    "target.missing": Limits(0, 1),
    "views.most": Limits(0, 100_000),
    "shape.hull_resolution": Limits(8, 256),
    "target.radius": Limits(0, 1e12),
    "term.weight": Limits(0, 1e6),
    "term.levels": Limits(1, 12),
    "term.band": Limits(0, 64),
    "term.sharpness": Limits(1, 10_000),
    "optimizer.learning_rate": Limits(0, 100, open_low=True),
    "optimizer.decay": Limits(0, 1, open_low=True),
    "parameters.large_steps": Limits(0, 10_000),
    "parameters.large_steps_colours": Limits(0, 10_000),
    "parameters.large_steps_texture": Limits(0, 10_000),
    "parameters.distance_rate": Limits(0, 1, open_low=True),
    "stage.at": Limits(1, 10_000_000),
    "stage.subdivide": Limits(0, 4),
    "stage.remesh": Limits(0, 2),
    "stage.resolution": Limits(0, 512),
    "stage.redistance": Limits(0, 1_000_000),
    "stage.width": Limits(0, 4096),
    "stage.height": Limits(0, 4096),
    "stage.learning_rate": Limits(0, 100),
    "optimizer.stall": Limits(0, 100_000),
    "compare.learning_rate": Limits(0, 100),
    "compare.repeat": Limits(0, 1000),
    "stop.steps": Limits(1, 10_000_000),
    "stop.loss": Limits(0),
    "stop.stall": Limits(0, 1),
    "stop.patience": Limits(1, 1_000_000),
    "scene.light_intensity": Limits(0, 1000),
    "scene.light_ambient": Limits(0, 1000),
    "scene.specular": Limits(0, 100),
    "scene.shininess": Limits(1, 1000),
    "labels.colours": Limits(0, 255),
    "derive.step_pixels": Limits(0.001, 64),
    "derive.supersampling": Limits(1, 32),
    "derive.view": Limits(0, 511),
    "scale": Limits(1e-3, 1e3),
}
"""Dotted key (or, for poses, the key alone) -> limits. 4,096 pixels: 16 times the area of the largest screen pane."""

_COLOURS = ("colour", "background")


def choices(key: str) -> tuple[str, ...]:
    """The words a key allows; () where it is free text or no word."""
    fixed = {
        "target.kind": ("shape", "image", "cameras"),
        "target.held_out": ("test", "val", "every-8th"),
        "target.render": ("supersampled", "method"),
        "target.encoding": ("srgb", "linear"),
        "shape.init": ("surface", "volume", "random"),
        "views.kind": ("single", "orbit", "sphere", "cube", "cameras"),
        "views.order": ("random", "in-order", "worst-first", "greedy"),
        "shape.network.radiance": ("plain", "network"),
        "shape.grid.axes": ("xyz", "xzy", "yxz", "yzx", "zxy", "zyx"),
        "scene.light": ("sun", "camera"),
        "term.sees": ("colour", "silhouette", "depth", "normals", "segmentation", "back-faces"),
    }
    kinds = {
        "shape.kind": "shapes",
        "target.shape_kind": "shapes",
        "method.name": "methods",
        "optimizer.name": "optimizers",
        "term.loss": "losses",
    }
    return names(kinds[key]) if key in kinds else fixed.get(key, ())


def read_table(spec: type, data: Any, key: str, complain: Complaint, settings: str | None = None) -> dict[str, Any]:
    """A TOML table -> keyword arguments of the dataclass `spec`; `settings`: further keys, checked by the caller, go there.

    key: the table's dotted name ("views", "term[0]"). Raises RimlightError for an unknown key or a wrong value.
    """
    if not isinstance(data, Mapping):
        raise complain(key, f"found {shown(data)}; allowed: a table of keys")
    hints = typing.get_type_hints(spec)
    known = [field.name for field in dataclasses.fields(spec) if field.name != settings]
    values: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for name, value in data.items():
        if name in known:
            values[name] = read_value(hints[name], value, f"{key}.{name}" if key else name, complain)
        elif settings is not None:
            others[name] = value
        else:
            raise complain(f"{key}.{name}" if key else name, f"unknown key; {allowed(name, known)}")
    return {**values, settings: others} if settings is not None else values


def read_value(hint: Any, value: Any, key: str, complain: Complaint) -> Any:
    """One value of the type `hint`, checked against the choices and limits of its key."""
    if isinstance(hint, types.UnionType):
        hint = next(kind for kind in typing.get_args(hint) if kind is not types.NoneType)
    if hint in (PoseSpec, GridSpec, NetworkSpec):
        return hint(**read_table(hint, value, key, complain))
    if typing.get_origin(hint) is tuple:
        return _read_tuple(typing.get_args(hint), value, key, complain)
    if typing.get_origin(hint) is Mapping:  # its keys are checked by whoever knows what they are settings of
        if not isinstance(value, Mapping):
            raise complain(key, f"found {shown(value)}; allowed: a table of settings, as {{ momentum = 0.5 }}")
        return dict(value)
    rule = re.sub(r"\[\d+\]", "", key)
    if hint is bool:
        if not isinstance(value, bool):
            raise complain(key, f"found {shown(value)}; allowed: true or false")
        return value
    if hint is str:
        words = choices(rule)
        if not isinstance(value, str):
            raise complain(key, f"found {shown(value)}; allowed: {' or '.join(words) or 'text in quotes'}")
        if words and value not in words:
            raise complain(key, f"found {shown(value)}; {allowed(value, words)}")
        return value
    limits = LIMITS.get(rule) or LIMITS.get(rule.rpartition(".")[2]) or Limits()
    return read_number(hint, value, limits, key, complain)


def read_number(kind: type, value: Any, limits: Limits, key: str, complain: Complaint, unit: str = "") -> Any:
    """An int or a float within limits. 3.0 is no count, but 3 is a float."""
    wanted = "a whole number, " if kind is int else "a number, "
    right = isinstance(value, int) if kind is int else isinstance(value, int | float)
    if isinstance(value, bool) or not right or not _is_finite(value) or not limits.accept(value):
        raise complain(key, f"found {shown(value)}; allowed: {wanted}{limits}{f' {unit}' if unit else ''}")
    return kind(value)


def _is_finite(value: float) -> bool:
    """Whether a float can hold it: TOML's whole numbers have no end."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def read_settings(described: list[Mapping[str, Any]], data: Mapping[str, Any], key: str, complain: Complaint) -> dict:
    """Settings of a method or optimizer, by what the catalog says of them."""
    known = {setting["name"]: setting for setting in described}
    values: dict[str, Any] = {}
    for name, value in data.items():
        where = f"{key}.{name}"
        if name not in known:
            own = {"optimizer": ["name", "learning_rate", "decay", "stall"], "method": ["name"]}
            lane = [f.name for f in dataclasses.fields(LaneSpec) if f.name != "settings"]
            fixed = own.get(key, [] if key.endswith(".optimizer_settings") else lane)
            raise complain(where, f"unknown key; {allowed(name, [*fixed, *known])}")
        values[name] = _read_setting(known[name], value, where, complain)
    return values


def _read_setting(setting: Mapping[str, Any], value: Any, key: str, complain: Complaint) -> Any:
    kind = setting["kind"]
    if kind == "flag":
        if not isinstance(value, bool):
            raise complain(key, f"found {shown(value)}; allowed: true or false")
        return value
    if kind == "choice":
        if value not in setting["choices"]:
            raise complain(key, f"found {shown(value)}; {allowed(str(value), setting['choices'])}")
        return value
    low, high = setting["low"], setting["high"]
    limits = Limits(-math.inf if low is None else low, math.inf if high is None else high)
    return read_number(int if kind == "count" else float, value, limits, key, complain, setting["unit"])


def _read_tuple(kinds: tuple[Any, ...], value: Any, key: str, complain: Complaint) -> tuple:
    if kinds[-1] is Ellipsis:
        if typing.get_origin(kinds[0]) is tuple:
            return _read_rows(kinds[0], value, key, complain)
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise complain(key, f"found {shown(value)}; allowed: a list of names in quotes")
        return tuple(value)
    own = LIMITS.get(re.sub(r"\[\d+\]", "", key))
    limits = own or (Limits(0, 1) if key.rpartition(".")[2] in _COLOURS else Limits())
    numbers = isinstance(value, list | tuple) and len(value) == len(kinds)
    if not numbers or not all(isinstance(v, int | float) and not isinstance(v, bool) for v in value):
        raise complain(key, f"found {shown(value)}; allowed: a list of {len(kinds)} numbers, each {limits}")
    return tuple(read_number(float, item, limits, key, complain) for item in value)


def _read_rows(kind: Any, value: Any, key: str, complain: Complaint) -> tuple:
    if not isinstance(value, list | tuple):
        raise complain(key, f"found {shown(value)}; allowed: a list of rows of numbers")
    return tuple(_read_tuple(typing.get_args(kind), row, f"{key}[{i}]", complain) for i, row in enumerate(value))


# ---------------------------------------------------------------------------------------------- lines


_HEADER = re.compile(r"\[\[?([\w.\-\" \t]+)\]\]?\s*(#.*)?$")
"""Of a table, on a line without blanks around it. No two parts can take the same character: a line of any length is
looked through once."""


def find_line(text: str, key: str) -> int | None:
    """The line (from 1) of a dotted key like "views.count" or "term[1].loss" in TOML text, or of its table."""
    path = re.sub(r"\[(\d+)\]", "", key)
    index = re.search(r"\[(\d+)\]", key)
    table, seen, best = "", -1, None
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line.strip())
        if header:
            table = header[1].replace('"', "").strip()
            seen += table == path.split(".")[0] and index is not None
        inside = index is None or seen == int(index[1])
        if header and table == path and inside:
            return number
        found = re.match(r"\s*([\w.\-\"]+)\s*=", line)
        if found and inside:
            full = f"{table}.{found[1]}".replace('"', "").lstrip(".")
            if full == path:
                return number
            if path.startswith(full + "."):
                best = number  # the key is in an inline table on this line
        if header and inside and path.startswith(table + ".") and best is None:
            best = number
    return best
