"""Fits of real shapes (the shared data folder): poses of a bunny from seeded starts, a sphere that becomes a cow.

The cases and their settings are the benchmark's (benchmarks/bench_fits.py), which prints more of them.
"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.bench_fits import CASES, icosphere_file, run_pose, vertex_experiment
from core.session import Session

pytestmark = pytest.mark.usefixtures("optimized")

ENOUGH = {0: 9, 1: 9, 3: 9, 4: 9}
"""Index in CASES -> starts of ten that must arrive; the splat from 60 degrees (2) is reported, not promised."""


@pytest.mark.parametrize("index", ENOUGH, ids=lambda i: f"{CASES[i].method}-{CASES[i].views}-{CASES[i].degrees}")
def test_the_bunny_comes_home(shared_data, index):
    result = run_pose(CASES[index])
    assert result.arrived >= ENOUGH[index], result.line()


def test_naive_brings_none_home(shared_data):
    result = run_pose(CASES[5], seeds=3, steps=10)
    assert result.arrived == 0
    np.testing.assert_allclose(result.degrees, 30.0, atol=1e-3)


@pytest.mark.parametrize(
    ("method", "inside", "least", "most"),
    [("edge-grad", "normals", 0.985, 1.0), ("edge-grad", "colour", 0.985, 1.0), ("naive", "colour", 0.0, 0.7)],
)
def test_a_sphere_becomes_spot(shared_data, method, inside, least, most):
    """Shading alone misleads naive; normals would tell it most of the shape (0.84)."""
    session = Session(vertex_experiment(method, icosphere_file(), inside=inside))
    while session.finished() is None:
        session.step()
    found = session.metrics()
    assert least <= found["held_out_iou"] < most
    assert found["flipped_triangles"] < 0.002 * len(session.host()["const.faces"])
