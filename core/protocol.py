"""What crosses between the window and the engine: commands, events, snapshots. Free of JAX, Qt and heavy imports.

Commands and events are frozen records over a lossless pipe; arrays come as a Snapshot through a latest-wins
mailbox (core/engine/mailbox.py). Every derived image is stamped with the iteration it belongs to.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.derivatives.questions import Answer, Drop, Question
from core.experiment import Experiment
from core.record.stored_state import Block


class Status(enum.StrEnum):
    """What the engine is doing."""

    STARTING = "starting"
    EMPTY = "empty"
    LOADING = "loading"
    COMPILING = "compiling"
    PAUSED = "paused"
    RUNNING = "running"
    DEAD = "dead"


# ---------------------------------------------------------------------------------------------- commands


@dataclass(frozen=True)
class Load:
    """Replace the problem by this experiment, from its start, paused. `keep_state` carries over the values of
    parameters that still exist with the same shape, and the iteration (a change of method, loss or optimizer)."""

    experiment: Experiment
    keep_state: bool = False


@dataclass(frozen=True)
class Play:
    pass


@dataclass(frozen=True)
class Pause:
    pass


@dataclass(frozen=True)
class Step:
    """Run `count` iterations, then pause."""

    count: int = 1


@dataclass(frozen=True)
class Reset:
    """Back to the experiment's start."""


@dataclass(frozen=True)
class SetValue:
    """Change a continuous thing without recompiling.

    path: "method.<setting>", "optimizer.<setting>", "term.<index>.weight", "overlay.term" (the index of the
    term whose own gradient colours the mesh, -1 for all together), or "value.<parameter name>" with an
    optional component ("value.pose.translation.x") or element ("value.vertices.812" with three numbers), or
    "along.<theta>": move by so much along what Derive calls theta. Takes effect on the next step, running or paused.
    """

    path: str
    value: Any


@dataclass(frozen=True)
class Look:
    """Which view the panes show."""

    view: int


@dataclass(frozen=True)
class Derive:
    """What the derivative panes show from now on; refreshed after every snapshot the window takes.

    theta: a component ("pose.translation.x"), a whole scalar ("camera.fov"), "vertices.normal" (inflate),
    "vertices.812.x", "vertices.812.normal", "values.3.4.5", "random" (all free parameters), "random:vertices". None
    turns the panes off.
    step_pixels: largest silhouette motion of the finite-difference step, in pixels. supersampling: S of the S x S
    box-filtered hard render. reference: False leaves the finite differences out (they cost S*S*2 renders). own: also the
    finite difference of the method's own forward image, at the same step.
    """

    theta: str | None
    step_pixels: float = 0.25
    supersampling: int = 4
    reference: bool = True
    own: bool = False


@dataclass(frozen=True)
class Export:
    """Write what the engine has: `what` is "shape", "script", "images", "curves", "report" or "all" into `path`."""

    what: str
    path: str


@dataclass(frozen=True)
class Restore:
    """Load `experiment` and go on, paused, from a checkpoint: Session.state_bytes at `iteration`."""

    experiment: Experiment
    state: bytes
    iteration: int


@dataclass(frozen=True)
class Fork:
    """Go on, paused, from where this problem stood at `iteration`: `state` came with a snapshot as its "state"."""

    state: bytes
    iteration: int


@dataclass(frozen=True)
class Quit:
    pass


Command = (
    Load | Play | Pause | Step | Reset | SetValue | Look | Derive | Export | Restore | Fork | Quit | Question | Drop
)


# ---------------------------------------------------------------------------------------------- events


@dataclass(frozen=True)
class StatusChanged:
    """text: what is being loaded or compiled, in a few words ("Compiling edge-grad for 2 layers, 4 views")."""

    status: Status
    text: str = ""


@dataclass(frozen=True)
class ParameterInfo:
    """One node of the parameter tree. components: names of scalar components ("x", "y", "z") or () for bulk arrays
    and scalars. count: number of scalars. unit: what a displayed value is in. free: whether the optimizer moves it
    (for components: which of them)."""

    name: str
    title: str
    count: int
    components: tuple[str, ...] = ()
    unit: str = ""
    free: bool = False
    free_components: tuple[str, ...] = ()


@dataclass(frozen=True)
class ViewInfo:
    """A camera for the viewport and its thumbnail. world_to_camera (4, 4) float64, fov vertical in radians."""

    name: str
    world_to_camera: np.ndarray
    fov: float
    width: int
    height: int
    held_out: bool
    thumbnail: np.ndarray | None = None
    """uint8 [h, w, 3] sRGB picture of the target; None for held-out views, and until it is read."""
    shift: tuple[float, float] = (0.0, 0.0)
    """The principal point from the picture's middle, pixels, x right and y down."""


