"""Where the 3D view stands, and its geometry: no picture is made."""

from __future__ import annotations

import numpy as np
import pytest

from app.viewport.camera import Orbit, azimuth_beside
from app.viewport.geometry import edges_of, thin, vertex_normals
from tests.fakes.fake_scene import cube, look_at_origin, sphere


def test_orbit_of_a_camera_is_that_camera():
    for azimuth, elevation in ((0.0, 20.0), (130.0, -35.0), (-77.0, 60.0)):
        matrix = look_at_origin(azimuth, elevation)
        np.testing.assert_allclose(Orbit.from_camera(matrix).eye(1.5).view, matrix, atol=1e-9)


def test_rolling_there_and_back_is_the_identity():
    orbit = Orbit(azimuth=40.0, elevation=10.0, roll=5.0)
    back = orbit.rolled(30.0, 0.0).rolled(-30.0, 0.0)
    np.testing.assert_allclose(back.rotation(), orbit.rotation(), atol=1e-9)


def test_zooming_keeps_what_lies_under_the_pointer():
    orbit = Orbit(azimuth=20.0, target=(0.1, 0.2, 0.3))
    eye = orbit.eye(1.5)
    # A point in the target's plane, right and above the middle.
    point = np.asarray(orbit.target) + orbit.rotation().T @ np.array([0.5, 0.3, 0.0])
    (before,), _ = eye.project(point[None], 2.0, 2.0)
    zoomed = orbit.zoomed(1.7, (before[0] - 1.0, 1.0 - before[1]), 1.5)
    (after,), _ = zoomed.eye(1.5).project(point[None], 2.0, 2.0)
    np.testing.assert_allclose(after, before, atol=1e-9)


def test_the_home_view_stands_between_cameras():
    assert azimuth_beside([0.0, 90.0, 180.0, 270.0]) == pytest.approx(-45.0)
    assert azimuth_beside([10.0, 30.0]) == pytest.approx(-35.0)
    assert azimuth_beside([0.0]) == pytest.approx(-45.0)


def test_home_has_all_cameras_of_a_cube_in_the_picture_below_the_controls():
    """And stays near the shape where they are too far away for that, or not on all sides."""
    corners = np.stack(np.meshgrid(*[[-1.0, 0.0, 1.0]] * 3), -1).reshape(-1, 3)
    directions = np.delete(corners, 13, 0) / np.linalg.norm(np.delete(corners, 13, 0), axis=1)[:, None]
    for distance, share in ((3.2, 0.24), (2.0, 0.38), (6.0, 0.62)):
        orbit = Orbit(azimuth=22.5).framed(np.zeros(3), 1.0, 2.4, distance * directions)
        assert 1.0 / (orbit.distance * np.tan(np.radians(12.0))) == pytest.approx(share, abs=0.03)
        pixels, depth = orbit.eye(2.4).project(distance * directions, 900.0, 375.0)
        assert depth.min() > 0
        if distance < 6.0:
            assert pixels[:, 1].min() > 40.0
            assert pixels[:, 1].max() < 370.0
    share = lambda orbit: 1.0 / (orbit.distance * np.tan(np.radians(12.0)))
    most = Orbit().framed(np.zeros(3), 1.0, 2.4, 3.2 * directions[np.abs(directions[:, 1]) < 0.9])
    assert share(most) == pytest.approx(0.44)  # high above and far below: half of them show
    level = Orbit().framed(np.zeros(3), 1.0, 2.4, 3.2 * directions[np.abs(directions[:, 1]) < 0.6])
    assert share(level) >= 0.62


def test_a_lone_camera_stands_clear_of_the_colours_legend():
    camera = np.array([[0.0, 0.0, 3.2]])
    orbit = Orbit(azimuth=azimuth_beside([0.0])).framed(np.zeros(3), 1.0, 2.0, camera)
    (x, y), _ = orbit.eye(2.0).project(camera[0], 830.0, 415.0)
    assert x < 830 - 96 or y < 415 - 134


def test_normals_of_a_sphere_and_edges_of_a_cube():
    vertices, faces = sphere()
    normals = vertex_normals(vertices, faces)
    used = np.unique(faces)
    cosine = (normals[used] * vertices[used]).sum(1) / 0.6
    assert cosine.min() > 0.99
    edges = edges_of(cube()[1])
    assert len(edges) == 18
    assert len(np.unique(edges, axis=0)) == len(edges)


def test_thinning_keeps_the_shape():
    vertices, faces = sphere(120)
    thinned = thin(vertices, faces, 6000)
    merged = thinned.merge(vertices)
    assert 2500 < len(thinned.faces) < 9000
    assert thinned.faces.max() < len(merged)
    radius = np.linalg.norm(merged, axis=1)
    assert radius.min() > 0.97 * 0.6
    assert radius.max() <= 0.6001
