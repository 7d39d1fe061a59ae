"""What the README shows is true: its example method runs, its experiment file loads."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

import numpy as np

from core.derivatives.derive import method_derivative
from core.experiment import PoseSpec, SceneSpec
from core.experiments.files import load_experiment
from core.inspection import Rendered
from core.parameters import scene_values
from core.shapes.loading import load_shape
from kernels.camera import look_at
from kernels.types import CameraView

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def block(language: str, containing: str) -> str:
    found = [b for b in re.findall(rf"```{language}\n(.*?)```", README, flags=re.S) if containing in b]
    assert len(found) == 1
    return found[0]


def test_the_example_method_damps_the_derivative_by_its_setting():
    module = types.ModuleType("example_method")
    sys.modules["example_method"] = module  # dataclasses look their module up
    try:
        exec(block("python", "METHOD ="), module.__dict__)
    finally:
        del sys.modules["example_method"]
    method = module.METHOD
    shape = load_shape("mesh", None, "sphere", None)
    values = {**shape.parameters(), **shape.constants(), **scene_values(SceneSpec(), PoseSpec(), 40.0)}
    view = CameraView(look_at((0.0, 0.0, 3.2)), 32, 32)
    direction = {"light.intensity": np.float32(1.0)}
    tangents = {}
    for gain in (0.25, 1.0):
        scene = Rendered(shape, method, method.Settings(gain=gain), values, view, ("colour",))
        tangents[gain] = method_derivative(scene, direction)[1]["colour"]
    assert np.abs(tangents[1.0]).max() > 0.1
    np.testing.assert_allclose(tangents[0.25], 0.25 * tangents[1.0], atol=1e-6)


def test_the_experiment_file_loads(tmp_path):
    (tmp_path / "bunny.ply").write_text("ply")
    path = tmp_path / "experiment.toml"
    path.write_text(block("toml", "Bunny pose"), encoding="utf-8")
    experiment = load_experiment(path)
    assert experiment.method.name == "edge-grad"
    assert experiment.views.held_out == 8
    assert experiment.optimizer.decay == 0.02
