"""The distance network: its start, its derivatives, its files, its fits, its rows in experiments."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import RimlightError
from core.experiment import (
    Experiment,
    MethodSpec,
    NetworkSpec,
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
from core.experiments.files import experiment_from_dict, load_experiment, save_experiment
from core.inspection import Rendered
from core.io.check import check_file
from core.io.grids import load_grid
from core.io.meshes import load_mesh
from core.io.networks import load_network
from core.parameters import scene_values
from core.session import Session
from core.shapes.loading import load_network_shape
from core.shapes.sdf_network import SdfNetwork
from kernels.methods.naive import METHOD as NAIVE
from kernels.methods.naive import Settings as NaiveSettings
from kernels.network import DistanceNetwork
from kernels.network_parts import TURN, Architecture, initial, sizes_of
from tests.kernels.modes import assert_transposes
from tests.kernels.scenes import orbit_view

SMALL = NetworkSpec(width=48, layers=2, levels=2, radius=0.7)


def network(radiance: str = "plain", **changes: Any) -> SdfNetwork:
    spec = dataclasses.replace(SMALL, radiance=radiance, **changes)
    shape = load_network_shape(ShapeSpec("sdf-network", primitive="sphere-network", network=spec), 0)
    assert isinstance(shape, SdfNetwork)
    return shape


def values_of(shape: SdfNetwork, pose: PoseSpec = PoseSpec()) -> dict[str, Any]:
    return {**shape.parameters(), **shape.constants(), **scene_values(SceneSpec(), pose, 40.0)}


def test_sizes_and_the_geometric_start_of_the_papers_network() -> None:
    """Width 256, 8 layers, 6 levels: IDR's sizes (39 numbers in, 217 before the skip), and a field that grows with the
    distance from the middle whatever the seed."""
    arch = Architecture()
    shapes = arch.distance_shapes()
    assert shapes[0] == (256, 39)
    assert shapes[3] == (217, 256)
    assert shapes[4] == (256, 256)
    assert shapes[-1] == (257, 256)
    points = np.random.default_rng(1).uniform(-1, 1, (400, 3)).astype(np.float32)
    radius = np.linalg.norm(points, axis=1)
    for seed in (0, 1):
        start = initial(arch, seed, 0.6)
        assert start["network.weights"].shape == (sizes_of(arch)["network.weights"],)
        found = np.asarray(DistanceNetwork.of(arch, {**start, TURN: np.eye(3, dtype=np.float32)})(points))
        assert np.corrcoef(found, radius)[0, 1] > 0.8
        assert (found[radius < 0.2] < 0).all()
        assert (found[radius > 1.2] > 0).all()


def test_slope_and_normal_are_the_distance_s() -> None:
    """Central differences in float32, step 2e-3: within 2 % of a gradient near 1. All points, and hits alone."""
    shape = network()
    values, rng = values_of(shape), np.random.default_rng(0)
    point = tuple(rng.uniform(-0.8, 0.8, (3, 5, 7)).astype(np.float32))
    away = tuple(rng.normal(size=(3, 5, 7)).astype(np.float32))
    field = shape.distance_field(values, point)
    normal, slope = np.stack(field.normal(point)), np.asarray(field.slope(point, away))
    at = lambda p: shape.distance_at(values, np.stack(p, -1).reshape(-1, 3)).reshape(5, 7)
    step = 2e-3
    shifted = lambda axis, sign: tuple(p + sign * step * (i == axis) for i, p in enumerate(point))
    difference = np.stack([(at(shifted(axis, 1)) - at(shifted(axis, -1))) / (2 * step) for axis in range(3)])
    np.testing.assert_allclose(normal, difference, atol=0.02)
    np.testing.assert_allclose(slope, (normal * np.stack(away)).sum(0), atol=1e-3)
    samples = shape.trace_field(values, orbit_view(24), max_steps=100, hit_pixels=0.05)
    ray = tuple(np.where(samples.distance > 0, 0.3, np.float32(i) * 0.2) for i in range(3))
    some, every = shape.local_field(values, samples, ray).distance(ray), shape.distance_field(values, ray).distance(ray)
    hit = samples.distance > 0
    np.testing.assert_allclose(np.asarray(some)[hit], np.asarray(every)[hit], atol=1e-5)
    assert not np.asarray(some)[~hit].any()


def test_both_modes_agree_on_a_radiance_network() -> None:
    """Beside what tests/kernels/test_modes.py has: colours by a network of their own."""
    shape, names = network("network"), {"network.weights", "network.bias", "pose.rotation", "radiance.weights"}
    rendered = Rendered(shape, NAIVE, NaiveSettings(), values_of(shape), orbit_view(12), ("colour", "depth"))
    assert_transposes(rendered, names, False)


def test_a_warm_start_stands_where_the_grid_does(tmp_path: Path) -> None:
    """A few steps on the torus: 0.02 from its distances near the surface; exports in the grid's place, and back."""
    spec = ShapeSpec("sdf-network", primitive="torus", network=dataclasses.replace(SMALL, warm_steps=120))
    shape = load_network_shape(spec, 0)
    assert isinstance(shape, SdfNetwork)
    assert shape.facts()["warm_start_error"] < 0.02
    pose = PoseSpec((20.0, 30.0, 0.0), (0.1, 0.0, -0.1), 0.7)
    values = values_of(shape, pose)
    shape.save(tmp_path / "torus.npz", values)
    again = SdfNetwork.from_data(load_network(tmp_path / "torus.npz"))
    assert check_file(tmp_path / "torus.npz").summary == "distance network, 2 layers of 48"
    assert experiment_for_file(tmp_path / "torus.npz").shape.kind == "sdf-network"
    shape.save(tmp_path / "torus.ply", values)
    surface = load_mesh(tmp_path / "torus.ply")
    world = (surface.vertices * surface.scale + surface.centre - again.centre) / again.scale
    assert np.abs(again.distance_at(values_of(again), world)).max() < 0.01
    shape.save(tmp_path / "torus.grid.npz", values)
    grid = load_grid(tmp_path / "torus.grid.npz")
    nodes = np.argwhere(np.abs(grid.values) < 0.1)[::97]
    points = (grid.origin + grid.spacing * nodes - again.centre) / again.scale
    there = again.distance_at(values_of(again), points) * again.scale
    assert np.quantile(np.abs(grid.values[tuple(nodes.T)] - there), 0.99) < 0.01  # corners of the box are far away


