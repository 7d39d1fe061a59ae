"""Parameters by dotted name, their tangents, and how a tangent moves them.

Everything is differentiated in a tangent `delta` (a dict of arrays, zero at the current point), never in the stored
value: rotations are unit quaternions moved by rotation vectors in world axes, so no chart is ever singular.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from core.derivatives.brush import brush_direction
from core.derivatives.elements import XYZ, element_of
from core.errors import RimlightError
from core.experiment import PoseSpec, SceneSpec
from core.protocol import ParameterInfo
from kernels.body_parts import PARTS, SMOOTHING
from kernels.rotation import (
    quaternion_exp,
    quaternion_from_vector,
    quaternion_multiply,
    vector_from_quaternion,
)
from kernels.shading import HEADLIGHT
from kernels.types import Values

BODY_PARTS = {SMOOTHING.rpartition(".")[2], *(part for parts in PARTS.values() for part in parts)}
RGB = ("r", "g", "b")

_KNOWN: dict[str, tuple[str, tuple[str, ...], str]] = {
    "pose.rotation": ("rotation", XYZ, "°"),
    "pose.translation": ("translation", XYZ, ""),
    "pose.scale": ("scale", (), "×"),
    "vertices": ("vertices", (), ""),
    "control_points": ("control points", (), ""),
    "profile": ("profile radii", (), ""),
    "vertex_colours": ("vertex colours", (), ""),
    "texture": ("texture", (), ""),
    "decoder": ("decoder of features", (), ""),
    "values": ("grid values", (), ""),
    "means": ("means", (), ""),
    "precision_factors": ("precision factors", (), ""),
    "log_weights": ("log weights", (), ""),
    "colours": ("colours", (), ""),
    "network.bias": ("last bias", (), ""),
    "network.weights": ("network weights", (), ""),
    "radiance.weights": ("radiance weights", (), ""),
    "sweep.ring": ("ring radius", (), ""),
    "sweep.radius": ("sphere radius", (), ""),
    "spheres.centres": ("sphere centres", (), ""),
    "spheres.radii": ("sphere radii", (), ""),
    "surface.colour": ("surface colour", RGB, ""),
    "light.direction": ("light direction", XYZ, ""),
    "light.intensity": ("light intensity", (), ""),
    "light.ambient": ("ambient light", (), ""),
    "light.sh": ("light, spherical harmonics", (), ""),
    "material.specular": ("specular", (), ""),
    "material.shininess": ("shininess", (), ""),
    "camera.fov": ("field of view", (), "°"),
    "background": ("background", RGB, ""),
}
"""name -> title, components, unit of the displayed value."""

GROUPS: tuple[frozenset[str], ...] = (
    frozenset({"pose.rotation", "pose.translation", "pose.scale", "camera.fov"}),
    frozenset(
        {
            "light.direction",
            "light.intensity",
            "light.ambient",
            "light.sh",
            "material.specular",
            "material.shininess",
            "background",
            "surface.colour",
        }
    ),
    frozenset({"sweep.ring", "sweep.radius"}),
    frozenset({"spheres.centres", "spheres.radii"}),
    frozenset({"vertices"}),
    frozenset({"control_points", "profile"}),
    frozenset({"vertex_colours"}),
    frozenset({"texture", "decoder"}),
    frozenset({"values"}),
    frozenset({"network.weights", "radiance.weights"}),
    frozenset({"means", "precision_factors", "log_weights", "colours"}),
)
"""Names differentiated by one compiled function: choosing another theta within a group recompiles nothing."""


def scene_values(scene: SceneSpec, pose: PoseSpec, fov_degrees: float) -> dict[str, np.ndarray]:
    """The scene's own parameters as float32 arrays: pose, light, field of view (radians), background."""
    direction = np.asarray(scene.light_direction, np.float64)
    norm = np.linalg.norm(direction)
    if not norm > 0:
        raise RimlightError("scene.light_direction: the zero vector has no direction; give any other")
    values = {
        "pose.rotation": quaternion_from_vector(np.radians(pose.rotation)),
        "pose.translation": pose.translation,
        "pose.scale": pose.scale,
        "light.direction": direction / norm,
        "light.intensity": scene.light_intensity,
        "light.ambient": scene.light_ambient,
        "camera.fov": np.radians(fov_degrees),
        "background": scene.background,
    }
    if scene.light_sh:
        values["light.sh"] = np.concatenate([scene.light_sh, np.zeros((9 - len(scene.light_sh), 3))])
    if scene.specular > 0:
        values |= {"material.specular": scene.specular, "material.shininess": scene.shininess}
    return {name: np.asarray(value, np.float32) for name, value in values.items()}


