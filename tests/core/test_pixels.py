"""Exact values in EXR and NPZ: signed, unbounded and read back to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from core.io.exr import read_exr
from core.io.pixels import save_values


@pytest.mark.parametrize("channels", [1, 3])
def test_values_come_back_to_the_bit(tmp_path, rng, channels):
    image = (1e3 * rng.normal(size=(7, 5, channels))).astype(np.float32)
    save_values(tmp_path / "a.exr", "derivative", image, 12)
    found = read_exr(tmp_path / "a.exr", 100)
    assert np.array_equal(found[..., :3], np.broadcast_to(image, (7, 5, 3)))
    save_values(tmp_path / "a.npz", "derivative", image, 12)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as stored:
        assert np.array_equal(stored["derivative"], image)
        assert stored["iteration"] == 12
