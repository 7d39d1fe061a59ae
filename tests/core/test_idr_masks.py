"""Naive autodiff of a field (IDR's interior term), what is missing from it, and IDR's masks that stand in for it.

Reference: 8 x 8 samples a pixel, a step of 0.3 px; the torus is smooth, and its interior shading is too.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from scipy.ndimage import minimum_filter

from core.derivatives.answers import left_out
from core.derivatives.derive import method_derivative, reference_derivative
from core.derivatives.warp_looking import pixel_parts, split
from core.errors import RimlightError
from core.experiment import (
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
from core.experiments.files import experiment_from_dict, load_experiment, save_experiment
from core.inspection import Rendered
from core.io.grids import save_grid
from core.parameters import scene_values
from core.problem import set_live
from core.session import Session
from core.shapes.loading import load_shape
from kernels.camera import lens_of
from kernels.clearance import clearance
from kernels.field import object_rays
from kernels.methods.naive import METHOD, Settings
from tests.kernels.grids import ball, grid_scene
from tests.kernels.scenes import orbit_view


def torus() -> tuple[Any, dict[str, Any]]:
    shape = load_shape("sdf-analytic", None, "torus", None)
    return shape, {**shape.parameters(), **shape.constants(), **scene_values(SceneSpec(), PoseSpec(), 40.0)}


def test_the_interior_is_the_truth_and_the_silhouette_is_missing() -> None:
    """Two pixels away from outlines one sample a pixel is within 3 % of the box-filtered truth; at outlines the frozen
    visibility leaves out more than half of the total."""
    shape, values = torus()
    direction = {"torus.radius": np.float32(1)}
    scene = Rendered(shape, METHOD, Settings(), values, orbit_view(64), ("colour",))
    reference = reference_derivative(scene, direction, 0.3, 8)[1]["colour"]
    derivative = method_derivative(scene, direction)[1]["colour"]
    parts = pixel_parts(scene)
    parts["interior"] = minimum_filter(parts["interior"], 3)
    found = split(derivative, reference, np.ones_like(reference), parts)
    inside, outline = found["interior"], found["silhouette"]
    assert inside.error * np.linalg.norm(reference) < 0.03 * np.linalg.norm(reference[parts["interior"]])
    assert inside.total == pytest.approx(inside.reference_total, rel=0.02)
    assert abs(outline.total) < 0.5 * abs(outline.reference_total)
    assert outline.error > 0.5


def test_a_shape_is_seen_by_the_face_it_has() -> None:
    """A grid has both, and the setting chooses; the field's own hits lie on the ball, its triangles inside it."""
    grid = ball(12)
    values, view = grid_scene(grid), orbit_view(32)
    depths = {}
    for face in ("field", "surface"):
        scene = Rendered(grid, METHOD, Settings(face=face), values, view, ("depth", "silhouette"))
        image = method_derivative(scene, {"pose.translation": np.array([0, 0, 1], np.float32)})[0]
        depths[face] = np.where(image["silhouette"] > 0, image["depth"], 0.0)
    both = (depths["field"] > 0) & (depths["surface"] > 0)
    gap = (depths["surface"] - depths["field"])[both]
    assert both.sum() > 100
    assert 0 < np.abs(gap).max() < 0.2
    shape, values = torus()
    scene = Rendered(shape, METHOD, Settings(face="surface"), values, view, ("silhouette",))
    assert method_derivative(scene, {"torus.tube": np.float32(1)})[0]["silhouette"].sum() > 100


def test_least_value_along_rays_and_its_derivative() -> None:
    """Against 3,000 places along each ray; the derivative by a parameter is the envelope's, by central differences."""
    shape, values = torus()
    view = orbit_view(24)
    seen = lambda v: np.asarray(clearance(shape, v, shape.least_along_rays(v, view), lens_of(view)))
    found, rays = seen(values), object_rays(values, view)
    depths = np.linspace(1.5, 5.0, 3000)[:, None]
    for x, y in ((3, 12), (12, 12), (12, 3), (9, 20), (16, 9)):
        line = rays.origin + depths * (rays.matrix @ np.array([x + 0.5, y + 0.5, 1.0]))
        assert found[y, x] == pytest.approx(shape.distance_at(values, line).min(), abs=2e-4)
    step, place = 1e-2, shape.least_along_rays(values, view)
    moved = lambda r: {**values, "torus.radius": np.float32(values["torus.radius"] + r)}
    difference = (seen(moved(step)) - seen(moved(-step))) / (2 * step)
    run = lambda r: clearance(shape, {**values, "torus.radius": values["torus.radius"] + r}, place, lens_of(view))
    rate = np.asarray(jax.jvp(run, (np.float32(0),), (np.float32(1),))[1])
    missing = found > 0.05
    assert np.quantile(np.abs(rate - difference)[missing], 0.95) < 0.01  # in between, the least place jumps to another
    assert np.abs(rate[missing]).mean() > 0.3


