"""The command `rimlight`: arguments in, lines out; the work is done by the modules the window uses too.

Nothing heavy is imported before a command needs it: `check` and `list` import no JAX, and a spawned engine, which
imports this module anew, gets no Qt. Errors are one line on stderr; RIMLIGHT_DEBUG=1 shows tracebacks.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.arguments import slip_of, whole
from core.errors import OUT_OF_MEMORY, RimlightError, out_of_memory

if TYPE_CHECKING:
    import argparse

    from core.experiment import Experiment

DEBUG = "RIMLIGHT_DEBUG"
INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it: 128 + SIGINT."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit status: 0, 1 after an error, 2 for wrong usage, 130 after Ctrl-C."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    for stream in (sys.stdout, sys.stderr):  # a console without Unicode gets "?" for a Greek letter, never a traceback
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        return _run(arguments)
    except RimlightError as error:
        if os.environ.get(DEBUG):
            raise
        return _fail(str(error))
    except KeyboardInterrupt as interrupt:
        print("stopped" + (f"; {interrupt}" if str(interrupt) else ""), file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        return _fail(_unexpected(error))


def parser() -> argparse.ArgumentParser:
    """The arguments of every command."""
    import argparse

    from app.cli_basin import add_basin
    from app.cli_compare import add_compare
    from app.cli_convert import add_convert
    from app.cli_derive import add_derive
    from app.cli_doctor import add_doctor
    from app.cli_list import add_list
    from app.cli_metaballs import add_metaballs
    from app.cli_study import add_study

    top = argparse.ArgumentParser(
        prog="rimlight",
        description="A desktop lab for differentiable rendering. Without a command, the window opens; of several files, "
        "on a shape and what it is fitted to.",
        usage="rimlight [EXPERIMENT|MESH|GRID|PICTURE ...]\n       rimlight COMMAND ...",
    )
    top.add_argument("--version", action="version", version=f"rimlight {_version()}")
    commands = top.add_subparsers(prog="rimlight", dest="command", metavar="COMMAND", required=True)

    fit = commands.add_parser("fit", help="fit without a window; report.json, history.csv, the shape, pictures")
    fit.add_argument("experiment", metavar="EXPERIMENT", help="a .toml file, or a mesh or grid with default choices")
    fit.add_argument("--out", metavar="DIR", required=True, help="folder for the results")
    fit.add_argument("--steps", type=whole(1), metavar="N", help="steps instead of the experiment's")
    fit.add_argument("--seed", type=whole(0), metavar="S", help="seed instead of the experiment's")

    add_derive(commands)
    add_compare(commands)
    check = commands.add_parser("check", help="load files, say what they are and what is odd")
    check.add_argument("files", metavar="FILE", nargs="+")

    add_basin(commands)
    add_convert(commands)
    add_study(commands)
    add_metaballs(commands)
    add_list(commands)
    add_doctor(commands)
    return top


def _run(arguments: list[str]) -> int:
    first = arguments[0] if arguments else ""
    if first not in COMMANDS and not first.startswith("-"):
        if slip := slip_of(first, COMMANDS):
            parser().error(slip)
        return _window(arguments)
    options = parser().parse_args(arguments)
    return COMMANDS[options.command](options)


# ---------------------------------------------------------------------------------------------- commands


def _window(files: list[str]) -> int:
    from core.io.files import MESH_LIMIT, checked_path

    for file in files:
        if file.startswith("-"):
            parser().error(f"{file} is no option of the window; put COMMAND before its options")
        checked_path(file, MESH_LIMIT)
    from app.display import require_display

    require_display()
    from app.main import run_window

    return run_window(*files)


def _fit(options: argparse.Namespace) -> int:
    import dataclasses

    from app.progress import ProgressLine

    experiment = _open(options.experiment)
    if options.seed is not None:
        experiment = dataclasses.replace(experiment, seed=options.seed)
    _prepare_engine()
    from core.headless import BY_HAND, GAVE_UP, run_fit

    with ProgressLine() as progress:
        report = run_fit(experiment, options.out, options.steps, progress)
    loss = report["loss"]
    print(f"{report['title']}: {report['steps']} steps in {report['seconds']:.1f} s, {report['method']}")
    if loss["first"] is not None:  # there was a step
        print(f"loss {loss['first']:.4g} -> {loss['last']:.4g}")
    for name, value in report["metrics"].items():
        if isinstance(value, int | float):
            print(f"{name} {value:.4g}")
    for warning in report["warnings"]:
        print(f"warning: {warning}")
    print(f"results in {Path(options.out).absolute()}")
    stopped = str(report["stopped"])
    if stopped.startswith(BY_HAND):
        raise KeyboardInterrupt(f"{stopped}, whose results these are")
    if stopped.startswith(GAVE_UP):
        raise RimlightError(f"{Path(options.experiment).name}: {stopped}")
    return 0


def _derive(options: argparse.Namespace) -> int:
    from app.cli_derive import run_derive

    return run_derive(options, _prepare_engine, _open)


def _compare(options: argparse.Namespace) -> int:
    from app.cli_compare import run_compare

    return run_compare(options, _prepare_engine)


def _basin(options: argparse.Namespace) -> int:
    from app.cli_basin import run_basin

    return run_basin(options)


def _convert(options: argparse.Namespace) -> int:
    from app.cli_convert import run_convert

    return run_convert(options)


def _study(options: argparse.Namespace) -> int:
    from app.cli_study import run_study

    return run_study(options, _prepare_engine)


def _metaballs(options: argparse.Namespace) -> int:
    from app.cli_metaballs import run_metaballs

    return run_metaballs(options)


def _check(options: argparse.Namespace) -> int:
    from core.io.check import check_file

    status = 0
    for file in options.files:
        try:
            checked = check_file(file)
        except RimlightError as error:
            status = _fail(str(error))
            continue
        except Exception as error:  # the next file may be fine
            if os.environ.get(DEBUG):
                raise
            status = _fail(f"{Path(file).name}: {_unexpected(error)}")
            continue
        print(f"{file}: {checked.summary}", flush=True)
        for warning in checked.warnings:
            print(f"warning: {Path(file).name}: {warning}", flush=True)
    return status


def _list(options: argparse.Namespace) -> int:
    from app.cli_list import run_list

    return run_list(options)


def _doctor(options: argparse.Namespace) -> int:
    from app.cli_doctor import run_doctor

    return run_doctor()


# ---------------------------------------------------------------------------------------------- helpers


def _open(file: str) -> Experiment:
    """The experiment of a file, and a look at the files it names: what is wrong with them is told before JAX loads."""
    from core.experiments.defaults import experiment_for_file
    from core.io.check import check_inputs

    experiment = experiment_for_file(file)
    check_inputs(experiment, quick=True)
    return experiment


def _prepare_engine() -> None:
    """JAX and Numba read where their caches are when they are imported."""
    from core.engine import caches

    caches.configure()


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("rimlight")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _unexpected(error: Exception) -> str:
    if out_of_memory(error):
        return OUT_OF_MEMORY
    cause = " ".join(str(error).split())[:200]
    return f"unexpected {type(error).__name__}: {cause}; set {DEBUG}=1 to see the traceback"


def _fail(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 1


COMMANDS = {
    "fit": _fit,
    "derive": _derive,
    "compare": _compare,
    "basin": _basin,
    "check": _check,
    "convert": _convert,
    "study": _study,
    "metaballs": _metaballs,
    "list": _list,
    "doctor": _doctor,
}
"""What is a command; anything else is a file for the window to open. Each imports what it needs when it runs."""


if __name__ == "__main__":
    sys.exit(main())
