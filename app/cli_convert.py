"""`rimlight convert`: its arguments and its lines; the work is core/convert.py's."""

from __future__ import annotations

import argparse
from typing import Any

from core.experiment import GridSpec


def add_convert(commands: Any) -> None:
    """Add the command to a parser's commands."""
    convert = commands.add_parser("convert", help="a mesh to a grid of distances, a grid to a mesh, any grid to .npz")
    convert.add_argument("source", metavar="FILE", help="a mesh or a grid")
    convert.add_argument("target", metavar="TARGET", help=".npz, or .ply, .obj, .stl, .glb")
    convert.add_argument("--resolution", type=int, default=0, metavar="N", help="nodes along the longest side")
    convert.add_argument("--repair", action="store_true", help="fill the holes of an open mesh with fans")
    convert.add_argument("--redistance", action="store_true", help="true distances to the grid's surface")
    convert.add_argument("--negate", action="store_true", help="the file's values are positive inside")
    convert.add_argument("--axes", default="xyz", metavar="AXES", help="which axis each index runs along (xyz)")


def run_convert(options: argparse.Namespace) -> int:
    from core.convert import convert
    from core.errors import RimlightError

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
