"""Experiments as TOML files: reading with errors that name file, line, key, what was found and what is allowed; writing.

Paths in a file are relative to it and absolute once loaded; load(save(x)) == x. Free of JAX.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import tomllib
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.catalog import allowed, entry, names
from core.errors import RimlightError
from core.experiment import (
    DeriveSpec,
    Experiment,
    GridSpec,
    LabelsSpec,
    LaneSpec,
    MethodSpec,
    NetworkSpec,
    OptimizerSpec,
    ParametersSpec,
    PoseSpec,
    SceneSpec,
    ShapeSpec,
    StageSpec,
    StopSpec,
    TargetSpec,
    TermSpec,
    ViewsSpec,
)
from core.experiments.paths import table_paths, with_paths
from core.experiments.rules import check_experiment
from core.experiments.schema import Complaint, read_settings, read_table, read_value
from core.io.atomic import write_text
from core.io.file_kinds import file_kind
from core.io.files import MEBIBYTE, one_line, read_text, shown

FILE_LIMIT = MEBIBYTE

TABLES: dict[str, type] = {
    "shape": ShapeSpec,
    "target": TargetSpec,
    "views": ViewsSpec,
    "method": MethodSpec,
    "optimizer": OptimizerSpec,
    "parameters": ParametersSpec,
    "stop": StopSpec,
    "scene": SceneSpec,
    "labels": LabelsSpec,
    "derive": DeriveSpec,
}
"""Tables of the file, each one field of Experiment."""

LISTS: dict[str, tuple[str, type, str]] = {
    "term": ("terms", TermSpec, "method"),
    "stage": ("stages", StageSpec, "parameters"),
    "compare": ("lanes", LaneSpec, "derive"),
}
"""Repeated tables, headed [[term]]: the field of Experiment, its items, and the table they are written after."""

_PLURALS = {"method": "methods", "optimizer": "optimizers"}
"""Tables whose further keys are the settings of the named thing, and its kind in the catalog."""

_POSES = {"shape": ("start", "pose"), "target": ("pose", "start")}
"""The pose of a table: our field, and the other word for it that is accepted."""


def load_experiment(path: str | Path) -> Experiment:
    """Read an experiment file. Raises RimlightError (one line)."""
    path = Path(path)
    text = read_text(path, FILE_LIMIT)
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: a number of thousands of digits, and TOMLDecodeError
        found = re.search(r"\(at (line \d+, column \d+|end of document)\)", str(error))
        where = f"{found[1]}: " if found else ""
        cause = one_line(str(error).partition(" (at ")[0])
        raise RimlightError(f"{path.name}: {where}not valid TOML ({cause}); correct that line") from error
    return _read(data, path.absolute().parent, Complaint(path.name, text))


def experiment_from_dict(data: Mapping[str, Any], base: str | Path, file: str = "experiment") -> Experiment:
    """The same from parsed TOML. base: the folder paths are relative to. file: what errors call the source."""
    return _read(data, Path(base), Complaint(file))


def _read(data: Mapping[str, Any], base: Path, complain: Complaint) -> Experiment:
    known = ["title", "seed", *LISTS, *TABLES]
    for key in data:
        if key not in known:
            raise complain(key, f"unknown key; {allowed(key, known)}")
    hints = typing.get_type_hints(Experiment)
    values: dict[str, Any] = {k: read_value(hints[k], data[k], k, complain) for k in ("title", "seed") if k in data}
    for table in TABLES:
        if table in data:
            values[table] = _read_spec(table, data[table], base, complain)
    for key, (field, spec, _) in LISTS.items():
        if key in data:
            values[field] = _read_list(key, spec, data[key], complain)
    experiment = Experiment(**values)
    if experiment.lanes:
        experiment = dataclasses.replace(experiment, lanes=_read_lanes(experiment, base, complain))
    check_experiment(experiment, complain)
    return experiment


def _read_list(key: str, spec: type, items: Any, complain: Complaint) -> tuple:
    if not isinstance(items, list) or not items:
        raise complain(key, f"found {shown(items)}; allowed: one or more tables, each headed [[{key}]]")
    more = "settings" if spec is LaneSpec else None
    if spec is TermSpec:
        items = [_with_what_it_sees(item) for item in items]
    return tuple(spec(**read_table(spec, item, f"{key}[{i}]", complain, more)) for i, item in enumerate(items))


def _with_what_it_sees(item: Any) -> Any:
    """A term's table; a loss that can look at one thing only need not say at which."""
    if not isinstance(item, Mapping) or "sees" in item or item.get("loss") not in names("losses"):
        return item
    sees = entry("losses", item["loss"])["sees"]
    return {**item, "sees": sees[0]} if len(sees) == 1 else item


