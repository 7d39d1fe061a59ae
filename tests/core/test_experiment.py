"""Experiment files: what is written loads as it was, and what is wrong is named with file, line and key."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.catalog import ASSETS, entries, entry
from core.errors import RimlightError
from core.experiment import (
    DeriveSpec,
    Experiment,
    MethodSpec,
    OptimizerSpec,
    ParametersSpec,
    PoseSpec,
    SceneSpec,
    ShapeSpec,
    StopSpec,
    TargetSpec,
    TermSpec,
    ViewsSpec,
)
from core.experiments.defaults import experiment_for_file
from core.experiments.files import experiment_from_dict, experiment_to_toml, load_experiment, save_experiment
from core.experiments.rules import check_experiment
from core.experiments.schema import Complaint, find_line
from core.shapes.primitives import BUNDLED_AS

BASE = """title = "Torus pose"
seed = 3

[shape]
primitive = "torus"
start = { rotation = [0, 30, 0], translation = [0.2, 0, 0] }

[views]
kind = "orbit"
count = 4

[method]
name = "splat"
layers = 2

[[term]]
loss = "l2"
sees = "silhouette"

[[term]]
loss = "l1"
sees = "colour"
weight = 0.5

[optimizer]
name = "adam"
beta1 = 0.8

[parameters]
free = ["pose.rotation", "pose.translation.x"]
"""


def load(folder: Path, text: str) -> Experiment:
    path = folder / "fit.toml"
    path.write_text(text, encoding="utf-8")
    return load_experiment(path)


def test_a_file_becomes_the_experiment_it_describes(tmp_path):
    experiment = load(tmp_path, BASE)
    assert experiment == Experiment(
        title="Torus pose",
        seed=3,
        shape=ShapeSpec(primitive="torus", start=PoseSpec((0.0, 30.0, 0.0), (0.2, 0.0, 0.0))),
        views=ViewsSpec(kind="orbit", count=4),
        method=MethodSpec("splat", {"layers": 2}),
        terms=(TermSpec("l2", "silhouette"), TermSpec("l1", "colour", 0.5)),
        optimizer=OptimizerSpec("adam", settings={"beta1": 0.8}),
        parameters=ParametersSpec(("pose.rotation", "pose.translation.x")),
    )
    assert isinstance(experiment.shape.start.rotation[0], float)


@pytest.mark.parametrize(
    ("old", "new", "fragments"),
    [
        ('"torus"', '"tours"', ["line 5", "shape.primitive", "'tours'", "did you mean torus", "cube"]),
        ('primitive = "torus"', 'file = "gone.ply"', ["line 5", "shape.file", "gone.ply"]),
        ('primitive = "torus"', "", ["line 4", "shape", "neither"]),
        ('primitive = "torus"', 'primitive = "torus"\nfile = "fit.toml"', ["shape", "both"]),
        ("rotation = [0", "rotatoin = [0", ["line 6", "shape.start.rotatoin", "did you mean rotation"]),
        ("[0, 30, 0]", "[0, 30]", ["line 6", "shape.start.rotation", "[0, 30]", "3 numbers"]),
        ("[0, 30, 0]", "[0, nan, 0]", ["shape.start.rotation", "nan", "finite"]),
        ("start =", "pose = {}\nstart =", ["shape.pose", "one of them"]),
        ("count = 4", "count = 4.0", ["line 10", "views.count", "4.0", "whole number, 1 to 256"]),
        ("count = 4", "count = true", ["views.count", "true"]),
        ("count = 4", "count = 0", ["views.count", "1 to 256"]),
        ('"orbit"', '"orbits"', ["line 9", "views.kind", "did you mean orbit"]),
        ('"orbit"', "7", ["views.kind", "found 7", "single or orbit"]),
        ('"splat"', '"splatt"', ["line 13", "method.name", "did you mean splat", "edge-grad"]),
        ("layers = 2", "layers = 9", ["line 14", "method.layers", "found 9", "1 to 4"]),
        ("layers = 2", "layer = 2", ["line 14", "method.layer", "unknown key", "did you mean layers"]),
        ("layers = 2", "sigma = 50.0", ["method.sigma", "50.0", "0.3 to 1 px"]),
        ("layers = 2", 'compositing = "none"', ["method.compositing", "'none'", "front"]),
        ("layers = 2", "cull_back_faces = 1", ["method.cull_back_faces", "true or false"]),
        ('"l1"', '"l3"', ["line 21", "term[1].loss", "allowed: l1"]),
        ('"colour"', '"color"', ["line 22", "term[1].sees", "did you mean colour"]),
        ("weight = 0.5", "weight = -1", ["line 23", "term[1].weight", "-1"]),
        ("weight = 0.5", "wieght = 1", ["line 23", "term[1].wieght", "did you mean weight"]),
        ('"l2"', '"iou"\nlevels = 40', ["term[0].levels", "1 to 12"]),
        ('sees = "silhouette"', 'sees = "depth"\n#', []),
        ("beta1 = 0.8", "beta1 = 1.5", ["line 27", "optimizer.beta1", "0 to 0.999"]),
        ("beta1 = 0.8", "momentum = 0.9", ["optimizer.momentum", "unknown key", "learning_rate"]),
        ("beta1 = 0.8", "learning_rate = 0", ["optimizer.learning_rate", "above 0"]),
        ('"pose.rotation"', '"pose.rotaton"', ["line 30", "parameters.free", "did you mean pose.rotation"]),
        ('"pose.rotation"', '"values"', ["parameters.free", "mesh does not have"]),
        ('["pose.rotation", "pose.translation.x"]', "[]", ["parameters.free", "empty"]),
        ('["pose.rotation", "pose.translation.x"]', "3", ["parameters.free", "found 3", "list of names"]),
        ("[views]", "[view]", ["line 8", "view", "did you mean views"]),
        ("[[term]]", "[term]", ["TOML"]),
        ("seed = 3", "seed = -3", ["line 2", "seed", "-3"]),
        ("seed = 3", 'seed = "3"', ["line 2", "seed", "'3'"]),
        ("seed = 3", "sede = 3", ["line 2", "sede", "did you mean seed"]),
        ("seed = 3", "seed = 3 3", ["line 2, column 10", "TOML"]),
        ("[views]", "[derive]\nparameter = 'pose.q'\n[views]", ["line 9", "derive.parameter", "pose.q"]),
    ],
)
def test_errors_name_file_line_key_found_and_allowed(tmp_path, old, new, fragments):
    text = BASE.replace(old, new, 1)
    if not fragments:  # a change that is fine, so that the table's other rows are known to fail for their own reason
        load(tmp_path, text)
        return
    with pytest.raises(RimlightError) as caught:
        load(tmp_path, text)
    message = str(caught.value)
    assert message.startswith("fit.toml: ")
    assert "\n" not in message
    for fragment in fragments:
        assert fragment in message


@pytest.mark.parametrize(
    ("key", "found", "meant"),
    [("method", "naiv", "naive"), ("optimizer", "adm", "adam"), ("shape_kind", "mesj", "mesh")],
)
def test_a_compared_run_is_told_where_its_word_stands(tmp_path, key, found, meant):
    """It was told the word and what there is, but neither the file nor the key."""
    with pytest.raises(RimlightError) as caught:
        load(tmp_path, BASE + f'[[compare]]\n[[compare]]\n{key} = "{found}"\n')
    assert str(caught.value).startswith("fit.toml: line ")
    assert f"compare[1].{key}: found '{found}'; did you mean {meant}?" in str(caught.value)


def test_regularisers_alone_and_terms_a_shape_cannot_have(tmp_path):
    alone = BASE.replace('loss = "l2"\nsees = "silhouette"', 'loss = "laplacian"').replace('"l1"', '"laplacian"')
    with pytest.raises(RimlightError, match="no term looks at the image"):
        load(tmp_path, alone)
    with pytest.raises(RimlightError, match=r"line 18: term\[0\]\.sees: found 'depth'; allowed for iou: silhouette"):
        load(tmp_path, BASE.replace('loss = "l2"\nsees = "silhouette"', 'loss = "iou"\nsees = "depth"'))


def test_a_picture_is_one_view(tmp_path):
    (tmp_path / "p.png").write_bytes(b"")
    with pytest.raises(RimlightError, match=r"views\.kind: found 'orbit'; allowed with a picture as target: single"):
        load(tmp_path, BASE + '[target]\nkind = "image"\nfile = "p.png"\n')
    with pytest.raises(RimlightError, match=r"target\.file: a target of kind image needs file"):
        load(tmp_path, BASE + '[target]\nkind = "image"\n')
    with pytest.raises(RimlightError, match=r"target\.file: found fit\.toml; allowed: \.png"):
        load(tmp_path, BASE + '[target]\nkind = "image"\nfile = "fit.toml"\n')


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"title = 'a'\nshape = '\xe9'\n", b"a = " + b"[" * 5000, b""])
def test_what_is_no_experiment(tmp_path, content):
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    with pytest.raises(RimlightError, match=r"^x\.toml: "):
        load_experiment(path)


def test_every_method_default_is_accepted_and_every_bound_kept(tmp_path):
    """The schema follows the catalog: each setting's default loads, one beyond its range does not."""
    for method in entries("methods"):
        for kind in (shape["name"] for shape in entries("shapes") if method["face"] in shape["faces"]):
            kinds = BUNDLED_AS.get(kind, ((kind,),))[0]
            own = [primitive["name"] for primitive in entries("primitives") if primitive["kind"] in kinds]
            for setting in method["settings"]:
                data = {
                    "shape": {"kind": kind, "primitive": own[0] if own else "torus"},
                    "term": [{"loss": "l2", "sees": "colour"}],
                    "method": {"name": method["name"], setting["name"]: setting["default"]},
                }
                experiment = experiment_from_dict(data, tmp_path)
                assert experiment.method.settings == {setting["name"]: setting["default"]}
                if setting["high"] is not None:
                    data["method"][setting["name"]] = setting["high"] + 1
                    with pytest.raises(RimlightError, match=setting["name"]):
                        experiment_from_dict(data, tmp_path)


