"""The window's state without Qt: what an edit tells the engine, undo, runs, stored frames, what drags along."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from app.edits import UndoStack, commands
from app.experiment_panel import adapt
from app.frames import thumbnail
from app.replay import Replay
from app.runs import FULL, RunBook, Series
from core.experiment import (
    Experiment,
    LabelsSpec,
    MethodSpec,
    OptimizerSpec,
    ParametersSpec,
    PoseSpec,
    ShapeSpec,
    StopSpec,
    TargetSpec,
    TermSpec,
    ViewsSpec,
)
from core.experiments import fitting
from core.protocol import Load, Scalars, SetValue, Snapshot

BASE = Experiment(method=MethodSpec("splat", {"sigma": 0.5, "layers": 2}))


def told(new: Experiment) -> list:
    return commands(BASE, new, ["sigma", "eps"])


def test_continuous_edits_are_values_and_recompile_nothing():
    assert told(replace(BASE, method=MethodSpec("splat", {"sigma": 0.7, "layers": 2}))) == [
        SetValue("method.sigma", 0.7)
    ]
    assert told(replace(BASE, optimizer=OptimizerSpec(learning_rate=0.1))) == [SetValue("optimizer.learning_rate", 0.1)]
    assert told(replace(BASE, terms=(TermSpec(weight=2.0),))) == [SetValue("term.0.weight", 2.0)]
    assert told(replace(BASE, title="Another title")) == []


def test_a_target_that_the_method_renders_follows_its_settings():
    """It was splatted with the width that the file said, however far the slider was moved."""
    own = replace(BASE, target=TargetSpec(render="method"))
    moved = replace(own, method=MethodSpec("splat", {"sigma": 0.7, "layers": 2}))
    assert commands(own, moved, ["sigma"]) == [Load(moved, keep_state=True)]


@pytest.mark.parametrize(
    "change",
    [
        {"method": MethodSpec("splat", {"sigma": 0.5, "layers": 3})},
        {"method": MethodSpec("naive")},
        {"optimizer": OptimizerSpec("sgd")},
        {"optimizer": OptimizerSpec(decay=0.1)},
        {"terms": (TermSpec(), TermSpec("l1"))},
        {"terms": (TermSpec("l1"),)},
        {"parameters": ParametersSpec(("vertices",))},
        {"stop": StopSpec(10)},
    ],
)
def test_other_edits_load_and_keep_the_state(change):
    new = replace(BASE, **change)
    assert told(new) == [Load(new, keep_state=True)]


@pytest.mark.parametrize(
    "change",
    [
        {"shape": ShapeSpec(start=PoseSpec((1, 2, 3)))},
        {"views": ViewsSpec(count=8)},
        {"target": TargetSpec(primitive="torus")},
        {"seed": 3},
    ],
)
def test_another_problem_starts_from_its_start(change):
    new = replace(BASE, **change)
    assert told(new) == [Load(new)]


def test_undo_takes_a_drag_as_one_step():
    stack, states = UndoStack(), [replace(BASE, seed=i) for i in range(6)]
    for i in range(3):  # one drag
        stack.note("sigma", states[i])
    stack.close()
    stack.note("sigma", states[3])
    stack.close()
    assert stack.undo(states[4]) == states[3]
    assert stack.undo(states[3]) == states[0]
    assert stack.undo(states[0]) is None
    assert stack.redo(states[0]) == states[3]
    assert stack.next_redo() == "sigma"
    stack.note("rate", states[3])
    assert stack.redo(states[3]) is None


def test_no_point_of_a_curve_is_lost_and_a_repeated_one_replaces():
    series = Series()
    for i in range(1, 2001):
        series.put(i, 1.0 / i)
    series.put(2000, 5.0)
    assert len(series) == 2000
    assert series.y[0] == 1.0
    assert series.y[-1] == 5.0
    assert series.at(3) == 1 / 3
    assert series.at(0) is None


def test_a_curve_of_many_steps_stays_as_it_looks_in_as_many_points():
    series = Series()
    values = 10.0 + np.random.default_rng(3).standard_normal(200_000)
    values[:1], values[70_001], values[150_000], values[90_000] = 10.0, -1e6, 1e6, math.nan
    most = 0
    for i, value in enumerate(values.tolist(), start=1):
        series.put(i, value)
        most = max(most, len(series))
    assert most == FULL
    assert (series.x[0], series.y[0], series.x[-1], series.y[-1]) == (1, 10.0, 200_000, values[-1])
    assert np.all(np.diff(series.x) > 0)
    assert np.array_equal(series.y, values[series.x - 1])  # each where it was
    assert series.at(70_002) == -1e6
    assert series.y.max() == 1e6
    for column in np.array_split(np.arange(1, 200_001), 1000):  # of a plot: what it spans is drawn as ever
        inside = (series.x >= column[0]) & (series.x <= column[-1])
        own = values[column - 1]
        assert inside.sum() >= 2
        assert series.y[inside].max() > np.nanquantile(own, 0.9)
        assert series.y[inside].min() < np.nanquantile(own, 0.1)


def test_a_change_of_method_and_a_reset_keep_the_run_before():
    book = RunBook()
    book.begin("naive")
    book.begin("edge-grad")  # nothing was run: replaced, not kept
    book.put([Scalars(i, 1.0, metrics={"iou": 0.5}) for i in range(1, 6)])
    book.begin("splat", 5)
    book.put([Scalars(6, 0.5), Scalars(7, 0.4)])
    book.put([Scalars(1, 1.0)])  # a reset the window was not told of
    assert [(run.method, run.start, len(run.loss)) for run in book.runs] == [
        ("edge-grad", 0, 5),
        ("splat", 5, 2),
        ("splat", 0, 1),
    ]
    assert book.runs[0].metrics["iou"].y[-1] == 0.5


def frame(iteration: int, vertices: np.ndarray | None = None) -> Snapshot:
    arrays = {"render": np.full((8, 8, 3), iteration / 100, np.float32), "target": np.ones((8, 8, 3), np.float32)}
    if vertices is not None:
        arrays["vertices"] = vertices
    return Snapshot(iteration, 0, arrays, {}, {})


def test_frames_are_bounded_even_and_end_with_the_newest():
    replay = Replay(frames=12)
    for i in range(500):
        replay.add(replay.complete(frame(i, np.zeros((4, 3), np.float32) if i == 0 else None)))
    iterations = [f.iteration for f in replay.frames]
    assert len(iterations) <= 12
    assert iterations[0] == 0
    assert iterations[-1] == 499
    steps = np.diff(iterations[:-1])
    assert steps.max() <= 2 * steps.min()
    assert "vertices" in replay.frames[-1].snapshot.arrays
    assert replay.frames[0].snapshot.arrays["target"] is replay.frames[-1].snapshot.arrays["target"]
    replay.add(frame(3))  # after a reset the later ones belong to the past
    assert [f.iteration for f in replay.frames] == [0, 3]


def test_frames_keep_within_their_memory():
    replay = Replay(frames=100, limit=40_000)
    freed = 0
    for i in range(60):
        replay.add(frame(i))
        freed = max(freed, replay.freed)
    assert freed > 10_000  # which the window then gives back to the system
    assert replay.bytes() <= 40_000
    assert replay.nearest(59) == len(replay.frames) - 1


def whole(iteration: int) -> Snapshot:
    """A snapshot with everything that a frame may leave out, and a state."""
    rng = np.random.default_rng(iteration)
    a = {n: rng.normal(size=(8, 8, 3)).astype(np.float32) for n in ("render", "target", "derivative", "reference")}
    a |= {"difference": a["render"] - a["target"], "disagreement": a["derivative"] - a["reference"]}
    return Snapshot(iteration, 0, {**a, "state": np.full(4, iteration, np.uint8)}, {}, {})


def test_a_stored_frame_shows_the_very_pixels_it_was_given():
    replay, given = Replay(), [whole(i) for i in range(3)]
    for snapshot in given:
        replay.add(snapshot)
    for frame, snapshot in zip(replay.frames, given, strict=True):
        assert {"difference", "disagreement"} == set(frame.derived)
        arrays = frame.whole().arrays
        assert "state" not in arrays
        assert frame.state is not None
        assert frame.state.head[0] == snapshot.iteration
        for name, array in arrays.items():
            assert np.array_equal(array, snapshot.arrays[name]), name


def test_a_fork_leaves_its_parent_and_memory_is_counted_over_both():
    replay = Replay()
    replay.begin("naive")
    for i in range(10):
        replay.add(whole(i))
    parent, before = replay.current, list(replay.frames)
    held = replay.bytes()
    replay.begin("splat", 4, parent)
    assert [f.iteration for f in replay.frames] == [0, 1, 2, 3, 4]
    for i in (4, 5, 6):
        replay.add(whole(i))
    assert [f.iteration for f in replay.frames] == [0, 1, 2, 3, 4, 5, 6]
    assert parent.frames == before
    assert replay.bytes() > held
    replay.select(before[8])
    assert replay.selected is parent
    assert replay.frames == before
    replay.begin("splat", 4, replay.current)  # took no step of its own yet: not kept
    replay.begin("edge-grad", 4, parent)
    assert [b.method for b in replay.branches] == ["naive", "splat", "edge-grad"]
    replay.clear()
    assert replay.bytes() == 0


def test_many_runs_keep_within_the_memory_and_the_number():
    replay = Replay(frames=40, limit=120_000)
    for run in range(20):
        replay.begin(f"run {run}")
        for i in range(30):
            replay.add(whole(i))
        assert replay.bytes() <= 120_000
    arrays = {id(a): a.nbytes for b in replay.branches for f in b.frames for a in f.held()}
    assert sum(arrays.values()) == replay.bytes()
    assert len(replay.branches) <= 12
    assert replay.current.method == "run 19"


def test_frames_without_a_state_give_way():
    replay = Replay()
    for i in range(8):
        snapshot = whole(i)
        if i % 3:
            snapshot = replace(snapshot, arrays={n: a for n, a in snapshot.arrays.items() if n != "state"})
        replay.add(snapshot)
    assert [f.iteration for f in replay.frames] == [0, 3, 6, 7]


def test_pinned_runs_stay():
    book = RunBook()
    for i in range(20):
        run = book.begin("naive")
        run.pinned = i == 2
        book.put([Scalars(1, float(i))])
    assert len(book.runs) == 12
    assert book.runs[0].loss.y[0] == 2.0
    book.clear()
    assert [run.pinned for run in book.runs] == [True]


def test_thumbnails_of_colours_and_silhouettes():
    assert thumbnail(np.ones((200, 100, 1), np.float32)).shape == (66, 33, 3)
    assert thumbnail(np.ones((20, 20, 3), np.float32)).max() == 255
    assert thumbnail(np.full((4, 4, 1), np.nan, np.float32)).max() == 0


# ------------------------------------------------------------------------------------------ what drags along


def test_another_kind_of_shape_replaces_what_it_cannot_have():
    e = replace(
        BASE,
        method=MethodSpec("edge-grad"),
        terms=(TermSpec("laplacian"), TermSpec("l2", "normals")),
        parameters=ParametersSpec(("vertices",)),
    )
    changed = fitting.with_shape(e, "sdf-grid", None, "torus-grid")
    assert fitting.method_reason(changed.method.name, "sdf-grid") == ""
    assert [t.loss for t in changed.terms] == ["l2"]
    assert changed.parameters.free == ("pose.translation",)


def test_a_picture_as_target_is_one_view_that_sees_what_pictures_have():
    e = replace(BASE, terms=(TermSpec("l2", "normals"),), views=ViewsSpec(count=4))
    changed = adapt.with_target_picture(e, "/tmp/a.png", (320, 200))
    assert (changed.views.kind, changed.views.width, changed.views.height) == ("single", 320, 200)
    assert changed.terms[0].sees in ("colour", "silhouette")
    seen = adapt.with_target_picture(e, "/tmp/a.png", (320, 200), 20.0).views
    half = lambda views: views.distance * np.tan(np.radians(views.fov / 2))
    assert (seen.fov, half(seen)) == (20.0, pytest.approx(half(e.views), rel=1e-3))


def test_vertices_are_not_freed_without_what_holds_them_together():
    whole = ("vertices",)
    e = replace(BASE, terms=(TermSpec("l2", "silhouette"),), parameters=ParametersSpec(("pose.translation",)))
    freed = adapt.with_free(e, "vertices", (), whole)
    assert freed.terms == (*e.terms, TermSpec("laplacian", weight=30.0))
    assert adapt.with_free(freed, "pose.scale", (), ("pose.scale",)).terms == freed.terms
    assert adapt.with_free(freed, "vertices", (), ()) == e
    held = replace(e, terms=(*e.terms, TermSpec("arap", weight=0.5)))
    assert adapt.with_free(held, "vertices", (), whole).terms == held.terms
    large = replace(e, parameters=replace(e.parameters, large_steps=8.0))
    assert adapt.with_free(large, "vertices", (), whole).terms == e.terms
    own = adapt.with_term(freed, 1, weight=2.0)
    assert adapt.with_free(own, "vertices", (), ()).terms == own.terms  # set by hand, it is no default any more


def test_freeing_components_and_whole_parameters():
    xyz = ("x", "y", "z")
    e = replace(BASE, parameters=ParametersSpec(("pose.translation",)))
    e = adapt.with_free(e, "pose.rotation", xyz, ("y",))
    assert e.parameters.free == ("pose.rotation.y", "pose.translation")
    e = adapt.with_free(e, "pose.rotation", xyz, xyz)
    assert e.parameters.free == ("pose.rotation", "pose.translation")
    e = adapt.with_free(e, "pose.translation", xyz, ())
    assert e.parameters.free == ("pose.rotation",)
    assert adapt.free_components(e, "pose.rotation", xyz) == xyz
    assert adapt.free_components(e, "pose.translation", xyz) == ()


def test_terms_are_added_where_nothing_looks_yet_and_the_last_look_stays():
    e = adapt.with_new_term(replace(BASE, terms=(TermSpec("l2", "silhouette"),)), "l1")
    assert e.terms[1] == TermSpec("l1", "colour")
    assert not adapt.last_image_term(e, 0)
    e = adapt.without_term(e, 0)
    assert adapt.last_image_term(e, 0)
    assert adapt.with_loss(e, 0, "iou").terms[0].sees == "silhouette"


def test_looking_at_labels_gives_the_shape_some() -> None:
    """Choosing segmentation takes the connected parts; taking labels away leaves a term that can look."""
    plain = Experiment(shape=ShapeSpec(primitive="sphere"))
    assert "segmentation" in adapt.sees_choices("l2", plain)
    labelled = adapt.with_term(plain, 0, sees="segmentation")
    assert labelled.labels.shape == "parts"
    assert adapt.with_labels(labelled, "").terms[0].sees == "colour"
    entropy = adapt.with_new_term(plain, "label-cross-entropy")
    assert entropy.labels.shape == "parts"
    assert [t.loss for t in adapt.with_labels(entropy, "").terms] == ["l2"]
    grid = replace(plain, shape=ShapeSpec("sdf-grid", primitive="sphere"))
    assert "segmentation" not in adapt.sees_choices("l2", grid)
    assert "vertices of a mesh" in fitting.loss_reason("label-cross-entropy", grid)
    picture = replace(plain, target=TargetSpec("image", file="x.png"))
    assert "Shape, Labels" in fitting.loss_reason("label-cross-entropy", picture)
    assert adapt.sees_choices("l2", adapt.with_labels(replace(picture, labels=LabelsSpec("parts", "y.png")), "parts"))
