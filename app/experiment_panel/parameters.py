"""The section of the free parameters: the tree, filled from the experiment, the last step and the last snapshot."""

from __future__ import annotations

from app.controller import Controller
from app.experiment_panel.adapt import free_components, with_free
from app.experiment_panel.base import PanelSection
from app.experiment_panel.tree import ParameterTree
from core.catalog import entries
from core.experiment import Experiment
from core.experiments.rules import parameter_names
from core.protocol import Loaded, Scalars, Snapshot


class ParametersSection(PanelSection):
    def __init__(self, controller: Controller) -> None:
        tip = "What the fit moves. Click θ beside a row, double-click it or press H to derive the images by it"
        super().__init__(controller, "Free parameters", tip, gap=0)
        self.tree = ParameterTree()
        self.rows.setContentsMargins(3, 0, 3, 6)
        self.rows.addWidget(self.tree)
        self.tree.freed.connect(self._free)
        self.tree.theta_chosen.connect(controller.choose_theta)
        self.tree.value_entered.connect(controller.put)
        self._known = {e["name"]: e for e in entries("parameters")}
        self._units = {name: e["unit"] for name, e in self._known.items()}
        self._built: object = None

    def show_experiment(self, experiment: Experiment) -> None:
        names = parameter_names(experiment.shape)
        shape = experiment.shape
        new = ((shape.kind, tuple(names)), experiment.title)
        if self._built is None or self._built[0] != new[0]:  # type: ignore[index]
            self.tree.rebuild([(name, self._title(name), parts) for name, parts in names.items()])
            self.tree.clear_numbers()
        chosen = {name: free_components(experiment, name, parts) for name, parts in names.items()}
        self.tree.show_free({name: free for name, free in chosen.items() if free})
        if self._built != new:
            self.tree.unfold_free()
            self._show_start(experiment)
        self._built = new
        self.tree.set_theta(self.controller.theta)
        self.set_summary(f"{len(experiment.parameters.free)} free", "value, |gradient|")

    def _title(self, name: str) -> str:
        """What people call it; the name itself for a body of the user's own."""
        return self._known[name]["title"] if name in self._known else name.replace(".", " ")

    def _show_start(self, experiment: Experiment) -> None:
        """Before the engine has loaded: where the fit will begin."""
        start, scene = experiment.shape.start, experiment.scene
        values = {
            "pose.rotation": list(start.rotation),
            "pose.translation": list(start.translation),
            "pose.scale": start.scale,
            "light.direction": list(scene.light_direction),
            "light.intensity": scene.light_intensity,
            "light.ambient": scene.light_ambient,
            "camera.fov": experiment.views.fov,
            "background": list(scene.background),
        }
        self.tree.show_values(values, self._units)

    def show_loaded(self, loaded: Loaded) -> None:
        self.tree.show_counts({info.name: info.count for info in loaded.parameters})
        if not loaded.continued:
            self.tree.clear_numbers()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        self.tree.show_values(snapshot.values, self._units)

    def show_scalars(self, scalars: Scalars | None) -> None:
        if scalars is None:
            self.tree.clear_numbers()
        else:
            self.tree.show_gradients(scalars.gradients)

    def show_theta(self) -> None:
        self.tree.set_theta(self.controller.theta)

    def _free(self, name: str, components: tuple[str, ...], chosen: tuple[str, ...]) -> None:
        changed = with_free(self.controller.experiment, name, components, chosen)
        if changed.parameters.free:
            self.controller.edit("free parameters", changed)
        else:
            self.controller.say("info", "At least one parameter must be free; tick another one first")
            self.show_experiment(self.controller.experiment)
