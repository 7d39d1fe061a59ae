"""What the engine computes with is known to an NVIDIA GPU, which need not be there: every program lowers for one."""

from __future__ import annotations

from dataclasses import replace

import jax
import numpy as np
import pytest

from core.catalog import ASSETS
from core.experiment import MethodSpec
from core.experiments.files import load_experiment
from core.headless import derive_one
from core.memory import forget_compiled
from core.registry import methods
from core.session import Session
from tests.gpu import recorded

LESSONS = {"sdf-local": "11-sdf-local", "warp": "12-warp", "fuzzy-metaballs": "13-metaballs"}
"""Those whose shapes are no surfaces; the others take the lesson that is about all of them."""


@pytest.mark.parametrize("name", sorted(methods()))
def test_a_fit_and_its_derivative_lower_for_a_gpu(name: str) -> None:
    """Both modes, a loss, an optimizer and the pictures. JAX would refuse an operation that it has for the processor alone."""
    experiment = load_experiment(ASSETS / "lessons" / f"{LESSONS.get(name, '04-all-methods')}.toml")
    views = replace(experiment.views, width=16, height=16)
    experiment = replace(experiment, method=MethodSpec(name), views=views)
    forget_compiled()  # what was compiled before is not made again
    try:
        with recorded() as programs:
            Session(experiment).step()
            derive_one(experiment, experiment.derive.parameter or "")
    finally:
        forget_compiled()
    names = {program.name.partition(": ")[2] for program in programs}
    assert {"accumulate", "finish", "push"} <= names
    for program in programs:
        assert "callback" not in program.lowered.as_text(), f"{program.name} calls back to the host from the GPU"


def test_what_only_a_processor_can_is_refused() -> None:
    """The control: LAPACK's Schur form, for which JAX has nothing on a GPU."""
    with recorded() as programs, pytest.raises(NotImplementedError, match="cuda"):
        jax.jit(lambda matrix: jax.lax.linalg.schur(matrix)[0])(np.eye(3, dtype=np.float32))
    assert not programs
