"""The sections of the optimizer, of the stop rule, and of light and background."""

from __future__ import annotations

from dataclasses import replace

from app.controller import Controller
from app.controls import ChoiceRow, ColourRow, FlagRow, NumberRow, Row, VectorRow
from app.experiment_panel.adapt import with_optimizer
from app.experiment_panel.base import CatalogRows, Fold, PanelSection, Part
from app.numbers import field
from app.widgets import frame, vbox
from core.catalog import entries, entry
from core.experiment import Experiment
from core.experiments.fitting import within

NOT_FREE = {
    "vertices": "The vertices are",
    "vertex_colours": "The vertex colours are",
    "texture": "The texture is",
}
LIGHTS = (("sun", "From one direction"), ("camera", "At the camera"))


class OptimizerSection(PanelSection):
    def __init__(self, controller: Controller) -> None:
        super().__init__(controller, "Optimizer", "How the parameters follow the gradient")
        tip = "Length of a step, in radii of the bounding sphere (and radians)"
        self.rate = NumberRow("Learning rate", tip, 1e-4, 1.0, log=True)
        self.bind(self.rate, "learning rate", lambda e, v: within(e, "optimizer", learning_rate=v))
        self.more = Fold(controller, "More", "Which optimizer, and its own numbers", OptimizerPart)
        self.rows.addWidget(self.rate)
        self.rows.addWidget(self.more)

    def show_experiment(self, experiment: Experiment) -> None:
        optimizer = experiment.optimizer
        solves = entry("optimizers", optimizer.name)["least_squares"]
        self.rate.show_value(optimizer.learning_rate)
        self.rate.set_reason("It finds the length of its steps itself" if solves else "")
        self.more.show_experiment(experiment, more_summary(experiment))
        rate = "" if solves else f", {field(optimizer.learning_rate)}"
        self.set_summary(f"{optimizer.name}{rate}", optimizer.name)


def more_summary(experiment: Experiment) -> str:
    """ "decay 0.05, λ 8"."""
    decay, steps = experiment.optimizer.decay, experiment.parameters.large_steps
    words = [f"decay {field(decay)}"] if decay != 1.0 else []
    return ", ".join(words + ([f"λ {field(steps)}"] if steps > 0 else []))


class OptimizerPart(Part, CatalogRows):
    """Which optimizer, how its rate falls, and its own numbers."""

    def __init__(self, controller: Controller) -> None:
        super().__init__(controller)
        self.choice = ChoiceRow("", "The optimizer", [(e["name"], e["title"]) for e in entries("optimizers")])
        self.choice.changed.connect(lambda name: self.edit("optimizer", with_optimizer(controller.experiment, name)))
        tip = "The rate falls to this share of itself at the last step; 1 keeps it"
        self.decay = NumberRow("Decay", tip, 1e-3, 1.0, log=True)
        self.bind(self.decay, "decay", lambda e, v: within(e, "optimizer", decay=v))
        tip = "So many steps in a row without progress divide the rate by ten, at most four times; 0 never"
        self.stall = NumberRow("Divide on stall", tip, 0, None, whole=True)
        self.bind(self.stall, "divide on stall", lambda e, v: within(e, "optimizer", stall=v))
        self._body = vbox(gap=2)
        self.settings: dict[str, Row] = {}
        self._shown = ""
        self.steps = {
            name: NumberRow(
                title, f"{what} (I + λL)⁻¹: steps that do not tangle. 0 is off; 8 to 32 with AdamUniform", 0.0, 64.0
            )
            for name, title, what in (
                ("large_steps", "Large steps λ", "Vertex gradients and steps are diffused by"),
                ("large_steps_colours", "λ of colours", "Gradients and steps of vertex colours are diffused by"),
                ("large_steps_texture", "λ of texture", "Gradients and steps of a texture are diffused by"),
            )
        }
        for name, row in self.steps.items():
            self.bind(row, "large steps", lambda e, v, n=name: within(e, "parameters", **{n: v}))
        for row in (self.choice, self.decay, self.stall, frame(self._body), *self.steps.values()):
            self.rows.addWidget(row)

    def show_experiment(self, experiment: Experiment) -> None:
        optimizer = experiment.optimizer
        if optimizer.name != self._shown:
            self._shown = optimizer.name
            self.make_rows("optimizers", "optimizer", optimizer.name)
        self.choice.show_value(optimizer.name)
        self.choice.combo.setToolTip(entry("optimizers", optimizer.name)["help"])
        self.decay.show_value(optimizer.decay)
        self.stall.show_value(optimizer.stall)
        solves = entry("optimizers", optimizer.name)["least_squares"]
        for row in (self.decay, self.stall):
            row.set_reason("It has no learning rate" if solves else "")
        of = (
            ("large_steps", "vertices"),
            ("large_steps_colours", "vertex_colours"),
            ("large_steps_texture", "texture"),
        )
        for name, parameter in of:
            self.steps[name].show_value(getattr(experiment.parameters, name))
            free = parameter in experiment.parameters.free
            self.steps[name].set_reason("" if free else f"{NOT_FREE[parameter]} not free")
        for setting in entry("optimizers", optimizer.name)["settings"]:
            value = optimizer.settings.get(setting["name"], setting["default"])
            self.settings[setting["name"]].show_value(value)


class StopSection(PanelSection):
    def __init__(self, controller: Controller) -> None:
        super().__init__(controller, "Stop", "When a run ends by itself", make=StopPart)

    def show_experiment(self, experiment: Experiment) -> None:
        steps = f"{experiment.stop.steps} step{'s' if experiment.stop.steps != 1 else ''}"
        self.set_summary(steps, steps)
        self.show_part(experiment)


