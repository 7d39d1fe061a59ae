"""A session's state as bytes and back: what a successor of a dead engine, a fork and a session file go on from.

Large values that no optimizer moves and no hand has moved are left out: the experiment has them.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from core.problem import State
from core.record.packing import pack, unpack

SMALL = 64
"""Numbers of a value that is always kept: leaving it out would save nothing."""


@dataclass(frozen=True)
class Kept:
    """values: host parameters. moments: leaves of the optimizer's state. stages: as Stages.kept."""

    values: dict[str, np.ndarray]
    moments: list[np.ndarray]
    iteration: int
    losses: array
    terms: array
    seconds: float
    stages: tuple[int, dict[str, np.ndarray]]
    history: Any = None
    """What a hand changed, as core/record/history.py wrote it; None in states of before that."""


def freeze(
    state: State,
    start: Mapping[str, Any],
    free: Iterable[str],
    past: tuple[np.ndarray, np.ndarray, tuple[str, int] | None],
    seconds: float,
    stages: tuple[int, Mapping[str, np.ndarray]],
    hand: Mapping[str, Any] | None = None,
) -> bytes:
    """The state in full. start: the scene's values, which unfreed ones are compared with. past: Past.kept. hand:
    History.facts."""
    free = set(free)
    arrays: dict[str, np.ndarray] = {}
    for name, value in state.values.items():
        array = np.asarray(value)
        if name in free or array.size <= SMALL or stages[0] or not np.array_equal(array, start.get(name, np.nan)):
            arrays[f"value/{name}"] = array
    for index, leaf in enumerate(jax.tree.leaves(state.optimizer)):
        arrays[f"moment/{index}"] = np.asarray(leaf)
    arrays["losses"], arrays["terms"], told = past
    arrays |= {f"stage/{name}": array for name, array in stages[1].items()}
    facts = {"iteration": state.iteration, "seconds": seconds, "stages": stages[0], "history": hand}
    if told is not None:
        facts["past"] = told
    return pack(facts, arrays)


def carried(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """`new`, but with the values that `old` has of the same shape."""
    return {n: np.asarray(old[n]) if n in old and np.shape(old[n]) == np.shape(v) else v for n, v in new.items()}


def with_moments(state: State, moments: list[np.ndarray]) -> State:
    """`state` with the optimizer's `moments` as they were kept; as it is where another optimizer kept them."""
    leaves, tree = jax.tree.flatten(state.optimizer)
    if [np.shape(m) for m in moments] != [np.shape(leaf) for leaf in leaves]:
        return state
    return state._replace(optimizer=jax.tree.unflatten(tree, [jax.numpy.asarray(m) for m in moments]))


def thaw(data: bytes) -> Kept:
    """What `freeze` kept. Raises RimlightError where `data` is nothing of the kind."""
    facts, arrays = unpack(data)
    part = lambda prefix: {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
    moments = part("moment/")
    return Kept(
        values=part("value/"),
        moments=[moments[str(index)] for index in range(len(moments))],
        iteration=int(facts["iteration"]),
        losses=array("d", arrays["losses"].astype(np.float64).tobytes()),
        terms=array("d", arrays["terms"].astype(np.float64).tobytes()),
        seconds=float(facts["seconds"]),
        stages=(int(facts["stages"]), part("stage/")),
        history=facts.get("history"),
    )