@dataclass(frozen=True)
class Loaded:
    """A problem is ready. target_vertices (n, 3) world, target_faces (m, 3): the ghost, None for image targets.

    generation: counts problems; the snapshots of this one carry it too. iteration: where it stands. continued: it
    goes on from what was there (a change of method, an engine restarted), so curves are kept up to `iteration`. device:
    what computes it, in words.
    """

    experiment: Experiment
    shape_facts: Mapping[str, Any]
    parameters: tuple[ParameterInfo, ...]
    views: tuple[ViewInfo, ...]
    target_vertices: np.ndarray | None = None
    target_faces: np.ndarray | None = None
    warnings: tuple[str, ...] = ()
    generation: int = 0
    iteration: int = 0
    continued: bool = False
    device: str = ""


@dataclass(frozen=True)
class Staged:
    """A stage of the fit was entered (or left by a Reset): fields of Loaded that are no longer as they were.

    text: "stage 1 of 2: 2,562 vertices, 5,120 triangles". The snapshots that follow carry the new topology.
    """

    iteration: int
    text: str
    shape_facts: Mapping[str, Any]
    parameters: tuple[ParameterInfo, ...]
    views: tuple[ViewInfo, ...]


@dataclass(frozen=True)
class Scalars:
    """One step's numbers; none is ever dropped. At a pause the last step may be told again, with its metrics.

    metrics: "iou", "psnr", "rotation_error_degrees", ... when computed. gradients: parameter name -> Euclidean norm of the
    gradient, and per component for small ones ("pose.translation.x"). lanes: of a comparison, every run's own numbers;
    their metrics lie in the whole's under their lane's names (core/comparison/lanes.py). seconds: spent in the steps so far.
    places: of a lane, where it stood before the step and after: translation and rotation vector, displayed units.
    trouble: why it goes no further. warning: what is to be said of this step, once.
    """

    iteration: int
    loss: float
    terms: tuple[float, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    gradients: Mapping[str, float] = field(default_factory=dict)
    steps_per_second: float = 0.0
    lanes: tuple[Scalars, ...] = ()
    seconds: float = 0.0
    places: tuple[tuple[float, ...], ...] = ()
    trouble: str = ""
    warning: str = ""


@dataclass(frozen=True)
class Message:
    """One line for the message area. level: "info", "warning", "error". remedy: label of the button that helps
    ("Retry", "Restart engine", "") and details on demand. refusal: label of a second button, for who wants none of it."""

    level: str
    text: str
    details: str = ""
    remedy: str = ""
    refusal: str = ""


@dataclass(frozen=True)
class Progress:
    """A long task: fraction in [0, 1] or None where unknown; done clears it. gives_up: the kind of work, as Drop names it,
    that can be given up without the engine's end; "" where it is part of loading or of a step."""

    task: str
    fraction: float | None
    done: bool = False
    gives_up: str = ""


@dataclass(frozen=True)
class Agreement:
    """How the method's derivative image agrees with the reference, for one theta and view (core/derivatives/derive.py)."""

    iteration: int
    method: str
    parameter: str
    view: int
    relative_l2: float
    cosine: float
    silhouette_relative_l2: float
    total_gradient_relative_error: float
    step_pixels: float
    supersampling: int
    forward_ms: float
    reference_ms: float
    step: float = 0.0
    """The step in units of theta; 0 where it is not known."""
    lane: int = 0


@dataclass(frozen=True)
class Exported:
    what: str
    path: str


@dataclass(frozen=True)
class Resumed:
    """Another engine takes over at this problem; what else the one before was loading is void. Said by the launcher."""

    experiment: Experiment


Event = StatusChanged | Loaded | Staged | Scalars | Message | Progress | Agreement | Exported | Resumed | Answer


# ---------------------------------------------------------------------------------------------- snapshots


@dataclass(frozen=True)
class Snapshot:
    """What the eye gets. arrays (all float32 unless noted), present only when computed:

    "vertices" (n, 3) object space and "faces" (m, 3) int32 (only when they changed since the last snapshot taken),
    "model" (4, 4) object -> world, "vertex_gradient" (n,) |dL/dv|, "vertex_colours" (n, 3),
    "arrow_vertices" (k,) int32 and "arrows" (k, 3) dL/dv of the largest, object space, the largest first,
    images of the looked-at view, [H, W, C]: "target" (3), "render" (3, the method's own forward image),
    "difference" (3, render - target), "loss_gradient" (dL/dI, 3), "face_id" (H, W) int32, "depth" (H, W);
    silhouettes as 1 channel where the loss sees no colour;
    "state" (bytes as uint8; Session.state_bytes, now and then, so that a fork or a session file can go on from here),
    "handles" (n, 3) object space and "handle_factors" (n,), the points by which a hand moves a spline surface;
    "derivative" (C; dI/dtheta by the method), "reference" (C; by finite differences), "disagreement" (C),
    "own_difference" (C; finite differences of the method's own forward image).
    stamps: name -> iteration the array belongs to, -1 for one from before an edit. generation: the Loaded one it
    belongs to. values: small parameters in full, by dotted name, display units. past: what the state leaves out
    (core/record/stored_state.py).
    """

    iteration: int
    view: int
    arrays: Mapping[str, np.ndarray]
    stamps: Mapping[str, int]
    values: Mapping[str, Any]
    theta: str | None = None
    generation: int = 0
    past: tuple[tuple[Block, ...], ...] = ()
