"""`rimlight compare`: methods, shapes or the file's own lanes race on one problem; a table, curves and pictures come out."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.arguments import whole


def add_compare(commands: Any) -> None:
    compare = commands.add_parser(
        "compare", help="race two to four methods, shapes or settings on the same problem and seed; one table"
    )
    compare.add_argument(
        "experiment", metavar="EXPERIMENT", help="a .toml file (its [[compare]] lanes), a mesh or a grid"
    )
    compare.add_argument("--method", metavar="M", action="append", help="a method, two to four times; else the file's")
    compare.add_argument(
        "--shape",
        metavar="S",
        action="append",
        help="a shape beside the experiment's own, up to three times: a file, a bundled shape, or a kind (sdf-grid)",
    )
    compare.add_argument("--out", metavar="DIR", required=True, help="folder for the results")
    compare.add_argument("--steps", type=whole(1), metavar="N", help="steps instead of the experiment's")
    compare.add_argument(
        "--repeats",
        type=whole(0),
        default=1,
        metavar="R",
        help="further runs a lane, for the noise (default %(default)s)",
    )


def run_compare(options: argparse.Namespace, prepare_engine: Callable[[], None]) -> int:
    from app.progress import ProgressLine
    from core.comparison.lanes import chosen_lanes
    from core.errors import RimlightError
    from core.experiments.defaults import experiment_for_file
    from core.experiments.rules import check_experiment
    from core.experiments.schema import Complaint

    experiment = chosen_lanes(experiment_for_file(options.experiment), options.method or [], options.shape or [])
    if len(experiment.lanes) < 2:
        found = f"found {len(experiment.lanes)} run" + ("" if len(experiment.lanes) == 1 else "s")
        raise RimlightError(f"rimlight compare: {found}; give --method or --shape for each of two to four")
    check_experiment(experiment, Complaint("rimlight compare"))  # wrong words are told before JAX is imported
    prepare_engine()
    from core.comparison.headless import run_compare as race

    with ProgressLine() as progress:
        race(experiment, options.out, (), options.steps, options.repeats, progress)
    print(Path(options.out, "compare.md").read_text(encoding="utf-8"))
    print(f"results in {Path(options.out).absolute()}")
    return 0
