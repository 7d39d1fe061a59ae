"""`rimlight study`: its arguments and its lines; the work is core/study.py's."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def add_study(commands: Any) -> None:
    """Add the command to a parser's commands."""
    study = commands.add_parser("study", help="SDFDiff's parameter studies of a fit of a grid: a table and pictures")
    study.add_argument("experiment", metavar="EXPERIMENT", help="a .toml file that fits the values of an sdf-grid")
    study.add_argument("--out", metavar="DIR", required=True, help="folder for the table and the pictures")
    study.add_argument("--of", metavar="STUDY", nargs="+", help="some of initial, stages, pixels, noise, poses")
    study.add_argument("--steps", type=int, default=260, metavar="N", help="steps of each stage (260)")


def run_study(options: argparse.Namespace, prepare: Callable[[], None]) -> int:
    """prepare: what every command does before JAX is imported."""
    from app.progress import ProgressLine
    from core.errors import RimlightError
    from core.experiments.defaults import experiment_for_file

    if options.steps < 1:
        raise RimlightError(f"--steps: found {options.steps}; allowed: at least 1")
    experiment = experiment_for_file(options.experiment)
    prepare()
    from core.study import STUDIES
    from core.study import run_study as run

    started, worked = time.perf_counter(), time.process_time()
    with ProgressLine() as progress:
        run(experiment, options.out, tuple(options.of or STUDIES), options.steps, progress)
    print(Path(options.out, "study.md").read_text(encoding="utf-8"))
    spent = time.perf_counter() - started, time.process_time() - worked
    print(f"results in {Path(options.out).absolute()}; {spent[0]:.0f} s, {spent[1]:.0f} s of processor time")
    return 0
