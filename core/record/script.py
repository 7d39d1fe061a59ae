"""A Python script that reproduces a run without a window: the experiment's text and the call that runs it."""

from __future__ import annotations

from pathlib import Path

from core.errors import RimlightError
from core.experiment import Experiment
from core.experiments.files import experiment_to_toml
from core.io.atomic import write_text
from core.record.history import History, text_edits, with_present_files

TEMPLATE = '''"""{title}: reproduces this run of Rimlight {version} without a window.

    python {name} [OUT]        results in OUT (default: {stem}-out)

The same machine and versions give the same numbers (on a GPU, to rounding). {hand}
"""

import sys
import tomllib
from pathlib import Path

from core.engine import caches

EXPERIMENT = r"""
{text}"""
{edits}

def main(out: str) -> dict:
    caches.configure()  # before JAX is imported
    from core.experiments.files import experiment_from_dict
    from core.{module} import {function}

    experiment = experiment_from_dict(tomllib.loads(EXPERIMENT), Path(__file__).parent, Path(__file__).name)
    return {function}(experiment, out{more})


if __name__ == "__main__":
    report = main(sys.argv[1] if len(sys.argv) > 1 else "{stem}-out")
    print({summary})
'''


NO_HAND = "Nothing was changed by hand while the run went on."
HAND = "EDITS is what a hand changed while the run went on, and is done again."


def script_text(experiment: Experiment, path: Path, history: History | None = None) -> str:
    """The script as it stands at `path`; files are named relative to it. history: what the run, or the runs side by side,
    began with and what a hand changed since, up to now; None where nothing was. Raises RimlightError."""
    from core.versions import versions

    race, base = bool(experiment.lanes), path.absolute().parent
    history = with_present_files(history or History(experiment), experiment)
    edits = text_edits(history.edits, base, experiment)
    if edits and history.lost:
        raise RimlightError(f"{path.name}: how the run began cannot be told ({history.lost}); bring that file back")
    begun = history.begun if edits else experiment
    lines = ["", "EDITS = [", *(f"    {edit!r}," for edit in edits), "]", '"""(iteration, what, value)"""', ""]
    return TEMPLATE.format(
        title=experiment.title.replace("\\", " ").replace('"', "'"),
        version=versions()["rimlight"],
        name=path.name,
        stem=path.stem,
        text=experiment_to_toml(begun, base),
        edits="\n".join(lines) if edits else "",
        hand=HAND if edits else NO_HAND,
        more=", edits=EDITS" if edits else "",
        module="comparison.headless" if race else "headless",
        function="run_compare" if race else "run_fit",
        summary='"\\n".join(report["notes"])' if race else 'report["loss"]["last"], report["metrics"]',
    )


def save_script(experiment: Experiment, path: str | Path, history: History | None = None) -> None:
    """Write it, atomically. Raises RimlightError."""
    write_text(path, script_text(experiment, Path(path), history))
