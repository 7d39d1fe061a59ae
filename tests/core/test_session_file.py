"""Session files: they come back whole, open without their data, and are refused where anything in them is not as written."""

from __future__ import annotations

import importlib.util
import json
import pickle
import re
import runpy
import shutil
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.catalog import ASSETS
from core.comparison.headless import run_to_end
from core.comparison.race import Race
from core.errors import RimlightError
from core.experiment import (
    Experiment,
    LaneSpec,
    MethodSpec,
    PoseSpec,
    ShapeSpec,
    StopSpec,
    TargetSpec,
    TermSpec,
    ViewsSpec,
)
from core.record.files import read_session, write_session
from core.record.history import history_of
from core.record.packing import pack
from core.record.script import save_script, script_text
from core.record.session_record import SessionRecord, StoredBranch, StoredFrame, StoredRun
from core.record.stored_state import Block, StoredState, losses_of, stored
from core.session import Session


def record(experiment: Experiment) -> SessionRecord:
    rng = np.random.default_rng(0)
    target = rng.normal(size=(6, 5, 3)).astype(np.float32)
    past = tuple(Block(rng.normal(size=4), rng.normal(size=(4, 2))) for _ in range(2))
    state = StoredState(rng.integers(0, 255, 40).astype(np.uint8), (past,), ("mark", (3,)))
    frames = tuple(
        StoredFrame(
            i,
            0,
            {"target": target, "render": target * i},
            {"render": i},
            {"pose.scale": 1.0 + i},
            "random",
            ("difference",),
            np.zeros((4, 4, 3), np.uint8),
            state,
        )
        for i in (0, 3)
    )
    curves = {"loss": (np.arange(1, 4), np.array([1.0, 0.5, 0.25])), "iou": (np.array([3]), np.array([0.9]))}
    return SessionRecord(
        experiment, state, 3,
        (StoredBranch("naive", 0, None, frames), StoredBranch("splat", 3, 0, frames[1:])), 1,
        (StoredRun("naive", 0, "T", True, curves),), ((3, "method.sigma", 0.7),),
    )  # fmt: skip


def write(rec: SessionRecord, path: Path) -> Path:
    for _ in write_session(rec, path):
        pass
    return path


def test_a_session_opens_without_its_data(tmp_path):
    data = tmp_path / "data set"
    data.mkdir()
    for name in ("cube.ply", "torus-grid.npz"):
        shutil.copy(ASSETS / "shapes" / name, data)
    experiment = Experiment(
        title="Würfel",
        shape=ShapeSpec(file=str(data / "cube.ply")),
        target=TargetSpec(shape_kind="sdf-grid", file=str(data / "torus-grid.npz")),
    )
    given = record(experiment)
    path = write(given, tmp_path / "a.rimlight")
    content = (data / "cube.ply").read_bytes()
    shutil.rmtree(data)
    found = read_session(path, tmp_path / "cache")
    assert Path(found.experiment.shape.file).read_bytes() == content
    assert replace(found.experiment, shape=experiment.shape, target=experiment.target) == experiment
    assert found.state.beside == ("mark", (3,))
    for array, before in zip(found.state.arrays(), given.state.arrays(), strict=True):
        assert np.array_equal(array, before)
    assert next(found.branches[0].frames[0].state.arrays()) is found.state.head
    assert (found.iteration, found.current, found.edits) == (3, 1, ((3, "method.sigma", 0.7),))
    assert [b.parent for b in found.branches] == [None, 0]
    for branch, other in zip(found.branches, given.branches, strict=True):
        for frame, before in zip(branch.frames, other.frames, strict=True):
            assert (frame.iteration, frame.theta, frame.derived) == (before.iteration, before.theta, before.derived)
            assert frame.values == before.values
            assert all(np.array_equal(frame.arrays[n], before.arrays[n]) for n in before.arrays)
    assert found.runs[0].pinned
    assert found.runs[0].curves["loss"][1].tolist() == [1.0, 0.5, 0.25]
    with zipfile.ZipFile(path) as archive:
        arrays = [name for name in archive.namelist() if name.startswith("arrays/")]
        assert len(arrays) == len(set(arrays)) == 14  # the target and the state once, not with every frame
        assert b"\x80\x05" not in archive.read("manifest.json")


