"""Settings of methods and optimizers: fields of a frozen dataclass that know what a control panel needs of them.

Convention: the default's type says the kind; continuous ones are traced leaves, all others are static.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np


def setting(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    unit: str = "",
    log: bool = False,
    choices: tuple[str, ...] = (),
) -> Any:
    """A field of a frozen settings dataclass, with what a control panel needs to know about it.

    The kind follows from the default: float -> continuous (a traced leaf: a slider never recompiles),
    int -> count, bool -> flag, str with choices -> choice (all three static).
    """
    kind = {bool: "flag", int: "count", float: "continuous", str: "choice"}[type(default)]
    meta = dict(help=help, low=low, high=high, unit=unit, log=log, choices=tuple(choices), kind=kind)
    return dataclasses.field(default=default, metadata=meta)


def describe_settings(settings_type: type) -> list[dict[str, Any]]:
    """Settings as data, for the catalog, the control panel and the experiment schema."""
    return [
        {"name": f.name, "title": f.name.replace("_", " "), "default": f.default, **f.metadata}
        for f in dataclasses.fields(settings_type)
    ]


def split_settings(settings: Any) -> tuple[dict[str, np.float32], tuple[tuple[str, Any], ...]]:
    """Split a settings instance into traced leaves (continuous) and a hashable static part (the rest)."""
    traced, static = {}, []
    for f in dataclasses.fields(settings):
        value = getattr(settings, f.name)
        if f.metadata["kind"] == "continuous":
            traced[f.name] = np.float32(value)
        else:
            static.append((f.name, value))
    return traced, tuple(static)
