"""The versions a report and the doctor state."""

from __future__ import annotations

import platform
import re
from functools import cache
from importlib import metadata

PACKAGES = (
    "rimlight", "numpy", "scipy", "jax", "jaxlib", "numba", "cholespy", "optax", "equinox", "trimesh", "scikit-image", "Pillow",
    "PyQt6", "PyQt6-Qt6", "vispy", "pyqtgraph", "PyOpenGL",
)  # fmt: skip


@cache
def _version(package: str) -> str:
    """metadata.version would parse the whole description of a package as an e-mail: 60 ms for all of them together."""
    try:
        text = metadata.distribution(package).read_text("METADATA") or ""
    except metadata.PackageNotFoundError:
        return "missing"
    found = re.search(r"(?m)^Version: *(\S+)", text)
    return found[1] if found else metadata.version(package)


def versions() -> dict[str, str]:
    """Package name -> version, "missing" where it is not installed; Python and the platform beside them."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    found |= {package: _version(package) for package in PACKAGES}
    return found
