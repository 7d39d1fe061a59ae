"""As large as it gets: two million triangles, and pictures of 4096 x 4096, work or are refused in one line.

At the level of the sampler and of the file: a whole step of the larger takes 7 GB (core/build.py asks before).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import RimlightError
from core.experiment import Experiment, ShapeSpec, ViewsSpec
from core.experiments.files import load_experiment, save_experiment
from core.io.mesh_export import save_mesh
from core.io.meshes import load_mesh
from kernels.camera import look_at, world_to_pixel
from kernels.raster.sampler import Rasterizer
from kernels.types import CameraView
from tests.kernels.scenes import sphere

FOV = 0.7
"""Radians: a unit sphere 3 away spans 94 % of the picture's half."""
LARGEST = 4096


def matrix(side: int) -> np.ndarray:
    return world_to_pixel(FOV, CameraView(look_at((0.0, 0.0, 3.0)), side, side))


def disc(side: int) -> float:
    """Pixels of the unit sphere's outline, seen along its axis: a circle of tan(asin(1/3)) / tan(fov/2) half pictures."""
    radius = np.tan(np.arcsin(1 / 3)) / np.tan(FOV / 2) * side / 2
    return float(np.pi * radius * radius)


def test_two_million_triangles() -> None:
    vertices, faces = sphere(2000, 502)
    assert len(faces) > 2_000_000
    found = Rasterizer(256, 256, 2)(vertices.astype(np.float32), faces.astype(np.int32), matrix(256))
    hit = found.face_id[0] >= 0
    assert hit.sum() == pytest.approx(disc(256), rel=0.01)
    assert found.face_id.max() < len(faces)
    assert np.isfinite(found.bary[0][:, hit]).all()
    assert 1 / found.inverse_depth[0].max() == pytest.approx(2.0, abs=0.01)  # the nearest point


def test_a_picture_of_4096_x_4096() -> None:
    vertices, faces = sphere(64, 33)
    found = Rasterizer(LARGEST, LARGEST, 1)(vertices.astype(np.float32), faces.astype(np.int32), matrix(LARGEST))
    hit = found.face_id[0] >= 0
    assert hit.shape == (LARGEST, LARGEST)
    assert hit.sum() == pytest.approx(disc(LARGEST), rel=0.01)
    assert np.isfinite(found.bary[0][:, hit]).all()
    for corner in (hit[0, 0], hit[0, -1], hit[-1, 0], hit[-1, -1]):
        assert not corner


def test_two_million_triangles_through_a_file(tmp_path: Path) -> None:
    vertices, faces = sphere(2000, 502)
    save_mesh(tmp_path / "sphere.ply", vertices, faces)
    mesh = load_mesh(tmp_path / "sphere.ply")
    assert len(mesh.faces) == len(faces)
    assert np.linalg.norm(mesh.vertices, axis=1).max() == pytest.approx(1.0, abs=1e-4)


def test_pictures_that_are_larger_are_refused_in_one_line(tmp_path: Path) -> None:
    views = ViewsSpec("single", width=LARGEST, height=LARGEST)
    save_experiment(Experiment(shape=ShapeSpec(primitive="cube"), views=views), tmp_path / "a.toml")
    assert load_experiment(tmp_path / "a.toml").views == views
    save_experiment(
        Experiment(shape=ShapeSpec(primitive="cube"), views=replace(views, width=LARGEST + 1)), tmp_path / "b.toml"
    )
    with pytest.raises(RimlightError, match=r"^b.toml: line \d+: views.width: found 4097; allowed: .*8 to 4096"):
        load_experiment(tmp_path / "b.toml")
