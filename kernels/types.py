"""The types every gradient method and every shape shares: faces, cameras, samples, methods.

Convention: inside jit an image is a tuple of (height, width) planes, never one stacked array (XLA:CPU recomputes
everything through stacks and channel slices inside fusions); [height, width, channels] exists only on the host.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np

Values = Mapping[str, Any]
"""Dotted parameter name -> array (see core/parameters.py); names starting with "const." are a shape's constants."""

Plane = Any
"""One (height, width) array."""

Planes = tuple[Plane, ...]
Image = dict[str, Planes]
"""Channel name -> planes."""

CHANNELS: dict[str, int] = {"colour": 3, "silhouette": 1, "depth": 1, "normals": 3}
"""What a loss can see of every shape, and how many planes each has."""

SEGMENTATION = "segmentation"
"""Channel of shapes whose points have labels: a plane a label, the background's first (kernels/labels.py)."""

BACK_FACES = "back-faces"
"""Channel of triangles seen from behind: 1 there, else 0. No target has it (core/optimization/terms.py)."""

SEEN = (*CHANNELS, SEGMENTATION, BACK_FACES)
"""All that a loss can see, in the order of planes."""


class Face(enum.StrEnum):
    """The side of a shape that a method looks at."""

    SURFACE = "surface"
    TRIANGULATION = "triangulation"
    """A surface whose very triangles are seen, so that a method may ask for points of its own on them."""
    FIELD = "field"
    GAUSSIANS = "gaussians"


SURFACES = frozenset({Face.SURFACE, Face.TRIANGULATION})
"""Faces whose samples hold all that is not free (sample_surface)."""


# ---------------------------------------------------------------------------------------------- cameras


@dataclass(frozen=True)
class CameraView:
    """One camera on the host. World right-handed; OpenGL: looks along -z, +y up.

    world_to_camera: (4, 4) float64, rigid. shift: sub-pixel displacement of the image in pixels (x right, y down),
    which is how a supersampled image is made of unshifted-size renders. The field of view is a scene parameter
    (values["camera.fov"], vertical, radians), not part of the view.
    """

    world_to_camera: np.ndarray
    width: int
    height: int
    near: float = 0.05
    shift: tuple[float, float] = (0.0, 0.0)
    name: str = ""
    only: np.ndarray | None = None
    """(height, width) bool: the pixels that somebody asks for; a sampler may leave the others empty."""


class Lens(NamedTuple):
    """The part of a camera that evaluate needs, as arrays, so that changing view recompiles nothing.

    world_to_camera: (4, 4) float32. shift: (2,) pixels. background_depth: () the depth given to empty pixels.
    """

    world_to_camera: Any
    shift: Any
    background_depth: Any


# ---------------------------------------------------------------------------------------------- surface face


class Fragments(NamedTuple):
    """What each pixel sees of a triangle surface: K layers, nearest first. NumPy, outside differentiation.

    Corners, bary, position and slope are None where nothing asks for them.

    face_id: (K, H, W) int32, -1 where empty. corners: (K, 3, H, W) int32 vertex ids (0 where empty).
    bary: (K, 3, H, W) float32, perspective-correct. position: (K, 3, H, W) float32, object space.
    inverse_depth: (K, H, W) float32, 1/w, 0 where empty (so empty is farthest).
    slope: (2, H, W) float32, screen gradient (per pixel, x then y) of layer 0's 1/w.
    """

    face_id: Any
    corners: Any
    bary: Any
    position: Any
    inverse_depth: Any
    slope: Any


class GBuffer(NamedTuple):
    """A surface evaluated at its fragments; every plane is differentiable unless noted. K layers, nearest first.

    mask: K bool planes. x, y: K planes, screen position of each fragment's surface point in pixels (equal to the
    pixel centre in value; the derivative is the fragment's motion). inverse_depth: K planes (0 where empty).
    slope: two planes, not differentiable, () where not sampled. channels: per layer, channel name -> planes, 0 where
    empty. background: channel name -> planes or scalars.
    """

    mask: Planes
    x: Planes
    y: Planes
    inverse_depth: Planes
    slope: Planes
    channels: tuple[Image, ...]
    background: Image


@runtime_checkable
class Surface(Protocol):
    """The surface face of a shape."""

    def sample_surface(
        self,
        values: Values,
        view: CameraView,
        *,
        layers: int,
        cull_back_faces: bool,
        free: frozenset[str],
        channels: tuple[str, ...] = tuple(CHANNELS),
        rasterizer: Any = None,
    ) -> Any:
        """Host values -> NumPy samples (a pytree holding at least `fragments: Fragments`).

        Only what `channels` need is sampled: silhouettes alone need depths and nothing else. rasterizer: what finds
        the fragments instead of the K-layer sampler, called like it (kernels/raster/sampler.py) and for `layers` layers.
        """
        ...

    def evaluate_surface(
        self,
        values: Values,
        samples: Any,
        lens: Lens,
        *,
        channels: tuple[str, ...],
        free: frozenset[str],
        attached: bool = False,
    ) -> GBuffer:
        """Traced values and samples -> G-buffer; differentiable in every name of `free` (and only those).

        attached: samples stay at their pixel and slide over the surface, instead of riding on it.
        """
        ...


