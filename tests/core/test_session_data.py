"""Every path that an experiment can hold comes back from a session file and from an autosave, and what it leads to."""

from __future__ import annotations

import dataclasses
import json
import shutil
import types
import typing
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import RimlightError
from core.experiment import (
    Experiment,
    LabelsSpec,
    LaneSpec,
    MethodSpec,
    ShapeSpec,
    StopSpec,
    TargetSpec,
    TermSpec,
    ViewsSpec,
)
from core.experiments.paths import PATHS, paths_of, with_paths
from core.io.check import check_inputs
from core.io.meshes import load_mesh
from core.record.data_files import embedded
from core.record.files import read_session, write_session
from core.record.history import EXPERIMENT, History, history_from
from core.record.script import script_text
from core.record.session_record import SessionRecord
from tests.hostile import seeds

NO_PATHS = {
    "title", "shape.kind", "shape.primitive", "shape.init", "shape.grid.axes", "shape.network.radiance", "target.kind",
    "target.shape_kind", "target.primitive", "target.render", "target.encoding", "target.held_out", "views.kind",
    "views.order", "method.name", "terms.loss", "terms.sees", "optimizer.name", "parameters.free", "scene.light",
    "derive.parameter", "lanes.method", "lanes.title", "lanes.optimizer", "lanes.shape_kind", "lanes.primitive",
    "warnings",
}  # fmt: skip
"""Every other key that holds words."""

SEGMENTATION = (TermSpec("l2", "segmentation"),)


def words(spec: type, prefix: str = "") -> Iterator[str]:
    """Dotted names of all fields below a dataclass that hold text, or lists of it."""
    hints = typing.get_type_hints(spec)
    for field in dataclasses.fields(spec):
        kinds, inner = [hints[field.name]], []
        while kinds:
            kind = kinds.pop()
            inner.append(kind)
            if typing.get_origin(kind) in (tuple, types.UnionType, typing.Union):
                kinds += [k for k in typing.get_args(kind) if k is not Ellipsis]
        if str in inner:
            yield prefix + field.name
        for kind in filter(dataclasses.is_dataclass, inner):
            yield from words(typing.cast(type, kind), f"{prefix}{field.name}.")


def test_no_key_that_may_hold_a_path_is_forgotten() -> None:
    """A new key of text belongs to PATHS (core/experiments/paths.py), or here, to NO_PATHS."""
    held = {f"{'lanes' if table == 'compare' else table}.{key}" for table, keys in PATHS.items() for key in keys}
    assert set(words(Experiment)) == held | NO_PATHS
    assert not held & NO_PATHS


def picture(path: Path, mode: str = "RGBA") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new(mode, (16, 16))
    image.paste((200, 40, 40, 255) if mode == "RGBA" else 1, (4, 4, 12, 12))
    image.save(path)
    return path


def textured_obj(folder: Path) -> Path:
    """A library below the folder, its texture below that."""
    picture(folder / "materials" / "pictures of it" / "red.png", "RGBA")
    (folder / "materials" / "all.mtl").write_text("newmtl red\nmap_Kd -s 1 1 1 pictures of it/red.png\n")
    text = seeds.obj().decode().replace("none.mtl", "materials/all.mtl").replace("f 1 2 -1 4\n", "")
    (folder / "Würfel.obj").write_text(text, encoding="utf-8")
    return folder / "Würfel.obj"


def gltf(folder: Path) -> Path:
    """A cube with its numbers in a file of their own."""
    whole = seeds.glb()
    length = int.from_bytes(whole[12:16], "little")
    document = json.loads(whole[20 : 20 + length])
    (folder / "raw").mkdir()
    (folder / "raw" / "cube.bin").write_bytes(whole[28 + length :])
    document["buffers"][0]["uri"] = "raw/cube.bin"
    (folder / "cube.gltf").write_text(json.dumps(document))
    return folder / "cube.gltf"


def labels(path: Path) -> Path:
    path.write_text(" ".join(["1"] * 4 + ["2"] * 4))
    return path


