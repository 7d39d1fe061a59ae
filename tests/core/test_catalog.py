"""The catalog is fresh, complete and free of JAX; the registry refuses two of a name."""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path

import pytest

from core import catalog, registry
from core.errors import RimlightError
from core.heatmaps import HEATMAPS
from core.make_catalog import catalog_text

ROOT = Path(__file__).resolve().parents[2]


def test_the_catalog_is_fresh():
    assert catalog.FILE.read_text(encoding="utf-8") == catalog_text(), "run: python -m core.make_catalog"


def test_every_entry_says_what_it_is():
    for kind, found in catalog.catalog().items():
        assert found, kind
        names = [(entry["name"], entry.get("kind")) for entry in found]
        assert len(set(names)) == len(names), kind
        for entry in found:
            assert entry["title"], (kind, entry["name"])
            for setting in entry["settings"]:
                assert setting["help"].endswith("."), (entry["name"], setting["name"])
                assert setting["kind"] in ("continuous", "count", "flag", "choice")
                if setting["kind"] in ("continuous", "count"):
                    assert setting["low"] <= setting["default"] <= setting["high"], (entry["name"], setting["name"])
    for method in catalog.entries("methods"):
        assert method["summary"]
        assert any(method["face"] in shape["faces"] for shape in catalog.entries("shapes")), method["name"]


def test_the_names_of_the_design_are_there():
    assert {"naive", "splat", "edge-grad", "antialias", "soft-raster", "sdf-local"} <= set(catalog.names("methods"))
    assert {"mesh", "sdf-grid"} <= set(catalog.names("shapes"))
    assert {"adam", "adam-uniform", "sgd"} <= set(catalog.names("optimizers"))
    assert {"l1", "l2", "silhouette-cross-entropy", "iou"} <= set(catalog.names("losses"))


def test_unknown_names_are_answered_with_what_there_is():
    with pytest.raises(RimlightError, match=r"methods: 'splatt' .*did you mean splat"):
        catalog.entry("methods", "splatt")
    with pytest.raises(RimlightError, match="did you mean methods"):
        catalog.entries("method")


def test_signed_heatmaps_are_the_derivatives():
    signed = {name for name, heatmap in HEATMAPS.items() if heatmap.signed}
    assert signed == {"difference", "derivative", "reference", "disagreement", "loss-gradient"}


def test_reading_the_catalog_and_experiments_imports_no_jax_and_no_geometry():
    code = (
        "import sys, core.catalog, core.experiments.defaults, core.io.check; core.catalog.catalog();"
        "print([m for m in ('jax', 'trimesh', 'scipy', 'PyQt6', 'numba') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_two_of_a_name_are_refused(monkeypatch):
    twins = [types.ModuleType(name) for name in ("kernels.methods.one", "kernels.methods.two")]
    method = next(iter(registry.methods().values()))
    for module in twins:
        module.METHOD = method
    monkeypatch.setattr(registry, "_modules", lambda package: iter(twins))
    with pytest.raises(ValueError, match="is taken"):
        registry.methods.__wrapped__()
    monkeypatch.setattr(registry, "_modules", lambda package: iter([types.ModuleType("kernels.methods.empty")]))
    with pytest.raises(TypeError, match=r"kernels\.methods\.empty: a gradient method ends in METHOD"):
        registry.methods.__wrapped__()
