"""What killed programs left: how much of it is kept, and what is never touched."""

import os
import time
from pathlib import Path

import pytest

from app.autosave import CURVES
from app.left_behind import MOST, LeftBehind
from core.io.suffixes import SESSION_SUFFIX

YEAR_S = 365 * 86400.0


def _put(folder: Path, name: str, age: float) -> Path:
    file = folder / name
    file.write_bytes(b"")
    os.utime(file, (time.time() - age,) * 2)
    return file


@pytest.mark.parametrize("processes", ["/proc", "/not there"])
def test_the_oldest_go_and_the_newest_and_the_living_stay(tmp_path, monkeypatch, processes):
    monkeypatch.setattr("app.left_behind.PROCESSES", Path(processes))
    left = LeftBehind(tmp_path)
    living = _put(tmp_path, left.own().name, 9 * YEAR_S)
    runs = [_put(tmp_path, f"999999999-1-{i:02d}{SESSION_SUFFIX}", i) for i in range(MOST + 3)]
    curves = [_put(tmp_path, run.with_suffix(CURVES).name, 0) for run in runs]
    stray = _put(tmp_path, f"999999999-1-gone{CURVES}", 0)
    half = _put(tmp_path, f".999999999-1-00-12345678{SESSION_SUFFIX}", 0)
    assert left.files() == runs
    left.tidy()
    assert left.files() == runs[:MOST]
    assert [file.exists() for file in curves] == [True] * MOST + [False] * 3
    assert living.exists()
    assert not stray.exists()
    assert not half.exists()
    for file in runs[:MOST]:
        os.utime(file, (file.stat().st_mtime - YEAR_S,) * 2)
    left.tidy()
    assert left.files() == runs[:MOST]  # a clock that jumped has made them old: none goes for that
    assert left.told()[0][1].endswith("step 0")  # damaged, and still in the menu
    assert left.discard() == MOST
    assert list(tmp_path.iterdir()) == [living]
