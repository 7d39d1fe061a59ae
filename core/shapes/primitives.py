"""The bundled shapes, by name. No JAX and no geometry library: menus and `rimlight list` read the stored list.

A name belongs to one file in assets/shapes; all of them stand in the unit sphere (assets/make_assets.py).
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

from core.errors import RimlightError

METABALLS_SUFFIX = "-metaballs"
BALL = "ball-metaballs"
"""A random ball of Gaussians: made, not read (its entry names the sphere, so that a menu can show something)."""
MADE = frozenset({"swept-sphere", "random-spheres"})
"""Kinds of shapes that are made of numbers: one primitive each, whose entry names the sphere, and no files."""
GEOMETRIC = "sphere-network"
"""A distance network near a sphere by its initial weights: made, not read."""
HULL = "visual-hull"
"""The primitive that is no file: carved from the targets' silhouettes (core/targets/visual_hull.py)."""

BUNDLED_AS = {
    "sdf-grid": (("sdf-grid",), "-grid"),
    "sdf-analytic": (("sdf-analytic",), "-field"),
    "sdf-network": (("sdf-network", "sdf-grid"), "-grid"),
    "metaballs": (("metaballs", "mesh"), METABALLS_SUFFIX),
    "neural-mesh": (("textured-mesh",), ""),
    "spline-patches": (("spline-patches",), "-cage"),
}
"""Kind of shape -> kinds of bundled shapes that serve it, and the ending that may be left out of their names."""


def shapes_folder() -> Path:
    """Where the bundled shapes are, from a checkout or installed."""
    return Path(str(resources.files("assets") / "shapes"))


def list_primitives() -> list[dict[str, Any]]:
    """Every bundled shape: {"name", "title", "kind", "file", "triangles" (0 for a field)}."""
    return json.loads((shapes_folder() / "shapes.json").read_text(encoding="utf-8"))


def primitive_path(name: str, kind: str | None = None) -> Path:
    """The file of a bundled shape. With kind "sdf-grid", "torus" also finds "torus-grid"; with kind "metaballs" any
    bundled mesh will do, which Gaussians are then fitted to.

    Raises RimlightError, listing the names there are, where none fits.
    """
    entries = list_primitives()
    kinds, suffix = BUNDLED_AS.get(kind or "", ((kind,), ""))
    wanted = {name, name + suffix}
    for entry in entries:
        if entry["name"] in wanted and (kind is None or entry["kind"] in kinds):
            return shapes_folder() / entry["file"]
    names = ", ".join(e["name"] for e in entries if kind is None or e["kind"] in kinds)
    what = f"bundled {kind}" if kind else "bundled shape"
    raise RimlightError(f"primitive {name!r}: there is no such {what}; choose one of {names}")