def test_an_experiment_of_bundled_shapes_and_missing_files_keeps_its_paths(tmp_path):
    elsewhere = str(tmp_path / "gone" / "x.ply")
    Path(elsewhere).parent.mkdir()
    shutil.copy(ASSETS / "shapes" / "cube.ply", elsewhere)
    experiment = Experiment(shape=ShapeSpec(primitive="torus"), target=TargetSpec(file=elsewhere))
    for _ in write_session(SessionRecord(experiment), tmp_path / "b.rimlight", with_data=False):
        pass
    assert read_session(tmp_path / "b.rimlight", tmp_path).experiment == experiment


def rewritten(path: Path, change: Callable[[str, bytes], bytes]) -> Path:
    target = path.with_name("changed.rimlight")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return target


def with_manifest(path: Path, change: Callable[[dict], dict]) -> Path:
    return rewritten(path, lambda n, d: json.dumps(change(json.loads(d))).encode() if n == "manifest.json" else d)


def test_a_file_of_before_has_whole_states(tmp_path):
    given = record(Experiment(shape=ShapeSpec(primitive="cube")))
    path = write(given, tmp_path / "a.rimlight")

    def format_1(manifest: dict) -> dict:
        branches = [
            {**b, "frames": [{**f, "state": f["state"]["head"]} for f in b["frames"]]} for b in manifest["branches"]
        ]
        return {**manifest, "format": 1, "state": manifest["state"]["head"], "branches": branches}

    found = read_session(with_manifest(path, format_1), tmp_path)
    for state in (found.state, found.branches[1].frames[0].state):
        assert (state.past, state.beside) == ((), None)
        assert np.array_equal(state.whole(), given.state.head)


def test_a_long_fit_is_stored_with_its_losses_once(tmp_path, monkeypatch):
    monkeypatch.setattr("core.record.stored_state.BLOCK", 4)
    losses = np.random.default_rng(1).random(30)
    state = lambda n: np.frombuffer(pack({"iteration": n}, {"losses": losses[:n], "terms": losses[:n, None]}), np.uint8)
    states = [stored(state(2))]
    for n in range(3, 31):
        states.append(stored(state(n), states[-1]))
    blank = np.zeros((1, 1, 3), np.uint8)
    frames = tuple(StoredFrame(n, 0, {}, {}, {}, None, (), blank, kept) for n, kept in enumerate(states, 2))
    given = SessionRecord(
        Experiment(shape=ShapeSpec(primitive="cube")), states[-1], 30, (StoredBranch("naive", 0, None, frames),)
    )
    path = write(given, tmp_path / "a.rimlight")
    with zipfile.ZipFile(path) as archive:
        arrays = [name for name in archive.namelist() if name.startswith("arrays/")]
    assert len(arrays) == len(states) + 2 * 7 + 1  # heads, seven blocks of four steps, the thumbnail
    found = read_session(path, tmp_path)
    assert losses_of(found.state).tolist() == losses.tolist()
    for frame in found.branches[0].frames:
        assert losses_of(frame.state).tolist() == losses[: frame.iteration].tolist()
    wrong = with_manifest(path, lambda m: {**m, "state": {**m["state"], "beside": ["mark", [1, 2]]}})
    with pytest.raises(RimlightError, match="damaged"):
        read_session(wrong, tmp_path)


def test_damage_and_foreign_files_are_told(tmp_path):
    path = write(record(Experiment(shape=ShapeSpec(primitive="cube"))), tmp_path / "a.rimlight")
    flipped = rewritten(path, lambda n, d: d[:-1] + bytes([d[-1] ^ 1]) if n.endswith("000000.npy") else d)
    with pytest.raises(RimlightError, match=r"changed.rimlight: damaged .*000000.npy is not what was written"):
        read_session(flipped, tmp_path)
    later = with_manifest(path, lambda manifest: {**manifest, "format": 99})
    with pytest.raises(RimlightError, match="later Rimlight"):
        read_session(later, tmp_path)
    for content in (b"not a zip", path.read_bytes()[:200]):
        (tmp_path / "c.rimlight").write_bytes(content)
        with pytest.raises(RimlightError, match="damaged or no session file"):
            read_session(tmp_path / "c.rimlight", tmp_path)


def test_a_pickle_is_never_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was opened",))

    path = write(record(Experiment(shape=ShapeSpec(primitive="cube"))), tmp_path / "a.rimlight")
    import hashlib

    bad = pickle.dumps(Trap())
    target = tmp_path / "trap.rimlight"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "manifest.json":
                manifest = json.loads(content)
                manifest["checksums"]["arrays/000000.npy"] = hashlib.sha256(bad).hexdigest()
                content = json.dumps(manifest).encode()
            new.writestr(name, bad if name == "arrays/000000.npy" else content)
    with pytest.raises(RimlightError, match="damaged"):
        read_session(target, tmp_path)