def seen_by_idr(shape: ShapeSpec, target: TargetSpec, free: tuple[str, ...], *terms: TermSpec) -> Experiment:
    return Experiment(
        shape=shape,
        target=target,
        views=ViewsSpec("orbit", count=3, held_out=2, width=32, height=32),
        method=MethodSpec("naive", {"face": "field"}),
        terms=terms,
        optimizer=OptimizerSpec("adam", 0.02, decay=0.2),
        parameters=ParametersSpec(free),
        stop=StopSpec(30),
    )


def fitted(experiment: Experiment) -> Session:
    session = Session(experiment)
    while session.finished() is None:
        session.step()
    return session


def test_masks_pull_the_outline_back_where_colours_leave_it(tmp_path: Path) -> None:
    """A ball of 0.7 in a grid with room, its target of 0.8: IoU 0.77 at the start."""
    small = ball(20, 0.6)
    save_grid(tmp_path / "ball.npz", small.values, small.origin, small.spacing)
    shape = ShapeSpec("sdf-grid", str(tmp_path / "ball.npz"), start=PoseSpec(scale=0.7))
    target = TargetSpec(shape_kind="sdf-analytic", primitive="sphere", pose=PoseSpec(scale=0.8))
    colour, eikonal = TermSpec("l2", "colour"), TermSpec("eikonal", weight=0.05)
    found = []
    for masks in ((), (TermSpec("idr-mask", weight=10.0),)):
        found.append(fitted(seen_by_idr(shape, target, ("values",), colour, *masks, eikonal)).all_metrics()["iou"])
    assert found[0] < 0.9, found
    assert found[1] > 0.95, found


def test_masks_alone_find_a_torus() -> None:
    bundled = ShapeSpec("sdf-analytic", primitive="torus")
    free = ("torus.radius", "torus.tube")
    experiment = seen_by_idr(bundled, TargetSpec(shape_kind="sdf-analytic"), free, TermSpec("idr-mask"))
    session = Session(experiment)
    truth = {n: float(session.state.values[n]) for n in experiment.parameters.free}
    for name, value in truth.items():
        session.set_value(f"value.{name}", 0.8 * value)
    while session.finished() is None:
        session.step()
    for name, value in truth.items():
        assert float(session.state.values[name]) == pytest.approx(value, rel=0.05), name


def test_sharpness_is_a_live_number_of_its_own_key(tmp_path: Path) -> None:
    grid, terms = (
        ShapeSpec("sdf-grid", primitive="torus-grid"),
        (TermSpec("idr-mask", sharpness=80.0), TermSpec("eikonal")),
    )
    experiment = seen_by_idr(grid, TargetSpec(shape_kind="sdf-grid"), ("values",), *terms)
    save_experiment(experiment, tmp_path / "masks.toml")
    assert load_experiment(tmp_path / "masks.toml") == experiment
    problem = Session(dataclasses.replace(experiment, stop=StopSpec(1))).problem
    changed = set_live(problem, "term.0.sharpness", 100.0)
    assert changed is not None
    assert changed.weights.tolist() == [1.0, 1.0, 100.0, 50.0]
    mesh = {"shape": {"kind": "mesh", "primitive": "torus"}, "term": [{"loss": "idr-mask"}]}
    with pytest.raises(RimlightError, match=r"term\[0\]\.loss: found 'idr-mask', which needs a field"):
        experiment_from_dict(mesh, tmp_path)


def test_why_zero_names_the_mask_where_this_loss_alone_sees_the_picture() -> None:
    image, target = (np.zeros((2, 3, 1), np.float32) for _ in range(2))
    image[0], target[:, 1:] = 1.0, 1.0
    mask, eikonal = TermSpec("idr-mask"), TermSpec("eikonal")
    left = left_out((mask, eikonal), {"silhouette": image}, {"silhouette": target})
    assert left.tolist() == [[False, True, True], [False, False, False]]
    for terms in ((mask, TermSpec("l2", "colour")), (TermSpec("l2", "silhouette"),), (eikonal,)):
        assert not left_out(terms, {"silhouette": image}, {"silhouette": target}).any()
