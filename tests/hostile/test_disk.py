"""No space, no permission, no half files: what was saved stays, and the cause is one line."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app import cli
from app.autosave import CURVES
from core.engine.caches import writable
from core.errors import RimlightError
from core.experiment import Experiment, ShapeSpec
from core.experiments.files import load_experiment, save_experiment
from core.io.atomic import atomic_path, write_text
from core.record.files import read_session, write_session
from core.record.session_record import SessionRecord
from core.record.stored_state import StoredState

resource = pytest.importorskip("resource", reason="limits of Unix")

READ_ONLY = Path("/sys/rimlight")
"""A place where nobody may write, root included."""

needs_read_only = pytest.mark.skipif(writable(READ_ONLY), reason="no /sys on this system that refuses root")


def experiment(title: str) -> Experiment:
    return Experiment(title=title, shape=ShapeSpec(primitive="cube"))


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Files of this process end at `size` bytes: what a full disk does to a long write."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def big_record(title: str) -> SessionRecord:
    noise = np.random.default_rng(0).integers(0, 255, 1 << 20).astype(np.uint8)
    return SessionRecord(experiment(title), StoredState(noise), 7)


def written(record: SessionRecord, path: Path) -> Path:
    for _ in write_session(record, path):
        pass
    return path


def test_a_full_disk_keeps_the_session_that_was_there(tmp_path: Path) -> None:
    path = written(big_record("before"), tmp_path / "a.rimlight")
    with largest_file(256 << 10), pytest.raises(RimlightError, match=r"a\.rimlight: cannot be written .*free some"):
        written(big_record("after"), path)
    assert read_session(path, tmp_path).experiment.title == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["a.rimlight"]


def test_a_full_disk_keeps_the_experiment_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.toml"
    save_experiment(experiment("before"), path)

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(RimlightError, match="No space left"):
        save_experiment(experiment("after"), path)
    monkeypatch.undo()
    assert load_experiment(path).title == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["a.toml"]


@needs_read_only
def test_a_folder_that_takes_nothing_is_one_line(capsys: Any) -> None:
    with pytest.raises(RimlightError, match="cannot be written"):
        write_text(READ_ONLY / "a.txt", "a")
    lesson = Path(__file__).resolve().parents[2] / "assets" / "lessons" / "02-silhouette.toml"
    assert cli.main(["fit", str(lesson), "--out", str(READ_ONLY / "out")]) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert str(READ_ONLY) in error
    assert "give another --out" in error


def test_a_file_where_a_folder_is_asked_for_is_one_line(tmp_path: Path) -> None:
    from core.export import export

    (tmp_path / "a.obj").write_text("v 0 0 0")
    session: Any = None
    with pytest.raises(RimlightError, match=r"a\.obj: cannot be made a folder \(File exists\)"):
        export(session, "all", str(tmp_path / "a.obj"))
    assert (tmp_path / "a.obj").read_text() == "v 0 0 0"


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "before")

    def interrupted() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("refusals", "written"), [(3, "new"), (99, "old")])
def test_windows_is_asked_again_while_somebody_reads_the_file(
    refusals: int, written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, replace, asked = tmp_path / "kept.txt", os.replace, []

    def refused(*places: Any) -> None:
        asked.append(places)
        if len(asked) <= refusals:
            raise PermissionError(errno.EACCES, "Access is denied")
        replace(*places)

    path.write_text("old")
    monkeypatch.setattr("core.io.atomic.sys.platform", "win32")
    monkeypatch.setattr("core.io.atomic.time.sleep", lambda seconds: None)
    monkeypatch.setattr("core.io.atomic.os.replace", refused)
    with contextlib.suppress(RimlightError):
        write_text(path, "new")
    assert path.read_text() == written
    assert len(asked) == (refusals + 1 if written == "new" else 7)
    assert list(tmp_path.iterdir()) == [path]


def test_a_later_session_is_refused_and_an_earlier_says_why_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version, match in ((99, "later Rimlight"), (0, "format 0")):
        monkeypatch.setattr("core.record.files.FORMAT", version)
        path = written(big_record("a"), tmp_path / f"{version}.rimlight")
        monkeypatch.undo()
        with pytest.raises(RimlightError, match=match):
            read_session(path, tmp_path)


# ---------------------------------------------------------------------------------------------- the window


@pytest.fixture
def stage(qapp: Any, tmp_path: Path) -> Iterator[Any]:
    """make(folder) -> a window on a scripted engine whose settings and autosaves lie there."""
    from tests.hostile.scripted import scripted_client
    from tests.hostile.stage import Stage

    qapp.setStyle("Fusion")
    made: list[Stage] = []

    def make(folder: Path) -> Stage:
        made.append(Stage(folder, scripted_client))
        c = made[-1].window.controller
        assert made[-1].wait(lambda: c.shown is not None)
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.window
@needs_read_only
def test_a_window_without_a_place_for_its_settings_works(stage: Any) -> None:
    one = stage(READ_ONLY)
    one.window.choose_theme("light")
    one.window.controller.step(3)
    assert one.wait(lambda: one.window.controller.last is not None and one.window.controller.last.iteration == 3)
    told = lambda: [m.text for m in one.messages if "not kept" in m.text]
    assert one.wait(told, 30.0)
    one.window.controller.step(1)
    one.live(0.4)
    assert len(told()) == 1  # once, not at every step
    assert "\n" not in told()[0]


@pytest.mark.window
def test_two_windows_leave_each_others_files_alone(stage: Any, tmp_path: Path) -> None:
    """Restoring what a dead program left takes nothing of a window that lives."""
    one, two = stage(tmp_path), stage(tmp_path)
    for each in (one, two):
        c = each.window.controller
        c.step(2)
        assert each.wait(lambda c=c: c.shown is not None and c.shown.iteration == 2)
        sessions = each.window.files.sessions
        assert each.wait(lambda c=c, s=sessions: s.autosave.holds(c.loaded.experiment, 2), 30.0)
    mine, theirs = (each.window.files.sessions for each in (one, two))
    living = {mine._own, theirs._own}
    assert all(file.is_file() for file in living)
    assert mine.left.files() == []
    dead = mine._folder / f"999999999-1-aa{mine._own.suffix}"
    reborn = mine._folder / f"{os.getpid()}-1-bb{mine._own.suffix}"  # our number, of a program born at another time
    half = mine._folder / f".999999999-1-aa-01234567{mine._own.suffix}"
    for file in (half, reborn, dead):
        file.write_bytes(mine._own.read_bytes())
    for file in living:
        os.utime(file, (1, 1))  # the oldest there are
    assert set(mine.left.files()) == {dead, reborn}
    two.window.files.restore_autosave()
    assert two.wait(lambda: two.window.controller.loaded.continued)
    assert set(mine._folder.iterdir()) >= living
    assert two.wait(lambda: not dead.exists() or not reborn.exists())
    mine.left.discard()
    mine.left.tidy()
    kept = lambda: {file for file in mine._folder.iterdir() if not file.name.startswith(".")}
    assert kept() == living | {file.with_suffix(CURVES) for file in living}
    two.window.files.save_to(tmp_path / "two.toml")
    one.window.files.save_to(tmp_path / "one.toml")
    assert load_experiment(tmp_path / "one.toml") == load_experiment(tmp_path / "two.toml")
    two.window.close()
    assert mine._own.is_file()
