"""Labels as an image: every surface method renders them, their gradients are right, and a fit follows them alone."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture

from core.derivatives.derive import method_derivative, reference_derivative
from core.derivatives.reference import as_arrays
from core.errors import RimlightError
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
from core.experiments.files import experiment_to_toml, load_experiment
from core.inspection import Rendered, forward
from core.io.labels import labelling_of, read_label_picture
from core.io.meshes import load_mesh
from core.label_colours import MOST_LABELS, as_shown, label_bytes
from core.registry import methods
from core.session import Session
from core.shapes.labelling import Labelling, one_hot
from core.shapes.loading import load_shape
from core.shapes.mesh import Mesh
from core.shapes.primitives import primitive_path
from kernels.camera import lens_of
from kernels.labels import LABELS
from kernels.types import SEGMENTATION, SURFACES
from tests.kernels.scenes import orbit_view, scene, sphere

SURFACE = [name for name, method in methods().items() if method.face in SURFACES]
TWO_QUADS = """v -1 -1 0
v 0 -1 0
v 0 1 0
v -1 1 0
v 0.2 -0.5 0.3
v 0.9 -0.5 0.3
v 0.9 0.5 0.3
v 0.2 0.5 0.3
vt 0 0
vt 0.5 0
vt 0.5 1
vt 0 1
vt 1 0
vt 1 1
f 1/1 2/2 3/3
f 1/1 3/3 4/4
f 5/2 6/5 7/6
f 5/2 7/6 8/3
"""
"""Two parts; the first lies in the texture's left half, the second in its right."""


def banded_sphere() -> Mesh:
    """Three labels by height, at the vertices."""
    vertices, faces = sphere(24, 13)
    labels = 1 + np.digitize(vertices[:, 2], [-0.35, 0.4])
    return Mesh(vertices, faces, labelling=Labelling(one_hot(labels, 4)))


@pytest.mark.parametrize("name", SURFACE)
def test_every_surface_method_shows_shares_that_sum_to_one(name: str) -> None:
    method, mesh, view = methods()[name], banded_sphere(), orbit_view(24)
    values = scene(mesh, PoseSpec(rotation=(70.0, 10.0, 0.0)))
    found = as_arrays(forward(Rendered(mesh, method, method.Settings(), values, view, (SEGMENTATION,))))[SEGMENTATION]
    assert found.shape == (24, 24, 4)
    np.testing.assert_allclose(found.sum(-1), 1.0, atol=2e-3)
    assert (found[0, 0] == [1, 0, 0, 0]).all()
    assert all(found[..., c].max() > 0.9 for c in range(4))
    if name in ("edge-grad", "naive"):  # nothing but what a triangle mixes of its own corners
        assert np.isin(found[..., 0], (0.0, 1.0)).all()


def test_total_gradients_agree_with_finite_differences() -> None:
    """A smooth weight on every plane; edge-grad against the supersampled central difference of the hard labels."""
    method, mesh, view = methods()["edge-grad"], banded_sphere(), orbit_view(64)
    values = scene(mesh, PoseSpec(rotation=(70.0, 10.0, 0.0)))
    rendered = Rendered(mesh, method, method.Settings(), values, view, (SEGMENTATION,))
    y, x = np.mgrid[0:64, 0:64] / 64.0
    weight = np.stack([x, y, x * y, 0.5 - x], -1)
    found, truth = [], []
    for name, axis in itertools.product(("pose.translation", "pose.rotation"), np.eye(3, dtype=np.float32)):
        step = {name: axis}
        found.append(float((method_derivative(rendered, step)[1][SEGMENTATION] * weight).sum()))
        truth.append(float((reference_derivative(rendered, step, 0.5, 4)[1][SEGMENTATION] * weight).sum()))
    for part in (slice(0, 3), slice(3, 6)):
        gap = np.linalg.norm(np.subtract(found, truth)[part])
        assert gap < 0.08 * np.linalg.norm(truth[part]), (found, truth)


