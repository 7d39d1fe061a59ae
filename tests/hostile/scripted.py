"""The window tests' scripted engine, by its path: no test folder is a package."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

PATH = Path(__file__).resolve().parents[1] / "app" / "fake_engine.py"


def scripted_client() -> Any:
    """A client that answers at once with a small painted scene (tests/app/fake_engine.py)."""
    name = "window_tests_fake_engine"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, PATH)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name].FakeClient()
