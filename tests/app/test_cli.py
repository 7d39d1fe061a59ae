"""The command line: what it prints, where errors go, its exit status, and that a check imports no JAX."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from app import cli
from core.catalog import ASSETS
from core.errors import RimlightError
from core.experiment import Experiment
from tests.hostile.rows import ROWS as BAD

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", BAD)
def test_check_gives_the_verdict_of_every_row(shared_data, capsys, name):
    path = shared_data / "bad" / name
    status = cli.main(["check", str(path)])
    out, err = capsys.readouterr()
    if BAD[name] == "ERROR":
        assert status == 1
        assert out == ""
        assert err.count("\n") == 1
        assert err.startswith("error: ")
        assert path.name in err
        return
    assert status == 0
    assert err == ""
    first, *others = out.splitlines()
    assert first.startswith(f"{path}: ")
    assert all(line.startswith("warning: ") for line in others)
    assert bool(others) == (BAD[name] == "WARN")


def test_check_goes_on_after_an_error(tmp_path, capsys):
    good, bad = ASSETS / "shapes" / "cube.ply", tmp_path / "bad.obj"
    bad.write_text("f 1 2 3\n")
    assert cli.main(["check", str(bad), str(good)]) == 1
    out, err = capsys.readouterr()
    assert "bad.obj" in err
    assert "cube.ply: mesh" in out
    assert "watertight" in out


def test_check_imports_no_jax():
    lesson = ASSETS / "lessons" / "02-silhouette.toml"
    files = [ASSETS / "shapes" / "sphere.ply", ASSETS / "shapes" / "torus-grid.npz", lesson]
    code = (
        f"import sys, app.cli; status = app.cli.main(['check', *{[str(f) for f in files]!r}]);"
        "print(status, [m for m in ('jax', 'jaxlib', 'PyQt6', 'numba') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    lines = answer.stdout.splitlines()
    assert lines[-1] == "0 []"
    assert len(lines) == 1 + len(files)


def test_the_command_itself_imports_nothing_heavy():
    """A spawned engine imports it anew, and the window must paint before JAX could even load."""
    code = (
        "import sys, app.cli, app.__main__;"
        "print([m for m in ('jax', 'numpy', 'PyQt6', 'PIL', 'trimesh') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize("kind", ["methods", "shapes", "losses", "optimizers", "heatmaps", "lessons"])
def test_list_as_json(capsys, kind):
    assert cli.main(["list", kind, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found
    assert all({"name", "title", "settings"} <= set(entry) for entry in found)


def test_list_as_text_shows_settings_with_their_range(capsys):
    assert cli.main(["list", "methods"]) == 0
    out = capsys.readouterr().out
    assert "edge-grad" in out
    assert "sigma = 0.5 px (0.3 to 1)" in out


def test_wrong_usage_exits_with_2(capsys):
    for arguments in (
        ["fit"],
        ["list", "nonsense"],
        ["derive"],
        ["check"],
        ["fit", "a", "--steps", "0"],
    ):
        with pytest.raises(SystemExit) as caught:
            cli.main(arguments)
        assert caught.value.code == 2
        assert "rimlight" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["fitt", "a.toml"], "'fitt' is no command and no file; did you mean fit?"),
        (["docter"], "did you mean doctor?"),
        (["fit", "a", "--out", "x", "--steps", "abc"], "argument --steps: found 'abc'; allowed: a whole number, 1 or"),
        (["fit", "a", "--out", "x", "--seed", "-1"], "argument --seed: found '-1'; allowed: a whole number, 0 or more"),
    ],
)
def test_slips_of_the_pen_are_told_in_the_users_words(capsys, arguments, told):
    with pytest.raises(SystemExit):
        cli.main(arguments)
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "fragments"),
    [
        (["gone.ply"], ["gone.ply", "no such file"]),
        (["LESSON", "gone.ply"], ["gone.ply", "no such file"]),
        (["fit", "gone.toml", "--out", "x"], ["gone.toml", "no such file"]),
        (["derive", "LESSON", "--parameter", "pose.q", "--out", "x"], ["--parameter", "pose.q", "pose.rotation"]),
        (["compare", "LESSON", "--method", "naive", "--out", "x"], ["found 1 run;", "--method"]),
        (["derive", "LESSON", "--method", "splatt", "--out", "x"], ["splatt", "did you mean splat"]),
    ],
)
def test_errors_are_one_line_on_stderr(capsys, arguments, fragments):
    lesson = str(ASSETS / "lessons" / "02-silhouette.toml")
    assert cli.main([lesson if word == "LESSON" else word for word in arguments]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert all(fragment in err for fragment in fragments)


def test_the_unexpected_becomes_one_line_and_a_hint(monkeypatch, capsys):
    def broken(path):
        raise KeyError("a surprise\nin two lines")

    monkeypatch.delenv(cli.DEBUG, raising=False)
    monkeypatch.setattr("core.io.check.check_file", broken)
    assert cli.main(["check", "x"]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "KeyError" in err
    assert f"{cli.DEBUG}=1" in err
    monkeypatch.setenv(cli.DEBUG, "1")
    with pytest.raises(KeyError):
        cli.main(["check", "x"])


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes")])
def test_no_memory_is_one_line_with_a_remedy(error, monkeypatch, capsys):
    def broken(path):
        raise error

    monkeypatch.delenv(cli.DEBUG, raising=False)
    monkeypatch.setattr("core.io.check.check_file", broken)
    assert cli.main(["check", "x"]) == 1
    assert capsys.readouterr().err == "error: x: out of memory; use a smaller shape, fewer views or smaller pictures\n"


def test_ctrl_c_ends_in_one_line(monkeypatch, capsys):
    def interrupted(path):
        raise KeyboardInterrupt

    monkeypatch.setattr("core.io.check.check_file", interrupted)
    assert cli.main(["check", "x"]) == 130
    assert capsys.readouterr().err == "stopped\n"


def test_without_a_display_the_window_says_what_to_do_instead(monkeypatch, capsys):
    if sys.platform in ("win32", "darwin"):
        pytest.skip("these systems always have a display")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert cli.main([]) == 1
    err = capsys.readouterr().err
    assert "no display" in err
    assert "rimlight fit" in err


# ---------------------------------------------------------------------------------------------- what does the work


class Recorded:
    """Stands in for core.headless: remembers what it was called with."""

    def __init__(self, monkeypatch) -> None:
        self.calls: list[tuple] = []
        self.stopped = "reached 3 steps"
        import core.headless

        monkeypatch.setattr(core.headless, "run_fit", self.fit)
        monkeypatch.setattr(core.headless, "run_derive", self.derive)

    def fit(self, experiment: Experiment, out, steps, progress) -> dict:
        self.calls.append((experiment, out, steps))
        progress("Fitting, loss 1", 0.5)
        return {
            "title": experiment.title, "method": experiment.method.name, "steps": 3, "seconds": 0.5,
            "loss": {"first": 1.0, "last": 0.25}, "metrics": {"iou": 0.9, "by_view": [1, 2]}, "warnings": ["odd"],
            "stopped": self.stopped,
        }  # fmt: skip

    def derive(self, experiment, parameter, out, methods, progress) -> list[dict]:
        self.calls.append((experiment, parameter, out, methods))
        numbers = ("relative_l2", "cosine", "silhouette_relative_l2", "total_gradient_relative_error")
        return [{"method": name, **dict.fromkeys(numbers, 0.5)} for name in methods]


def test_fit_passes_on_what_was_asked(monkeypatch, capsys, tmp_path):
    recorded = Recorded(monkeypatch)
    lesson = str(ASSETS / "lessons" / "02-silhouette.toml")
    assert cli.main(["fit", lesson, "--out", str(tmp_path), "--steps", "7", "--seed", "11"]) == 0
    experiment, out, steps = recorded.calls[0]
    assert (experiment.seed, out, steps) == (11, str(tmp_path), 7)
    out, err = capsys.readouterr()
    assert "loss 1 -> 0.25" in out
    assert "iou 0.9" in out
    assert "warning: odd" in out
    assert err == "Fitting\n"


def test_a_fit_that_ctrl_c_ended_says_what_its_results_are(monkeypatch, capsys, tmp_path):
    Recorded(monkeypatch).stopped = "Ctrl-C after 3 of 150 steps"
    lesson = str(ASSETS / "lessons" / "02-silhouette.toml")
    assert cli.main(["fit", lesson, "--out", str(tmp_path)]) == 130
    assert capsys.readouterr().err.endswith("stopped; Ctrl-C after 3 of 150 steps, whose results these are\n")


def test_a_fit_that_could_not_go_on_exits_with_1(monkeypatch, capsys, tmp_path):
    Recorded(monkeypatch).stopped = "could not go on after 3 of 150 steps: the loss (inf) is not finite"
    lesson = str(ASSETS / "lessons" / "02-silhouette.toml")
    assert cli.main(["fit", lesson, "--out", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert "results in" in out
    assert err.endswith(
        "error: 02-silhouette.toml: could not go on after 3 of 150 steps: the loss (inf) is not finite\n"
    )


def test_check_reads_what_fit_reads(tmp_path, capsys):
    points = tmp_path / "points.xyz"
    points.write_text("0 0 0\n1 0 0\n0 1 0\n0 0 1\n")
    assert cli.main(["check", str(points)]) == 0
    assert "point cloud, 4 points" in capsys.readouterr().out


def test_fit_takes_a_bare_mesh(monkeypatch, tmp_path):
    recorded = Recorded(monkeypatch)
    assert cli.main(["fit", str(ASSETS / "shapes" / "cube.ply"), "--out", str(tmp_path)]) == 0
    assert recorded.calls[0][0].shape.file == str(ASSETS / "shapes" / "cube.ply")
    assert recorded.calls[0][2] is None


def test_derive_takes_the_experiments_parameter_and_several_methods(monkeypatch, capsys, tmp_path):
    recorded = Recorded(monkeypatch)
    lesson = str(ASSETS / "lessons" / "02-silhouette.toml")
    arguments = ["derive", lesson, "--method", "naive", "splat", "--method", "edge-grad", "--out", str(tmp_path)]
    assert cli.main(arguments) == 0
    assert recorded.calls[0][1:] == ("pose.translation.x", str(tmp_path), ["naive", "splat", "edge-grad"])
    assert capsys.readouterr().out.count("0.500") >= 3


def test_doctor_names_versions_devices_and_folders():
    answer = subprocess.run(
        [sys.executable, "-m", "app", "doctor"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    words = [line.split()[0] for line in answer.stdout.splitlines()]
    assert {"python", "jax", "opengl", "settings", "cache", "numba"} <= set(words)
    assert "jax device" in answer.stdout


def test_rimlight_errors_have_tracebacks_only_on_demand(monkeypatch):
    monkeypatch.setenv(cli.DEBUG, "1")
    with pytest.raises(RimlightError):
        cli.main(["fit", "gone.toml", "--out", "x"])


def test_convert_writes_a_grid_and_its_surface(tmp_path, capsys):
    grid, mesh = tmp_path / "gear.npz", tmp_path / "gear.obj"
    assert cli.main(["convert", str(ASSETS / "shapes" / "gear.ply"), str(grid), "--resolution", "24"]) == 0
    assert "24 x" in capsys.readouterr().out
    assert cli.main(["convert", str(grid), str(mesh)]) == 0
    assert "triangles" in capsys.readouterr().out
    assert mesh.stat().st_size > 1000
    assert cli.main(["convert", str(grid), str(mesh), "--axes", "xxy"]) == 1
    assert "--axes" in capsys.readouterr().err


def test_study_says_what_it_needs(tmp_path, capsys):
    lesson = ASSETS / "lessons" / "07-basin.toml"
    assert cli.main(["study", str(lesson), "--out", str(tmp_path)]) == 1
    assert "values" in capsys.readouterr().err
