"""A surface that vanishes in mid-fit: the fit pauses with its cause and its last good state, or goes on and says so once;
nothing empty is written.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.engine.loop import Engine
from core.errors import RimlightError
from core.experiment import (
    Experiment,
    LaneSpec,
    MethodSpec,
    NetworkSpec,
    OptimizerSpec,
    ParametersSpec,
    ShapeSpec,
    StageSpec,
    StopSpec,
    TargetSpec,
    TermSpec,
    ViewsSpec,
)
from core.experiments.fitting import method_reason
from core.headless import run_fit
from core.io.grids import save_grid
from core.io.mesh_export import save_mesh
from core.problem import Vanished
from core.protocol import Event, Load, Message, Play, Status, StatusChanged
from core.registry import methods
from core.session import Session

VIEWS = ViewsSpec("single", width=16, height=16)
SGD = OptimizerSpec("sgd", 0.01, decay=1.0)


def blob(path: Path, nodes: int = 12) -> str:
    """A ball of radius 0.5 on a few nodes."""
    axis = np.linspace(-1, 1, nodes)
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    save_grid(
        path, (np.sqrt(x * x + y * y + z * z) - 0.5).astype(np.float32), np.full(3, -1.0), np.full(3, axis[1] - axis[0])
    )
    return str(path)


def grid_fit(path: Path, method: str, *terms: TermSpec, rate: float = 0.01) -> Experiment:
    silhouettes = method not in ("sdf-local",)
    usual = (TermSpec("l2", "silhouette" if silhouettes else "colour"),)
    return Experiment(
        shape=ShapeSpec("sdf-grid", file=blob(path)),
        target=TargetSpec(primitive="torus"),
        views=VIEWS,
        method=MethodSpec(method),
        terms=terms or usual,
        optimizer=replace(SGD, learning_rate=rate),
        parameters=ParametersSpec(("values",)),
        stop=StopSpec(6),
    )


def lift(session: Session) -> None:
    """All node values above 0, as a step too long leaves them."""
    session._take_values({**session.host(), "values": np.abs(session.host()["values"]) + 0.1})


GRID_METHODS = [name for name in methods() if not method_reason(name, "sdf-grid")]


@pytest.mark.parametrize("method", GRID_METHODS)
def test_every_method_of_a_grid_pauses_where_nothing_is_left(tmp_path: Path, method: str) -> None:
    session = Session(grid_fit(tmp_path / "ball.npz", method))
    session.step()
    lift(session)
    before = {name: np.array(value) for name, value in session.state.values.items()}
    with pytest.raises(Vanished, match=r"^iteration 1: there is no surface \(no node value is below 0\)") as caught:
        session.step()
    assert "\n" not in str(caught.value)
    assert session.state.iteration == len(session.losses) == 1
    for name, value in session.state.values.items():
        np.testing.assert_array_equal(np.asarray(value), before[name])
    arrays = session.snapshot(0).arrays
    assert all(np.isfinite(arrays[name]).all() for name in ("render", "difference", "loss_gradient"))


def away(session: Session, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """The step after `at` leaves nothing."""
    from core.optimization import stepping

    def step(problem, state, batch, rate):
        state, report = stepping.step(problem, state, batch, rate)
        if state.iteration > at:
            values = {**state.values, "values": abs(state.values["values"]) + 0.1}
            state = state._replace(values=values)
        return state, report

    monkeypatch.setattr("core.session.step", step)


def test_the_state_before_it_is_kept_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = grid_fit(tmp_path / "ball.npz", "naive")
    away(Session(experiment), monkeypatch, 2)
    report = run_fit(experiment, tmp_path / "out")
    assert report["steps"] == 2
    assert report["stopped"].startswith(
        "could not go on after 2 of 6 steps: iteration 2: this step makes the surface vanish (no node value is below 0)"
    )
    with np.load(tmp_path / "out" / "shape.npz") as kept:
        assert kept[next(name for name in kept.files if kept[name].ndim == 3)].min() < 0


def test_the_window_is_told_and_stands_at_the_last_good_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = grid_fit(tmp_path / "ball.npz", "edge-grad")
    away(Session(experiment), monkeypatch, 2)
    told: list[Event] = []
    engine = Engine(lambda wait: None, told.append, None, Session)
    engine.handle(Load(experiment))
    engine.handle(Play())
    for _ in range(12):
        engine.turn()
    [said] = [event for event in told if isinstance(event, Message)]
    assert (said.level, said.text.partition(":")[0]) == ("error", "iteration 2")
    assert [event for event in told if isinstance(event, StatusChanged)][-1].status is Status.PAUSED
    assert engine.session is not None
    assert engine.session.state.iteration == 2  # type: ignore[attr-defined]


def test_a_stage_that_leaves_nothing_is_not_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = replace(grid_fit(tmp_path / "ball.npz", "naive"), stages=(StageSpec(at=2, resolution=14),))
    session = Session(experiment)
    refined = type(session.problem.shape).refined  # type: ignore[attr-defined]

    def emptied(shape, values, stage, report):
        finer, changed = refined(shape, values, stage, report)
        return finer, {**changed, "values": np.abs(changed["values"]) + 0.1}

    monkeypatch.setattr(type(session.problem.shape), "refined", emptied)
    for _ in range(2):
        session.step()
    nodes = session.host()["values"].shape
    with pytest.raises(Vanished, match=r"^stage 1, before step 2: it leaves no surface \(no node value is below 0\)"):
        session.step()
    assert session.host()["values"].shape == nodes
    assert session.snapshot(0).iteration == 2


def test_masks_that_can_bring_it_back_go_on_and_say_so_once(tmp_path: Path) -> None:
    masks = TermSpec("idr-mask", "silhouette", sharpness=50.0)
    session = Session(grid_fit(tmp_path / "ball.npz", "naive", masks))
    session.step()
    lift(session)
    said = [session.step().warning for _ in range(3)]
    assert said[0] == (
        "iteration 2: the surface has vanished (no node value is below 0); IDR's masks can bring it back"
    )
    assert said[1:] == ["", ""]
    session.export("all", str(tmp_path / "out"))
    assert json.loads((tmp_path / "out" / "report.json").read_text())["warnings"] == said[:1]
    assert session.loaded().warnings == (said[0],)
    with np.load(tmp_path / "out" / "shape.npz") as kept:  # numbers are what they are, without a surface too
        np.testing.assert_allclose(kept[next(n for n in kept.files if kept[n].ndim == 3)].min(), 0.1, atol=0.05)
    with pytest.raises(RimlightError, match=r"^a.ply: not written"):
        session.export("shape", str(tmp_path / "a.ply"))
    assert not (tmp_path / "a.ply").exists()
    session.reset()
    assert session.warnings == ()


def test_a_grid_that_came_without_a_surface_is_fitted_with_a_warning(tmp_path: Path) -> None:
    """Its file is valid: nothing is to be seen, and the fit says so."""
    experiment = grid_fit(tmp_path / "ball.npz", "edge-grad")
    with np.load(tmp_path / "ball.npz") as ball:
        arrays = dict(ball)
    name = next(n for n in arrays if arrays[n].ndim == 3)
    np.savez(tmp_path / "ball.npz", **{**arrays, name: np.abs(arrays[name]) + 0.1})
    report = run_fit(experiment, tmp_path / "out")
    assert report["steps"] == 6
    assert [w for w in report["warnings"] if w.startswith("there is no surface (no node value is below 0)")] != []
    assert (tmp_path / "out" / "shape.npz").exists()


def test_the_window_is_told_of_it_once(tmp_path: Path) -> None:
    experiment = grid_fit(tmp_path / "ball.npz", "naive", TermSpec("idr-mask", "silhouette"))
    told: list[Event] = []
    engine = Engine(lambda wait: None, told.append, None, Session)
    engine.handle(Load(experiment))
    lift(engine.session)  # type: ignore[arg-type]
    engine.handle(Play())
    for _ in range(10):
        engine.turn()
    said = [event for event in told if isinstance(event, Message) and "vanished" in event.text]
    assert [message.level for message in said] == ["warning"]


@pytest.mark.parametrize("kind", ["swept-sphere", "random-spheres"])
def test_shapes_of_few_numbers_pause_too(kind: str) -> None:
    names = {"swept-sphere": "sweep.radius", "random-spheres": "spheres.radii"}
    session = Session(
        Experiment(
            shape=ShapeSpec(kind, primitive=kind), target=TargetSpec(primitive="torus"), views=VIEWS,
            method=MethodSpec("naive"), optimizer=SGD, parameters=ParametersSpec((names[kind],)),
        )
    )  # fmt: skip
    session.step()
    session._take_values({**session.host(), names[kind]: np.asarray(session.host()[names[kind]]) * 0 - 0.5})
    with pytest.raises(Vanished, match="no node value is below 0"):
        session.step()


def test_bodies_and_networks_go_on_and_say_so(tmp_path: Path) -> None:
    """A look at them is dear: every twentieth step."""
    (tmp_path / "a.bodies").write_text(
        json.dumps({"format": "rimlight-bodies", "bodies": [{"kind": "sphere", "centre": [0, 0, 0], "radius": 1.0}]})
    )
    experiments = {
        "sphere.radius": Experiment(
            shape=ShapeSpec("sdf-analytic", file=str(tmp_path / "a.bodies")), method=MethodSpec("naive", {"face": "field"}),
            parameters=ParametersSpec(("sphere.radius",)),
        ),
        "network.bias": Experiment(
            shape=ShapeSpec("sdf-network", primitive="sphere", network=NetworkSpec(48, 2, 2, warm_steps=0)),
            method=MethodSpec("naive", {"face": "field"}), parameters=ParametersSpec(("network.bias",)),
        ),
    }  # fmt: skip
    for name, experiment in experiments.items():
        session = Session(
            replace(experiment, target=TargetSpec(primitive="torus"), views=replace(VIEWS, width=8, height=8),
                    optimizer=replace(SGD, learning_rate=1e-9), terms=(TermSpec("l2", "colour"),))
        )  # fmt: skip
        far = np.asarray(session.host()[name]) * 0 + (-0.5 if name == "sphere.radius" else 1e4)
        session._take_values({**session.host(), name: far})
        said = [session.step().warning for _ in range(40)]
        assert [i + 1 for i, text in enumerate(said) if text] == [20], name
        assert said[19].startswith("iteration 20: the surface has vanished (its distance is nowhere 0)")
        assert session.warnings[-1:] == (said[19],)


def test_a_comparison_goes_on_with_the_others(tmp_path: Path) -> None:
    from core.comparison.race import Race

    experiment = grid_fit(tmp_path / "ball.npz", "naive")
    race = Race(replace(experiment, lanes=(LaneSpec("naive"), LaneSpec("splat"))))
    race.step()
    lift(race.lanes[0])
    race.step()
    assert "there is no surface" in race.failed[0]
    assert race.lanes[1].state.iteration == 2


def test_an_empty_mesh_is_not_written(tmp_path: Path) -> None:
    for ending in (".ply", ".obj", ".stl", ".glb"):
        with pytest.raises(RimlightError, match=f"^empty{ending}: not written, since no triangle is left"):
            save_mesh(tmp_path / f"empty{ending}", np.zeros((0, 3)), np.zeros((0, 3), np.int32))
    assert list(tmp_path.iterdir()) == []
