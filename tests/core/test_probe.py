"""Probes: one row of the Jacobian against a Jacobian computed column by column, what is listed, what is painted."""

from __future__ import annotations

import numpy as np
import pytest

from core.derivatives.derive import method_derivative
from core.derivatives.elements import element_of
from core.derivatives.probe import bulk_name, channel_weights, listed, movers, painted_row, pixel_row, small_components
from core.errors import RimlightError
from core.experiment import PoseSpec, SceneSpec
from core.inspection import Rendered
from core.parameters import scene_values, theta_direction
from core.registry import methods
from core.shapes.mesh import Mesh
from core.shapes.sdf_grid import SdfGrid
from kernels.camera import look_at, orbit_eye
from kernels.types import CameraView

SIDE = 12


def octahedron() -> Mesh:
    rng = np.random.default_rng(3)
    vertices = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], float)
    faces = [[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]]
    return Mesh(vertices * (0.7 + 0.3 * rng.random((6, 1))), np.array(faces), rng.random((6, 3)))


def ball() -> SdfGrid:
    axis = np.linspace(-1.1, 1.1, 5)
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1)
    spacing = np.full(3, axis[1] - axis[0])
    return SdfGrid(np.linalg.norm(points, axis=-1) - 0.8, np.full(3, -1.1), spacing, (0.8, 0.5, 0.3))


def scene_of(name: str) -> Rendered:
    method = methods()[name]
    shape = ball() if name == "sdf-local" else octahedron()
    pose = scene_values(SceneSpec(), PoseSpec((8.0, 20.0, 5.0), (0.05, -0.02, 0.0)), 40.0)
    values = {**pose, **shape.parameters(), **shape.constants()}
    view = CameraView(look_at(orbit_eye(20.0, 20.0, 3.2)), SIDE, SIDE)
    return Rendered(shape, method, method.Settings(), values, view, ("colour",))


@pytest.mark.parametrize("name", ["edge-grad", "splat", "sdf-local"])
def test_a_row_is_that_of_the_jacobian_by_columns(name):
    """Every pixel of a diagonal, every element: columns by forward mode, rows by reverse mode, to 1e-4 of the largest."""
    scene = scene_of(name)
    bulk = bulk_name(scene.shape, scene.values)
    shape = np.shape(scene.values[bulk])
    weights = channel_weights("luminance", 3)
    columns = np.zeros((SIDE, SIDE, int(np.prod(shape))))
    for k in range(columns.shape[2]):
        direction = np.zeros(shape, np.float32)
        direction.reshape(-1)[k] = 1.0
        columns[..., k] = method_derivative(scene, {bulk: direction})[1]["colour"] @ weights
    largest = np.abs(columns).max()
    assert largest > 0.1
    for x, y in [(i, i) for i in range(SIDE)] + [(4, 8), (8, 3)]:
        row = pixel_row(scene, (x, y), "colour", weights, frozenset({bulk}))[bulk]
        assert np.abs(row.reshape(-1) - columns[y, x]).max() <= 1e-4 * largest, (x, y)


def test_rows_of_small_parameters_are_listed_largest_first():
    scene = scene_of("edge-grad")
    weights = channel_weights("red", 3)
    names = small_components(scene.values, "pose.translation.x", ("vertices",))
    assert names == {"pose.rotation", "pose.translation", "pose.scale", "camera.fov"}
    pairs = dict(listed(pixel_row(scene, (6, 3), "colour", weights, names), scene.values))
    for theta in ("pose.translation.x", "pose.rotation.z", "pose.scale", "camera.fov"):
        direction = theta_direction(theta, scene.values, (), None, 0)[1]
        image = method_derivative(scene, direction)[1]["colour"]
        assert pairs[theta] == pytest.approx(float(image[3, 6, 0]), rel=1e-4, abs=1e-5)
    sizes = [abs(value) for value in pairs.values()]
    assert sizes == sorted(sizes, reverse=True)


def test_movers_and_paint():
    row = np.zeros((6, 3))
    row[4], row[1], row[2] = (3, 0, 4), (0, -1, 0), (1e-9, 0, 0)
    found = movers("vertices", row, 3)
    assert [(m.label, m.theta, m.size) for m in found] == [
        ("vertex 4", "vertices.4.normal", 5.0),
        ("vertex 1", "vertices.1.normal", 1.0),
    ]
    assert found[0].vector == (3.0, 0.0, 4.0)
    assert movers("vertices", np.zeros((6, 3)), 3) == ()
    grid = np.zeros((5, 5, 5))
    grid[1, 2, 3] = -2.0
    assert movers("values", grid, 2)[0].theta == "values.1.2.3"
    shape = ball()
    values = {**shape.parameters(), **shape.constants()}
    vertices = shape.display_mesh(values)[0]
    painted = painted_row(shape, values, "values", grid)
    assert painted is not None
    origin, spacing = values["const.origin"], values["const.spacing"]
    cell = np.clip(np.floor((vertices - origin) / spacing).astype(int), 0, 3)
    touches = (np.abs(cell + 0.5 - np.array([1, 2, 3])) < 1).all(axis=1)
    assert touches.any()
    np.testing.assert_array_equal(painted > 0, touches)


def test_elements_by_name():
    values = {"vertices": np.zeros((5, 3), np.float32), "values": np.zeros((3, 4, 5)), "pose.scale": np.ones(())}
    element = element_of("vertices.2.y", values)
    assert element is not None
    direction = element.direction(values, None)
    assert direction[2, 1] == 1.0 == direction.sum()
    normals = np.eye(5, 3)
    along = element_of("vertices.1.normal", values)
    assert along is not None
    np.testing.assert_array_equal(along.direction(values, normals)[1], normals[1])
    node = element_of("values.2.3.4", values)
    assert node is not None
    assert node.replaced(values, 0.5)[2, 3, 4] == 0.5
    assert element_of("pose.scale", values) is None
    assert element_of("vertices.normal", values) is None
    for wrong in ("vertices.5.x", "vertices.1.w", "values.1.2", "values.3.0.0", "vertices.-1.x"):
        with pytest.raises(RimlightError, match="below"):
            element_of(wrong, values)
    moved = element_of("vertices.3", values)
    assert moved is not None
    np.testing.assert_array_equal(moved.replaced(values, [1, 2, 3])[3], [1, 2, 3])
    with pytest.raises(RimlightError, match="finite numbers"):
        moved.replaced(values, [1, 2])
