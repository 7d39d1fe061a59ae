"""A distance network in the window: made of a shape, sized, and left again; IDR's masks and their sharpness."""

from __future__ import annotations

import pytest

from app.experiment_panel.adapt import with_new_term
from core.experiments.fitting import with_shape
from core.experiments.rules import check_experiment
from core.experiments.schema import Complaint

pytestmark = pytest.mark.window


def test_a_shape_becomes_a_network_and_a_grid_again(make_window) -> None:
    window, _ = make_window(start=False)
    c = window.controller
    c.edit("shape", with_shape(c.experiment, "mesh", None, "torus"))
    part = window.panel.shape.network.ensure_part()
    assert not part.numbers["width"].isEnabled()
    part.colours.changed.emit("network")
    made = c.experiment
    assert (made.shape.kind, made.shape.primitive, made.shape.network.radiance) == ("sdf-network", "torus", "network")
    check_experiment(made, Complaint("x"))
    assert part.numbers["width"].isEnabled()
    assert not part.numbers["radius"].isEnabled()
    part.numbers["width"].changed.emit(96)
    assert c.experiment.shape.network.width == 96
    check_experiment(c.experiment, Complaint("x"))
    part.numbers["warm_steps"].changed.emit(0)
    assert part.numbers["radius"].isEnabled()
    part.colours.changed.emit("")
    assert c.experiment.shape.kind == "sdf-grid"
    check_experiment(c.experiment, Complaint("x"))


def test_masks_come_with_a_sharpness(make_window) -> None:
    window, _ = make_window(start=False)
    c = window.controller
    c.edit("shape", with_shape(c.experiment, "sdf-network", None, "sphere-network"))
    c.edit("loss", with_new_term(c.experiment, "idr-mask"))
    check_experiment(c.experiment, Complaint("x"))
    row = window.panel.loss.terms[-1]
    assert not row.numbers["sharpness"].isHidden()
    assert not window.panel.loss.terms[0].numbers
    row.numbers["sharpness"].field.entered.emit(120.0)
    assert c.experiment.terms[-1].sharpness == 120.0