def test_lines_are_found_in_every_way_of_writing():
    text = 'a = 1\n[x]\nb.c = 2\n\n[[term]]\nloss = "l1"\n[[term]]\nloss = "l2"\n[x.y]\nz = 1\n'
    found = {key: find_line(text, key) for key in ("a", "x.b.c", "term[0].loss", "term[1].loss", "x.y.z", "x", "q.r")}
    assert found == {"a": 1, "x.b.c": 3, "term[0].loss": 6, "term[1].loss": 8, "x.y.z": 10, "x": 2, "q.r": None}


# ---------------------------------------------------------------------------------------------- round trips


def finite(low: float, high: float):
    return st.floats(low, high, allow_nan=False, allow_infinity=False)


def triples(low: float, high: float):
    return st.tuples(*[finite(low, high)] * 3)


poses = st.builds(PoseSpec, triples(-360, 360), triples(-5, 5), finite(0.01, 100))
experiments = st.builds(
    Experiment,
    title=st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    seed=st.integers(0, 2**62),
    shape=st.builds(
        ShapeSpec,
        kind=st.just("mesh"),
        primitive=st.sampled_from(["torus", "cube"]),
        start=poses,
        colour=st.none() | triples(0, 1),
    ),
    target=st.builds(TargetSpec, primitive=st.none() | st.just("sphere"), pose=poses),
    views=st.builds(
        ViewsSpec,
        kind=st.sampled_from(["single", "orbit", "sphere", "cube"]),
        count=st.integers(1, 40),
        width=st.integers(8, 512),
        elevation=finite(-90, 90),
    ),
    method=st.sampled_from([MethodSpec("naive"), MethodSpec("splat", {"sigma": 0.7, "cull_back_faces": False})]),
    terms=st.lists(
        st.builds(TermSpec, loss=st.sampled_from(["l1", "l2"]), weight=finite(0, 10)), min_size=1, max_size=3
    ).map(tuple),
    optimizer=st.builds(OptimizerSpec, learning_rate=finite(1e-6, 1)),
    stop=st.builds(StopSpec, steps=st.integers(1, 10**6), loss=finite(0, 1)),
    scene=st.builds(SceneSpec, background=triples(0, 1), light_direction=triples(-1, 1)),
    derive=st.builds(DeriveSpec, parameter=st.none() | st.sampled_from(["camera.fov", "vertices.12.x", "random"])),
)


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(experiment=experiments)
def test_what_is_saved_loads_as_it_was(tmp_path, experiment):
    save_experiment(experiment, tmp_path / "round.toml")
    assert load_experiment(tmp_path / "round.toml") == experiment


