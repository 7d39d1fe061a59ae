"""The machine underneath: decimal commas, a clock that jumps, one thread, no place to write, no display, odd names."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app import cli
from app.display import answers, require_display
from core.doctor import display_line, folder_lines, system_lines
from core.engine import caches
from core.errors import RimlightError
from core.experiments.files import load_experiment, save_experiment
from core.protocol import Status
from tests.hostile.seeds import toml

ROOT = Path(__file__).resolve().parents[2]
ODD = "ä b ∂ 'x'"


@pytest.fixture
def german() -> Iterator[None]:
    """Qt speaks German: decimal commas. The C library's own numbers do not reach Python's."""
    from PyQt6.QtCore import QLocale

    before = QLocale()
    QLocale.setDefault(QLocale("de_DE"))
    assert QLocale().toString(1.5) == "1,5"
    yield
    QLocale.setDefault(before)


@pytest.fixture
def jumping(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wall clock leaps by up to a day, back and forth, at every look."""
    draw = random.Random(0)
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + draw.uniform(-86400, 86400))
    monkeypatch.setattr(time, "time_ns", lambda: int(1e9 * time.time()))


@pytest.fixture
def stage(qapp: Any, tmp_path: Path) -> Iterator[Any]:
    """start() -> a window on a scripted engine."""
    from tests.hostile.scripted import scripted_client
    from tests.hostile.stage import Stage

    qapp.setStyle("Fusion")
    made: list[Stage] = []

    def start() -> Stage:
        made.append(Stage(tmp_path / ODD, scripted_client))
        assert made[-1].wait(lambda: made[-1].window.controller.shown is not None)
        return made[-1]

    yield start
    for one in made:
        one.close()


@pytest.mark.window
@pytest.mark.usefixtures("german")
def test_decimal_commas(stage: Any, tmp_path: Path) -> None:
    from PyQt6.QtWidgets import QLineEdit

    from app.controls.fields import NumberField

    window = stage().window
    c = window.controller
    rates = [f for f in window.panel.findChildren(NumberField) if f.value() == c.experiment.optimizer.learning_rate]
    assert rates
    for typed, value in (("0,025", 0.025), ("0.03", 0.03)):
        QLineEdit.setText(rates[0], typed)
        rates[0].setModified(True)
        rates[0].editingFinished.emit()
        assert c.experiment.optimizer.learning_rate == value
        assert "," not in rates[0].text()
    assert window.files.save_to(tmp_path / f"{ODD}.toml")
    assert load_experiment(tmp_path / f"{ODD}.toml").optimizer.learning_rate == 0.03
    assert re.search(r"(?m)^learning_rate = 0\.03$", (tmp_path / f"{ODD}.toml").read_text(encoding="utf-8"))


@pytest.mark.window
@pytest.mark.usefixtures("jumping")
def test_a_clock_that_jumps_stops_nothing(stage: Any) -> None:
    one = stage()
    c, sessions = one.window.controller, one.window.files.sessions
    c.play()
    assert one.wait(lambda: c.last is not None and c.last.iteration > 20, 20.0)
    assert one.wait(sessions._own.is_file, 10.0)  # the autosave's timer went on
    c.pause()
    assert one.wait(lambda: c.status is Status.PAUSED, 10.0)


def test_durations_are_measured_by_clocks_that_do_not_jump() -> None:
    """Of the wall clock only what is shown to people, or compared with other programs' times."""
    allowed = {"app/main.py"}
    found = {
        path.relative_to(ROOT).as_posix()
        for room in ("app", "core", "kernels")
        for path in (ROOT / room).rglob("*.py")
        if re.search(r"\btime\.time(_ns)?\(|datetime\.now\(", path.read_text(encoding="utf-8"))
    }
    assert found <= allowed


def test_one_thread_odd_names_and_no_cache(tmp_path: Path) -> None:
    """A whole fit, on one thread, with nowhere to keep compiled code, in folders with blanks and letters beyond ASCII."""
    folder = tmp_path / ODD
    folder.mkdir()
    text = toml().decode().replace('primitive = "torus"', 'file = "Würfel ∂.ply"').replace("= 64", "= 16")
    (folder / "größe.toml").write_text(text, encoding="utf-8")
    (folder / "Würfel ∂.ply").write_bytes((ROOT / "assets" / "shapes" / "cube.ply").read_bytes())
    nowhere = str(tmp_path / "file" / "below")
    (tmp_path / "file").write_text("")
    environment = {
        **os.environ, "NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "HOME": str(folder), "LC_ALL": "C",
        "XDG_CACHE_HOME": nowhere, "JAX_COMPILATION_CACHE_DIR": nowhere,
    }  # fmt: skip
    command = [sys.executable, "-m", "app", "fit", str(folder / "größe.toml"), "--out", str(folder / "aus ß")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-1000:]
    assert "Traceback" not in done.stderr
    report = json.loads((folder / "aus ß" / "report.json").read_text(encoding="utf-8"))
    assert report["loss"]["last"] < report["loss"]["first"]


