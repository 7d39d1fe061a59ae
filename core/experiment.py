"""An experiment: the frozen choice of shape, target, views, method, terms, optimizer, parameters and stop rule.

Angles are in degrees and lengths in units of the shape's bounding sphere (radius 1), as in the file.
Paths are absolute once loaded; in a file they are relative to it. No JAX: the window reads and writes these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class PoseSpec:
    """rotation: rotation vector, degrees, world axes about the shape's centre. translation: unit-sphere units."""

    rotation: tuple[float, float, float] = (0.0, 0.0, 0.0)
    translation: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: float = 1.0


@dataclass(frozen=True)
class GridSpec:
    """How an "sdf-grid" is made of its file: what a file of numbers alone cannot say, and conversions.

    resolution: nodes along the longest side; 0 keeps a grid's own and turns a mesh into 64. axes: which axis each index
    of the stored array runs along. negate: stored values are positive inside. spacing, origin: file units, in place of
    the file's. redistance: replace values by true distances to their surface. repair: close the holes of an open mesh.
    """

    resolution: int = 0
    axes: str = "xyz"
    negate: bool = False
    spacing: tuple[float, float, float] | None = None
    origin: tuple[float, float, float] | None = None
    redistance: bool = False
    repair: bool = False


NETWORK_WIDTH, NETWORK_LAYERS, NETWORK_LEVELS = (48, 256), (2, 8), (0, 6)
"""Least and most of each. The widest is the papers'; IDR gives way to 39 encoded numbers where the input comes again."""


@dataclass(frozen=True)
class NetworkSpec:
    """How an "sdf-network" is made where its file does not hold the weights.

    width, layers: of the distance network (Bangaru et al.: 256 and 8, with 6 levels, for a GPU: on two cores a step of a
    64 x 64 picture takes minutes then, and a fifth of a second with 64, 4 and 4). levels: of positional encoding. radiance: "plain"
    shading with one colour, or a second "network" that gives the colours. radius: of the sphere it begins with where
    nothing else is given. warm_steps: of its fit to a grid's or a mesh's distances; 0 begins with the sphere.
    """

    width: int = 64
    layers: int = 4
    levels: int = 6
    radiance: str = "plain"
    radius: float = 0.6
    warm_steps: int = 400


@dataclass(frozen=True)
class ShapeSpec:
    """kind: "mesh", "sdf-grid", "metaballs", ... Exactly one of file (absolute path) and primitive (a bundled shape's name, or, for a
    mesh, "visual-hull": carved from the targets' silhouettes on a grid of hull_resolution nodes a side)."""

    kind: str = "mesh"
    file: str | None = None
    primitive: str | None = None
    start: PoseSpec = PoseSpec()
    colour: tuple[float, float, float] | None = None
    """Uniform linear albedo; None keeps the file's vertex colours, or light grey."""
    hull_resolution: int = 64
    components: int = 40
    """metaballs: how many Gaussians are fitted to a mesh or to points (a metaballs file has its own count)."""
    init: str = "surface"
    """metaballs: fitted to points on the "surface", in the "volume" of a closed mesh, or "random" in a ball."""
    feature_resolution: int = 128
    """neural-mesh: texels a side of its texture of features."""
    grid: GridSpec = GridSpec()
    network: NetworkSpec = NetworkSpec()


@dataclass(frozen=True)
class TargetSpec:
    """kind: "shape" (rendered from the views), "image" (one picture; alpha or background gives the silhouette) or
    "cameras" (file: a transforms.json, or images.txt of COLMAP text, with a picture a view).

    pose: where the target shape stands. render: "supersampled" (box-filtered hard render, 4 x 4) or "method"
    (the method's own forward image, so that a blurring method is not biased).
    background: colour of an image's background to key out, or None to use its alpha. encoding: "srgb" or "linear".
    """

    kind: str = "shape"
    shape_kind: str = "mesh"
    file: str | None = None
    primitive: str | None = None
    pose: PoseSpec = PoseSpec()
    colour: tuple[float, float, float] | None = None
    render: str = "supersampled"
    background: tuple[float, float, float] | None = None
    encoding: str = "srgb"
    noise: float = 0.0
    """Standard deviation of Gaussian noise on a target shape's pictures."""
    depth_noise: float = 0.0
    """Standard deviation of a stereo camera's noise on a target shape's depth: of inverse depth, relative to its mean."""
    missing: float = 0.0
    """Share of the views of a target shape whose silhouette has lost an eighth, as a poor segmentation loses it."""
    specular: float | None = None
    """Gloss of a target shape, where it is not scene.specular: what a fit must find without being told."""
    images: str | None = None
    """cameras: the folder of the pictures, where it is not the file's."""
    masks: str | None = None
    """cameras: a folder of silhouettes, one a picture and named like it, in place of the pictures' alpha."""
    held_out: str = "test"
    """cameras: the split that is measured and not fitted, "test" or "val" (files beside), or "every-8th" frame."""
    centre: tuple[float, float, float] | None = None
    """cameras: what becomes the world's middle, in the file's units; None: found from masks or axes."""
    radius: float = 0.0
    """cameras: what becomes the unit sphere's radius, in the file's units; 0: found."""


