"""The caches of compiled code: bounded, and only where the user did not say otherwise."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.engine import caches


def test_the_oldest_go_until_the_rest_fits(tmp_path: Path) -> None:
    for age in range(5):
        file = tmp_path / f"program {age}"
        file.write_bytes(b"x" * 100)
        os.utime(file, (1000 - age, 1000 - age))
    caches.prune(tmp_path, 250)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["program 0", "program 1"]
    caches.prune(tmp_path, 250)
    assert len(list(tmp_path.iterdir())) == 2
    caches.prune(tmp_path / "absent", 0)


def test_what_the_user_set_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names = [*caches._JAX_SETTINGS, "JAX_COMPILATION_CACHE_DIR", "NUMBA_CACHE_DIR"]
    for name in names:
        monkeypatch.setenv(name, "")  # so that it is put back afterwards
        monkeypatch.delenv(name)
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "true")
    caches.configure()
    assert os.environ["JAX_COMPILATION_CACHE_DIR"] == str(tmp_path)
    assert os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] == "true"
    assert os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] == "-1"
    assert os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] == "0"