def test_the_file_before_stays_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "a.rimlight"
    path.write_bytes(b"before")
    work = write_session(record(Experiment(shape=ShapeSpec(primitive="cube"))), path)
    for _ in range(5):
        next(work)
    assert path.read_bytes() == b"before"
    work.close()
    assert path.read_bytes() == b"before"
    assert [p.name for p in tmp_path.iterdir()] == ["a.rimlight"]


SMALL = Experiment(
    title='A "cube"',
    shape=ShapeSpec(primitive="cube", start=PoseSpec((10.0, 20.0, 0.0))),
    views=ViewsSpec("single", width=24, height=24),
    method=MethodSpec("naive"),
    stop=StopSpec(5),
)


def run_script(path: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The losses of a script that is run as a program, in this process: JAX is warm here, and its settings stay."""
    from core.engine import caches

    monkeypatch.setattr(caches, "configure", lambda *a, **k: None)
    monkeypatch.setattr(sys, "argv", [str(path), str(out)])
    runpy.run_path(str(path), run_name="__main__")
    return json.loads((out / "report.json").read_text())["loss"]["curve"]


def test_a_script_repeats_the_run(tmp_path, monkeypatch):
    path = tmp_path / "cube.py"
    save_script(SMALL, path)
    session = Session(SMALL)
    losses = [session.step().loss for _ in range(5)]
    assert run_script(path, tmp_path / "out", monkeypatch) == losses
    race = script_text(replace(SMALL, lanes=(LaneSpec("naive"), LaneSpec("splat"))), path)
    [module] = re.findall(r"from (core\.[\w.]+) import run_compare", race)
    assert importlib.util.find_spec(module) is not None


def test_a_comparisons_script_does_again_what_a_hand_did(tmp_path, monkeypatch):
    race = Race(replace(SMALL, lanes=(LaneSpec("naive"), LaneSpec("naive", repeat=1))))
    race.step()
    race.set_value("value.pose.translation.x", 0.1)
    state = race.state_bytes()
    race.restore_state(state)
    race.step()
    race.set_value("optimizer.learning_rate", 0.001)  # after the last stored step
    path = tmp_path / "race.py"
    race.export("script", str(path))
    while race.finished() is None:
        race.step()
    script = runpy.run_path(str(path))
    assert script["EDITS"] == [(1, "value.pose.translation.x", 0.1), (2, "optimizer.learning_rate", 0.001)]
    again = run_to_end(Race(race.experiment), "Racing", edits=script["EDITS"])
    assert [list(lane.losses) for lane in again.lanes] == [list(lane.losses) for lane in race.lanes]
    ran = {}
    monkeypatch.setattr("core.comparison.headless.run_compare", lambda e, out, edits: ran.update(e=e, edits=edits))
    script["main"](str(tmp_path / "out"))
    assert ran == {"e": race.experiment, "edits": script["EDITS"]}


def test_a_script_does_again_what_a_hand_did(tmp_path, monkeypatch):
    session = Session(SMALL)
    losses = [session.step().loss]
    for place in (0.05, 0.1):  # dragged on: one edit
        session.set_value("value.pose.translation.x", place)
    losses.append(session.step().loss)
    session.set_value("optimizer.learning_rate", 0.001)
    state = session.state_bytes()  # a fork, a restart of the engine, or a session file goes on from here
    other = Session(SMALL)
    other.restore_state(state)
    changed = replace(SMALL, terms=(TermSpec("l1", "silhouette"),))
    other.set_value("value.pose.rotation", [5.0, 5.0, 0.0])
    losses.append(other.step().loss)
    other = other.replace(changed)
    losses += [other.step().loss for _ in range(2)]
    history = history_of(other.state_bytes(), changed)
    assert history.begun == SMALL
    assert [(i, what) for i, what, _ in history.edits] == [
        (1, "value.pose.translation.x"), (2, "optimizer.learning_rate"), (2, "value.pose.rotation"), (3, "experiment"),
    ]  # fmt: skip
    assert history.edits[0][2] == 0.1
    path = tmp_path / "again.py"
    other.export("script", str(path))
    assert run_script(path, tmp_path / "out", monkeypatch) == losses[3:]  # another problem has a curve of its own
    other.reset()
    assert other.history.edits == ()
    assert other.history.begun == changed
