"""`rimlight metaballs`: the tables of Keselman and Hebert 2022 for any meshes; the work is core/metaballs/experiments.py's."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

TABLES = ("runtime", "intersections", "sensitivity", "pose", "silhouette")


def add_metaballs(commands: Any) -> None:
    """Add the command to a parser's commands."""
    table = commands.add_parser("metaballs", help="the experiments of the Fuzzy Metaballs paper, as tables")
    table.add_argument("table", metavar="TABLE", choices=TABLES, help=", ".join(TABLES))
    table.add_argument("shapes", metavar="SHAPE", nargs="*", help="mesh files, or bundled meshes by name (creature)")
    table.add_argument("--out", metavar="DIR", required=True, help="folder for TABLE.md and TABLE.csv")
    table.add_argument("--components", type=int, default=40, metavar="N", help="Gaussians a shape (40)")
    table.add_argument("--trials", type=int, default=100, metavar="N", help="disturbed poses a shape (100)")
    table.add_argument("--seeds", type=int, default=5, metavar="N", help="carvings a shape (5)")
    table.add_argument("--seed", type=int, default=0, metavar="S", help="of every random draw (0)")


def run_metaballs(options: argparse.Namespace) -> int:
    from app.progress import ProgressLine
    from core.engine import caches
    from core.errors import RimlightError

    for name, most in (("components", 1024), ("trials", 10_000), ("seeds", 1000)):
        if not 1 <= getattr(options, name) <= most:
            raise RimlightError(f"--{name}: found {getattr(options, name)}; allowed: 1 to {most}")
    caches.configure()
    from core.metaballs.experiments import Options, run_table

    chosen = Options(options.components, options.trials, options.seeds, options.seed)
    with ProgressLine() as progress:
        run_table(options.table, options.shapes or ["creature"], options.out, chosen, progress)
    print(Path(options.out, f"{options.table}.md").read_text(encoding="utf-8"))
    print(f"results in {Path(options.out).absolute()}")
    return 0
