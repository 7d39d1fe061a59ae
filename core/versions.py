"""The versions a report and the doctor state."""

from __future__ import annotations

import platform
from importlib import metadata

PACKAGES = (
    "rimlight", "numpy", "scipy", "jax", "jaxlib", "numba", "cholespy", "optax", "equinox", "trimesh", "scikit-image", "Pillow",
    "PyQt6", "PyQt6-Qt6", "vispy", "pyqtgraph", "PyOpenGL",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Package name -> version, "missing" where it is not installed; Python and the platform beside them."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "missing"
    return found
