"""Caches of compiled loops: stale when any source of the package has changed."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

from numba.core.dispatcher import Dispatcher

import kernels
from kernels import jit


def test_the_stamp_is_of_every_source_of_the_package(tmp_path: Path, monkeypatch) -> None:
    """Numba itself looks at one file's date, and would run yesterday's code when another file has changed."""
    (tmp_path / "room").mkdir()
    for name in ("a.py", "room/b.py"):
        (tmp_path / name).write_text("x = 1")
    monkeypatch.setattr(jit, "__file__", str(tmp_path / "a.py"))
    before = jit._stamp()
    assert jit._stamp() == before
    (tmp_path / "room" / "b.py").write_text("x = 2")
    assert jit._stamp() != before


def test_every_cached_loop_is_stamped() -> None:
    stamps = {}
    for info in pkgutil.walk_packages(kernels.__path__, "kernels."):
        for name, thing in vars(importlib.import_module(info.name)).items():
            if isinstance(thing, Dispatcher) and thing._cache.__class__.__name__ != "NullCache":
                stamps[f"{info.name}.{name}"] = thing._cache._cache_file._source_stamp
    assert len(stamps) > 40
    assert [name for name, stamp in stamps.items() if stamp != jit.STAMP] == []