# ---------------------------------------------------------------------------------------------- shapes


class Shape(ABC):
    """Something with parameters and faces. Instances are immutable; what changes lives in `values`."""

    kind: ClassVar[str]
    title: ClassVar[str]
    faces_offered: ClassVar[frozenset[Face]]
    spares_pixels: ClassVar[bool] = False
    """Whether its samplers leave out the pixels that nobody asks for (CameraView.only), because they are dear."""
    file_suffix: ClassVar[str] = ".ply"
    """Of the file that a fit's final shape is written to."""
    refines: ClassVar[tuple[str, ...]] = ()
    """What a stage of a fit can do to it, keys of StageSpec ("subdivide"). Where there are any, the shape also has
    refined(values, stage, report) -> (shape, values): itself after the stage, and ALL of `values` to match, and
    rebuilt(values, constants) -> shape: itself with other arrays, as a checkpoint kept them (core/optimization/stages.py)."""
    look_every: ClassVar[int] = 0
    """Steps of a fit between two looks at `nothing_left`, more where one is dear; 0 for a shape that cannot lose it."""

    def nothing_left(self, values: Values) -> str:
        """Why host `values` have no surface at all, in a few words; "" where they have one, or cannot lose it."""
        return ""

    @abstractmethod
    def parameters(self) -> dict[str, np.ndarray]:
        """The shape's own parameters at the start, float32, dotted names."""

    @abstractmethod
    def constants(self) -> dict[str, np.ndarray]:
        """Arrays evaluate needs and nobody differentiates, names starting with "const."; passed to jit as arguments."""

    @abstractmethod
    def display_mesh(self, values: Values) -> tuple[np.ndarray, np.ndarray]:
        """Triangles to draw for host `values`: vertices (n, 3) float32 in object space, faces (m, 3) int32."""

    @abstractmethod
    def save(self, path: Any, values: Values) -> None:
        """Write the shape as host `values` have it, in the units it came in; the format follows from the suffix."""

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What a user reads about it: at least "summary" (one short line), counts, warnings."""


# ---------------------------------------------------------------------------------------------- methods


DISCONTINUITIES = ("silhouette", "occlusion", "intersection")
"""Where an image jumps: surface against background, surface against a farther one, two surfaces that meet."""


class Method(ABC):
    """A gradient method: sample on the host, then evaluate inside jit, in forward and in reverse mode.

    A method whose gradient is not autodiff of its forward pass carries it in a term that is zero in the forward
    pass, or in a custom_jvp with a linear rule; never custom_vjp alone.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    paper: ClassVar[str]
    face: ClassVar[Face]
    other_faces: ClassVar[frozenset[Face]] = frozenset()
    """What it can look at instead, by a setting."""
    Settings: ClassVar[type]
    cannot: ClassVar[str] = ""
    """What it cannot do, one sentence, shown to the user."""
    misses: ClassVar[str] = ""
    """The same in a few words, which follow "cannot show"."""
    spares_pixels: ClassVar[bool] = False
    """Whether it samples and evaluates the pixels that are asked for alone (CameraView.only), whatever the shape."""
    pixelwise: ClassVar[bool] = False
    """Every pixel is evaluated by itself, so that a step may see some only (`at_pixels`)."""

    def moves(self, settings: Any) -> frozenset[str]:
        """Which DISCONTINUITIES its derivative follows when they move on the screen."""
        return frozenset(DISCONTINUITIES)

    @property
    def faces(self) -> frozenset[Face]:
        """All that it can look at."""
        return self.other_faces | {self.face}

    def face_of(self, shape: Shape, settings: Any) -> Face:
        """The side of `shape` that it looks at."""
        return self.face

    def oddities(self, shape: Shape, values: Values, view: CameraView, settings: Any) -> tuple[str, ...]:
        """Host: what is to be said of this shape in this view, a line each, before a fit begins."""
        return ()

    def at_pixels(self, samples: Any, pixels: np.ndarray) -> Any:
        """Of a whole view's samples, those of flat `pixels` (p,), row by row: an image of one row and p columns."""
        raise NotImplementedError(f"{self.name} evaluates whole images")

    @abstractmethod
    def sample(
        self,
        shape: Shape,
        values: Values,
        view: CameraView,
        settings: Any,
        free: frozenset[str],
        channels: tuple[str, ...] = tuple(CHANNELS),
    ) -> Any:
        """Host: what each pixel sees, as a pytree of NumPy arrays whose shapes depend only on static choices.

        Only what `channels` need has to be sampled; the same `channels` go to evaluate.
        """

    @abstractmethod
    def evaluate(
        self,
        shape: Shape,
        values: Values,
        samples: Any,
        lens: Lens,
        traced: Mapping[str, Any],
        settings: Any,
        channels: tuple[str, ...],
        free: frozenset[str],
    ) -> Image:
        """Traced: values and samples -> image. Continuous settings come in `traced`; read only static ones off `settings`."""