def fitting(**changes: Any) -> Experiment:
    base = Experiment(
        shape=ShapeSpec("sdf-network", primitive="sphere-network", network=SMALL),
        target=TargetSpec(shape_kind="sdf-analytic", primitive="sphere", pose=PoseSpec(scale=0.75)),
        views=ViewsSpec("orbit", count=2, held_out=1, width=24, height=24, rays=200),
        method=MethodSpec("naive", {"face": "field"}),
        terms=(TermSpec("idr-mask"), TermSpec("l2", "colour", 0.1), TermSpec("eikonal", weight=0.05)),
        optimizer=OptimizerSpec("adam", 2e-3, decay=0.3),
        parameters=ParametersSpec(("network.weights", "network.bias")),
        stop=StopSpec(40),
    )
    return dataclasses.replace(base, **changes)


def test_a_network_fits_masks_from_some_pixels_a_step() -> None:
    session = Session(fitting())
    start = session.all_metrics()["held_out_iou"]
    while session.finished() is None:
        session.step()
    assert session.all_metrics()["held_out_iou"] > max(0.88, start + 0.05)
    view = session.problem.stepped_view(0, 3)
    assert view.only is not None
    assert view.only.sum() == 200
    assert (view.only != session.problem.stepped_view(0, 4).only).any()
    infos = {p.name: p for p in session.loaded().parameters}
    assert infos["network.bias"].count == 1
    assert infos["network.weights"].free


def test_the_full_width_takes_a_step() -> None:
    full = ShapeSpec("sdf-network", primitive="sphere-network", network=NetworkSpec(256, 8, 6, "network", 0.6))
    free = ParametersSpec(("network.weights", "network.bias", "radiance.weights"))
    views, slow = ViewsSpec("single", width=8, height=8), OptimizerSpec("adam", 1e-5)
    terms = (TermSpec("l1", "colour"), TermSpec("eikonal", weight=0.1))
    session = Session(fitting(shape=full, parameters=free, views=views, terms=terms, optimizer=slow))
    start = {name: np.asarray(session.state.values[name]) for name in free.free}
    scalars = [session.step() for _ in range(2)][-1]
    assert 0 < scalars.terms[1] < 0.1
    for name in free.free:
        assert scalars.gradients[name] > 0
        assert 0 < np.abs(np.asarray(session.state.values[name]) - start[name]).max() < 1e-4


def test_experiments_of_networks_round_trip_and_refuse(tmp_path: Path) -> None:
    experiment = fitting(
        shape=ShapeSpec("sdf-network", primitive="torus", network=NetworkSpec(96, 5, 4, "network", 0.5, 7)),
        parameters=ParametersSpec(("network.weights",), distance_rate=0.02),
    )
    save_experiment(experiment, tmp_path / "network.toml")
    assert load_experiment(tmp_path / "network.toml") == experiment
    wrong = {"shape": {"kind": "sdf-network", "primitive": "torus", "network": {"width": 1000}}}
    with pytest.raises(RimlightError, match=r"shape\.network\.width: found 1000; allowed: a whole number, 48 to 256"):
        experiment_from_dict(wrong, tmp_path)
    slow = {"shape": {"kind": "mesh", "primitive": "torus"}, "parameters": {"distance_rate": 0.1}}
    with pytest.raises(RimlightError, match=r"parameters\.distance_rate: it slows a network's distances"):
        experiment_from_dict(slow, tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": np.int64(9)}, "has version 9"),
        ({"network.weights": np.zeros(3, np.float32)}, "'network.weights' has shape"),
        ({"architecture": np.array([9999, 2, 2, 0])}, "larger or smaller than is read"),
        ({"network.bias": np.float32(np.nan)}, "expected finite numbers"),
        ({"turn": np.zeros((3, 3))}, "'scale' or 'turn' is none"),
    ],
)
def test_damaged_networks_are_refused_in_one_line(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    shape, path = network(), tmp_path / "bad.npz"
    shape.save(path, values_of(shape))
    with np.load(path) as file:
        arrays = {**dict(file), **change}
    np.savez(path, allow_pickle=False, **arrays)
    with pytest.raises(RimlightError, match=message) as error:
        load_network(path)
    assert str(error.value).startswith("bad.npz: ")
    assert "\n" not in str(error.value)