@dataclass(frozen=True)
class ViewsSpec:
    """kind: "single", "orbit", "sphere" (well spread), "cube" (26: faces, edges, corners) or "cameras" (the target's).
    Angles in degrees.

    count: views of an orbit or sphere. held_out: further views, never fitted (of cameras: at most so many).
    batch: views a step, 0 for all. rays: random pixels a step of each view, 0 for all (methods and shapes that can, core/experiments/rays.py). most: of cameras, at most so many are fitted, evenly spread; 0 for all.
    order: of the batches: "random" (each view once an epoch), "in-order", "worst-first" (the largest losses last seen)
    or "greedy" (SDFDiff: one view a step, 5 to 20 in a row).
    """

    kind: str = "orbit"
    count: int = 4
    held_out: int = 0
    width: int = 256
    height: int = 256
    azimuth: float = 0.0
    elevation: float = 20.0
    distance: float = 3.2
    fov: float = 40.0
    batch: int = 0
    rays: int = 0
    pose_noise: float = 0.0
    """Standard deviation by which the cameras that took the pictures of a target shape are off: radians, unit spheres."""
    most: int = 0
    order: str = "random"


@dataclass(frozen=True)
class MethodSpec:
    name: str = "edge-grad"
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TermSpec:
    """loss: "l1", "l2", "silhouette-cross-entropy", "iou" (image terms), or a regulariser ("laplacian", "arap").

    sees: "colour", "silhouette", "depth", "normals", "segmentation", "back-faces" (ignored by regularisers).
    levels: how many levels of a 2x box pyramid, 1 = full resolution only.
    band: terms on a grid's values: only nodes nearer to the surface than so many cells; 0 = the whole grid.
    sharpness: IDR's masks: alpha of sigmoid(-alpha f), per unit sphere (IDR starts at 50 and doubles it as it goes).
    """

    loss: str = "l2"
    sees: str = "silhouette"
    weight: float = 1.0
    levels: int = 1
    band: float = 0.0
    sharpness: float = 50.0


LIVE_TERM_NUMBERS = ("weight", "sharpness")
"""Of a term: what can change while a fit runs, and recompiles nothing."""


@dataclass(frozen=True)
class OptimizerSpec:
    """name: "adam", "adam-uniform", "sgd". learning_rate: unit-sphere units (and radians) a step.

    decay: the rate falls exponentially to this fraction of itself at stop.steps (1 = constant).
    """

    name: str = "adam"
    learning_rate: float = 0.08
    decay: float = 0.02
    stall: int = 0
    """Steps in a row without progress (1 % of the mean loss) that divide the rate by ten, at most four times; 0: never."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """beta1, beta2, epsilon; momentum."""


@dataclass(frozen=True)
class ParametersSpec:
    """free: dotted names, whole ("pose.rotation") or components ("pose.translation.x").

    large_steps: lambda of v = (I + lambda L)^-1 u, where the optimizer moves u and not the vertices (0: the vertices).
    Use it with adam-uniform. large_steps_colours: the same for vertex colours; large_steps_texture: for a
    texture, over the grid of its texels.
    """

    free: tuple[str, ...] = ("pose.rotation", "pose.translation")
    large_steps: float = 0.0
    large_steps_colours: float = 0.0
    large_steps_texture: float = 0.0
    distance_rate: float = 1.0
    """sdf-network: what the steps of the distance's weights are multiplied by. Geometric initialisation makes all its
    layers move the surface together, tens of times further than a radiance network's move the colours: 0.02 beside one."""


