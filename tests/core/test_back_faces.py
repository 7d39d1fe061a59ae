"""Triangles seen from behind as an image, and the loss that makes it empty (EdgeGrad, supplement B)."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from core.derivatives.derive import method_derivative, reference_derivative
from core.derivatives.reference import as_arrays
from core.errors import RimlightError
from core.experiment import (
    Experiment,
    MethodSpec,
    OptimizerSpec,
    ParametersSpec,
    ShapeSpec,
    StopSpec,
    TargetSpec,
    TermSpec,
    ViewsSpec,
)
from core.experiments.files import experiment_to_toml, load_experiment
from core.inspection import Rendered, forward
from core.registry import methods
from core.session import Session
from core.shapes.mesh import Mesh
from kernels.types import BACK_FACES, SURFACES
from tests.kernels.scenes import orbit_view, scene, sphere

SURFACE = [name for name, method in methods().items() if set(method.faces) & SURFACES]


@pytest.mark.parametrize("name", SURFACE)
def test_a_sphere_shows_none_from_outside_and_nothing_else_inside_out(name: str) -> None:
    method, (vertices, faces), view = methods()[name], sphere(16, 9), orbit_view(20)
    settings = dataclasses.replace(method.Settings(), cull_back_faces=False)
    soft = name in ("splat", "soft-raster")  # at the outline they mix in what lies behind
    for turned, seen in ((faces, 0.0), (faces[:, ::-1], 1.0)):
        mesh = Mesh(0.9 * vertices, np.ascontiguousarray(turned))
        image = as_arrays(forward(Rendered(mesh, method, settings, scene(mesh), view, (BACK_FACES, "silhouette"))))
        gap = np.abs(image[BACK_FACES] - seen * image["silhouette"])
        assert gap[10, 10] < 1e-3
        assert gap.mean() < 0.08 if soft else gap.max() < 1e-5


def test_total_gradients_agree_with_finite_differences() -> None:
    """A front face that covers part of a back face: outlines and the occlusion between them count."""
    vertices = np.array(
        [[-0.7, -0.6, 0], [0.5, -0.5, 0], [0.1, 0.7, 0], [-0.2, -0.3, 0.3], [0.7, -0.2, 0.3], [0.4, 0.4, 0.3]]
    )
    mesh, view, method = Mesh(vertices, np.array([[0, 2, 1], [3, 4, 5]])), orbit_view(64), methods()["edge-grad"]
    rendered = Rendered(mesh, method, method.Settings(), scene(mesh), view, (BACK_FACES,))
    y, x = np.mgrid[0:64, 0:64] / 64.0
    weight = (x + 0.5 * x * y)[..., None]
    rng, found, truth = np.random.default_rng(3), [], []
    for _ in range(6):
        step = {"vertices": rng.standard_normal(vertices.shape).astype(np.float32)}
        found.append(float((method_derivative(rendered, step)[1][BACK_FACES] * weight).sum()))
        truth.append(float((reference_derivative(rendered, step, 0.5, 8)[1][BACK_FACES] * weight).sum()))
    assert np.linalg.norm(np.subtract(found, truth)) < 0.12 * np.linalg.norm(truth), (found, truth)


def folded_sheet(path: Path, fold: float) -> None:
    """A sheet of 6 x 6 vertices that faces +z; part of a column is pulled past the next, and both towards the camera."""
    y, x = np.meshgrid(np.linspace(-0.7, 0.7, 6), np.linspace(-0.7, 0.7, 6), indexing="ij")
    z = np.zeros((6, 6))
    x[2:4, 2] += fold
    z[2:4, 2:4] += fold / 3
    lines = [f"v {a} {b} {c}" for a, b, c in zip(x.ravel(), y.ravel(), z.ravel())]
    for i in range(5):
        for j in range(5):
            a = 6 * i + j + 1
            lines += [f"f {a} {a + 1} {a + 7}", f"f {a} {a + 7} {a + 6}"]
    path.write_text("\n".join(lines), encoding="utf-8")


def test_the_loss_unfolds_a_sheet(tmp_path: Path) -> None:
    """The outline is right from the start, so that the silhouette alone leaves the fold where it is."""
    folded_sheet(tmp_path / "folded.obj", 0.5)
    folded_sheet(tmp_path / "flat.obj", 0.0)
    experiment = Experiment(
        shape=ShapeSpec(file=str(tmp_path / "folded.obj")),
        target=TargetSpec(file=str(tmp_path / "flat.obj")),
        views=ViewsSpec(kind="orbit", count=2, width=48, height=48, azimuth=-10.0, elevation=0.0),
        method=MethodSpec("edge-grad"),
        terms=(TermSpec("l2", "silhouette"), TermSpec("back-face", BACK_FACES, 10.0)),
        optimizer=OptimizerSpec("adam", 0.02, decay=0.2),
        parameters=ParametersSpec(("vertices",)),
        stop=StopSpec(60),
    )
    experiment = dataclasses.replace(experiment, views=dataclasses.replace(experiment.views, kind="single", count=1))
    text = experiment_to_toml(experiment, tmp_path)
    (tmp_path / "fit.toml").write_text(text.replace('sees = "back-faces"\n', ""), encoding="utf-8")
    session = Session(load_experiment(tmp_path / "fit.toml"))
    start = session.step().terms[1]
    for _ in range(59):
        session.step()
    assert start > 0.01
    assert session.last is not None
    assert session.last.terms[1] < 0.15 * start
    (tmp_path / "fit.toml").write_text(text.replace("edge-grad", "splat"), encoding="utf-8")
    with pytest.raises(RimlightError, match=r"method.cull_back_faces: found true, and a loss sees back faces"):
        load_experiment(tmp_path / "fit.toml")
    with pytest.raises(RimlightError, match="no term looks at the image"):
        Session(dataclasses.replace(experiment, terms=experiment.terms[1:]))
