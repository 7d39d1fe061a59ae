"""The sampler against its slow twin and against geometry known in closed form.

Images are small and odd-sized on purpose; every mesh is seeded.
"""

from __future__ import annotations

import threading

import numpy as np
import pytest

from kernels.camera import look_at, world_to_pixel
from kernels.raster import workers
from kernels.raster.arrays import aligned_fragments
from kernels.raster.fine import rasterize
from kernels.raster.interpolate import interpolate, vertex_normals
from kernels.raster.reference import SLIVER, rasterize_reference
from kernels.raster.resolve import resolve_rows
from kernels.raster.sampler import Rasterizer
from kernels.raster.transform import transform
from kernels.types import CameraView

WIDTH, HEIGHT = 47, 35
FLAT = np.array([[1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 0, 1.0]])
"""Object x, y are pixels; every point has depth 1."""


def pixel_matrix(width=WIDTH, height=HEIGHT, eye=(0.4, 0.9, 3.0), fov=0.7) -> np.ndarray:
    return world_to_pixel(fov, CameraView(look_at(eye), width, height))


def sphere(rings=24, seed=0, noise=0.1) -> tuple[np.ndarray, np.ndarray]:
    """A closed noise-displaced sphere, counter-clockwise seen from outside."""
    around = 2 * rings
    theta, phi = np.arange(1, rings) / rings * np.pi, np.arange(around) / around * 2 * np.pi
    t, p = (a.ravel() for a in np.meshgrid(theta, phi, indexing="ij"))
    radius = 1 + noise * np.random.default_rng(seed).uniform(-1, 1, t.size)
    points = radius[:, None] * np.stack([np.sin(t) * np.sin(p), np.cos(t), np.sin(t) * np.cos(p)], 1)
    points = np.concatenate([points, [[0, 1, 0], [0, -1, 0]]]).astype(np.float32)
    i, j = (a.ravel() for a in np.meshgrid(np.arange(rings - 2), np.arange(around), indexing="ij"))
    k = (j + 1) % around
    a, b, c, d = i * around + j, (i + 1) * around + j, (i + 1) * around + k, i * around + k
    j, k, top = np.arange(around), np.roll(np.arange(around), -1), len(points) - 2
    base = (rings - 2) * around
    cap = np.stack([np.full(around, top), j, k], 1), np.stack([np.full(around, top + 1), base + k, base + j], 1)
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1), *cap])
    return points, faces.astype(np.int32)


def soup(seed: int, count=300) -> tuple[np.ndarray, np.ndarray]:
    """Triangles of 0.003 to 4 units, some behind the camera, some through the near plane, some broken."""
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=(count, 1, 3)) * [1.2, 1.2, 2.0]
    corners = centre + 10 ** rng.uniform(-2.5, 0.6, (count, 1, 1)) * rng.normal(size=(count, 3, 3))
    corners[0] *= 1e5  # beyond the guard band
    corners[1] *= 1e30
    corners[2, 1] = corners[2, 0]
    corners[3, 2] = 0.5 * (corners[3, 0] + corners[3, 1])
    corners[4, 1, 2] = np.nan
    corners[5, 0, 0] = np.inf
    corners[7] = corners[6]  # the smaller id is in front
    return corners.reshape(-1, 3).astype(np.float32), np.arange(3 * count, dtype=np.int32).reshape(-1, 3)


def assert_same(actual, expected) -> None:
    for name, a, b in zip(actual._fields, actual, expected):
        np.testing.assert_array_equal(a, b, err_msg=name)


# ------------------------------------------------------------------------------------------------- the twin


@pytest.mark.parametrize(
    ("seed", "layers", "cull"), [(0, 1, False), (1, 2, False), (2, 2, True), (3, 3, True), (4, 8, False)]
)
def test_soup_agrees_with_the_twin(seed, layers, cull):
    vertices, faces = soup(seed)
    matrix = pixel_matrix()
    fast = Rasterizer(WIDTH, HEIGHT, layers)(vertices, faces, matrix, cull_back_faces=cull)
    slow = rasterize_reference(vertices, faces, matrix, WIDTH, HEIGHT, layers, cull_back_faces=cull)
    assert (slow.face_id[0] >= 0).mean() > 0.9
    np.testing.assert_array_equal(fast.face_id, slow.face_id)
    np.testing.assert_array_equal(fast.corners, slow.corners)
    for name in ("bary", "position", "inverse_depth"):
        np.testing.assert_allclose(getattr(fast, name), getattr(slow, name), rtol=1e-5, atol=1e-6, err_msg=name)
    scale = np.abs(slow.slope).max(axis=0) + 1e-6
    assert (np.abs(fast.slope - slow.slope) / scale).max() < 1e-5


