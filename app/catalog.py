"""What can be chosen, as data: methods, optimizers, losses, shapes and lessons. Imports no JAX.

It is assets/catalog.json, generated from the registry (core/catalog.py) and kept fresh by a test.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ASSETS = Path(__file__).resolve().parents[1] / "assets"


@dataclass(frozen=True)
class Lesson:
    """One lesson: an experiment file and, beside it, a text of the same name ending in .md, if it has one."""

    number: int
    title: str
    path: Path

    @property
    def text(self) -> str:
        """The lesson's text in Markdown, "" if there is none."""
        file = self.path.with_suffix(".md")
        return file.read_text(encoding="utf-8") if file.is_file() else ""


class Catalog:
    """Entries are dicts with at least "name" and "title"; "settings" lists kernels.types.describe_settings."""

    def __init__(self, data: Mapping[str, Sequence[dict[str, Any]]], lessons_folder: Path = ASSETS / "lessons") -> None:
        self._data, self._lessons_folder = data, lessons_folder

    @classmethod
    def bundled(cls) -> Catalog:
        """The catalog that lies in assets/."""
        return cls(json.loads((ASSETS / "catalog.json").read_text(encoding="utf-8")))

    def entries(self, kind: str) -> Sequence[dict[str, Any]]:
        """kind: "methods", "optimizers", "losses", "shapes", "primitives"."""
        return self._data.get(kind, ())

    def entry(self, kind: str, name: str) -> dict[str, Any]:
        """One entry; a bare one where the name is unknown, so that a file of tomorrow still opens."""
        for entry in self.entries(kind):
            if entry["name"] == name:
                return entry
        return {"name": name, "title": name, "settings": []}

    def settings(self, kind: str, name: str) -> list[dict[str, Any]]:
        return list(self.entry(kind, name).get("settings", ()))

    def live_settings(self, method: str) -> list[str]:
        """The method's settings that a slider changes without a recompile."""
        return [s["name"] for s in self.settings("methods", method) if s["kind"] == "continuous"]

    @cached_property
    def lessons(self) -> list[Lesson]:
        """The bundled lessons in order of their file names."""
        found = []
        for number, path in enumerate(sorted(self._lessons_folder.glob("*.toml")), start=1):
            with path.open("rb") as handle:
                title = tomllib.load(handle).get("title", path.stem)
            found.append(Lesson(number, title, path))
        return found
