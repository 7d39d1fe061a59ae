"""Steps that see random pixels of each view (views.rays): which experiments can, and why the others cannot. No JAX."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from core.catalog import entries, entry
from core.experiment import Experiment


def rays_complaint(experiment: Experiment) -> tuple[str, str] | None:
    """The key that does not go with views.rays and what is wrong about it; None where all is well."""
    method, optimizer = experiment.method, experiment.optimizer
    if not experiment.views.rays:
        return None
    if not (_takes_pixels(entry("methods", method.name)) or entry("shapes", experiment.shape.kind)["spares_pixels"]):
        able = " and ".join(m["name"] for m in entries("methods") if _takes_pixels(m))
        others = ", ".join(s["name"] for s in entries("shapes") if s["spares_pixels"])
        return (
            "views.rays",
            f"{method.name} renders whole images; allowed: 0, the methods {able}, or a shape of {others}",
        )
    if entry("optimizers", optimizer.name)["least_squares"]:
        return "views.rays", f"{optimizer.name} averages over blocks of pixels; allowed: 0"
    if method.settings.get("normals") == "depth":
        return "method.normals", "found 'depth' with views.rays, and it needs neighbouring pixels; allowed: analytic"
    for i, term in enumerate(experiment.terms):
        if entry("losses", term.loss)["sees"] and term.levels > 1:
            return f"term[{i}].levels", f"found {term.levels} with views.rays; allowed: 1"
    return None


def _takes_pixels(method: Mapping[str, Any]) -> bool:
    return method["pixelwise"] or method["spares_pixels"]


def with_possible_rays(experiment: Experiment) -> Experiment:
    """The experiment; with whole views where it cannot take some of their pixels."""
    if rays_complaint(experiment) is None:
        return experiment
    return dataclasses.replace(experiment, views=dataclasses.replace(experiment.views, rays=0))