class StopPart(Part):
    """When a run ends by itself."""

    def __init__(self, controller: Controller) -> None:
        super().__init__(controller)
        self.fields: dict[str, NumberRow] = {}
        for name, title, tip, low, high, whole in (
            ("steps", "Steps", "A run ends after so many steps", 1, None, True),
            ("loss", "Loss below", "A run ends below this loss; 0 never", 0.0, None, False),
            (
                "stall",
                "Stalled by",
                "A run ends when the loss improved by less than this share; 0 never",
                0.0,
                1.0,
                False,
            ),
            ("patience", "Patience", "Over so many steps the improvement is measured", 1, None, True),
        ):
            row = NumberRow(title, tip, low, high, whole=whole)
            self.bind(row, f"stop: {title.lower()}", lambda e, v, n=name: within(e, "stop", **{n: v}))
            self.fields[name] = row
            self.rows.addWidget(row)

    def show_experiment(self, experiment: Experiment) -> None:
        for name, row in self.fields.items():
            row.show_value(getattr(experiment.stop, name))
        self.fields["patience"].set_reason("" if experiment.stop.stall > 0 else "Nothing is said of stalling")


class SceneSection(PanelSection):
    def __init__(self, controller: Controller) -> None:
        super().__init__(controller, "Light and background", "How the scene is lit, and what is behind", make=ScenePart)

    def show_experiment(self, experiment: Experiment) -> None:
        scene = experiment.scene
        self.set_summary(f"{scene.light_intensity:.3g} + {scene.light_ambient:.3g}")
        self.show_part(experiment)


class ScenePart(Part):
    """The light, the colour behind the shape, and the seed."""

    def __init__(self, controller: Controller) -> None:
        super().__init__(controller)
        self.light = ChoiceRow("Light", "Where the light stands", LIGHTS)
        self.bind(self.light, "light", lambda e, v: within(e, "scene", light=v))
        self.rows.addWidget(self.light)
        self.direction = VectorRow("Light from", "Direction towards the light, world axes", "xyz")
        self.intensity = NumberRow("Intensity", "Of the directional light", 0.0, 2.0)
        self.ambient = NumberRow("Ambient", "Light from everywhere", 0.0, 1.0)
        tip = "Light that differs by direction, as nine spherical harmonics a colour: light.sh can then be free"
        self.around = FlagRow("Light from all around", tip)
        self.mean = ColourRow(
            "Of all sides", "The first harmonic: what comes evenly from all sides; the others are fitted"
        )
        self.bind(self.around, "light from all around", lambda e, v: _with_harmonics(e, (0.5,) * 3 if v else None))
        self.bind(self.mean, "light from all around", _with_harmonics)
        self.specular = NumberRow("Specular", "How strongly surfaces gleam in the directional light", 0.0, 2.0)
        self.shininess = NumberRow("Shininess", "How small the gleam is", 1.0, 200.0)
        self.background = ColourRow("Background", "The colour behind the shape")
        self.seed = NumberRow("Seed", "Of every random draw of this experiment", 0, None, whole=True)
        self.bind(self.direction, "light direction", _with_direction)
        self.bind(self.intensity, "light", lambda e, v: within(e, "scene", light_intensity=v))
        self.bind(self.ambient, "light", lambda e, v: within(e, "scene", light_ambient=v))
        self.bind(self.specular, "gloss", lambda e, v: within(e, "scene", specular=v))
        self.bind(self.shininess, "gloss", lambda e, v: within(e, "scene", shininess=v))
        self.bind(self.background, "background", lambda e, v: within(e, "scene", background=v))
        self.bind(self.seed, "seed", lambda e, v: replace(e, seed=v))
        for row in (
            self.direction,
            self.intensity,
            self.ambient,
            self.around,
            self.mean,
            self.specular,
            self.shininess,
            self.background,
            self.seed,
        ):
            self.rows.addWidget(row)

    def show_experiment(self, experiment: Experiment) -> None:
        scene = experiment.scene
        self.light.show_value(scene.light)
        self.direction.show_value(scene.light_direction)
        self.direction.set_reason("" if scene.light == "sun" else "The light is at the camera")
        self.intensity.show_value(scene.light_intensity)
        self.ambient.show_value(scene.light_ambient)
        self.around.show_value(bool(scene.light_sh))
        self.mean.setVisible(bool(scene.light_sh))
        self.mean.show_value(scene.light_sh[0] if scene.light_sh else (0.0,) * 3)
        self.specular.show_value(scene.specular)
        self.shininess.show_value(scene.shininess)
        self.shininess.set_reason("" if scene.specular > 0 else "Nothing gleams")
        self.background.show_value(scene.background)
        self.seed.show_value(experiment.seed)


def _with_direction(experiment: Experiment, direction: tuple[float, float, float]) -> Experiment:
    """The zero vector has no direction: then nothing changes."""
    return within(experiment, "scene", light_direction=direction) if any(direction) else experiment


def _with_harmonics(experiment: Experiment, first: tuple[float, ...] | None) -> Experiment:
    """Another first row of harmonics, the others as they are; None: no harmonics, and none that are free."""
    if first is None:
        free = tuple(name for name in experiment.parameters.free if name != "light.sh") or ("pose.translation",)
        return within(within(experiment, "scene", light_sh=()), "parameters", free=free)
    red, green, blue = first
    return within(experiment, "scene", light_sh=((red, green, blue), *experiment.scene.light_sh[1:]))
