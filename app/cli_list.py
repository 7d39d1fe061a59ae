"""`rimlight list`: what there is to choose from, as lines or as JSON."""

from __future__ import annotations

import argparse
import json
from typing import Any

KINDS = ("methods", "shapes", "losses", "optimizers", "heatmaps", "lessons", "primitives", "parameters")


def add_list(commands: Any) -> None:
    """Add the command to a parser's commands."""
    listing = commands.add_parser("list", help="what there is to choose from")
    listing.add_argument("kind", metavar="KIND", choices=KINDS, help=", ".join(KINDS))
    listing.add_argument("--json", action="store_true", help="as a JSON list of objects")


def run_list(options: argparse.Namespace) -> int:
    from core.catalog import entries

    found = entries(options.kind)
    if options.json:
        print(json.dumps(found, indent=1, ensure_ascii=False))
        return 0
    width = max((len(entry["name"]) for entry in found), default=0)
    for entry in found:
        more = entry.get("summary") or entry.get("help") or ""
        print(f"{entry['name']:<{width}}  {entry['title']}{f': {more}' if more else ''}")
        for setting in entry["settings"]:
            limits = ", ".join(setting["choices"]) or " to ".join(
                f"{value:g}" for value in (setting["low"], setting["high"]) if value is not None
            )
            default = json.dumps(setting["default"])
            about = f"{default} {setting['unit']}".strip() + (f" ({limits})" if limits else "")
            print(f"{'':<{width}}    {setting['name']} = {about}  {setting['help']}")
    return 0
