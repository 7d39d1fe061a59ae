"""Every row of the table of malformed files, and a sibling of each, through the commands and through the window.

    python -m tests.display python -m tests.hostile.rows [--by check|fit|window] [ROW...]

Promised for ERROR: exit status 1, one line with file and cause, under 2 s, no traceback; in the window a message, and
the scene it had. WARN and LOAD: a step is taken, every number and picture is finite, what was odd is said.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from core.protocol import Status
from tests.hostile.siblings import SIBLINGS, write

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data" / "bad"
LIMIT_S = 2.0
"""Of processor time: what a machine that does nothing else takes."""

ROWS = {
    "m01_truncated.obj": "ERROR", "m02_nan_vertex.obj": "ERROR", "m04_index_out_of_range.obj": "ERROR",
    "m06_negative_relative_indices.obj": "LOAD", "m07_empty.ply": "ERROR", "m09_zero_triangles.stl": "ERROR",
    "m11_degenerate_triangles.obj": "WARN", "m12_huge_1e12.obj": "WARN", "m14_far_from_origin.obj": "WARN",
    "m15_quads_ngon_concave.obj": "LOAD", "m16_multi_material/two.obj": "WARN", "m17_scene_transforms.glb": "LOAD",
    "m18_nonmanifold_edge.obj": "WARN", "m20_inside_out.obj": "WARN", "m22_single_triangle.obj": "LOAD",
    "m23_garbage.obj": "ERROR", "m27_crlf_comments_exponents.obj": "LOAD", "m29_unreferenced_vertices.obj": "WARN",
    "s01_rank2.npz": "ERROR", "s03_nan.npz": "ERROR", "s05_all_positive.npz": "WARN", "s07_noncubic.npz": "LOAD",
    "s09_float64_fortran.npz": "LOAD", "s12_not_a_distance.npz": "WARN", "s14_two_arrays_no_name.npz": "ERROR",
    "s16_pickled_object.npy": "ERROR",
    "t00_good_rgba.png": "LOAD", "t01_wrong_size_300x200.png": "LOAD", "t03_16bit_grey.png": "LOAD",
    "t05_cmyk.jpg": "WARN", "t08_alpha_all_zero.png": "ERROR", "t10_truncated.png": "ERROR",
    "cameras/c00_good.json": "LOAD", "cameras/c01_no_camera_angle.json": "ERROR",
    "cameras/c04_nan_matrix.json": "ERROR", "cameras/c06_image_missing.json": "ERROR",
    "cameras/c08_left_handed.json": "ERROR", "cameras/c11_truncated.json": "ERROR",
}  # fmt: skip
"""File -> verdict, as the shared table states them."""


def trials(folder: Path, only: list[str]) -> Iterator[tuple[Path, str]]:
    """(file, verdict): the shared rows, where there are any, and the siblings, written below `folder`."""
    for name, verdict in ROWS.items():
        if SHARED.is_dir() and (not only or name.partition("_")[0].rpartition("/")[2] in only):
            yield SHARED / name, verdict
    for row, sibling in SIBLINGS.items():
        if not only or row in only:
            yield write(folder, row), sibling.verdict


def line_complaint(line: str, path: Path) -> str | None:
    """What is wrong with the line that an ERROR gives."""
    if "\n" in line.strip("\n") or "Traceback" in line:
        return f"not one line: {line[:200]!r}"
    names = (path.name, "seed.png") if path.suffix == ".toml" else (path.name,)
    if not any(name in line for name in names):
        return f"does not name the file: {line!r}"
    return None if "unexpected" not in line else f"is not a line of ours: {line!r}"


def spent() -> float:
    """Seconds of processor time of this process and of those it has waited for: a busy machine does not add to it."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


# ---------------------------------------------------------------------------------------------- rimlight fit