@pytest.fixture
def commas(tmp_path: Path) -> dict[str, str]:
    """The environment of a system whose C library writes decimal commas."""
    if shutil.which("localedef") is None:
        pytest.skip("no localedef here to make a locale with decimal commas by")
    made = [shutil.which("localedef") or "", "-i", "de_DE", "-f", "UTF-8", str(tmp_path / "de_DE.UTF-8")]
    done = subprocess.run(made, capture_output=True, text=True, check=False)
    if not (tmp_path / "de_DE.UTF-8" / "LC_NUMERIC").is_file():
        pytest.skip(f"localedef cannot make de_DE here: {done.stderr[-200:]}")
    return {**os.environ, "LOCPATH": str(tmp_path), "LC_ALL": "de_DE.UTF-8"}


@pytest.mark.window
def test_a_c_library_with_decimal_commas(commas: dict[str, str], tmp_path: Path, qapp: Any) -> None:
    """A fit, its report, the window and its files: as without."""
    path, out = tmp_path / "seed.toml", tmp_path / "out"
    path.write_bytes(toml().replace(b"= 64", b"= 16").replace(b"edge-grad", b"naive"))
    command = [sys.executable, "-m", "tests.hostile.commas", str(path), str(out)]
    done = subprocess.run(command, cwd=ROOT, env=commas, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{done.stdout[-500:]} {done.stderr[-1000:]}"
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert 0 < report["loss"]["last"] < 1
    assert float((out / "history.csv").read_text().splitlines()[1].split(",")[1]) > 0
    again, first = load_experiment(out / "again.toml"), load_experiment(path)
    assert (again.optimizer, again.shape.start, again.terms) == (first.optimizer, first.shape.start, first.terms)


def test_caches_go_where_they_can_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert caches.writable(tmp_path / "not" / "yet")
    assert not caches.writable(tmp_path / "file" / "below")
    for name in (*caches._JAX_SETTINGS, "JAX_COMPILATION_CACHE_DIR", "NUMBA_CACHE_DIR"):
        monkeypatch.setenv(name, "")  # so that it is put back afterwards
        monkeypatch.delenv(name)
    monkeypatch.setattr(caches, "writable", lambda place: False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    caches.configure()
    assert Path(os.environ["NUMBA_CACHE_DIR"]).parent == tmp_path


@pytest.mark.window
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="gives up a right that Linux gives root")
def test_a_home_that_may_not_be_looked_into(tmp_path: Path, qapp: Any) -> None:
    """As of a program that runs as another user in root's home: nothing is kept, and nothing stops."""
    home = tmp_path / "home"
    (home / ".cache" / "rimlight").mkdir(parents=True)
    if os.geteuid() == 0:
        os.chown(home, 65534, 65534)
    home.chmod(0 if os.geteuid() else 0o700)
    environment = {**os.environ, "HOME": str(home / "of another"), "JAX_PLATFORMS": "cpu"}
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "JAX_COMPILATION_CACHE_DIR", "NUMBA_CACHE_DIR"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.locked_out"],
        env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    home.chmod(0o700)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "locked"
    for name in ("settings", "autosave", "cache", "jax cache"):
        [line] = [line for line in lines if line.startswith(f"{name}: ")]
        assert line.endswith("(not there yet, NOT WRITABLE)")
    assert lines[-2] == f"opened: True, dialogs begin in {home / 'of another'}, recent: []"
    assert lines[-1] == "opens: False"


def test_a_display_that_does_not_answer_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    if sys.platform in ("win32", "darwin"):
        pytest.skip("these systems always have a display")
    for name in ("WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISPLAY", ":7777")
    assert not answers(":7777")
    assert cli.main([]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert ":7777 does not answer" in error
    assert display_line() == ("display", "DISPLAY=:7777")
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    require_display()
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("QT_QPA_PLATFORM")
    with pytest.raises(RimlightError, match="no display"):
        require_display()
    assert "cannot open" in display_line()[1]


def test_doctor_tells_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    told = dict(system_lines())
    assert "NUMBA_NUM_THREADS=1" in told["processors"]
    assert told["clock"] == "steady"
    assert "decimal" in told["locale"] or "locale" in told["locale"]
    assert "NOT WRITABLE" in dict(folder_lines())["autosave"]


@pytest.mark.window
def test_without_opengl_the_window_works_and_says_so(qapp: Any, stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from PyQt6.QtWidgets import QLabel

    monkeypatch.setattr("app.viewport.viewport.opengl_problem", lambda: "OpenGL 2.1 is needed, and this is 1.4")
    one = stage()
    one.window.controller.step(2)
    assert one.wait(lambda: one.window.controller.last is not None and one.window.controller.last.iteration == 2)
    told = [label.text() for label in one.window.viewport.findChildren(QLabel)]
    assert any("3D view is off" in text for text in told)


def test_odd_names_survive_the_experiment_file(tmp_path: Path) -> None:
    (tmp_path / ODD).mkdir()
    for name in ("ä b", "quote'd", 'double"d', "back\\slash", "日本語", "a=b#c"):
        mesh = tmp_path / ODD / f"{name}.ply"
        mesh.write_bytes((ROOT / "assets" / "shapes" / "cube.ply").read_bytes())
        path = tmp_path / ODD / f"{name}.toml"
        path.write_bytes(toml())
        experiment = load_experiment(path)
        changed = replace(experiment, shape=replace(experiment.shape, primitive=None, file=str(mesh)))
        save_experiment(changed, path)
        assert load_experiment(path).shape.file == str(mesh)
