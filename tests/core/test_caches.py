"""The caches of compiled code: bounded, and only where the user did not say otherwise."""

from __future__ import annotations

import os
import zlib
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
    tuned = tmp_path / "tuned for a GPU"
    tuned.mkdir()
    (tuned / "old").write_bytes(b"x" * 100)
    os.utime(tuned / "old", (1, 1))
    caches.prune(tmp_path, 250)
    assert list(tuned.iterdir()) == []
    assert (tmp_path / "program 1").exists()
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


def test_what_a_full_disk_left_half_of_goes(tmp_path: Path) -> None:
    """JAX writes its entries in place; one that is cut off would fail to be read at every start."""
    whole = zlib.compress(bytes(range(256)) * 40)
    contents = {"a": whole, "b": whole[:-3], "c": b"", "d": b"\x28\xb5\x2f\xfd another kind", "e": b"x\xff nonsense"}
    for name, data in contents.items():
        (tmp_path / f"{name}-cache").write_bytes(data)
    there = lambda: sorted(path.name[0] for path in tmp_path.glob("*-cache"))
    caches.drop_half_written(tmp_path)
    assert there() == ["a", "d"]
    late, early = tmp_path / "f-cache", tmp_path / "g-cache"
    for file in (late, early):
        file.write_bytes(whole[:-1])
    os.utime(early, (1, 1))
    caches.drop_half_written(tmp_path)
    assert there() == ["a", "d", "g"]  # only what came since the last look is read
    caches.drop_half_written(tmp_path / "absent")
