"""What the parts of an experiment must agree on: files and kinds, faces and methods, losses and what they see. No JAX."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from core.catalog import allowed, entries, entry
from core.errors import RimlightError
from core.experiment import Experiment, MethodSpec, ShapeSpec, StageSpec
from core.experiments.rays import rays_complaint
from core.experiments.schema import Complaint
from core.io.suffixes import CAMERA_SUFFIXES, IMAGE_SUFFIXES, LABEL_WORDS, SHAPE_SUFFIXES
from core.shapes.primitives import BUNDLED_AS, HULL, primitive_path

REFINEMENTS = ("subdivide", "remesh", "resolution", "redistance")
"""Keys of a stage that the shape itself must be able to follow (Shape.refines)."""

CHANGES = tuple(field.name for field in dataclasses.fields(StageSpec) if field.name != "at")

MOST_LANES = 4
"""Runs that are compared: more columns cannot be told apart beside each other."""

LABELLED = ("mesh", "textured-mesh", "neural-mesh")
"""Kinds of shape whose points may have labels."""

SMALLEST_SIDE = 8
"""Pixels: what views.width allows too."""


def check_experiment(experiment: Experiment, complain: Complaint) -> None:
    """Raise RimlightError where the parts of an experiment do not fit together."""
    shape, target = experiment.shape, experiment.target
    if (shape.file is None) == (shape.primitive is None):
        found = "neither" if shape.file is None else "both"
        raise complain("shape", f"found {found} of file and primitive; allowed: exactly one")
    if shape.primitive == HULL:
        _check_hull(experiment, complain)
    else:
        _check_source(shape.kind, shape.file, shape.primitive, "shape", complain)
    if (target.kind == "cameras") != (experiment.views.kind == "cameras"):
        raise complain("views.kind", f"found {experiment.views.kind!r} with a target of kind {target.kind}; "
                       "allowed: cameras in both, or in neither")  # fmt: skip
    if target.kind == "image":
        _check_picture(experiment, complain)
    elif target.kind == "cameras":
        _check_cameras(experiment, complain)
    elif target.file is not None and target.primitive is not None:
        raise complain("target", "found both file and primitive; allowed: one, or none for the shape itself")
    else:
        _check_source(target.shape_kind, target.file, target.primitive, "target", complain)
    if len(experiment.scene.light_sh) > 9:
        raise complain("scene.light_sh", f"found {len(experiment.scene.light_sh)} rows; allowed: at most 9")
    _check_method(experiment, complain)
    _check_terms(experiment, complain)
    if wrong := rays_complaint(experiment):
        raise complain(*wrong)
    _check_stages(experiment, complain)
    _check_lanes(experiment, complain)
    for name in experiment.parameters.free:
        _check_parameter(name, shape, "parameters.free", complain)
        _check_lit(name, experiment, complain)
    if not experiment.parameters.free:
        raise complain("parameters.free", "found an empty list; allowed: at least one parameter, as pose.translation")
    if experiment.parameters.large_steps_texture > 0 and "texture" not in parameter_names(shape):
        raise complain("parameters.large_steps_texture", f"it diffuses over texels, and a {shape.kind} has none; use 0")
    for key in ("large_steps", "large_steps_colours"):
        if getattr(experiment.parameters, key) > 0 and "vertices" not in parameter_names(shape):
            raise complain(f"parameters.{key}", f"it diffuses over a mesh's edges, and a {shape.kind} has none; use 0")
    if experiment.parameters.distance_rate != 1 and "network.weights" not in parameter_names(shape):
        raise complain(
            "parameters.distance_rate", f"it slows a network's distances, and a {shape.kind} has none; use 1"
        )
    if experiment.derive.parameter is not None:
        check_theta(experiment.derive.parameter, shape, complain)


def check_theta(theta: str, shape: ShapeSpec, complain: Complaint, key: str = "derive.parameter") -> None:
    """Raise RimlightError unless `theta` can be the parameter of a derivative image of this shape."""
    if theta == "random":
        return
    if theta.startswith("random:"):
        _check_parameter(theta.partition(":")[2], shape, key, complain)
    elif theta == "vertices.normal":
        _check_parameter("vertices", shape, key, complain)
    elif found := re.fullmatch(
        r"(\w+)\.(?:near\.)?\d+(\.\w+)*", theta
    ):  # an element: how many there are is not known here
        _check_parameter(found[1], shape, key, complain)
    else:
        _check_parameter(theta, shape, key, complain)


def parameter_names(shape: ShapeSpec) -> dict[str, tuple[str, ...]]:
    """Parameters of a problem with this shape: name -> its components."""
    own = entry("shapes", shape.kind)["parameters"]
    named = _body_parameters(shape) if shape.kind == "sdf-analytic" else {}
    others = {name for s in entries("shapes") for name in s["parameters"]} - (set(own) if not named else set())
    shared = {p["name"]: tuple(p["components"]) for p in entries("parameters") if p["name"] not in others}
    return {**named, **shared}


def _body_parameters(shape: ShapeSpec) -> dict[str, tuple[str, ...]]:
    """What the bodies of this very file are called; nothing where it cannot be read (loading it says why)."""
    from core.io.bodies import load_bodies, parameter_sizes  # the window reads no kernels unless it must

    try:
        data = load_bodies(shape.file or primitive_path(shape.primitive or "", shape.kind))
    except RimlightError:
        return {}
    axes = {n: ("x", "y", "z") if count else () for n, count in parameter_sizes(data.bodies).items()}
    return {**axes, "surface.colour": ("r", "g", "b")}


def _check_parameter(name: str, shape: ShapeSpec, key: str, complain: Complaint) -> None:
    known, kind = parameter_names(shape), shape.kind
    components = [f"{parent}.{c}" for parent, parts in known.items() for c in parts]
    if name not in known and name not in components:
        raise complain(
            key, f"found {name!r}, which a {kind} does not have; {allowed(name, [*known, *components[:3]])}, ..."
        )


def _check_lit(name: str, experiment: Experiment, complain: Complaint) -> None:
    """Lights and gloss that a scene can do without must be there to be free."""
    scene = experiment.scene
    if name == "light.sh" and not scene.light_sh:
        raise complain(
            "parameters.free", f"found {name!r}, but scene.light_sh is empty; give it a row of three numbers"
        )
    if name.startswith("material.") and not scene.specular > 0:
        raise complain("parameters.free", f"found {name!r}, but scene.specular is 0; make it more")


def _check_source(kind: str, file: str | None, primitive: str | None, table: str, complain: Complaint) -> None:
    """A file that exists and is of the right sort, or a bundled shape of this kind."""
    if file is not None:
        if not Path(file).is_file():
            raise complain(f"{table}.file", f"found {file}, which is no file; allowed: a path relative to this file")
        suffixes = SHAPE_SUFFIXES.get(kind, ())
        if suffixes and Path(file).suffix.lower() not in suffixes:
            raise complain(f"{table}.file", f"found {Path(file).name}; allowed for a {kind}: {', '.join(suffixes)}")
    if primitive is not None:
        kinds, suffix = BUNDLED_AS.get(kind, ((kind,), ""))
        bundled = [p["name"].removesuffix(suffix) for p in entries("primitives") if p["kind"] in kinds]
        if primitive.removesuffix(suffix) not in bundled:
            raise complain(
                f"{table}.primitive", f"found {primitive!r}, no bundled {kind}; {allowed(primitive, bundled)}"
            )


def _check_picture(experiment: Experiment, complain: Complaint) -> None:
    target, views = experiment.target, experiment.views
    if target.file is None or target.primitive is not None:
        raise complain("target.file", "a target of kind image needs file, a picture, and no primitive")
    if not Path(target.file).is_file():
        raise complain("target.file", f"found {target.file}, which is no file; allowed: a path relative to this file")
    if Path(target.file).suffix.lower() not in IMAGE_SUFFIXES:
        raise complain("target.file", f"found {Path(target.file).name}; allowed: {', '.join(IMAGE_SUFFIXES)}")
    if views.kind != "single":
        raise complain("views.kind", f"found {views.kind!r}; allowed with a picture as target: single")


def _check_hull(experiment: Experiment, complain: Complaint) -> None:
    target = experiment.target
    if experiment.shape.kind != "mesh":
        raise complain("shape.kind", f"found {experiment.shape.kind!r} with a visual hull; allowed: mesh")
    if target.kind == "shape" and target.file is None and target.primitive is None:
        raise complain("shape.primitive", f"found {HULL!r}, and the target is the shape itself; allowed with cameras, "
                       "a picture, or another shape as target")  # fmt: skip


def _check_cameras(experiment: Experiment, complain: Complaint) -> None:
    target = experiment.target
    if target.file is None or target.primitive is not None:
        raise complain("target.file", "a target of kind cameras needs file, a transforms.json or COLMAP's images.txt")
    if not Path(target.file).is_file():
        raise complain("target.file", f"found {target.file}, which is no file; allowed: a path relative to this file")
    if Path(target.file).suffix.lower() not in CAMERA_SUFFIXES:
        raise complain("target.file", f"found {Path(target.file).name}; allowed: {', '.join(CAMERA_SUFFIXES)}")
    for key in ("images", "masks"):
        folder = getattr(target, key)
        if folder is not None and not Path(folder).is_dir():
            raise complain(
                f"target.{key}", f"found {folder}, which is no folder; allowed: a path relative to this file"
            )


def _check_method(experiment: Experiment, complain: Complaint) -> None:
    _check_face(experiment.method.name, experiment.shape.kind, "method.name", complain)


def _check_face(name: str, kind: str, key: str, complain: Complaint) -> None:
    """The method needs a face that this kind of shape has."""
    method, shape = entry("methods", name), entry("shapes", kind)
    if not set(method["faces"]) & set(shape["faces"]):
        raise complain(
            key,
            f"found {name!r}, which needs a {method['face']} and a {kind} has none; "
            f"allowed: {', '.join(fitting_methods(kind))}",
        )


def fitting_methods(kind: str) -> list[str]:
    """The methods that render a shape of this kind."""
    faces = entry("shapes", kind)["faces"]
    return [m["name"] for m in entries("methods") if set(m["faces"]) & set(faces)]


def _check_lanes(experiment: Experiment, complain: Complaint) -> None:
    count = len(experiment.lanes)
    if count and not 2 <= count <= MOST_LANES:
        raise complain("compare", f"found {count}; allowed: two to {MOST_LANES} tables, each headed [[compare]]")
    for i, lane in enumerate(experiment.lanes):
        key, kind = f"compare[{i}]", lane.shape_kind or experiment.shape.kind
        if lane.shape_kind:
            entry("shapes", lane.shape_kind)
        if lane.optimizer:
            entry("optimizers", lane.optimizer)
        if lane.file is not None or lane.primitive is not None:
            if lane.file is not None and lane.primitive is not None:
                raise complain(key, "found both file and primitive; allowed: one, or none for the experiment's shape")
            _check_source(kind, lane.file, lane.primitive, key, complain)
        if lane.method:
            _check_face(lane.method, kind, f"{key}.method", complain)


def _check_terms(experiment: Experiment, complain: Complaint) -> None:
    own = parameter_names(experiment.shape)
    looks = False
    for i, term in enumerate(experiment.terms):
        loss = entry("losses", term.loss)
        looks = looks or loss["compares"]
        if loss["sees"] and term.sees not in loss["sees"]:
            raise complain(
                f"term[{i}].sees", f"found {term.sees!r}; allowed for {term.loss}: {' or '.join(loss['sees'])}"
            )
        if loss["needs"] and not set(loss["needs"]) & set(own):
            raise complain(
                f"term[{i}].loss",
                f"found {term.loss!r}, which needs {' or '.join(loss['needs'])}; a {experiment.shape.kind} has none",
            )
        if loss["clearance"] and "field" not in entry("shapes", experiment.shape.kind)["faces"]:
            raise complain(
                f"term[{i}].loss", f"found {term.loss!r}, which needs a field; a {experiment.shape.kind} has none"
            )
        if experiment.target.kind != "shape" and loss["sees"] and term.sees in ("depth", "normals"):
            allowed_here = "colour, silhouette or segmentation"
            raise complain(f"term[{i}].sees", f"found {term.sees!r}; allowed with a picture: {allowed_here}")
        if loss["sees"] and term.sees == "back-faces" and leaves_out_back_faces(experiment.method):
            raise complain("method.cull_back_faces", "found true, and a loss sees back faces; allowed: false")
        if loss["sees"] and term.sees == "segmentation":
            _check_labelled(experiment, f"term[{i}].sees", complain)
    if not looks:
        raise complain(
            "term", "no term looks at the image; allowed: at least one of l1, l2, iou, ... beside regularisers"
        )


def leaves_out_back_faces(method: MethodSpec) -> bool:
    """Whether a method with these settings renders no triangle from behind."""
    own = {setting["name"]: setting["default"] for setting in entry("methods", method.name)["settings"]}
    return bool({**own, **method.settings}.get("cull_back_faces", False))


def _check_labelled(experiment: Experiment, key: str, complain: Complaint) -> None:
    """Labels for the shape, and for what it is fitted to."""
    shape, target, labels = experiment.shape, experiment.target, experiment.labels
    if shape.kind not in LABELLED or shape.primitive == HULL:
        raise complain(key, f"found 'segmentation', and a {shape.primitive or shape.kind} has no labels; "
                       f"allowed for {' or '.join(LABELLED)}")  # fmt: skip
    if target.kind == "shape" and target.shape_kind not in LABELLED and (target.file or target.primitive):
        raise complain(key, f"found 'segmentation', and the target is a {target.shape_kind} without labels")
    if not labels.shape:
        raise complain("labels.shape", "found nothing, and a loss sees segmentation; allowed: parts, colours or a file")
    if labels.shape not in LABEL_WORDS and not Path(labels.shape).is_file():
        raise complain("labels.shape", f"found {labels.shape}, which is no file; allowed: parts, colours or a file")
    if target.kind == "cameras" and not Path(labels.target or "?").is_dir():
        raise complain(
            "labels.target", f"found {labels.target!r}; allowed with cameras: a folder of pictures of labels"
        )
    if target.kind == "image" and labels.target and not Path(labels.target).is_file():
        raise complain("labels.target", f"found {labels.target}, which is no file; allowed: a picture of labels")


def changes_something(stage: StageSpec) -> bool:
    return any(getattr(stage, name) for name in CHANGES)


def _check_stages(experiment: Experiment, complain: Complaint) -> None:
    """Stages in order, each a change, and only of what the shape can be refined by."""
    shape = entry("shapes", experiment.shape.kind)
    for i, stage in enumerate(experiment.stages):
        key = f"stage[{i}]"
        if i and stage.at <= experiment.stages[i - 1].at:
            before = experiment.stages[i - 1].at
            raise complain(f"{key}.at", f"found {stage.at} after {before}; allowed: stages in order, one an iteration")
        if not changes_something(stage):
            raise complain(key, f"found a stage that changes nothing; allowed: at least one of {', '.join(CHANGES)}")
        for name in REFINEMENTS:
            if getattr(stage, name) and name not in shape["refines"]:
                can = " or ".join(shape["refines"]) or "nothing of the kind"
                raise complain(f"{key}.{name}", f"a {shape['name']} cannot do this; allowed: {can}")
        for side in ("width", "height"):
            if 0 < getattr(stage, side) < SMALLEST_SIDE:
                raise complain(f"{key}.{side}", f"found {getattr(stage, side)}; allowed: 0 or at least {SMALLEST_SIDE}")
