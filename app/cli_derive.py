"""`rimlight derive`: its arguments and its lines; the work is core/headless.py's and core/report's."""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from core.errors import RimlightError

if TYPE_CHECKING:
    from core.experiment import Experiment


def add_derive(commands: Any) -> None:
    """Add the command to a parser's commands."""
    derive = commands.add_parser("derive", help="derivative images and how they agree with finite differences")
    derive.add_argument("experiment", metavar="EXPERIMENT", nargs="?", help="a .toml file, a mesh or a grid")
    derive.add_argument("--parameter", metavar="P", help="for example pose.translation.x; the experiment's by default")
    derive.add_argument("--method", metavar="M", nargs="+", action="extend", help="methods instead of the experiment's")
    derive.add_argument("--out", metavar="DIR", help="folder for the results")
    derive.add_argument(
        "--report",
        action="store_true",
        help="the table of all methods on all report scenes instead (and on a mesh given as EXPERIMENT)",
    )
    derive.set_defaults(parser=derive)


def run_derive(options: argparse.Namespace, prepare: Callable[[], None], read: Callable[[str], Experiment]) -> int:
    """prepare: what every command does before JAX is imported. read: the experiment of a file, its inputs checked."""
    from app.progress import ProgressLine

    if options.report:
        prepare()
        return _report(options)
    if options.experiment is None or options.out is None:
        refuse: Callable[[str], NoReturn] = options.parser.error
        refuse("derive needs EXPERIMENT and --out DIR (or --report)")
    experiment = read(options.experiment)
    parameter = options.parameter or experiment.derive.parameter
    if parameter is None:
        raise RimlightError("--parameter: the experiment names none; give one, for example pose.translation.x")
    _check_derive(experiment, parameter, options.method or [])
    prepare()
    from core.headless import run_derive as run

    with ProgressLine() as progress:
        rows = run(experiment, parameter, options.out, options.method or [], progress)
    print("method             rel. L2   cosine   silhouette L2   total gradient")
    for row in rows:
        print(
            f"{row['method']:<18} {row['relative_l2']:7.3f} {row['cosine']:8.4f} {row['silhouette_relative_l2']:15.3f} "
            f"{row['total_gradient_relative_error']:16.4f}"
        )
    print(f"results in {Path(options.out).absolute()}")
    return 0


def _report(options: argparse.Namespace) -> int:
    """Ctrl-C leaves what is done."""
    from app.progress import ProgressLine
    from core.report.run import run_report

    out = options.out or "out/report"
    worked = time.process_time()
    try:
        with ProgressLine() as progress:
            run_report(out, [options.experiment] if options.experiment else [], progress=progress)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"what was done by then stands in {Path(out).absolute()}") from None
    print(Path(out, "report.md").read_text(encoding="utf-8"))
    print(f"results in {Path(out).absolute()}; {time.process_time() - worked:.0f} s of processor time")
    return 0


def _check_derive(experiment: Experiment, parameter: str, methods: Sequence[str]) -> None:
    """Wrong words on the command line are told before JAX is imported."""
    from core.catalog import entry
    from core.experiment import MethodSpec
    from core.experiments.rules import check_experiment, check_theta
    from core.experiments.schema import Complaint

    complain = Complaint("rimlight derive")
    check_theta(parameter, experiment.shape, complain, "--parameter")
    for name in methods:
        entry("methods", name)
        check_experiment(dataclasses.replace(experiment, method=MethodSpec(name)), complain)
