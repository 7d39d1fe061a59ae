"""The section of the target and of the views it is seen from."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from app.controller import Controller
from app.controls import ChoiceRow, ColourRow, FlagRow, NumberRow, VectorRow
from app.experiment_panel.adapt import with_target_shape
from app.experiment_panel.base import Fold, PanelSection, Part, Source, source_title
from app.experiment_panel.camera_rows import CameraRows
from app.experiment_panel.shape import pose_summary
from app.experiment_panel.views_strip import ViewsStrip
from app.theme import HINT
from core.experiment import Experiment, ViewsSpec
from core.experiments.fitting import within
from core.experiments.rays import rays_complaint
from core.protocol import Loaded

SAME, OTHER, PICTURE, CAMERAS = "same", "other", "image", "cameras"
KINDS = ((SAME, "The same shape"), (OTHER, "Another shape"), (PICTURE, "A picture"), (CAMERAS, "Cameras with pictures"))
VIEW_KINDS = (("single", "One view"), ("orbit", "Orbit"), ("sphere", "Sphere"), ("cube", "Cube, 26 views"))
FILE_VIEWS = (("cameras", "The file's cameras"),)
VIEW_NUMBERS = (
    ("count", "Count", "How many views are fitted", 1, 32, "", True, False),
    ("held_out", "Held out", "Further views that are measured and never fitted", 0, 16, "", True, False),
    ("width", "Width", "Of every image", 32, 512, "px", True, True),
    ("height", "Height", "Of every image", 32, 512, "px", True, True),
    ("azimuth", "Azimuth", "Where the orbit begins; 0 looks from +z", -180, 180, "°", False, False),
    ("elevation", "Elevation", "Height of the orbit", -89, 89, "°", False, False),
    ("distance", "Distance", "From the shape's centre, in radii of its bounding sphere", 1.5, 12, "", False, True),
    ("fov", "Field of view", "Vertical", 10, 90, "°", False, False),
    ("most", "At most", "Of the file's cameras, so many are fitted, evenly spread; 0 for all", 0, 200, "", True, False),
    ("batch", "A step sees", "So many views, in turn; 0 for all", 0, 32, "", True, False),
    ("rays", "Rays", "Random pixels of each view that a step sees; 0 for all", 0, 16_384, "", True, False),
)
"""Field of ViewsSpec, title, tooltip, slider's low and high, unit, whole, logarithmic."""
VIEW_ORDERS = (
    ("random", "Random"),
    ("in-order", "One after the other"),
    ("worst-first", "Worst first"),
    ("greedy", "SDFDiff's, 5 to 20 steps a view"),
)
HARD = "supersampled"
KEY = (1.0, 1.0, 1.0)
"""White: the background of most pictures that have no alpha."""


def target_kind(experiment: Experiment) -> str:
    target = experiment.target
    if target.kind in (PICTURE, CAMERAS):
        return target.kind
    return SAME if target.file is None and target.primitive is None else OTHER


def views_summary(views: ViewsSpec) -> str:
    """ "Orbit, 4 + 8 held out, 192 × 192"."""
    count = view_count(views)
    names = {"single": "One view", "orbit": "Orbit", "sphere": "Sphere", "cube": "Cube", "cameras": "Cameras"}
    name = names[views.kind]
    held = f" + {views.held_out} held out" if views.held_out else ""
    many = held if views.kind == "single" else f", {count or 'all'}{held or ' views'}"
    return f"{name}{many}, {views.width} × {views.height}"


def view_count(views: ViewsSpec) -> int:
    """How many are fitted; 0 where only the file of cameras knows."""
    return {"single": 1, "cube": 26, "cameras": views.most}.get(views.kind, views.count)


class TargetSection(PanelSection):
    """`choose_file()` opens the dialog for a target; set by the window."""

    def __init__(self, controller: Controller) -> None:
        super().__init__(controller, "Target and views", "What the fit should look like, and from where")
        self.choose_file: Callable[[], None] = lambda: None
        self.strip = ViewsStrip()
        self.strip.chosen.connect(controller.look)
        tip = "Where the cameras stand and how large the images are"
        self.views = Fold(controller, "Views", tip, ViewsPart, pixels=HINT, tone="text3")
        self.target = Fold(controller, "Target", "What is fitted to", lambda c: TargetPart(c, self))
        for row in (self.strip, self.views, self.target):
            self.rows.addWidget(row)

    def show_experiment(self, experiment: Experiment) -> None:
        kind, target, views = target_kind(experiment), experiment.target, experiment.views
        place = pose_summary(target.pose)
        title = f"same shape, {place}" if kind == SAME else source_title(target.file, target.primitive)
        self.target.show_experiment(experiment, title)
        self.views.set_title(views_summary(views))
        self.views.show_experiment(experiment, "")
        count = view_count(views)
        if count:
            self.strip.set_count(count)
            self.set_summary(f"{count} view{'s' if count != 1 else ''}")

    def show_loaded(self, loaded: Loaded) -> None:
        self.strip.set_views(loaded.views)
        count = sum(not view.held_out for view in loaded.views)
        self.set_summary(f"{count} view{'s' if count != 1 else ''}")