def scene_constants(scene: SceneSpec) -> dict[str, np.ndarray]:
    """What of a scene is a constant of its problem: how its light stands (kernels/shading.py)."""
    return {HEADLIGHT: np.ones((), np.float32)} if scene.light == "camera" else {}


def retract(values: Values, delta: Values) -> dict[str, Any]:
    """Move `values` along the tangent `delta` (only the names it holds). Smooth at delta = 0 in both modes."""
    moved = dict(values)
    for name, change in delta.items():
        value = values[name]
        if name == "pose.rotation":
            q = quaternion_multiply(quaternion_exp(change), value)
            moved[name] = q / jnp.sqrt(jnp.sum(q * q))
        elif name == "pose.scale":
            moved[name] = value * jnp.exp(change)
        elif name == "light.direction":
            raised = value + change
            moved[name] = raised / jnp.sqrt(jnp.sum(raised * raised))
        else:
            moved[name] = value + change
    return moved


def tangent_shape(name: str, value: Any) -> tuple[int, ...]:
    """Shape of the tangent of a parameter: its own, but (3,) for a quaternion."""
    return (3,) if name == "pose.rotation" else tuple(np.shape(value))


def zero_tangent(values: Values, names: Iterable[str]) -> dict[str, Any]:
    """A zero tangent over `names`, in the dtype of each value."""
    return {n: jnp.zeros(tangent_shape(n, values[n]), jnp.asarray(values[n]).dtype) for n in sorted(names)}


def _known(name: str) -> tuple[str, tuple[str, ...], str]:
    """Title, components and unit; the parameters of analytic bodies are told by what they end in."""
    if name in _KNOWN:
        return _KNOWN[name]
    return name.replace(".", " "), XYZ if name.rpartition(".")[2] in ("centre", "size") else (), ""


def components_of(name: str) -> tuple[str, ...]:
    return _known(name)[1]


def split_name(name: str, values: Values) -> tuple[str, int | None]:
    """ "pose.rotation.y" -> ("pose.rotation", 1); "camera.fov" -> ("camera.fov", None). Unknown names raise."""
    if name in values:
        return name, None
    parent, _, component = name.rpartition(".")
    if parent in values and component in components_of(parent):
        return parent, components_of(parent).index(component)
    known = sorted(n for n in values if not n.startswith("const."))
    raise RimlightError(f"parameter {name!r} does not exist in this problem; it has: {', '.join(known)}")


def free_masks(free: Iterable[str], values: Values) -> dict[str, np.ndarray]:
    """Free names and components -> masks of 0 and 1 in tangent shape, by whole parameter name."""
    masks: dict[str, np.ndarray] = {}
    for entry in free:
        name, index = split_name(entry, values)
        shape = tangent_shape(name, values[name])
        mask = masks.setdefault(name, np.zeros(shape, np.float32))
        mask[... if index is None else index] = 1.0
    return masks


def group_of(name: str, values: Values) -> frozenset[str]:
    """The parameters that are derived together with `name` (see GROUPS), as far as this problem has them."""
    for group in GROUPS:
        if name in group:
            return frozenset(n for n in group if n in values)
    if _is_body(name):
        return frozenset(n for n in values if _is_body(n))
    return frozenset({name})


def _is_body(name: str) -> bool:
    """Whether this is a parameter of an analytic body, named after it."""
    return name not in _KNOWN and name.rpartition(".")[2] in BODY_PARTS


def display_values(values: Values) -> dict[str, Any]:
    """Small parameters in the units people read: degrees for rotation vectors and field of view."""
    shown: dict[str, Any] = {}
    for name, value in values.items():
        array = np.asarray(value)
        if name.startswith("const.") or array.size > 4:
            continue
        if name == "pose.rotation":
            shown[name] = [float(v) for v in np.degrees(vector_from_quaternion(array))]
        elif name == "camera.fov":
            shown[name] = float(np.degrees(array))
        else:
            shown[name] = array.astype(float).tolist()
    return shown


