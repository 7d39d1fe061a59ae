"""Which keys of an experiment hold a path, in one table: reading, writing, moving and packing files all go by it.

A key is named as in the file: "shape.file", "compare[0].file". Free of JAX.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from core.experiment import Experiment
from core.io.suffixes import LABEL_WORDS

PATHS: dict[str, tuple[str, ...]] = {
    "shape": ("file",),
    "target": ("file", "images", "masks"),
    "labels": ("shape", "target"),
    "compare": ("file",),
}
"""Table of the file -> its keys that hold a path."""

WORDS: dict[str, tuple[str, ...]] = {"labels": LABEL_WORDS}
"""Table -> what its keys may hold beside a path."""

_FIELDS = {"compare": "lanes"}
"""Repeated tables: the field of Experiment."""

Change = Callable[[str, str], str]
"""(key, path) -> path."""


def with_paths(experiment: Experiment, change: Change) -> Experiment:
    """The experiment with every path that it holds changed."""
    changed: dict[str, Any] = {}
    for table in PATHS:
        field = _FIELDS.get(table, table)
        part = getattr(experiment, field)
        if isinstance(part, tuple):
            parts = (dataclasses.replace(p, **table_paths(table, vars(p), change, i)) for i, p in enumerate(part))
            changed[field] = tuple(parts)
        else:
            changed[field] = dataclasses.replace(part, **table_paths(table, vars(part), change))
    return dataclasses.replace(experiment, **changed)


def document_with_paths(document: Mapping[str, Any], change: Change) -> dict[str, Any]:
    """The same of an experiment's parsed TOML. What is of another form than it should be stays; its reader says so."""
    changed = dict(document)
    for table in set(PATHS) & set(document):
        part = document[table]
        if isinstance(part, Mapping):
            changed[table] = {**part, **table_paths(table, part, change)}
        elif isinstance(part, list) and all(isinstance(item, Mapping) for item in part):
            changed[table] = [{**item, **table_paths(table, item, change, i)} for i, item in enumerate(part)]
    return changed


def paths_of(experiment: Experiment) -> dict[str, str]:
    """Key -> path, of those that are given."""
    found: dict[str, str] = {}
    with_paths(experiment, lambda key, path: found.setdefault(key, path))
    return found


def table_paths(table: str, values: Mapping[str, Any], change: Change, number: int | None = None) -> dict[str, str]:
    """Key -> changed path, of the paths among one table's values. number: which of repeated tables."""
    where = table if number is None else f"{table}[{number}]"
    given = {name: values.get(name) for name in PATHS.get(table, ())}
    return {
        name: change(f"{where}.{name}", path)
        for name, path in given.items()
        if isinstance(path, str) and path not in WORDS.get(table, ())
    }