class TargetPart(Part):
    """What is fitted to: a shape in its pose, or a picture and how its silhouette is found."""

    def __init__(self, controller: Controller, section: TargetSection) -> None:
        super().__init__(controller)
        self._section = section
        self.kind = ChoiceRow("", "What the target is", KINDS)
        self.kind.changed.connect(self.choose_kind)
        self.source = Source("Choose the target's file")
        self.source.setFixedHeight(34)
        self.source.choose_file = lambda: section.choose_file()
        self.source.choose_primitive = self._choose_primitive
        self.rotation = VectorRow("Rotation", "Target: rotation vector about its centre, world axes", "xyz", "°")
        self.translation = VectorRow("Position", "Target: in radii of the bounding sphere", "xyz")
        self.scale = NumberRow("Scale", "Target: its size", 0.1, 3.0, unit="×", log=True)
        self.through = FlagRow("Rendered by the method", "So that a blurring method is compared with its own blur")
        self.noise = NumberRow("Noise", "Gaussian noise on the target's pictures, standard deviation", 0.0, 0.5)
        self.bind(self.noise, "target noise", lambda e, v: within(e, "target", noise=v))
        tip = "A stereo camera's noise on depth: of inverse depth, relative to its mean, standard deviation"
        self.depth_noise = NumberRow("Depth noise", tip, 0.0, 0.1)
        self.bind(self.depth_noise, "depth noise", lambda e, v: within(e, "target", depth_noise=v))
        tip = "Share of the views whose silhouette has lost an eighth, as a poor segmentation loses it"
        self.missing = NumberRow("Parts missing", tip, 0.0, 1.0)
        self.bind(self.missing, "missing parts", lambda e, v: within(e, "target", missing=v))
        self.own_gloss = FlagRow("A gloss of its own", "The target gleams otherwise than what is fitted to it")
        self.gloss = NumberRow("Gloss", "How strongly the target gleams in the directional light", 0.0, 2.0)
        self.bind(self.own_gloss, "target gloss", lambda e, v: within(e, "target", specular=0.5 if v else None))
        self.bind(self.gloss, "target gloss", lambda e, v: within(e, "target", specular=v))
        tip = "The silhouette is where the picture differs from this colour, not its alpha"
        self.keyed = FlagRow("Background by colour", tip)
        self.key = ColourRow("Background", "The colour that is not the shape")
        self.linear = FlagRow("Linear values", "The picture's values are linear light, not sRGB")
        self.bind(self.rotation, "target rotation", lambda e, v: _pose(e, rotation=v))
        self.bind(self.translation, "target position", lambda e, v: _pose(e, translation=v))
        self.bind(self.scale, "target scale", lambda e, v: _pose(e, scale=v))
        self.bind(self.through, "target rendering", lambda e, v: within(e, "target", render="method" if v else HARD))
        self.bind(self.keyed, "target background", lambda e, v: within(e, "target", background=KEY if v else None))
        self.bind(self.key, "target background", lambda e, v: within(e, "target", background=v))
        self.bind(self.linear, "target encoding", lambda e, v: within(e, "target", encoding="linear" if v else "srgb"))
        noise = (self.noise, self.depth_noise, self.missing)
        self._shape_rows = (self.rotation, self.translation, self.scale, self.through, *noise, self.own_gloss)
        self._picture_rows = (self.keyed, self.key, self.linear)
        self.cameras = CameraRows(self)
        for row in (self.kind, self.source, *self._shape_rows, self.gloss, *self._picture_rows, *self.cameras.rows):
            self.rows.addWidget(row)

    def show_experiment(self, experiment: Experiment) -> None:
        kind, target = target_kind(experiment), experiment.target
        self.kind.show_value(kind)
        self.source.setVisible(kind != SAME)
        for name in ("noise", "depth_noise", "missing"):
            getattr(self, name).show_value(getattr(target, name))
        self.source.bundled.setVisible(kind == OTHER)
        facts = {PICTURE: "A picture", CAMERAS: "Cameras with pictures"}.get(kind, "A shape")
        self.source.show_source(target.file, target.primitive, facts)
        for row in self._shape_rows:
            row.setVisible(kind not in (PICTURE, CAMERAS))
        for row in self._picture_rows:
            row.setVisible(kind in (PICTURE, CAMERAS))
        self.cameras.show_target(target)
        self.own_gloss.show_value(target.specular is not None)
        self.gloss.setVisible(kind not in (PICTURE, CAMERAS) and target.specular is not None)
        self.gloss.show_value(target.specular or 0.0)
        self.rotation.show_value(target.pose.rotation)
        self.translation.show_value(target.pose.translation)
        self.scale.show_value(target.pose.scale)
        self.through.show_value(target.render == "method")
        self.keyed.show_value(target.background is not None)
        self.key.show_value(target.background or KEY)
        self.key.set_reason("" if target.background is not None else "The picture's alpha is used")
        self.linear.show_value(target.encoding == "linear")

    def choose_kind(self, kind: str) -> None:
        experiment = self.controller.experiment
        if kind == SAME:
            self.edit("target", with_target_shape(experiment, experiment.shape.kind, None, None))
        elif kind == OTHER and target_kind(experiment) != OTHER:
            other = "torus" if experiment.shape.primitive != "torus" else "sphere"
            self.edit("target", with_target_shape(experiment, "mesh", None, other))
        elif kind in (PICTURE, CAMERAS):
            self._section.choose_file()
            self.show_experiment(self.controller.experiment)

    def _choose_primitive(self, name: str, kind: str) -> None:
        self.edit("target", with_target_shape(self.controller.experiment, kind, None, name))


