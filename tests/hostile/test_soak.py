"""Nothing grows: a bounded long run and bounded openings and closings; `make soak` does both for hours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.launcher import EngineClient
from app.runs import FULL
from tests.hostile.gauges import FIELDS
from tests.hostile.problems import complaints as grown
from tests.hostile.soak import WHOLE, complaints, open_and_close, slope, soak, watch, ways

needs_proc = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="gauges read Linux's /proc")


def curve(**changes: Any) -> list[dict[str, float]]:
    """A hundred level samples, some fields as given."""
    fields = {name: changes.get(name, 10.0) + np.zeros(100) for name in ("seconds", *FIELDS, WHOLE)}
    fields["seconds"] = np.arange(100.0)
    return [{name: float(values[i]) for name, values in fields.items()} for i in range(100)]


def test_growth_is_told_from_warm_up_and_noise() -> None:
    rng = np.random.default_rng(0)
    assert complaints(curve(window_mb=300 + rng.normal(0, 5, 100))) == []
    assert complaints(curve(engine_mb=np.where(np.arange(100) < 15, 100.0, 400.0))) == []  # warm-up
    assert complaints(curve(engine_mb=np.linspace(400, 460, 100))) == ["engine_mb grew by 11.0 %"]
    assert complaints(curve(window_handles=20 + np.arange(100) // 30)) == ["window_handles grew from 20 to 23"]
    saw = 300 + 100 * (np.arange(100) % 12) / 12
    assert complaints(curve(**{WHOLE: saw})) == []
    assert complaints(curve(**{WHOLE: saw + np.arange(100) / 2})) == ["the window's peaks grew from 409 to 439 MB"]
    assert complaints(curve(window_threads=10 + np.arange(100) % 2)) == []  # one comes and goes
    assert abs(slope(curve(), "window_mb")) < 1e-9


def test_a_later_round_of_problems_needs_no_more_than_the_second() -> None:
    held = lambda mb, handles=13.0: {"engine_mb": mb, "threads": 20.0, "handles": handles, "segments": 2.0}
    level = {n: [held(300.0), held(700.0 + 10 * n)] for n in range(3)}
    level[0] = [held(200.0), held(400.0)]  # compiling for the first time
    assert grown(level) == []
    assert grown({**level, 3: [held(900.0), held(300.0)]}) == ["engine_mb grew from 710 to 900"]
    assert grown({**level, 3: [held(300.0, 14.0), held(300.0)]}) == ["handles grew from 13 to 14"]
    assert grown({**level, 3: [held(9000.0)]}) == []  # not whole


@pytest.fixture
def stage(qapp: Any, tmp_path: Path) -> Iterator[Any]:
    """make(client's maker) -> a window on it."""
    from tests.hostile.stage import Stage

    qapp.setStyle("Fusion")
    made: list[Stage] = []

    def make(client: Any) -> Stage:
        made.append(Stage(tmp_path, client))
        c = made[-1].window.controller
        assert made[-1].wait(lambda: c.shown is not None)
        return made[-1]

    yield make
    for one in made:
        one.close()


@needs_proc
@pytest.mark.window
def test_a_run_with_everything_open_holds_what_it_held(stage: Any) -> None:
    one = stage(lambda: EngineClient("tests.fakes.fake_session:FakeSession"))
    samples = soak(one, 4.0, lambda sample: None)
    counts = [line for line in complaints(samples) if "_mb" not in line]  # its curves still fill their bound
    assert counts == []
    c = one.window.controller
    assert one.wait(lambda: c.last is not None and c.last.iteration > FULL)  # it goes on; its curves are full
    samples = watch(one, 4.0, lambda sample: None)
    assert complaints(samples) == []
    assert samples[-1]["step"] > samples[0]["step"]
    assert samples[-1]["gl_objects"] > 0
    assert samples[-1]["segments"] >= 2


@needs_proc
@pytest.mark.window
def test_what_is_closed_is_gone(stage: Any) -> None:
    from tests.hostile.scripted import scripted_client

    one = stage(scripted_client)
    slow = ("Presentation",)  # ten relayouts of everything; `soak --opens` does them
    names = [name for name in ways(one.window) if not name.endswith("afloat") and name not in slow]
    assert len(names) > 20
    left = {name: open_and_close(one, name, 3) for name in names}
    assert {name: more for name, more in left.items() if max(more) > 0} == {}