@pytest.mark.parametrize("near", [0.42, 1.7])
def test_near_plane_through_a_mesh_agrees_with_the_twin(near):
    vertices, faces = sphere(8)
    matrix = pixel_matrix(eye=(0.5, 0.2, 1.2), fov=1.2)
    fast = Rasterizer(WIDTH, HEIGHT, 2)(vertices, faces, matrix, near=near)
    slow = rasterize_reference(vertices, faces, matrix, WIDTH, HEIGHT, 2, near=near)
    np.testing.assert_array_equal(fast.face_id, slow.face_id)
    hit = fast.face_id >= 0
    assert fast.inverse_depth[hit].max() <= (1 + 1e-6) / near
    w = vertices @ matrix[2, :3] + matrix[2, 3]
    crossing = (w[faces].min(1) < near) & (w[faces].max(1) > near)
    assert np.isin(fast.face_id[hit], np.flatnonzero(crossing)).any()


def test_depths_alone_are_those_of_all():
    """To within the snapping of corners, 1/8,192 pixel, where a triangle is not seen from its side."""
    vertices, faces = sphere()
    sampler = Rasterizer(WIDTH, HEIGHT, 3)
    full = sampler(vertices, faces, pixel_matrix())
    lean = sampler(vertices, faces, pixel_matrix(), corners=False, positions=False, slopes=False)
    assert lean.corners is lean.bary is lean.position is lean.slope is None
    np.testing.assert_array_equal(lean.face_id, full.face_id)
    np.testing.assert_allclose(lean.inverse_depth, full.inverse_depth, rtol=1e-4)
    assert np.median(np.abs(lean.inverse_depth - full.inverse_depth)[full.face_id >= 0]) < 1e-6


def test_corners_on_pixel_centres_agree_with_the_twin():
    """Every edge rule at once: all corners lie exactly on pixel centres or on pixel borders."""
    rng = np.random.default_rng(5)
    points = rng.integers(-2, 24, (900, 2)) * 0.5
    vertices = np.column_stack([points, rng.uniform(0, 1, 900)]).astype(np.float32)
    faces = np.arange(900, dtype=np.int32).reshape(-1, 3)
    fast = Rasterizer(11, 10, 4)(vertices, faces, FLAT)
    slow = rasterize_reference(vertices, faces, FLAT, 11, 10, 4)
    np.testing.assert_array_equal(fast.face_id, slow.face_id)


# ------------------------------------------------------------------------------------------------- watertight


