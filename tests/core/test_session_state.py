"""States as bytes: they come back as they were, hold no pickle, and a fork from one repeats the fit to the bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.errors import RimlightError
from core.experiment import (
    Experiment,
    OptimizerSpec,
    ParametersSpec,
    PoseSpec,
    ShapeSpec,
    StageSpec,
    StopSpec,
    ViewsSpec,
)
from core.record.packing import pack, unpack
from core.record.state import thaw
from core.session import Session

POSE = Experiment(
    shape=ShapeSpec(primitive="cube", start=PoseSpec((10.0, 20.0, 0.0), (0.1, 0.0, 0.0))),
    views=ViewsSpec("orbit", 2, width=32, height=32),
    stop=StopSpec(20),
)


def test_packed_arrays_come_back():
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "none": np.zeros((0, 4)), "flag": np.array(True)}
    facts, found = unpack(pack({"n": 3, "title": "Würfel"}, arrays))
    assert facts == {"n": 3, "title": "Würfel"}
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)


def test_nothing_but_numbers_is_packed_or_unpacked():
    with pytest.raises(TypeError, match="cannot be packed"):
        pack({}, {"a": np.array([object()])})
    good = pack({}, {"a": np.arange(4)})
    for bad in (b"", b"\x80\x05K\x01.", good[:-1], good[:20], good.replace(b"<i8", b"|O8")):
        with pytest.raises(RimlightError, match="damaged"):
            unpack(bad)


def test_a_fork_repeats_the_fit_to_the_bit():
    session = Session(POSE)
    for _ in range(4):
        session.step()
    state = session.state_bytes()
    assert "value/vertices" not in {f"value/{n}" for n in thaw(state).values}  # nobody moved it
    first = [session.step().loss for _ in range(4)]
    session.restore_state(state)
    assert session.state.iteration == 4
    assert [session.step().loss for _ in range(4)] == first
    assert len(session.losses) == 8
    again = Session(POSE)
    again.restore_state(state)
    assert [again.step().loss for _ in range(4)] == first


def test_a_fork_goes_back_over_a_stage():
    staged = replace(
        POSE,
        parameters=ParametersSpec(("vertices",)),
        optimizer=OptimizerSpec("adam", 0.01),
        stages=(StageSpec(at=2, subdivide=1),),
    )
    session = Session(staged)
    session.set_value("term.0.weight", 2.0)
    session.step()
    before, count = session.state_bytes(), len(session.host()["vertices"])
    second = session.step().loss
    session.step()
    after = session.state_bytes()
    third = session.step().loss
    assert len(session.host()["vertices"]) > count
    session.restore_state(before)
    assert len(session.host()["vertices"]) == count
    assert session.step().loss == second
    session.restore_state(after)
    assert session.step().loss == third