@dataclass(frozen=True)
class StageSpec:
    """What changes before iteration `at`; whatever is 0 stays as it is.

    subdivide: rounds of Loop subdivision (a mesh). remesh: edge length of an even mesh, unit-sphere units. resolution:
    nodes along a grid's longest side. redistance: a grid's values become distances to their surface again, without those
    of its pieces and cavities that have fewer nodes than this number (1 keeps all; before any resampling). width, height:
    pixels of every view; one alone keeps the aspect. learning_rate: the rate the decay starts from, in place of
    optimizer's.
    """

    at: int = 100
    subdivide: int = 0
    remesh: float = 0.0
    resolution: int = 0
    redistance: int = 0
    width: int = 0
    height: int = 0
    learning_rate: float = 0.0


@dataclass(frozen=True)
class StopSpec:
    """Stop after `steps`, or when the loss is below `loss`, or when it has improved by less than `stall` (relative)
    over the last `patience` steps (0 turns that off)."""

    steps: int = 300
    loss: float = 0.0
    stall: float = 0.0
    patience: int = 50


@dataclass(frozen=True)
class SceneSpec:
    """Light and background. light_direction points towards the light, world; colours linear.

    light: "sun" (one direction) or "camera" (SDFDiff's: it stands at each view's camera and falls off with the square of
    the distance, 1 at the distance of the origin; light_direction does not matter then).
    light_sh: up to 9 rows of three spherical-harmonics coefficients, added to the light ("light.sh"); none leaves them
    out. specular, shininess: a gloss in the light's direction ("material.specular", "material.shininess"); 0 leaves it out.
    """

    light: str = "sun"

    light_direction: tuple[float, float, float] = (0.298142, 0.596285, 0.745356)
    light_intensity: float = 0.8
    light_ambient: float = 0.2
    background: tuple[float, float, float] = (0.06, 0.07, 0.085)
    light_sh: tuple[tuple[float, float, float], ...] = ()
    specular: float = 0.0
    shininess: float = 32.0


@dataclass(frozen=True)
class LabelsSpec:
    """What "segmentation" shows. shape: labels of the fitted shape's points; "" none, "parts" connected parts, "colours"
    the file's vertex colours, else a file: a list (.txt, .csv, .npy) of one whole number a vertex, or a picture that is
    seen through the texture coordinates. target: the same of a target shape ("": as the shape's); of a picture, the
    picture of its labels ("": the target's file is it); of cameras, the folder of such pictures, named like the others.

    colours: by which pictures and vertex colours are read: row i is label i, sRGB, 0 to 255. Label 0 is the background.
    """

    shape: str = ""
    target: str = ""
    colours: tuple[tuple[float, float, float], ...] = ()


@dataclass(frozen=True)
class DeriveSpec:
    """What the derivative panes show when the experiment is opened."""

    parameter: str | None = None
    step_pixels: float = 0.25
    supersampling: int = 4
    view: int = 0


@dataclass(frozen=True)
class LaneSpec:
    """One of two to four runs that are compared on the same problem and seed; all else is the experiment's own.

    method: "" for the experiment's method, with its settings beside these. learning_rate: 0 for the experiment's.
    optimizer: "" for the experiment's, another begins at its own settings; optimizer_settings: those that differ.
    shape_kind, file, primitive: another shape
    (file or primitive, or the experiment's source as another kind). repeat: the same with another seed and a start a
    thousandth away, which tells the noise.
    """

    method: str = ""
    learning_rate: float = 0.0
    title: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    optimizer: str = ""
    optimizer_settings: Mapping[str, Any] = field(default_factory=dict)
    shape_kind: str = ""
    file: str | None = None
    primitive: str | None = None
    repeat: int = 0


@dataclass(frozen=True)
class Experiment:
    title: str = "Untitled"
    seed: int = 0
    shape: ShapeSpec = ShapeSpec()
    target: TargetSpec = TargetSpec()
    views: ViewsSpec = ViewsSpec()
    method: MethodSpec = MethodSpec()
    terms: tuple[TermSpec, ...] = (TermSpec(),)
    optimizer: OptimizerSpec = OptimizerSpec()
    parameters: ParametersSpec = ParametersSpec()
    stages: tuple[StageSpec, ...] = ()
    stop: StopSpec = StopSpec()
    scene: SceneSpec = SceneSpec()
    labels: LabelsSpec = LabelsSpec()
    derive: DeriveSpec = DeriveSpec()
    lanes: tuple[LaneSpec, ...] = ()
    warnings: tuple[str, ...] = ()
