"""`rimlight basin`: from how far away a pose is found, method by method; the work is core/optimization/basin.py's."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any


def add_basin(commands: Any) -> None:
    """Add the command to a parser's commands."""
    basin = commands.add_parser(
        "basin", help="from how far away a pose is found: success by angle and offset, as a map"
    )
    basin.add_argument(
        "experiment", metavar="EXPERIMENT", help="a .toml file whose target is the fitted shape, or a mesh"
    )
    basin.add_argument("--out", metavar="DIR", required=True, help="folder for basin.png and basin.json")
    basin.add_argument("--method", metavar="M", nargs="+", default=[], help="methods instead of the experiment's")
    basin.add_argument("--optimizer", metavar="O", nargs="+", default=[], help="optimizers instead of the experiment's")
    basin.add_argument("--angles", metavar="DEG", type=float, nargs="+", help="degrees (15 30 45 60 90)")
    basin.add_argument("--offsets", metavar="D", type=float, nargs="+", help="in radii (0 0.1 0.2 0.4)")
    basin.add_argument("--trials", type=int, metavar="N", help="starts a cell (5)")
    basin.add_argument("--steps", type=int, metavar="N", help="steps of a fit instead of the experiment's")


def run_basin(options: argparse.Namespace) -> int:
    from app.progress import ProgressLine
    from core.catalog import entry
    from core.engine import caches
    from core.errors import RimlightError
    from core.experiment import MethodSpec
    from core.experiments.defaults import experiment_for_file
    from core.experiments.rules import check_experiment
    from core.experiments.schema import Complaint

    experiment = experiment_for_file(options.experiment)
    for kind in ("method", "optimizer"):
        for name in getattr(options, kind):
            entry(f"{kind}s", name)
    for name in options.method:
        check_experiment(dataclasses.replace(experiment, method=MethodSpec(name)), Complaint("rimlight basin"))
    for name, low, high in (("trials", 1, 1000), ("steps", 1, 100_000)):
        value = getattr(options, name)
        if value is not None and not low <= value <= high:
            raise RimlightError(f"--{name}: found {value}; allowed: {low} to {high}")
    for name, high in (("angles", 180.0), ("offsets", 10.0)):
        for value in getattr(options, name) or []:
            if not 0 <= value <= high:
                raise RimlightError(f"--{name}: found {value}; allowed: 0 to {high:g}")
    caches.configure()
    from core.optimization.basin import BasinOptions
    from core.optimization.basin import run_basin as run

    if options.steps is not None:
        experiment = dataclasses.replace(experiment, stop=dataclasses.replace(experiment.stop, steps=options.steps))
    chosen = BasinOptions()
    for name in ("angles", "offsets"):
        if getattr(options, name) is not None:
            chosen = dataclasses.replace(chosen, **{name: tuple(sorted(set(getattr(options, name))))})
    if options.trials is not None:
        chosen = dataclasses.replace(chosen, trials=options.trials)
    with ProgressLine() as progress:
        maps = run(experiment, options.out, chosen, options.method, options.optimizer, progress)
    for each in maps:
        print(f"{each['method']}, {each['optimizer']}: arrived, by offset (down) and angle (right)")
        print("        " + "".join(f"{angle:>7g}°" for angle in chosen.angles))
        for offset in chosen.offsets:
            row = [cell for cell in each["cells"] if cell["offset"] == offset]
            print(f"{offset:>8g}" + "".join(f"{cell['arrived']:>4}/{cell['trials']:<3}" for cell in row))
    print(f"results in {Path(options.out).absolute()}")
    return 0