def test_paths_are_relative_in_the_file_and_absolute_once_loaded(tmp_path):
    mesh = tmp_path / "models" / "bunny.ply"
    mesh.parent.mkdir()
    mesh.write_text("not read")
    experiment = Experiment(shape=ShapeSpec(file=str(mesh)), target=TargetSpec(file=str(mesh)))
    (tmp_path / "fits").mkdir()
    save_experiment(experiment, tmp_path / "fits" / "a.toml")
    assert 'file = "../models/bunny.ply"' in (tmp_path / "fits" / "a.toml").read_text()
    assert load_experiment(tmp_path / "fits" / "a.toml") == experiment


def test_numbers_of_controls_are_written_plainly(tmp_path):
    method = MethodSpec("splat", {"sigma": np.float64(0.5), "layers": np.int64(2), "cull_back_faces": np.bool_(True)})
    experiment = dataclasses.replace(Experiment(), shape=ShapeSpec(primitive="cube"), method=method)
    text = experiment_to_toml(experiment, tmp_path)
    assert "sigma = 0.5\nlayers = 2\ncull_back_faces = true\n" in text


# ---------------------------------------------------------------------------------------------- lessons, bare files


@pytest.mark.parametrize("lesson", [lesson["name"] for lesson in entries("lessons")])
def test_every_lesson_loads_and_round_trips(tmp_path, lesson):
    experiment = load_experiment(ASSETS / entry("lessons", lesson)["file"])
    assert experiment.title == entry("lessons", lesson)["title"]
    save_experiment(experiment, tmp_path / "lesson.toml")
    assert load_experiment(tmp_path / "lesson.toml") == experiment