def labelled_pose(**changes: Any) -> Experiment:
    """A sphere, whose outline says nothing of its rotation, turned: only its labels tell."""
    plain = Experiment(
        shape=ShapeSpec(primitive="sphere", start=PoseSpec((0.0, 25.0, 12.0))),
        target=TargetSpec(),
        views=ViewsSpec(kind="orbit", count=2, width=48, height=48, elevation=30.0),
        method=MethodSpec("edge-grad"),
        terms=(TermSpec("label-cross-entropy", SEGMENTATION),),
        optimizer=OptimizerSpec("adam", 0.05, decay=0.1),
        parameters=ParametersSpec(("pose.rotation",)),
        stop=StopSpec(60),
    )
    return dataclasses.replace(plain, **changes)


def test_labels_alone_turn_a_sphere_back(tmp_path: Path) -> None:
    vertices = load_mesh(primitive_path("sphere", "mesh")).vertices
    octant = 1 + (vertices[:, 0] > 0) + 2 * (vertices[:, 1] > 0) + 4 * (vertices[:, 2] > 0)
    (tmp_path / "octants.txt").write_text("\n".join(map(str, octant)), encoding="utf-8")
    session = Session(labelled_pose(labels=LabelsSpec(str(tmp_path / "octants.txt"))))
    assert session.loaded().shape_facts["labels"] == 9
    assert session.all_metrics()["label_iou"] < 0.6
    for _ in range(60):
        session.step()
    found = session.all_metrics()
    assert found["rotation_error_degrees"] < 0.5, found
    assert found["label_iou"] > 0.8  # of eight labels, two are slivers of a few pixels
    arrays = session.snapshot(0).arrays
    assert arrays["render"].shape == (48, 48, 3)
    np.testing.assert_allclose(arrays["render"][0, 0], as_shown(SEGMENTATION, np.eye(9)[None])[0, 0])


def test_labels_of_parts_a_list_and_a_texture(tmp_path: Path) -> None:
    (tmp_path / "two.obj").write_text(TWO_QUADS, encoding="utf-8")
    data = load_mesh(tmp_path / "two.obj")
    parts = labelling_of(data, "parts")
    assert parts.table.argmax(1).tolist() == [1] * 4 + [2] * 4
    np.save(tmp_path / "list.npy", np.array([2, 2, 2, 2, 1, 1, 1, 1]))
    assert labelling_of(data, str(tmp_path / "list.npy")).table.argmax(1).tolist() == [2] * 4 + [1] * 4
    indexed = Picture.fromarray(np.tile(np.repeat(np.array([1, 2], np.uint8), 8), (16, 1)), mode="P")
    indexed.putpalette(label_bytes().reshape(-1).tolist())
    indexed.save(tmp_path / "labels.png")
    seen = {}
    for name in ("parts", str(tmp_path / "labels.png")):
        mesh = Mesh.from_data(data, labelling=labelling_of(data, name))
        for free in ({}, {"vertices"}, {"vertices", "vertex_colours"}):
            method, view, values = methods()["naive"], orbit_view(20), scene(mesh)
            samples = method.sample(mesh, values, view, method.Settings(), frozenset(free), (SEGMENTATION,))
            image = method.evaluate(
                mesh, values, samples, lens_of(view), {}, method.Settings(), (SEGMENTATION,), frozenset(free)
            )
            seen[name, len(free)] = np.stack(image[SEGMENTATION], -1)
    first = seen["parts", 0]
    for image in seen.values():  # the texture's halves meet in one column of bilinear texels
        assert (image.argmax(-1) == first.argmax(-1)).mean() > 0.99