_LANE_WORDS = {"method": "methods", "optimizer": "optimizers", "shape_kind": "shapes"}
"""Keys of a compared run that name something of a kind in the catalog."""


def _read_lanes(experiment: Experiment, base: Path, complain: Complaint) -> tuple[LaneSpec, ...]:
    """The lanes with their further keys read as settings of their methods, and their files found."""
    found = []
    for i, lane in enumerate(experiment.lanes):
        for key, kind in _LANE_WORDS.items():
            word = getattr(lane, key)
            if word and word not in names(kind):  # none: the experiment's own
                raise complain(f"compare[{i}].{key}", f"found {shown(word)}; {allowed(word, names(kind))}")
        described = entry("methods", lane.method or experiment.method.name)["settings"]
        settings = read_settings(described, lane.settings, f"compare[{i}]", complain)
        steps = entry("optimizers", lane.optimizer or experiment.optimizer.name)["settings"]
        own = read_settings(steps, lane.optimizer_settings, f"compare[{i}].optimizer_settings", complain)
        paths = table_paths("compare", vars(lane), lambda _, path: os.path.normpath(base / path))
        kind = lane.shape_kind or (file_kind(paths["file"]) if "file" in paths else "")
        found.append(dataclasses.replace(lane, settings=settings, optimizer_settings=own, shape_kind=kind, **paths))
    return tuple(found)


def _read_spec(table: str, data: Any, base: Path, complain: Complaint) -> Any:
    spec = TABLES[table]
    if table in _POSES and isinstance(data, Mapping):
        data = _one_pose(table, data, complain)
    values = read_table(spec, data, table, complain, "settings" if table in _PLURALS else None)
    values |= table_paths(table, values, lambda _, path: os.path.normpath(base / path))
    if values.get("file") is not None:
        kind = "shape_kind" if table == "target" else "kind"
        if kind not in values:
            values[kind] = file_kind(values["file"])
    if table in _PLURALS:
        name = values.get("name", spec().name)
        described = entry(_PLURALS[table], name)["settings"]
        values["settings"] = read_settings(described, values["settings"], table, complain)
    return spec(**values)


def _one_pose(table: str, data: Mapping[str, Any], complain: Complaint) -> dict[str, Any]:
    ours, other = _POSES[table]
    data = dict(data)
    if other in data:
        if ours in data:
            raise complain(f"{table}.{other}", f"found beside {ours}, which means the same; allowed: one of them")
        data[ours] = data.pop(other)
    return data


# ---------------------------------------------------------------------------------------------- writing


def save_experiment(experiment: Experiment, path: str | Path) -> None:
    """Write an experiment file, atomically; file names become relative to it. Raises RimlightError."""
    path = Path(path)
    write_text(path, experiment_to_toml(experiment, path.absolute().parent))


def experiment_to_toml(experiment: Experiment, base: str | Path | None) -> str:
    """The TOML text of an experiment. Every key is written, so that later defaults do not change it. base: the folder
    that paths become relative to; None leaves them as they are."""
    if base is not None:
        experiment = with_paths(experiment, lambda _, path: _relative(path, Path(base)))
    lines = [f"title = {_toml(experiment.title)}", f"seed = {experiment.seed}"]
    for table in TABLES:
        lines += ["", f"[{table}]", *_table_lines(getattr(experiment, table))]
        for key, (field, _, after) in LISTS.items():
            for item in getattr(experiment, field) if table == after else ():
                lines += ["", f"[[{key}]]", *_table_lines(item)]
    return "\n".join(lines) + "\n"


def _table_lines(spec: Any) -> list[str]:
    lines = []
    for field in dataclasses.fields(spec):
        value = getattr(spec, field.name)
        if field.name == "settings":
            lines += [f"{name} = {_toml(setting)}" for name, setting in value.items()]
        elif value is not None and value != {}:
            lines.append(f"{field.name} = {_toml(value)}")
    return lines


def _relative(file: str, base: Path) -> str:
    """`file` seen from `base`, with forward slashes; absolute where there is no way (another drive)."""
    try:
        return Path(os.path.relpath(file, base)).as_posix()
    except ValueError:
        return Path(file).as_posix()


def _toml(value: Any) -> str:
    value = value.item() if hasattr(value, "item") else value  # a NumPy scalar, from a control
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, PoseSpec | GridSpec | NetworkSpec):
        given = [(f.name, getattr(value, f.name)) for f in dataclasses.fields(value)]
        fields = [f"{name} = {_toml(item)}" for name, item in given if item is not None]
        return f"{{ {', '.join(fields)} }}"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{name} = {_toml(item)}' for name, item in value.items())} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return repr(value)
