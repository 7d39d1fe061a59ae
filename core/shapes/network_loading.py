"""A network shape from any file that can become one: saved weights, or a warm start from a grid or a mesh.

A warm start fits the network to distances of the unit sphere's space, by Adam, at points near the surface and
everywhere; how far it ended is said in its facts.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from core.errors import RimlightError
from core.experiment import GridSpec, NetworkSpec
from core.io.file_kinds import is_network_file
from core.io.networks import load_network
from core.shapes import PLAIN_COLOUR
from core.shapes.grid_loading import load_grid_shape
from core.shapes.sdf_grid import SdfGrid
from core.shapes.sdf_network import SdfNetwork
from kernels.host_field import distances
from kernels.network import DistanceNetwork
from kernels.network_parts import TURN, Architecture, initial, sizes_of
from kernels.network_trace import REACH

POINTS = 2048
"""Of a step of a warm start; half of them near the surface."""
POOL = 64
"""So many steps' points are drawn, and used over and over: distances of a mesh's grid cost more than a step."""
NEAR = 0.05
"""Standard deviation of the points near the surface, object units."""
RATE = 2e-3


def load_network_shape(
    path: Path | None, colour: tuple | None, grid: GridSpec, spec: NetworkSpec, seed: int
) -> SdfNetwork:
    """path: None begins with a sphere by geometric initialisation. Raises RimlightError."""
    arch = Architecture(spec.width, spec.layers, spec.levels, spec.radiance == "network")
    albedo = tuple(colour) if colour is not None else PLAIN_COLOUR
    if path is None:
        return SdfNetwork(arch, initial(arch, seed, spec.radius), albedo)
    if is_network_file(path):
        return SdfNetwork.from_data(load_network(path))
    shape = load_grid_shape(path, albedo, grid)
    found, error = warm_start(arch, shape, spec.warm_steps, seed)
    facts = {"warm_start_error": error, "warnings": tuple(shape.facts().get("warnings", ()))}
    return SdfNetwork(arch, found, albedo, None, (shape.centre, shape.scale), facts)


def warm_start(arch: Architecture, shape: SdfGrid, steps: int, seed: int) -> tuple[dict[str, np.ndarray], float]:
    """(parameters, mean error of the distance near the surface, object units) of a network fitted to a grid's field."""
    start = initial(arch, seed, 0.6)
    fitted = {n: start[n] for n in start if not n.startswith("radiance.")}
    if steps == 0:
        return start, float("nan")
    pool, goals = _points(shape, np.random.default_rng(seed))
    schedule = optax.cosine_decay_schedule(RATE, steps, 0.05)
    optimizer = optax.adam(schedule)

    def loss(parameters: Any, points: Any, goal: Any) -> Any:
        network = DistanceNetwork.of(arch, {**parameters, TURN: jnp.eye(3, dtype=jnp.float32)})
        error = jnp.abs(network(points) - goal)
        return jnp.mean(error), jnp.mean(error[: POINTS // 2])

    def step(index: Any, carry: Any) -> Any:
        parameters, moments, _ = carry
        row = index % POOL
        (_, near), gradient = jax.value_and_grad(loss, has_aux=True)(parameters, pool[row], goals[row])
        change, moments = optimizer.update(gradient, moments, parameters)
        return optax.apply_updates(parameters, change), moments, near

    run: Callable[..., Any] = jax.jit(
        lambda p: jax.lax.fori_loop(0, steps, step, (p, optimizer.init(p), jnp.float32(0)))
    )
    moved, _, near = run({n: jnp.asarray(v) for n, v in fitted.items()})
    found = {n: np.asarray(v) for n, v in moved.items()}
    if not all(np.isfinite(v).all() for v in found.values()):
        raise RimlightError("shape.network: the warm start did not settle; choose fewer layers or a larger width")
    assert {n: v.size for n, v in found.items() if v.ndim} == {n: s for n, s in sizes_of(arch).items() if n in found}
    return {**start, **found}, float(near)


def _points(shape: SdfGrid, rng: np.random.Generator) -> tuple[Any, Any]:
    """(points (POOL, POINTS, 3), distances (POOL, POINTS)): the first half of each row near the surface. Outside the
    grid's box the distance to the box is added, as sqrt(gap^2 + f^2)."""
    values = {**shape.parameters(), **shape.constants()}
    vertices = shape.display_mesh(values)[0]
    if not len(vertices):
        raise RimlightError("shape: the grid has no surface, so a network has nothing to start from; choose another")
    half = POINTS // 2
    near = vertices[rng.integers(len(vertices), size=POOL * half)] + rng.normal(0.0, NEAR, (POOL * half, 3))
    far = rng.uniform(-REACH, REACH, (POOL * half, 3))
    points = np.concatenate([near.reshape(POOL, half, 3), far.reshape(POOL, half, 3)], axis=1)
    field, box = shape.host_field(values)
    inside = np.clip(points, box[0], box[1])
    gap = np.linalg.norm(points - inside, axis=-1)
    value = distances(field, inside.reshape(-1, 3)).reshape(gap.shape)
    return jnp.asarray(points, jnp.float32), jnp.asarray(np.where(gap > 0, np.hypot(gap, value), value), jnp.float32)