def test_a_picture_of_labels_is_read_by_index_grey_and_colour(tmp_path: Path) -> None:
    labels = np.arange(12).reshape(3, 4) % 5
    Picture.fromarray(labels.astype(np.uint8)).save(tmp_path / "grey.png")
    Picture.fromarray(label_bytes()[labels]).save(tmp_path / "colour.png")
    own = [(0, 0, 0), (250, 0, 0), (0, 250, 0), (0, 0, 250), (9, 9, 9)]
    Picture.fromarray(np.array(own, np.uint8)[labels]).save(tmp_path / "own.png")
    for name, table in (("grey", ()), ("colour", ()), ("own", own)):
        np.testing.assert_array_equal(read_label_picture(tmp_path / f"{name}.png", table), labels)
    with pytest.raises(RimlightError, match=r"colour \(0, 0, 0\) is no label's, nor are those of 12 points"):
        read_label_picture(tmp_path / "own.png")
    Picture.fromarray(np.full((4, 4), 200, np.uint8)).save(tmp_path / "high.png")
    with pytest.raises(RimlightError, match=f"label 200 is out of range; use 0 .background. to {MOST_LABELS}"):
        read_label_picture(tmp_path / "high.png")


def test_a_picture_of_labels_as_the_target(tmp_path: Path) -> None:
    """Written from the labels of a placed shape, read back as a picture, and followed to its place."""
    (tmp_path / "two.obj").write_text(TWO_QUADS, encoding="utf-8")
    base = labelled_pose(
        shape=ShapeSpec(file=str(tmp_path / "two.obj")),
        views=ViewsSpec(kind="single", width=64, height=64, elevation=0.0),
        parameters=ParametersSpec(("pose.translation.x", "pose.translation.y")),
        labels=LabelsSpec("parts"),
        stop=StopSpec(50),
    )
    placed = dataclasses.replace(base, target=TargetSpec(pose=PoseSpec(translation=(0.1, -0.07, 0.0))))
    planes = Session(placed).problem.targets[0].planes[SEGMENTATION]
    labels = np.stack([np.asarray(p) for p in planes], -1).argmax(-1)
    Picture.fromarray(label_bytes()[labels]).save(tmp_path / "target.png")
    picture = dataclasses.replace(base, target=TargetSpec("image", file=str(tmp_path / "target.png")))
    (tmp_path / "fit.toml").write_text(experiment_to_toml(picture, tmp_path), encoding="utf-8")
    session = Session(load_experiment(tmp_path / "fit.toml"))
    for _ in range(50):
        session.step()
    np.testing.assert_allclose(session.host()["pose.translation"][:2], [0.1, -0.07], atol=0.01)
    assert session.all_metrics()["iou"] > 0.9
    wrong = dataclasses.replace(picture, labels=LabelsSpec("colours"))
    with pytest.raises(RimlightError, match="no vertex colours to take labels from"):
        Session(wrong)


def test_labels_follow_a_subdivision() -> None:
    from core.experiment import StageSpec

    mesh = banded_sphere()
    values = {**scene(mesh), "vertices": mesh.vertices, "vertex_colours": mesh.vertex_colours}
    finer, _ = mesh.refined(values, StageSpec(subdivide=1), lambda task, done: None)
    table = finer.constants()[LABELS]
    assert table.shape == (len(finer.vertices), 4)
    np.testing.assert_allclose(table.sum(1), 1.0, atol=1e-6)


def test_experiments_say_what_is_missing(tmp_path: Path) -> None:
    text = experiment_to_toml(labelled_pose(labels=LabelsSpec("parts")), tmp_path)
    (tmp_path / "whole.toml").write_text(text, encoding="utf-8")
    assert load_experiment(tmp_path / "whole.toml").labels == LabelsSpec("parts")
    (tmp_path / "none.toml").write_text(text.replace('shape = "parts"', 'shape = ""'), encoding="utf-8")
    with pytest.raises(RimlightError, match=r"labels\.shape: found nothing, and a loss sees segmentation"):
        load_experiment(tmp_path / "none.toml")
    assert load_shape("mesh", None, "sphere", None).labelling is None  # type: ignore[attr-defined]
