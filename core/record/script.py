"""A Python script that reproduces a run without a window: the experiment's text and the call that runs it."""

from __future__ import annotations

from pathlib import Path

from core.experiment import Experiment
from core.experiments.files import experiment_to_toml
from core.io.atomic import write_text

TEMPLATE = '''"""{title}: reproduces this run of Rimlight {version} without a window.

    python {name} [OUT]        results in OUT (default: {stem}-out)

The same machine and versions give the same numbers. What a hand changed while the run went on is not in it.
"""

import sys
import tomllib
from pathlib import Path

from core.engine import caches

EXPERIMENT = r"""
{text}"""


def main(out: str) -> dict:
    caches.configure()  # before JAX is imported
    from core.experiments.files import experiment_from_dict
    from core.{module} import {function}

    experiment = experiment_from_dict(tomllib.loads(EXPERIMENT), Path(__file__).parent, Path(__file__).name)
    return {function}(experiment, out)


if __name__ == "__main__":
    report = main(sys.argv[1] if len(sys.argv) > 1 else "{stem}-out")
    print({summary})
'''


def script_text(experiment: Experiment, path: Path) -> str:
    """The script as it stands at `path`; files are named relative to it."""
    from core.versions import versions

    race = bool(experiment.lanes)
    return TEMPLATE.format(
        title=experiment.title.replace("\\", " ").replace('"', "'"),
        version=versions()["rimlight"],
        name=path.name,
        stem=path.stem,
        text=experiment_to_toml(experiment, path.absolute().parent),
        module="compare" if race else "headless",
        function="run_compare" if race else "run_fit",
        summary='"\\n".join(report["notes"])' if race else 'report["loss"]["last"], report["metrics"]',
    )


def save_script(experiment: Experiment, path: str | Path) -> None:
    """Write it, atomically. Raises RimlightError."""
    write_text(path, script_text(experiment, Path(path)))
