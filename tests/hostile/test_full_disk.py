"""A disk of two megabytes that is full: what was saved stays, nothing half is left, and the cause is one line.

Mounts a file system in memory, which needs root on Linux; skips where that is not allowed.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.autosave import CURVES
from core.errors import RimlightError
from core.experiment import Experiment, ShapeSpec
from core.experiments.files import save_experiment
from core.io.atomic import write_text
from core.io.grids import save_grid
from core.io.images import save_png
from core.io.mesh_export import save_mesh
from core.pictures import save_animation
from core.record.files import read_session, write_session
from core.record.session_record import SessionRecord
from core.record.stored_state import StoredState

BALLAST = "ballast"
NOISE = np.random.default_rng(0).random((96, 96, 3)).astype(np.float32)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """An empty file system of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "rimlight-test", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, timeout=10, check=False).returncode == 0
    except OSError:
        done = False
    if not done:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True, timeout=10)


def fill(disk: Path) -> None:
    """Not a byte is free."""
    with (disk / BALLAST).open("ab", buffering=0) as file:
        size = 1 << 16
        while size:
            try:
                if file.write(bytes(size)) < size:
                    size //= 2
            except OSError:
                size //= 2


def session(path: Path, title: str) -> None:
    experiment = Experiment(title=title, shape=ShapeSpec(primitive="cube"))
    state = StoredState((255 * NOISE).astype(np.uint8).reshape(-1))
    for _ in write_session(SessionRecord(experiment, state, 7), path):
        pass


def animation(path: Path, title: str) -> None:
    save_animation(path, [(255 * NOISE).astype(np.uint8)] * 2)


CORNERS = np.repeat(NOISE[0], 8, axis=0).astype(np.float64)
WRITERS: dict[str, Callable[[Path, str], Any]] = {
    "a.rimlight": session,
    "a.toml": lambda path, title: save_experiment(Experiment(title=title * 2000, shape=ShapeSpec(primitive="cube")), path),
    "a.json": lambda path, title: write_text(path, title * 100_000),
    "a.png": lambda path, title: save_png(path, NOISE),
    "a.gif": animation,
    "a.obj": lambda path, title: save_mesh(path, CORNERS, np.arange(len(CORNERS) // 3 * 3).reshape(-1, 3), None, np.zeros(3), 1.0),
    "a.npz": lambda path, title: save_grid(path, NOISE[..., :1].repeat(4, axis=2), np.zeros(3), np.ones(3)),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_keeps_what_was_written(disk: Path, name: str) -> None:
    path = disk / name
    WRITERS[name](path, "before")
    before = path.read_bytes()
    fill(disk)
    with pytest.raises(RimlightError, match=rf"a\{path.suffix}: cannot be written .*free some") as told:
        WRITERS[name](path, "after")
    assert "\n" not in str(told.value)
    assert path.read_bytes() == before
    assert sorted(file.name for file in disk.iterdir()) == sorted([BALLAST, name])


@pytest.mark.window
def test_a_window_on_a_full_disk(qapp: Any, disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its autosave and a session: what was there stays, one line each, and the fit goes on and is kept when it can be."""
    from tests.hostile.scripted import scripted_client
    from tests.hostile.stage import Stage

    qapp.setStyle("Fusion")
    monkeypatch.setattr("app.autosave.RETRY_S", 0.5)
    stage = Stage(disk, scripted_client)
    c, sessions = stage.window.controller, stage.window.files.sessions
    try:
        assert stage.wait(lambda: c.shown is not None)
        c.step(3)
        assert stage.wait(lambda: sessions.autosave.holds(c.loaded.experiment, 3), 30.0)
        sessions.save(disk / "a.rimlight")
        assert stage.wait((disk / "a.rimlight").is_file, 30.0)
        stage.window.choose_theme("light")
        there = [file for file in disk.rglob("*") if file.is_file() and file.suffix != CURVES]
        kept = {file: file.read_bytes() for file in there}
        fill(disk)
        c.step(2)
        texts = lambda: [message.text for message in stage.messages if message.level != "info"]
        assert stage.wait(lambda: any("not kept" in text for text in texts()), 30.0)
        sessions.save(disk / "a.rimlight")
        assert stage.wait(lambda: any("a.rimlight: cannot be written" in text for text in texts()), 30.0)
        assert all("\n" not in text for text in texts())
        assert {file: file.read_bytes() for file in kept} == kept
        assert read_session(sessions._own, tmp_path).iteration == 3
        (disk / BALLAST).unlink()
        assert stage.wait(lambda: sessions.autosave.holds(c.loaded.experiment, 5), 30.0)  # there is room again
    finally:
        stage.close()


def test_a_video_on_a_full_disk_is_one_line(disk: Path) -> None:
    from PyQt6.QtGui import QImage

    from app.encoder import Encoder

    fill(disk)
    encoder = Encoder(disk / "a.mp4", (96, 96))
    picture = QImage((255 * NOISE).astype(np.uint8).tobytes(), 96, 96, 288, QImage.Format.Format_RGB888)

    def record() -> None:
        for _ in range(40):
            encoder.add(picture)
        encoder.finish()
        while not encoder.done():
            time.sleep(0.01)

    with pytest.raises(RimlightError, match=r"a\.mp4: cannot be written \(the disk is full\)"):
        record()
    assert [file.name for file in disk.iterdir()] == [BALLAST]