def of_shapes(folder: Path) -> Experiment:
    return Experiment(
        shape=ShapeSpec(file=str(textured_obj(folder))),
        target=TargetSpec(file=str(gltf(folder))),
        labels=LabelsSpec(str(labels(folder / "own.txt")), str(labels(folder / "other's.csv"))),
        terms=SEGMENTATION,
        lanes=(LaneSpec("naive"), LaneSpec("naive", shape_kind="mesh", file=str(folder / "Würfel.obj"))),
    )


def of_a_picture(folder: Path) -> Experiment:
    return Experiment(
        shape=ShapeSpec(file=str(textured_obj(folder))),
        target=TargetSpec("image", file=str(picture(folder / 'a "target".png'))),
        views=ViewsSpec("single", width=16, height=16),
        labels=LabelsSpec("parts", str(picture(folder / "labels.png", "L"))),
        terms=SEGMENTATION,
    )


def of_cameras(folder: Path) -> Experiment:
    for name in ("a.png", "b.png"):
        picture(folder / "photos" / name)
        picture(folder / "masks" / name, "L")
        picture(folder / "labelled" / name, "L")
    (folder / "masks" / ".hidden").write_bytes(b"a system's own")
    matrix = lambda away: [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, away], [0, 0, 0, 1]]
    frames = [{"file_path": name, "transform_matrix": matrix(3.0 + i)} for i, name in enumerate(("a.png", "b.png"))]
    (folder / "lists").mkdir()
    (folder / "lists" / "transforms.json").write_text(json.dumps({"camera_angle_x": 0.7, "frames": frames}))
    return Experiment(
        shape=ShapeSpec(file=str(textured_obj(folder))),
        target=TargetSpec(
            "cameras",
            file=str(folder / "lists" / "transforms.json"),
            images=str(folder / "photos"),
            masks=str(folder / "masks"),
            held_out="every-8th",
        ),
        views=ViewsSpec("cameras", width=16, height=16),
        labels=LabelsSpec(str(labels(folder / "own.txt")), str(folder / "labelled")),
        terms=SEGMENTATION,
    )


KINDS = (of_shapes, of_a_picture, of_cameras)


@pytest.fixture(params=KINDS, ids=lambda make: make.__name__)
def given(request: pytest.FixtureRequest, tmp_path: Path) -> Experiment:
    folder = tmp_path / "data set"
    folder.mkdir()
    return request.param(folder)


def content(path: str) -> object:
    place = Path(path)
    if place.is_dir():
        return {file.name: file.read_bytes() for file in place.iterdir() if not file.name.startswith(".")}
    return place.read_bytes()


def without_paths(experiment: Experiment) -> Experiment:
    return with_paths(experiment, lambda key, path: key)


def write(experiment: Experiment, path: Path, *, with_data: bool) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    for _ in write_session(SessionRecord(experiment), path, with_data=with_data):
        pass
    return path


def test_all_keys_are_among_the_examples(tmp_path: Path) -> None:
    found = set()
    for make in KINDS:
        (tmp_path / make.__name__).mkdir()
        found |= {key.replace("[1]", "") for key in paths_of(make(tmp_path / make.__name__))}
    assert found == {f"{table}.{key}" for table, keys in PATHS.items() for key in keys}


def test_a_session_brings_every_file_along(given: Experiment, tmp_path: Path) -> None:
    before = {key: content(path) for key, path in paths_of(given).items()}
    file = write(given, tmp_path / "a.rimlight", with_data=True)
    shutil.rmtree(tmp_path / "data set")
    found = read_session(file, tmp_path / "elsewhere").experiment
    assert {key: content(path) for key, path in paths_of(found).items()} == before
    assert without_paths(found) == without_paths(given)
    assert check_inputs(found) == []  # the texture, too, is there
    assert load_mesh(found.shape.file or "").texture is not None


def test_an_autosave_names_every_file_where_it_is(given: Experiment, tmp_path: Path) -> None:
    file = write(given, tmp_path / "kept" / "far" / "a.rimlight", with_data=False)
    assert read_session(file, tmp_path).experiment == given