def tessellation(n: int, low: float, high: float, jitter: float, seed=0) -> tuple[np.ndarray, np.ndarray]:
    """A square [low, high]^2 in the plane z = 0, n x n cells of two triangles, inner corners moved about."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.linspace(low, high, n + 1), np.linspace(low, high, n + 1))
    inner = (slice(1, -1), slice(1, -1))
    x[inner] += rng.uniform(-jitter, jitter, (n - 1, n - 1)) * (high - low) / n
    y[inner] += rng.uniform(-jitter, jitter, (n - 1, n - 1)) * (high - low) / n
    a = (np.arange(n)[:, None] * (n + 1) + np.arange(n)).ravel()
    b, c, d = a + 1, a + n + 2, a + n + 1
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    return np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], 1).astype(np.float32), faces.astype(np.int32)


@pytest.mark.parametrize(("n", "jitter"), [(1, 0.0), (3, 0.3), (8, 0.0), (16, 0.0), (37, 0.3), (120, 0.3)])
def test_every_pixel_of_a_tessellated_square_is_covered_once(n, jitter):
    vertices, faces = tessellation(n, 0.0, 32.0, jitter)
    found = Rasterizer(40, 36, 2)(vertices, faces, FLAT)
    expected = np.zeros((36, 40), bool)
    expected[:32, :32] = True
    np.testing.assert_array_equal(found.face_id[0] >= 0, expected)
    assert (found.face_id[1] == -1).all()


@pytest.mark.parametrize("extent", [5.0, 3e4])
def test_a_floor_through_near_plane_and_guard_band_has_no_crack(extent):
    vertices, faces = tessellation(7, -extent, extent, 0.3)
    vertices = np.ascontiguousarray(vertices[:, [0, 2, 1]])  # y = 0: a floor below the camera
    matrix = world_to_pixel(1.0, CameraView(look_at((0.0, 0.3, 0.0), target=(0.3, 0.0, -1.0)), WIDTH, HEIGHT))
    found = Rasterizer(WIDTH, HEIGHT, 2)(vertices, faces, matrix)
    assert (found.face_id[1] == -1).all()
    assert (found.face_id[0, HEIGHT // 2 :] >= 0).all()
    slow = rasterize_reference(vertices, faces, matrix, WIDTH, HEIGHT, 2)
    np.testing.assert_array_equal(found.face_id, slow.face_id)


def test_huge_triangle_fills_a_large_image():
    vertices = np.array([[-1e7, -1e7, 0], [3e7, -1e7, 0], [-1e7, 3e7, 0]], np.float32)
    found = Rasterizer(4096, 40, 1)(vertices, np.array([[0, 1, 2]], np.int32), FLAT)
    assert (found.face_id == 0).all()
    small = np.array([[4093.9, 37.9, 0], [4096.0, 37.9, 0], [4096.0, 40.0, 0]], np.float32)
    found = Rasterizer(4096, 40, 1)(small, np.array([[0, 1, 2]], np.int32), FLAT)
    assert np.argwhere(found.face_id[0] == 0).tolist() == [[38, 4094], [38, 4095], [39, 4095]]


# ------------------------------------------------------------------------------------------------- determinism


def test_same_fragments_for_any_number_of_threads():
    vertices, faces = sphere(40)
    matrix = pixel_matrix()
    one, two, three = (Rasterizer(WIDTH, HEIGHT, 2, threads=n)(vertices, faces, matrix) for n in (1, 2, 3))
    assert_same(two, one)
    assert_same(three, one)


def test_front_layers_do_not_depend_on_the_number_of_layers():
    vertices, faces = soup(9)
    matrix = pixel_matrix()
    deepest = Rasterizer(WIDTH, HEIGHT, 8)(vertices, faces, matrix)
    for layers in (1, 2, 3, 5):
        found = Rasterizer(WIDTH, HEIGHT, layers, threads=2)(vertices, faces, matrix)
        for name in ("face_id", "bary", "position", "inverse_depth"):
            np.testing.assert_array_equal(getattr(found, name), getattr(deepest, name)[:layers], err_msg=name)
    depth_key = deepest.inverse_depth
    assert (depth_key[1:] <= depth_key[:-1] * (1 + 1e-4)).mean() > 0.999  # slivers are ordered by snapped depth


def test_a_rasterizer_leaves_nothing_behind_and_fills_out_in_place():
    vertices, faces = sphere(12)
    sampler = Rasterizer(WIDTH, HEIGHT, 2)
    matrix = pixel_matrix()
    first = sampler(vertices, faces, matrix)
    out = aligned_fragments(2, HEIGHT, WIDTH)
    for array in out:
        array[...] = 7
        assert array.ctypes.data % 64 == 0
    assert sampler(vertices[:0], faces[:0], matrix, out=out) is out
    assert (out.face_id == -1).all()
    for array in out[1:]:
        assert (array == 0).all()
    assert_same(sampler(vertices, faces, matrix, out=out), first)


def test_two_rasterizers_in_two_threads():
    vertices, faces = sphere(40)
    matrix = pixel_matrix()
    expected = Rasterizer(WIDTH, HEIGHT, 2, threads=1)(vertices, faces, matrix)
    found = []

    def work():
        sampler = Rasterizer(WIDTH, HEIGHT, 2, threads=2)
        found.extend(sampler(vertices, faces, matrix) for _ in range(20))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 40
    for fragments in found:
        np.testing.assert_array_equal(fragments.face_id, expected.face_id)


def test_one_compilation_each_whatever_the_arrays():
    vertices, faces = sphere(4)
    frozen = vertices.copy()
    frozen.flags.writeable = False
    sampler = Rasterizer(WIDTH, HEIGHT, 1)
    matrix = pixel_matrix()
    expected = sampler(vertices, faces, matrix)
    assert_same(sampler(frozen, faces.astype(np.int64), matrix), expected)
    assert_same(sampler(vertices.astype(np.float64), np.asfortranarray(faces), matrix, near=np.float64(0.05)), expected)
    sampler(vertices, faces, matrix, corners=False)
    kernels = transform, rasterize, resolve_rows
    assert [len(kernel.signatures) for kernel in kernels] == [1, 1, 1]


def test_an_exception_in_a_worker_is_raised_here():
    def work(_worker, start, _stop):
        done.append(start)
        if start == 4:
            raise ArithmeticError("four")

    done = []
    with pytest.raises(ArithmeticError, match="four"):
        workers.share(work, 7, 2, 3)
    assert set(done) >= {0, 2, 4}
    done.clear()
    workers.share(lambda _worker, start, stop: done.extend(range(start, stop)), 103, 5, 3)
    assert sorted(done) == list(range(103))


# ------------------------------------------------------------------------------------------------- geometry


def test_fragments_lie_on_their_triangles_at_the_pixel_centres():
    vertices, faces = sphere(30)
    matrix = pixel_matrix()
    found = Rasterizer(WIDTH, HEIGHT, 2)(vertices, faces, matrix)
    hit = found.face_id >= 0
    np.testing.assert_allclose(found.bary.sum(axis=1)[hit], 1.0, atol=3e-7)
    assert found.bary.min() >= SLIVER - 1e-6
    np.testing.assert_array_equal(found.corners.transpose(0, 2, 3, 1)[hit], faces[found.face_id[hit]])
    weights = found.bary.transpose(0, 2, 3, 1)[hit]
    position = found.position.transpose(0, 2, 3, 1)[hit]
    np.testing.assert_allclose(position, (weights[..., None] * vertices[faces[found.face_id[hit]]]).sum(1), atol=1e-6)
    screen = position.astype(np.float64) @ matrix[:, :3].T + matrix[:, 3]
    _, rows, columns = np.nonzero(hit)
    np.testing.assert_allclose(screen[:, 0] / screen[:, 2], columns + 0.5, atol=1e-3)
    np.testing.assert_allclose(screen[:, 1] / screen[:, 2], rows + 0.5, atol=1e-3)
    np.testing.assert_allclose(found.inverse_depth[hit], 1 / screen[:, 2], rtol=1e-5)


def test_needles_stay_finite_and_at_their_pixels():
    """Triangles thinner than the snapping step: unsnapped barycentrics would extrapolate without bound."""
    rng = np.random.default_rng(3)
    through = rng.integers(0, 30, (4000, 1, 2)) + 0.5
    along = rng.normal(size=(4000, 1, 2)) * 8 * np.array([-1.0, 1.0, 0.4])[:, None]
    corners = through + along + rng.normal(size=(4000, 3, 2)) * 10 ** rng.uniform(-6, -3, (4000, 1, 1))
    depth = rng.uniform(1, 9, (4000, 3, 1))
    vertices = np.concatenate([corners * depth, depth], 2).reshape(-1, 3).astype(np.float32)
    matrix = np.eye(3, 4)
    found = Rasterizer(30, 30, 1)(vertices, np.arange(12000, dtype=np.int32).reshape(-1, 3), matrix)
    hit = found.face_id[0] >= 0
    assert hit.sum() > 20
    assert found.bary.min() >= SLIVER - 1e-6
    assert all(np.isfinite(array).all() for array in found)
    assert found.inverse_depth[0][hit].max() <= 1.02
    assert found.inverse_depth[0][hit].min() >= 0.1
    screen = found.position[0][:2, hit] / found.position[0][2, hit]
    rows, columns = np.nonzero(hit)
    assert np.abs(screen - np.stack([columns, rows]) - 0.5).max() < 1e-3


def test_perspective_correct_position_on_a_tilted_plane():
    """The plane z = 0.8 y seen by a camera on +z: position known from intersecting each pixel's ray with it."""
    vertices = np.array([[-2, -1.5, -1.2], [2, -1.5, -1.2], [2, 1.5, 1.2], [-2, 1.5, 1.2]], np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    view = CameraView(look_at((0, 0, 3.0)), WIDTH, HEIGHT)
    found = Rasterizer(WIDTH, HEIGHT, 1)(vertices, faces, world_to_pixel(0.5, view))
    assert (found.face_id >= 0).all()
    focal = 0.5 * HEIGHT / np.tan(0.25)
    dy = -(np.arange(HEIGHT) + 0.5 - 0.5 * HEIGHT) / focal
    depth = 3.0 / (1.0 + 0.8 * dy)  # on the ray (dx, dy, -1) t from (0, 0, 3): 3 - t = 0.8 dy t
    dx = (np.arange(WIDTH) + 0.5 - 0.5 * WIDTH) / focal
    np.testing.assert_allclose(found.position[0, 0], dx[None, :] * depth[:, None], atol=2e-6)
    np.testing.assert_allclose(found.position[0, 1], np.broadcast_to((dy * depth)[:, None], (HEIGHT, WIDTH)), atol=2e-6)
    np.testing.assert_allclose(
        found.inverse_depth[0], np.broadcast_to((1 / depth)[:, None], (HEIGHT, WIDTH)), rtol=1e-6
    )


def test_slope_is_the_difference_of_neighbours_on_one_triangle():
    """1/w is affine on the screen, so the difference of neighbours is exact: tolerance is float32 rounding."""
    vertices, faces = sphere(5)
    found = Rasterizer(WIDTH, HEIGHT, 1)(vertices, faces, pixel_matrix())
    face, inverse = found.face_id[0], found.inverse_depth[0]
    across = (face[:, 1:] == face[:, :-1]) & (face[:, 1:] >= 0)
    down = (face[1:] == face[:-1]) & (face[1:] >= 0)
    assert across.sum() > 200
    assert down.sum() > 200
    np.testing.assert_allclose(np.diff(inverse, axis=1)[across], found.slope[0][:, 1:][across], atol=1e-6)
    np.testing.assert_allclose(np.diff(inverse, axis=0)[down], found.slope[1][1:][down], atol=1e-6)


def test_culling_back_faces_of_a_closed_sphere_changes_nothing_in_front():
    vertices, faces = sphere(40, noise=0.0)
    matrix = pixel_matrix()
    both = Rasterizer(WIDTH, HEIGHT, 2)(vertices, faces, matrix)
    culled = Rasterizer(WIDTH, HEIGHT, 2)(vertices, faces, matrix, cull_back_faces=True)
    np.testing.assert_array_equal(culled.face_id[0], both.face_id[0])
    assert (both.face_id[1] >= 0).sum() == (both.face_id[0] >= 0).sum()
    assert (culled.face_id[1] >= 0).sum() == 0
    flipped = Rasterizer(WIDTH, HEIGHT, 1)(vertices, faces[:, ::-1], matrix, cull_back_faces=True)
    np.testing.assert_array_equal(flipped.face_id[0], both.face_id[1])


def test_rows_go_down():
    vertices = np.array([[-0.3, 0.2, 0], [0.3, 0.2, 0], [0, 0.6, 0]], np.float32)
    found = Rasterizer(WIDTH, HEIGHT, 1)(vertices, np.array([[0, 1, 2]], np.int32), pixel_matrix(eye=(0, 0, 3.0)))
    rows = np.nonzero(found.face_id[0] == 0)[0]
    assert rows.min() > 0
    assert rows.max() < HEIGHT // 2
    assert found.position[0, 1].max() > 0.5


@pytest.mark.parametrize(("size", "layers"), [((0, 4), 1), ((4, 9000), 1), ((4, 4), 0), ((4, 4), 9)])
def test_refuses_what_it_cannot_do(size, layers):
    with pytest.raises(ValueError, match=r"must be 1 to"):
        Rasterizer(*size, layers)


def test_refuses_a_near_plane_at_the_eye():
    with pytest.raises(ValueError, match="near = 0"):
        Rasterizer(4, 4, 1)(*sphere(4), FLAT, near=0.0)


# ------------------------------------------------------------------------------------------------- attributes


def test_interpolate_is_the_weighted_sum_of_corners():
    vertices, faces = sphere(20)
    found = Rasterizer(200, 190, 2)(vertices, faces, pixel_matrix(200, 190))
    np.testing.assert_allclose(interpolate(vertices, found), found.position, atol=1e-6)
    attributes = np.random.default_rng(0).normal(size=(len(vertices), 5)).astype(np.float32)
    out = np.full((2, 5, 190, 200), 3.0, np.float32)
    assert interpolate(attributes, found, out) is out
    expected = (attributes[found.corners] * found.bary[..., None]).sum(1).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(out, expected, atol=1e-6)
    assert (out.transpose(0, 2, 3, 1)[found.face_id < 0] == 0).all()


def test_vertex_normals():
    vertices = np.concatenate([np.eye(3), -np.eye(3), [[9, 9, 9]]]).astype(np.float32)
    faces = np.array([[0, 1, 2], [1, 3, 2], [3, 4, 2], [4, 0, 2], [1, 0, 5], [3, 1, 5], [4, 3, 5], [0, 4, 5]], np.int32)
    expected = np.concatenate([np.eye(3), -np.eye(3), [[0, 0, 1]]])
    np.testing.assert_allclose(vertex_normals(vertices, faces), expected, atol=1e-7)
    points, triangles = sphere(64, noise=0.0)
    np.testing.assert_allclose(vertex_normals(points, triangles), points, atol=1e-2)
