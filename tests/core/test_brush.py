"""The brush on a grid: where it is, how far it moves the surface, and that dragging adds up."""

from __future__ import annotations

import numpy as np
import pytest

from core.derivatives.brush import brush_at, brush_direction
from core.engine.inbox import without_superseded
from core.errors import RimlightError
from core.experiment import Experiment, MethodSpec, ParametersSpec, ShapeSpec, ViewsSpec
from core.experiments.rules import check_theta
from core.experiments.schema import Complaint
from core.protocol import SetValue
from core.session import Session

EXPERIMENT = Experiment(
    shape=ShapeSpec("sdf-grid", primitive="sphere-grid"),
    views=ViewsSpec("single", width=16, height=16),
    method=MethodSpec("naive"),
    parameters=ParametersSpec(("values",)),
)


def test_a_brush_raises_the_surface_where_it_is():
    session = Session(EXPERIMENT)
    mesh = lambda: session.problem.shape.display_mesh(session.host())[0]
    lattice = session.loaded().shape_facts["lattice"]
    place = mesh()[np.argmax(mesh()[:, 0])]
    theta = brush_at(place, lattice)
    check_theta(theta, EXPERIMENT.shape, Complaint("test"))
    radius = np.linalg.norm(place)
    height = 0.5 * lattice["spacing"][0]
    for _ in range(2):
        session.set_value(f"along.{theta}", height)
    raised = mesh()
    assert np.linalg.norm(raised, axis=1).max() == pytest.approx(radius + 2 * height, abs=0.35 * height)
    far = raised[raised[:, 0] < 0]
    assert np.allclose(np.linalg.norm(far, axis=1), radius, atol=0.1 * height)
    session.set_value(f"along.{theta}", -2 * height)
    assert np.linalg.norm(mesh(), axis=1).max() == pytest.approx(radius, abs=0.05 * height)


def test_the_direction_is_a_bump_of_lower_values():
    values = {"values": np.zeros((9, 9, 9))}
    bump = brush_direction("values.near.4.4.3", values)
    assert bump is not None
    assert bump[4, 4, 3] == -1.0
    assert bump[6, 4, 3] == pytest.approx(-np.exp(-0.5), abs=1e-6)
    assert bump[0, 0, 8] == 0.0
    assert brush_direction("values.1.2.3", values) is None
    for wrong in ("values.near.9.0.0", "values.near.1.2"):
        with pytest.raises(RimlightError, match="with a node of a grid"):
            brush_direction(wrong, values)


def test_what_was_dragged_while_the_engine_was_busy_adds_up():
    drags = [SetValue("along.values.near.1.1.1", 0.1), SetValue("along.values.near.1.1.1", 0.2)]
    sets = [SetValue("value.pose.scale", 1.0), SetValue("value.pose.scale", 2.0)]
    assert without_superseded([*drags, *sets]) == [*drags, sets[1]]
