"""Malformed files through the command line and the window: every row's sibling here, `rows.py` runs the whole table."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app import cli
from core.build import build
from core.experiments.defaults import experiment_for_file, view_size
from core.io.check import check_file, check_inputs
from core.protocol import Status
from tests.hostile import rows
from tests.hostile.rows import ROOT, ROWS, line_complaint, through_window
from tests.hostile.seeds import SEEDS
from tests.hostile.siblings import SIBLINGS, write

REFUSED = [row for row, sibling in SIBLINGS.items() if sibling.verdict == "ERROR"]
TAKEN = [row for row, sibling in SIBLINGS.items() if sibling.verdict != "ERROR"]


def test_every_row_has_a_sibling() -> None:
    assert {name.partition("_")[0].rpartition("/")[2] for name in ROWS} == set(SIBLINGS)


@pytest.mark.parametrize("row", TAKEN)
def test_what_loads_says_what_is_odd(tmp_path: Path, row: str) -> None:
    sibling = SIBLINGS[row]
    warnings = check_file(write(tmp_path, row)).warnings
    assert bool(warnings) == (sibling.verdict == "WARN")
    assert not sibling.words or any(sibling.words in warning for warning in warnings)


@pytest.mark.parametrize("row", REFUSED)
def test_check_and_fit_refuse_in_one_line(tmp_path: Path, capsys: Any, row: str) -> None:
    path = write(tmp_path, row)
    for command in (["check", str(path)], ["fit", str(path), "--out", str(tmp_path / "out")]):
        assert cli.main(command) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        assert SIBLINGS[row].words in err
        assert line_complaint(err, path) is None
    assert not (tmp_path / "out").exists()  # refused before anything was made


@pytest.mark.parametrize("name", [name for name, verdict in ROWS.items() if verdict == "ERROR"])
def test_fit_refuses_the_shared_rows(shared_data: Path, tmp_path: Path, capsys: Any, name: str) -> None:
    path = shared_data / "bad" / name
    assert cli.main(["fit", str(path), "--out", str(tmp_path / "out")]) == 1
    err = capsys.readouterr().err
    assert line_complaint(err, path) is None
    assert err.count("\n") == 1


@pytest.mark.parametrize("row", ["m11", "m12", "m18", "m22", "s05", "s12", "t05"])
def test_targets_of_what_loads_are_finite(tmp_path: Path, row: str) -> None:
    experiment = experiment_for_file(write(tmp_path, row))
    check_inputs(experiment)
    scene = build(replace(experiment, views=replace(experiment.views, width=24, height=20)))
    for planes in (scene.problem.targets[0].planes, scene.values):
        assert all(np.isfinite(np.asarray(plane)).all() for plane in planes.values())
    assert SIBLINGS[row].verdict == "LOAD" or scene.warnings


def test_a_refusal_waits_for_no_engine(tmp_path: Path) -> None:
    """JAX takes seconds to import; what is wrong with a file is told before."""
    code = (
        "import sys, app.cli;"
        f"status = app.cli.main(['fit', {str(write(tmp_path, 'm04'))!r}, '--out', {str(tmp_path / 'out')!r}]);"
        "print(status, 'jax' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["1", "False"]


def test_views_of_pictures_keep_their_shape_within_limits() -> None:
    assert view_size(5, 6, 256) == (10, 12)
    assert view_size(1, 1, 4096) == (8, 8)
    assert view_size(300, 200, 4096) == (300, 200)
    assert view_size(5000, 3000, 4096) == (2500, 1500)


@pytest.mark.parametrize(("seconds", "status"), [(1.9, 0), (2.1, 1)])
def test_a_slow_refusal_is_a_promise_not_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, seconds: float, status: int
) -> None:
    slow = lambda files, folder: iter([(Path("slow.obj"), "ERROR", None, seconds)])
    monkeypatch.setitem(rows.WAYS, "check", slow)
    monkeypatch.setattr(sys, "argv", ["rows", "--by", "check", "m01"])
    assert rows.main() == status
    assert ("2.1 s of processor time" in capsys.readouterr().out) == bool(status)


# ---------------------------------------------------------------------------------------------- the window


@pytest.fixture
def stage(qapp: Any, tmp_path: Path) -> Iterator[Any]:
    from tests.fakes.in_process import InProcess
    from tests.hostile.stage import Stage

    qapp.setStyle("Fusion")
    first = tmp_path / "first.toml"
    first.write_bytes(SEEDS["seed.toml"]())
    made = Stage(tmp_path / "settings", InProcess, str(first))
    c = made.window.controller
    assert made.wait(lambda: c.status is Status.PAUSED and c.shown is not None)
    yield made
    made.close()


@pytest.mark.window
def test_the_window_keeps_its_scene(stage: Any, tmp_path: Path) -> None:
    found = {row: through_window(stage, write(tmp_path, row), "ERROR") for row in REFUSED}
    assert {row: complaint for row, complaint in found.items() if complaint} == {}
    c = stage.window.controller
    assert c.experiment.title == "Seed"
    assert c.status is Status.PAUSED