@pytest.mark.parametrize("name", ["bunny.ply", "torus.npz", "photo.png", "fit.toml"])
def test_a_bare_file_opens_as_a_valid_experiment(tmp_path, name):
    path = tmp_path / name
    if name == "photo.png":
        from PIL import Image

        Image.new("RGBA", (64, 48)).save(path)
    else:
        path.write_text(BASE)
    experiment = experiment_for_file(path)
    check_experiment(experiment, Complaint("bare"))
    assert str(path) in (experiment.shape.file, experiment.target.file, str(path) if name == "fit.toml" else None)
    if name == "bunny.ply":
        assert np.linalg.norm(experiment.shape.start.rotation) == pytest.approx(30, abs=0.5)
        assert np.linalg.norm(experiment.shape.start.translation) == pytest.approx(0.2, abs=0.01)
        assert experiment.method.name == "edge-grad"
    if name == "photo.png":
        assert (experiment.views.width, experiment.views.height) == (64, 48)
    save_experiment(experiment, tmp_path / "saved.toml")
    assert load_experiment(tmp_path / "saved.toml") == experiment


def test_files_that_cannot_be_opened(tmp_path):
    with pytest.raises(RimlightError, match=r"gone\.ply: no such file"):
        experiment_for_file(tmp_path / "gone.ply")
    (tmp_path / "notes.md").write_text("x")
    with pytest.raises(RimlightError, match=r"notes\.md: '\.md' files cannot be opened"):
        experiment_for_file(tmp_path / "notes.md")
