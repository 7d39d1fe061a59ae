"""What there is to choose from, as data, free of JAX: the window's menus, the experiment schema and `rimlight list`.

It is read from assets/catalog.json, which `python -m core.make_catalog` writes from the registry; a test keeps it
fresh. Every entry has "name", "title" and "settings" (each setting: name, title, kind, default, low, high, unit, log,
choices, help; see kernels.settings.setting).
"""

from __future__ import annotations

import difflib
import functools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from core.errors import RimlightError

ASSETS = Path(__file__).resolve().parents[1] / "assets"
FILE = ASSETS / "catalog.json"

Entry = Mapping[str, Any]


@functools.cache
def catalog() -> dict[str, list[Entry]]:
    """Kind ("methods", "shapes", "losses", ...) -> entries, in menu order."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def entries(kind: str) -> list[Entry]:
    """The entries of a kind. Raises RimlightError for a kind that is not there."""
    if kind not in catalog():
        raise RimlightError(f"list: {kind!r} is no kind of thing; {allowed(kind, catalog())}")
    return catalog()[kind]


def names(kind: str) -> tuple[str, ...]:
    """The names of a kind, in menu order."""
    return tuple(entry["name"] for entry in entries(kind))


def entry(kind: str, name: str) -> Entry:
    """One entry. Raises RimlightError, naming what there is, for an unknown name."""
    for found in entries(kind):
        if found["name"] == name:
            return found
    raise RimlightError(f"{kind}: {name!r} is not one of them; {allowed(name, names(kind))}")


def allowed(found: str, choices: Iterable[str]) -> str:
    """The end of an error about a wrong word: what was probably meant, and what is allowed."""
    choices = list(choices)
    close = difflib.get_close_matches(str(found), choices, n=1)
    meant = f"did you mean {close[0]}? " if close else ""
    return f"{meant}allowed: {', '.join(choices)}"