def test_what_a_run_began_with_is_found_in_the_session(given: Experiment, tmp_path: Path) -> None:
    """A state tells with which files; where they are gone, those that the session brought take their place."""
    changed = dataclasses.replace(given, stop=StopSpec(7))
    facts = History(given).replaced(3, changed).facts()
    file = write(changed, tmp_path / "a.rimlight", with_data=True)
    shutil.rmtree(tmp_path / "data set")
    found = read_session(file, tmp_path / "elsewhere").experiment
    history = history_from(facts, found)
    assert (paths_of(history.begun), history.lost) == (paths_of(found), "")
    text = script_text(found, tmp_path / "again.py", history)
    assert "data set" not in text
    assert EXPERIMENT in text


def test_a_beginning_that_is_gone_stops_no_fit(tmp_path: Path) -> None:
    """Its shape was replaced by hand, so that the session did not need it: the fit goes on, and no script lies."""
    shape = tmp_path / "gone.obj"
    shape.write_bytes(seeds.obj())
    begun = Experiment(shape=ShapeSpec(file=str(shape)))
    present = dataclasses.replace(begun, shape=ShapeSpec(primitive="cube"))
    facts = History(begun).replaced(3, present).facts()
    shape.unlink()
    history = history_from(facts, present)
    assert "gone.obj" in history.lost
    assert history.facts() == facts
    with pytest.raises(RimlightError, match=r"^again.py: how the run began cannot be told .*gone.obj"):
        script_text(present, tmp_path / "again.py", history)


def test_two_libraries_of_one_name_do_not_meet(tmp_path: Path) -> None:
    files = []
    for name, colour in (("one", (255, 0, 0)), ("two", (0, 255, 0))):
        folder = tmp_path / name
        folder.mkdir()
        Image.new("RGB", (4, 4), colour).save(folder / "skin.png")
        (folder / "skin.mtl").write_text("newmtl red\nmap_Kd skin.png\n")
        (folder / "body.obj").write_bytes(seeds.obj().replace(b"none.mtl", b"skin.mtl"))
        files.append(str(folder / "body.obj"))
    experiment = Experiment(
        shape=ShapeSpec(file=files[0]), target=TargetSpec(file=files[1]), method=MethodSpec("naive")
    )
    file = write(experiment, tmp_path / "a.rimlight", with_data=True)
    found = read_session(file, tmp_path / "elsewhere").experiment
    colours = [load_mesh(path or "").texture for path in (found.shape.file, found.target.file)]
    assert [np.asarray(texture)[0, 0].tolist() for texture in colours] == [[255, 0, 0], [0, 255, 0]]


def test_what_lies_outside_a_files_folder_is_not_taken_along(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "secret.mtl").write_text("newmtl red\n")
    (home / "a.obj").write_bytes(seeds.obj().replace(b"none.mtl", b"../secret.mtl"))
    (home / "link.obj").write_bytes(seeds.obj().replace(b"none.mtl", b"link.mtl"))
    (home / "link.mtl").symlink_to(tmp_path / "secret.mtl")
    for name in ("a.obj", "link.obj"):
        _, data = embedded(Experiment(shape=ShapeSpec(file=str(home / name))))
        assert [file.name for file in data.values()] == [name]


def test_a_kept_file_is_called_as_it_was(tmp_path: Path) -> None:
    """As far as a name can be: of a long one the beginning and the suffix stay."""
    for name in ("Größe 2.obj", "the monkey of a film, a test of all renderers, " * 3 + "once more.obj"):
        (tmp_path / name).write_bytes(seeds.obj())
        inside, data = embedded(Experiment(shape=ShapeSpec(file=str(tmp_path / name))))
        assert list(data.values()) == [tmp_path / name]
        kept = Path(inside.shape.file or "").name.replace("_", ",")
        assert kept == name if len(name) <= 80 else (kept[:64], kept[64:]) == (name[:64], name[-16:])
