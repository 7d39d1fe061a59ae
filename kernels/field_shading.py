"""The colour of a field's surface: one albedo under the scene's light, or what the field's radiance network says."""

from __future__ import annotations

from typing import Any

from kernels.field import world_to_object_directions
from kernels.network_parts import RADIANCE
from kernels.shading import shade
from kernels.types import Lens, Planes, Values


def field_colour(
    values: Values, field: Any, point: Planes, direction: Planes, normal: Planes, world: Planes, lens: Lens
) -> Planes:
    """Traced: linear colours of surface points. point, direction (unit, of the rays): object space; normal (unit) and
    world: world space. field: the LocalField there."""
    if RADIANCE in values:
        return field.colour(point, world_to_object_directions(values, normal), direction)
    albedo = tuple(values["surface.colour"][i] for i in range(3))
    return shade(values, albedo, normal, world, lens)