def from_display(name: str, index: int | None, shown: float, values: Values) -> np.ndarray:
    """A parameter's new stored value after one displayed component (or scalar) was set to `shown`."""
    current = display_values({name: values[name]})[name]
    if index is not None:
        current[index] = float(shown)
    else:
        current = float(shown)
    if name == "pose.rotation":
        return quaternion_from_vector(np.radians(current)).astype(np.float32)
    if name == "camera.fov":
        return np.asarray(np.radians(current), np.float32)
    if name == "light.direction":
        current = np.asarray(current) / max(float(np.linalg.norm(current)), 1e-9)
    return np.asarray(current, np.float32)


def describe_parameters(values: Values, free: Iterable[str]) -> tuple[ParameterInfo, ...]:
    """The parameter tree, in the order of _KNOWN."""
    masks = free_masks(free, values)
    infos = []
    order = [n for n in _KNOWN if n in values] + sorted(
        n for n in values if n not in _KNOWN and not n.startswith("const.")
    )
    for name in order:
        title, components, unit = _known(name)
        mask = masks.get(name)
        chosen = () if mask is None or not components else tuple(c for c, m in zip(components, mask) if m)
        infos.append(
            ParameterInfo(
                name=name,
                title=title,
                count=int(np.prod(tangent_shape(name, values[name]), dtype=int)),
                components=components,
                unit=unit,
                free=mask is not None,
                free_components=chosen,
            )
        )
    return tuple(infos)


def theta_direction(
    theta: str, values: Values, free: Iterable[str], normals: np.ndarray | None, seed: int
) -> tuple[str, dict[str, np.ndarray]]:
    """What `theta` means: the parameter it belongs to and the tangent (unit theta) it moves along.

    "vertices.normal" inflates along `normals` (n, 3); "vertices.12.x" and "values.3.4.5" move one element (see
    core/derivatives/elements.py), "vertices.12.normal" one vertex along its normal, "values.near.3.4.5" the nodes around one
    (core/derivatives/brush.py); "random" is a seeded unit direction over the
    free parameters' first group member, "random:NAME" over one parameter.
    """
    if theta == "random" or theta.startswith("random:"):
        name = theta.partition(":")[2] or split_name(next(iter(free)), values)[0]
        name, _ = split_name(name, values)
        draw = np.random.default_rng(seed).standard_normal(tangent_shape(name, values[name]))
        return name, {name: (draw / max(float(np.sqrt(np.mean(draw**2))), 1e-12)).astype(np.float32)}
    if theta == "vertices.normal" and normals is not None and "vertices" in values:
        return "vertices", {"vertices": np.asarray(normals, np.float32)}
    brush = brush_direction(theta, values)
    if brush is not None:
        return "values", {"values": brush}
    element = element_of(theta, values)
    if element is not None:
        return element.name, {element.name: element.direction(values, normals)}
    name, index = split_name(theta, values)
    shape = tangent_shape(name, values[name])
    direction = np.zeros(shape, np.float32)
    direction[... if index is None else index] = 1.0
    return name, {name: direction}


def require_settable(path: str, value: Any) -> None:
    """Raise RimlightError where `value` is nothing that `path` (protocol.SetValue) can be set to."""
    numbers = np.asarray(value)
    if numbers.dtype.kind not in "fiub" or not np.all(np.isfinite(numbers)):
        raise RimlightError(f"{path}: found {value!r}; give a finite number")
    if path == "value.pose.scale" and not np.all(numbers > 0):
        raise RimlightError(f"{path}: found {value!r}; the scale must be above 0")


def set_small_value(values: Mapping[str, Any], path: str, shown: Any) -> dict[str, Any]:
    """`values` with the parameter, component or element (core/derivatives/elements.py) `path` set to a displayed number or list."""
    element = element_of(path, values)
    if element is not None:
        return {**values, element.name: element.replaced(values, shown)}
    name, index = split_name(path, values)
    changed = dict(values)
    if isinstance(shown, (list, tuple)):
        for i, number in enumerate(shown):
            changed[name] = from_display(name, i, number, changed)
    else:
        changed[name] = from_display(name, index, shown, changed)
    return changed
