"""Write assets/catalog.json from the registry: `python -m core.make_catalog`. Run it after adding anything."""

from __future__ import annotations

import json
import tomllib
from typing import Any

from core.catalog import ASSETS, FILE
from core.heatmaps import HEATMAPS
from core.io.atomic import write_text
from kernels.settings import describe_settings
from kernels.types import Method, Shape


def make_catalog() -> dict[str, list[dict[str, Any]]]:
    """The whole catalog as data (see core/catalog.py). Imports JAX."""
    from core.optimization.optimizers import OPTIMIZERS
    from core.optimization.terms import LOSSES
    from core.registry import methods, shapes

    return {
        "methods": [_method(method) for method in methods().values()],
        "shapes": [_shape(kind, shape) for kind, shape in shapes().items()],
        "losses": [
            _entry(
                name,
                loss.title,
                help=loss.help,
                sees=list(loss.sees),
                compares=loss.compares,
                needs=list(loss.needs),
                clearance=loss.clearance,
                banded=loss.banded,
            )
            for name, loss in LOSSES.items()
        ],
        "optimizers": [
            _entry(name, info.title, describe_settings(info.Settings), help=info.help, least_squares=info.least_squares)
            for name, info in OPTIMIZERS.items()
        ],
        "heatmaps": [
            _entry(name, h.title, help=h.help, array=h.array, unit=h.unit, signed=h.signed)
            for name, h in HEATMAPS.items()
        ],
        "lessons": _lessons(),
        "primitives": _primitives(),
        "parameters": _parameters(),
    }


def catalog_text() -> str:
    """The content of assets/catalog.json."""
    return json.dumps(make_catalog(), indent=1, ensure_ascii=False) + "\n"


def _entry(name: str, title: str, settings: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "title": title, "settings": settings or [], **more}


def _method(method: Method) -> dict[str, Any]:
    return _entry(
        method.name,
        method.title,
        describe_settings(method.Settings),
        summary=method.summary,
        paper=method.paper,
        face=str(method.face),
        faces=sorted(str(face) for face in method.faces),
        cannot=method.cannot,
        misses=method.misses,
        pixelwise=method.pixelwise,
        spares_pixels=method.spares_pixels,
    )


def _shape(kind: str, shape: type[Shape]) -> dict[str, Any]:
    faces = sorted(str(face) for face in shape.faces_offered)
    parameters = list(_example_values(kind))
    return _entry(
        kind,
        shape.title,
        faces=faces,
        parameters=parameters,
        refines=list(shape.refines),
        spares_pixels=shape.spares_pixels,
    )


def _example_values(kind: str) -> dict[str, Any]:
    """The parameters of a bundled shape of this kind; of all where each names its own (analytic bodies)."""
    from core.experiment import NetworkSpec, ShapeSpec
    from core.shapes.loading import load_network_shape, load_shape
    from core.shapes.primitives import list_primitives

    kinds = ("textured-mesh",) if kind == "neural-mesh" else (kind,)
    names = [primitive["name"] for primitive in list_primitives() if primitive["kind"] in kinds]
    values: dict[str, Any] = {}
    for name in names if kind == "sdf-analytic" else names[:1]:
        values |= load_shape(kind, None, name, None).parameters()
    if kind == "sdf-network":
        spec = ShapeSpec(kind, primitive=names[0], network=NetworkSpec(radiance="network"))
        values |= load_network_shape(spec, 0).parameters()
    return values


def _lessons() -> list[dict[str, Any]]:
    """Every lesson is a TOML file that runs headless, with its text beside it; both relative to assets/."""
    lessons = []
    for path in sorted((ASSETS / "lessons").glob("*.toml")):
        title = tomllib.loads(path.read_text(encoding="utf-8"))["title"]
        lessons.append(_entry(path.stem, title, file=f"lessons/{path.name}", text=f"lessons/{path.stem}.md"))
    return lessons


def _primitives() -> list[dict[str, Any]]:
    from core.shapes.primitives import list_primitives

    return [_entry(**primitive) for primitive in list_primitives()]


def _parameters() -> list[dict[str, Any]]:
    """What can be free or derived, over all kinds of shapes."""
    from core.experiment import PoseSpec, SceneSpec
    from core.parameters import describe_parameters, scene_values
    from core.registry import shapes

    values = scene_values(SceneSpec(light_sh=((0.0, 0.0, 0.0),), specular=1.0), PoseSpec(), 40.0)
    for kind in shapes():
        values |= _example_values(kind)
    return [
        _entry(info.name, info.title, components=list(info.components), unit=info.unit)
        for info in describe_parameters(values, ())
    ]


if __name__ == "__main__":
    write_text(FILE, catalog_text())
    print(f"wrote {FILE}")
