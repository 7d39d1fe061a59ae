"""Kernels are tested as the program compiles them."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def _as_shipped(optimized: None) -> None:
    """Of every test here, whatever else it asks for."""
