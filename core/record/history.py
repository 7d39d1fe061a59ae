"""What a hand changed while a run went on: (iteration, what, value), so that a script repeats it step by step.

Convention: an edit made at iteration i is done before step i + 1 is taken. The experiment that a run began with is kept
as text whose paths are relative to the root.
"""

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import RimlightError
from core.experiment import Experiment
from core.experiments.files import experiment_from_dict, experiment_to_toml
from core.experiments.paths import document_with_paths, paths_of, with_paths
from core.record.packing import unpack

ROOT = Path(Path(os.path.expanduser("~")).absolute().anchor)
"""Of one's own drive, wherever the program was started. What lies on others is stored with its drive."""
EXPERIMENT = "experiment"
"""What an edit of more than a value is called; its value is the whole new experiment as text."""
_HANDS = ("value.", "along.")
"""What moves parameters; all else are settings, which a reset keeps."""

Edit = tuple[int, str, Any]


@dataclasses.dataclass(frozen=True)
class History:
    """begun: the experiment at iteration 0, and the same as text, which is made once: states are stored often. lost: why
    it cannot be repeated here; `begun` is then not what the text says."""

    begun: Experiment
    edits: tuple[Edit, ...] = ()
    text: str = dataclasses.field(default="", repr=False, compare=False)
    lost: str = ""

    def __post_init__(self) -> None:
        if not self.text:
            object.__setattr__(self, "text", experiment_to_toml(self.begun, ROOT))

    def noted(self, iteration: int, what: str, value: Any) -> History:
        """With one edit more; what is dragged on within one iteration is one edit."""
        if what.startswith("overlay."):
            return self
        value, edits = _plain(value), self.edits
        if edits and edits[-1][:2] == (iteration, what):
            value = value + edits[-1][2] if what.startswith("along.") else value
            edits = edits[:-1]
        return dataclasses.replace(self, edits=(*edits, (iteration, what, value)))

    def replaced(self, iteration: int, experiment: Experiment) -> History:
        """Another experiment goes on from where this one stands."""
        if iteration == 0 and not self.edits:
            return History(experiment)
        return self.noted(iteration, EXPERIMENT, experiment_to_toml(experiment, ROOT))

    def reset(self, experiment: Experiment) -> History:
        """Back to the start of the present experiment, with the settings as they are."""
        kept: dict[str, Edit] = {}
        for _, what, value in self.edits:
            if what == EXPERIMENT:
                kept.clear()  # it holds the settings before it
            elif not what.startswith(_HANDS):
                kept[what] = (0, what, value)
        return History(experiment, tuple(kept.values()))

    def facts(self) -> dict[str, Any]:
        """As a state's facts hold it (core/record/state.py)."""
        return {"begun": self.text, "edits": [list(edit) for edit in self.edits]}


def history_from(facts: Any, otherwise: Experiment) -> History:
    """What `facts` made, of a stored state; a state without it began with `otherwise`. Raises RimlightError.

    Files that are gone are looked for where `otherwise` has them: a session brings its own along.
    """
    if not isinstance(facts, dict):
        return History(otherwise)
    try:
        edits = tuple((int(i), str(what), value) for i, what, value in facts["edits"])
        text = facts["begun"]
        try:
            return History(experiment_of(text, otherwise), edits)
        except RimlightError as error:  # a file that only the beginning needed is not here: the fit can still go on
            return History(otherwise, edits, text, str(error))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise RimlightError(f"a stored state's edits are damaged ({error}); start the fit anew") from error


def history_of(state: np.ndarray | bytes | None, otherwise: Experiment) -> History:
    """Of a stored state, without restoring it; none where it is of several runs side by side, or damaged (whoever
    restores it is told)."""
    try:
        facts, _ = unpack(b"" if state is None else state)
        return history_from(facts.get("history"), otherwise)
    except RimlightError:
        return History(otherwise)


def experiment_of(text: str, present: Experiment | None = None) -> Experiment:
    """An experiment from a history's text; files that are gone lie where the present one has them. Raises RimlightError."""
    document = tomllib.loads(text)
    if present is not None:
        document = document_with_paths(document, _there(present))
    return experiment_from_dict(document, ROOT, "history")


def _there(present: Experiment) -> Callable[[str, str], str]:
    """The path of a key (core/experiments/paths.py): its own, or that of the present experiment where it is gone."""
    known = paths_of(present)
    return lambda key, path: path if (ROOT / path).exists() else known.get(key, path)


def due(edits: Iterable[Edit], iteration: int) -> list[Edit]:
    """What was done at this iteration, in order."""
    return [edit for edit in edits if edit[0] == iteration]


def with_present_files(history: History, present: Experiment) -> History:
    """The experiment it began with reads its data where the present one does: a session brings its own along."""
    return dataclasses.replace(history, begun=with_paths(history.begun, _there(present)), text="")


def text_edits(edits: Sequence[Edit], base: Path, present: Experiment) -> list[Edit]:
    """Edits for a script in the folder `base`: experiments name their files relative to it."""
    return [
        (i, what, experiment_to_toml(experiment_of(value, present), base) if what == EXPERIMENT else value)
        for i, what, value in edits
    ]


def _plain(value: Any) -> Any:
    """As JSON and a script can say it."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
