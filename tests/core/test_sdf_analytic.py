"""The analytic shape: its file, its size, its parameters' names, what a fit of one of them reaches, and its export."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.errors import RimlightError
from core.experiment import ShapeSpec
from core.experiments.files import experiment_from_dict
from core.experiments.rules import parameter_names
from core.io.bodies import load_bodies
from core.io.check import check_file
from core.parameters import describe_parameters, scene_values
from core.shapes.loading import load_shape
from core.shapes.sdf_analytic import SdfAnalytic

TWO = {
    "format": "rimlight-bodies",
    "smoothing": 5.0,
    "bodies": [
        {"kind": "sphere", "radius": 40.0, "centre": [100, 0, 0], "name": "head"},
        {"kind": "box", "size": [30, 20, 10], "rounding": 4, "centre": [100, -50, 0], "rotation": [0, 0, 30]},
    ],
}


def written(folder: Path, data: object, name: str = "two.bodies") -> Path:
    path = folder / name
    path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return path


def test_large_bodies_are_brought_to_the_unit_sphere_and_back(tmp_path: Path) -> None:
    path = written(tmp_path, TWO)
    shape = load_shape("sdf-analytic", str(path), None, None)
    assert isinstance(shape, SdfAnalytic)
    values = {**shape.parameters(), **shape.constants()}
    vertices, faces = shape.display_mesh(values)
    radius = np.linalg.norm(vertices, axis=1).max()
    assert 0.8 < radius <= 1.0
    corners = vertices[faces]
    volume = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6
    assert volume > 0.1, "wound inwards"
    still = {**values, **scene_values_at()}
    shape.save(tmp_path / "again.bodies", still)
    again, first = load_bodies(tmp_path / "again.bodies"), load_bodies(path)
    for name, value in first.values.items():
        np.testing.assert_allclose(again.values[name], value, rtol=1e-5, atol=1e-4, err_msg=name)
    np.testing.assert_allclose(again.rotations, first.rotations, atol=1e-3)


def scene_values_at() -> dict:
    from core.experiment import PoseSpec, SceneSpec

    return scene_values(SceneSpec(), PoseSpec(), 40.0)


def test_posed_export_is_where_the_pose_puts_it(tmp_path: Path) -> None:
    """The exported file's own distance at moved points is the old one's, times the scale."""
    from core.experiment import PoseSpec, SceneSpec
    from kernels.rotation import quaternion_matrix

    shape = load_shape("sdf-analytic", None, "rounded", None)
    assert isinstance(shape, SdfAnalytic)
    pose = scene_values(SceneSpec(), PoseSpec((30.0, -20.0, 50.0), (0.05, 0.0, -0.05), 0.8), 40.0)
    values = {**shape.parameters(), **shape.constants(), **pose}
    shape.save(tmp_path / "posed.bodies", values)
    moved = SdfAnalytic.from_data(load_bodies(tmp_path / "posed.bodies"))
    points = np.random.default_rng(1).uniform(-0.9, 0.9, (200, 3))
    turn = np.asarray(quaternion_matrix(np.asarray(pose["pose.rotation"], np.float64)))
    world = 0.8 * points @ turn.T + np.asarray(pose["pose.translation"], np.float64)
    there = moved.distance_at({**moved.parameters(), **moved.constants()}, (world - moved.centre) / moved.scale)
    np.testing.assert_allclose(there * moved.scale, 0.8 * shape.distance_at(values, points), atol=1e-5)


def test_parameters_are_named_by_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, TWO)
    names = parameter_names(ShapeSpec("sdf-analytic", str(path), None))
    assert names["head.centre"] == ("x", "y", "z")
    assert names["head.radius"] == ()
    assert {"box.size", "box.rounding", "union.smoothing", "surface.colour", "pose.rotation"} <= set(names)
    assert not {"torus.radius", "vertices", "values"} & set(names)
    shape = load_shape("sdf-analytic", str(path), None, None)
    infos = {i.name: i for i in describe_parameters(shape.parameters(), ["head.centre.y"])}
    assert infos["head.centre"].free_components == ("y",)
    data = {"shape": {"file": str(path)}, "method": {"name": "warp"}, "parameters": {"free": ["head.centre.x"]}}
    assert experiment_from_dict(data, tmp_path).shape.kind == "sdf-analytic"
    with pytest.raises(RimlightError, match=r"parameters\.free: found 'torus.radius'"):
        experiment_from_dict({**data, "parameters": {"free": ["torus.radius"]}}, tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("{", "is not valid JSON"),
        ({"bodies": []}, "format is missing"),
        ({**TWO, "bodies": []}, "1 to 64 bodies"),
        ({**TWO, "bodies": [{"kind": "cone"}]}, r"bodies\[0\]\.kind: found 'cone'; allowed: sphere, box, torus"),
        ({**TWO, "bodies": [{"kind": "sphere", "size": 3}]}, "size: unknown key"),
        ({**TWO, "bodies": [{"kind": "sphere"}]}, r"radius: found None; allowed: a finite number"),
        ({**TWO, "bodies": [{"kind": "sphere", "radius": -1}]}, "at least 0"),
        ({**TWO, "bodies": [{"kind": "box", "size": [1, 2]}]}, "a list of three numbers"),
        ({**TWO, "bodies": [TWO["bodies"][0], TWO["bodies"][0]]}, "each name once"),
        ({**TWO, "smoothing": True}, "smoothing: found true"),
    ],
)
def test_wrong_files_are_refused_in_one_line(tmp_path: Path, change: object, message: str) -> None:
    with pytest.raises(RimlightError, match=message) as error:
        load_bodies(written(tmp_path, change, "bad.bodies"))
    assert str(error.value).startswith("bad.bodies: ")
    assert "\n" not in str(error.value)


def test_check_says_what_it_is(tmp_path: Path) -> None:
    assert check_file(written(tmp_path, TWO)).summary == "analytic distance, 1 sphere and 1 box"