class ViewsPart(Part):
    """Where the cameras stand, and how large the images are."""

    def __init__(self, controller: Controller) -> None:
        super().__init__(controller)
        self.arrangement = ChoiceRow("", "How the cameras are placed", VIEW_KINDS)
        self.bind(self.arrangement, "views", lambda e, v: within(e, "views", kind=v))
        self.rows.addWidget(self.arrangement)
        self.numbers: dict[str, NumberRow] = {}
        for name, title, tip, low, high, unit, whole, log in VIEW_NUMBERS:
            row = NumberRow(title, tip, low, high, unit=unit, whole=whole, log=log)
            self.bind(row, f"views: {title.lower()}", lambda e, v, n=name: within(e, "views", **{n: v}))
            self.numbers[name] = row
            self.rows.addWidget(row)
        self.order = ChoiceRow("Order", "Which views the next step sees", VIEW_ORDERS)
        self.bind(self.order, "view order", lambda e, v: within(e, "views", order=v))
        tip = "How far off the cameras of a target shape's pictures are: radians and radii, standard deviation"
        self.pose_noise = NumberRow("Camera noise", tip, 0.0, 0.2)
        self.bind(self.pose_noise, "camera noise", lambda e, v: within(e, "views", pose_noise=v))
        for row in (self.order, self.pose_noise):
            self.rows.addWidget(row)

    def show_experiment(self, experiment: Experiment) -> None:
        views = experiment.views
        self.arrangement.set_choices(FILE_VIEWS if views.kind == "cameras" else VIEW_KINDS)
        self.arrangement.show_value(views.kind)
        for name, row in self.numbers.items():
            row.show_value(getattr(views, name))
        picture = "The picture decides it" if experiment.target.kind == "image" else ""
        filed = "The file of cameras decides it" if views.kind == "cameras" else ""
        self.arrangement.set_reason(picture or filed)
        fixed = views.kind in ("single", "cube")
        self.numbers["count"].set_reason(picture or filed or ("This arrangement has a fixed number" if fixed else ""))
        for name in ("width", "height", "held_out"):
            self.numbers[name].set_reason(picture)
        around = (
            "A cube's and a sphere's views have directions of their own" if views.kind in ("cube", "sphere") else ""
        )
        for name in ("azimuth", "elevation"):
            self.numbers[name].set_reason(filed or around)
        for name in ("distance", "fov"):
            self.numbers[name].set_reason(filed)
        self.numbers["most"].set_reason("" if filed else "Count says it")
        self.order.show_value(views.order)
        self.order.set_reason("" if views.batch or views.order == "greedy" else "Every step sees all views")
        self.pose_noise.show_value(views.pose_noise)
        self.pose_noise.set_reason(picture or filed)
        self.numbers["batch"].set_reason("There is one view" if views.kind == "single" else "")
        tried = rays_complaint(within(experiment, "views", rays=1))
        self.numbers["rays"].set_reason(tried[1].capitalize() if tried else "")


def _pose(experiment: Experiment, **changes: object) -> Experiment:
    return within(experiment, "target", pose=dataclasses.replace(experiment.target.pose, **changes))  # type: ignore[arg-type]
