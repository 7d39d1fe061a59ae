"""`rimlight convert`: its arguments and its lines; the work is core/convert.py's."""

from __future__ import annotations

import argparse
from typing import Any

from core.experiment import GridSpec


def add_convert(commands: Any) -> None:
    """Add the command to a parser's commands."""
    convert = commands.add_parser("convert", help="a mesh to distances or to Gaussians, and both back to meshes")
    convert.add_argument("source", metavar="FILE", help="a mesh, a grid, a point cloud or metaballs")
    convert.add_argument("target", metavar="TARGET", help=".npz, or .ply, .obj, .stl, .glb, or .xyz for points")
    convert.add_argument("--metaballs", type=int, default=0, metavar="N", help="fit N Gaussians to a mesh or to points")
    convert.add_argument("--init", choices=("surface", "volume"), default="surface", help="points the Gaussians fit")
    convert.add_argument("--ellipsoids", action="store_true", help="metaballs as ellipsoids, not as one surface")
    convert.add_argument("--points", type=int, default=20_000, metavar="N", help="points drawn for .xyz")
    convert.add_argument("--seed", type=int, default=0, metavar="S", help="of the fit and of the points")
    convert.add_argument("--resolution", type=int, default=0, metavar="N", help="nodes along the longest side")
    convert.add_argument("--repair", action="store_true", help="fill the holes of an open mesh with fans")
    convert.add_argument("--redistance", action="store_true", help="true distances to the grid's surface")
    convert.add_argument("--negate", action="store_true", help="the file's values are positive inside")
    convert.add_argument("--axes", default="xyz", metavar="AXES", help="which axis each index runs along (xyz)")


def run_convert(options: argparse.Namespace) -> int:
    from core.convert import convert
    from core.errors import RimlightError
    from core.io.file_kinds import is_metaballs_file

    if options.metaballs or is_metaballs_file(options.source):
        return _convert_metaballs(options)
    if sorted(options.axes) != ["x", "y", "z"]:
        raise RimlightError(f"--axes: found {options.axes!r}; allowed: x, y and z in any order, as zyx")
    if options.resolution and not 4 <= options.resolution <= 320:
        raise RimlightError(f"--resolution: found {options.resolution}; allowed: 4 to 320 nodes")
    spec = GridSpec(
        resolution=options.resolution,
        axes=options.axes,
        negate=options.negate,
        redistance=options.redistance,
        repair=options.repair,
    )
    line, warnings = convert(options.source, options.target, spec)
    print(line)
    for warning in warnings:
        print(f"warning: {warning}")
    return 0


def _convert_metaballs(options: argparse.Namespace) -> int:
    from pathlib import Path

    from app.progress import ProgressLine
    from core.engine import caches
    from core.errors import RimlightError

    if not 0 <= options.metaballs <= 1024 or not 1 <= options.points <= 10_000_000:
        raise RimlightError("--metaballs, --points: allowed: 1 to 1024 Gaussians, 1 to 10,000,000 points")
    caches.configure()
    from core.metaballs.convert import Conversion
    from core.metaballs.writing import convert_metaballs

    how = Conversion(options.metaballs or 40, options.init, options.seed)
    form = "ellipsoids" if options.ellipsoids else "mesh"
    with ProgressLine() as progress:
        line = convert_metaballs(Path(options.source), Path(options.target), how, form, options.points, progress)
    print(line)
    return 0
