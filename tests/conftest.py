"""Shared fixtures. Warnings are errors (pyproject.toml); every random draw is seeded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def shared_data() -> Path:
    """The folder of real meshes, images and malformed files; tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"the shared data folder is absent: {SHARED}")
    return SHARED


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
