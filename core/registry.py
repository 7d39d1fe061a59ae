"""What gradient methods and shapes there are: a scan of their folders, so that adding one takes one file.

Importing them brings JAX: only the engine's side and the command line use this; the window reads core/catalog.py.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import core.shapes
import kernels.methods
from kernels.types import Method, Shape


@functools.cache
def methods() -> dict[str, Method]:
    """Gradient methods by name, sorted: the constant METHOD of every module of kernels/methods."""
    found: dict[str, Method] = {}
    for module in _modules(kernels.methods):
        method = getattr(module, "METHOD", None)
        if not isinstance(method, Method):
            raise TypeError(f"{module.__name__}: a gradient method ends in METHOD = ...; helpers live in kernels/")
        _add(found, method.name, method, module)
    return dict(sorted(found.items()))


@functools.cache
def shapes() -> dict[str, type[Shape]]:
    """Shape classes by kind, sorted: those that the modules of core/shapes define."""
    found: dict[str, type[Shape]] = {}
    for module in _modules(core.shapes):
        for value in vars(module).values():
            concrete = isinstance(value, type) and issubclass(value, Shape) and hasattr(value, "kind")
            if concrete and value.__module__ == module.__name__:
                _add(found, value.kind, value, module)
    return dict(sorted(found.items()))


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
        if not info.name.startswith("_"):
            yield importlib.import_module(f"{package.__name__}.{info.name}")


def _add(found: dict, name: str, value: object, module: ModuleType) -> None:
    if name in found:
        raise ValueError(
            f"{module.__name__}: the name {name!r} is taken by {type(found[name]).__module__}; choose another"
        )
    found[name] = value
