"""The rows of a distance network: whether the shape is one, how large it is, and how it begins."""

from __future__ import annotations

import dataclasses

from app.controller import Controller
from app.controls import ChoiceRow, NumberRow
from app.experiment_panel.adapt import with_network
from app.experiment_panel.base import Part
from core.experiment import NETWORK_LAYERS, NETWORK_LEVELS, NETWORK_WIDTH, Experiment
from core.experiments.fitting import within
from core.shapes.primitives import GEOMETRIC, HULL

KINDS = ("mesh", "sdf-grid", "sdf-network")
"""Kinds of shapes that can be a network, or are one."""
CHOICES = [("", "No: as it is"), ("plain", "Yes, one colour"), ("network", "Yes, radiance")]
NUMBERS = (
    ("width", "Width", "Of every hidden layer; the papers' 256 wants a GPU", *NETWORK_WIDTH, True, False),
    ("layers", "Layers", "Hidden layers; the middle one sees the input again", *NETWORK_LAYERS, True, False),
    ("levels", "Encoding", "Levels of positional encoding; their weights begin at zero", *NETWORK_LEVELS, True, False),
    (
        "warm_steps",
        "Warm start",
        "Steps of a fit to the shape's distances; 0 begins with a sphere",
        0,
        2000,
        True,
        False,
    ),
    ("radius", "Radius", "Of the sphere that it begins with", 0.1, 1.0, False, False),
)
"""Field of NetworkSpec, title, tooltip, slider's low and high, whole, logarithmic."""


class NetworkPart(Part):
    def __init__(self, controller: Controller) -> None:
        super().__init__(controller)
        tip = "Fit a distance network (IDR's) in place of triangles or a grid; it begins near this shape"
        self.colours = ChoiceRow("Network", tip, CHOICES)
        self.bind(self.colours, "distance network", with_network)
        self.rows.addWidget(self.colours)
        self.numbers: dict[str, NumberRow] = {}
        for name, title, hint, low, high, whole, log in NUMBERS:
            row = NumberRow(title, hint, low, high, whole=whole, log=log)
            self.bind(row, f"network's {title.lower()}", lambda e, v, n=name: _network(e, n, v))
            self.numbers[name] = row
            self.rows.addWidget(row)

        tip = "What the steps of the distance's weights are multiplied by; 0.02 beside a radiance network, which lags"
        self.rate = NumberRow("Rate of distances", tip, 0.001, 1.0, log=True)
        self.bind(self.rate, "rate of distances", lambda e, v: within(e, "parameters", distance_rate=v))
        self.rows.addWidget(self.rate)

    def show_experiment(self, experiment: Experiment) -> None:
        shape = experiment.shape
        network = shape.kind == "sdf-network"
        self.colours.show_value(shape.network.radiance if network else "")
        self.colours.set_reason("It is carved from the target" if shape.primitive == HULL else "")
        begins_round = shape.primitive == GEOMETRIC or not shape.network.warm_steps
        for name, row in self.numbers.items():
            row.show_value(getattr(shape.network, name))
            row.set_reason("" if network else "The shape is no network")
        self.rate.show_value(experiment.parameters.distance_rate)
        self.rate.set_reason("" if network else "The shape is no network")
        if network:
            self.numbers["radius"].set_reason("" if begins_round else "It begins with the shape's distances")
            self.numbers["warm_steps"].set_reason("It is a sphere" if shape.primitive == GEOMETRIC else "")


def network_summary(experiment: Experiment) -> str:
    """ "4 layers of 64"."""
    shape = experiment.shape
    return f"{shape.network.layers} layers of {shape.network.width}" if shape.kind == "sdf-network" else "none"


def _network(experiment: Experiment, name: str, value: object) -> Experiment:
    changed = dataclasses.replace(experiment.shape.network, **{name: value})  # type: ignore[arg-type]
    return within(experiment, "shape", network=changed)