def refused_by_fit(path: Path, out: Path) -> tuple[str | None, float]:
    """`rimlight fit` in a process of its own: what breaks the promise of an ERROR, or None; and the seconds."""
    begin = spent()
    done = subprocess.run(
        [sys.executable, "-m", "app", "fit", str(path), "--out", str(out), "--steps", "1"],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    seconds = spent() - begin
    if done.returncode != 1:
        return f"exit status {done.returncode}: {done.stderr[-300:]}", seconds
    return line_complaint(done.stderr, path), seconds


def through_check(path: Path, verdict: str) -> tuple[str | None, float]:
    """`rimlight check` in this process: what breaks the verdict's promise, or None; and the seconds of a refusal."""
    from app import cli

    said, errors, begin = io.StringIO(), io.StringIO(), spent()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(errors):
        status = cli.main(["check", str(path)])
    seconds = spent() - begin
    if verdict == "ERROR":
        return (line_complaint(errors.getvalue(), path) if status == 1 else f"exit status {status}"), seconds
    if status != 0 or errors.getvalue():
        return f"exit status {status}: {errors.getvalue()[-300:]}", 0.0
    warned = "warning:" in said.getvalue()
    return (None if warned == (verdict == "WARN") else f"{verdict}, but it said {said.getvalue()[-300:]}"), 0.0


def taken_by_fit(path: Path, out: Path, verdict: str) -> str | None:
    """A fit of one step in this process: what breaks the promise of WARN and LOAD, or None."""
    from app import cli

    said, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(errors):
        status = cli.main(["fit", str(path), "--out", str(out), "--steps", "1"])
    if status != 0:
        return f"exit status {status}: {errors.getvalue()[-300:]}"
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    if (verdict == "WARN") != bool(report["warnings"]):
        return f"{verdict}, but its warnings are {report['warnings']}"
    if not finite(report["loss"]):
        return f"the loss is not finite: {report['loss']}"
    return None if any(out.glob("*.png")) else "no pictures were written"


def finite(value: Any) -> bool:
    """Whether every number in nested lists, tables and arrays is finite."""
    if isinstance(value, dict):
        return all(map(finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(finite, value))
    if isinstance(value, np.ndarray):
        return value.dtype.kind != "f" or bool(np.isfinite(value).all())
    return not isinstance(value, float) or bool(np.isfinite(value))


# ---------------------------------------------------------------------------------------------- the window


def through_window(stage: Any, path: Path, verdict: str) -> str | None:
    """Open a file in a window that has a scene: what breaks its promise, or None. stage: tests/hostile/stage.py."""
    c = stage.window.controller
    before, generation = c.experiment, c.loaded.generation
    stage.messages.clear()
    errors = lambda: [m for m in stage.messages if m.level == "error"]
    stage.window.files.open_path(str(path))
    ready = lambda: c.status is Status.PAUSED and c.loaded.generation > generation and c.shown is not None
    if not stage.wait(lambda: errors() or ready()):
        return "no answer"
    stage.wait(lambda: c.status is Status.PAUSED and c.shown is not None)
    if verdict == "ERROR":
        if not errors():
            return "was opened"
        if c.experiment != before or c.shown is None or c.loaded.generation != generation:
            return "the scene it had is gone"
        return line_complaint(errors()[0].text, path) or shown_complaint(stage, errors()[0].text)
    if errors():
        return f"was refused: {errors()[0].text}"
    if not finite({name: array for name, array in c.shown.arrays.items() if name != "depth"}):  # of nothing it is inf
        return "the picture is not finite"
    warned = any(m.level == "warning" for m in stage.messages)
    return None if warned == (verdict == "WARN") else f"{verdict}, but the window said {stage.messages}"


def shown_complaint(stage: Any, text: str) -> str | None:
    """Whether the line is on screen: in the status line, whole."""
    there = " ".join(text.split()) == stage.window.status.text.text() or stage.window.status.message.text == text
    return None if there else f"the status line says {stage.window.status.text.text()!r}"


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("rows", nargs="*", metavar="ROW", help="m01, s03, ...; all by default")
    options.add_argument("--by", choices=("check", "fit", "window"), help="only this way")
    chosen = options.parse_args()
    bad, count, slowest = 0, 0, 0.0
    with tempfile.TemporaryDirectory(prefix="rimlight rows ä ") as name:
        folder = Path(name)
        os.environ.setdefault("XDG_CONFIG_HOME", name)
        files = list(trials(folder, chosen.rows))
        ways = [chosen.by] if chosen.by else ["check", "fit", "window"]
        for way in ways:
            for path, verdict, complaint, seconds in WAYS[way](files, folder):
                if complaint is None and seconds > LIMIT_S:
                    complaint = f"took {seconds:.1f} s of processor time, and {LIMIT_S:g} s are promised"
                count, bad = count + 1, bad + (complaint is not None)
                slowest = max(slowest, seconds)
                print(f"{way} {path.name} {verdict}: {complaint or 'as promised'} ({seconds:.1f} s)", flush=True)
    print(f"{count - bad} of {count} verdicts kept; slowest refusal {slowest:.1f} s (promised: {LIMIT_S:g} s)")
    return 1 if bad else 0


Found = Iterator[tuple[Path, str, str | None, float]]
"""(file, verdict, complaint, seconds of processor time of a refusal)."""


def _by_check(files: list[tuple[Path, str]], folder: Path) -> Found:
    for path, verdict in files:
        yield path, verdict, *through_check(path, verdict)


def _by_fit(files: list[tuple[Path, str]], folder: Path) -> Found:
    for number, (path, verdict) in enumerate(files):
        out = folder / f"out {number}"
        if verdict == "ERROR":
            yield path, verdict, *refused_by_fit(path, out)
        else:
            yield path, verdict, taken_by_fit(path, out, verdict), 0.0


def _by_window(files: list[tuple[Path, str]], folder: Path) -> Found:
    from tests.hostile.stage import Stage, application

    kept = application()
    stage = Stage(folder)
    c = stage.window.controller
    assert stage.wait(lambda: c.status is Status.PAUSED and c.shown is not None), "the window did not start"
    for path, verdict in files:
        begin = spent()
        complaint = through_window(stage, path, verdict)
        yield path, verdict, complaint, spent() - begin if verdict == "ERROR" else 0.0
    stage.close()
    del kept


WAYS = {"check": _by_check, "fit": _by_fit, "window": _by_window}

if __name__ == "__main__":
    sys.exit(main())
