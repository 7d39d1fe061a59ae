"""How sharp a mixture has to be drawn: four numbers that make its depth and silhouettes agree with its mesh.

Expectation-maximisation knows nothing of rays: a mixture's silhouettes are too soft and its depth lies too far back,
which turns and shifts a pose. The paper tunes five hyperparameters by hand and holds them; here beta1, beta2, the gain
of all weights and the width of all Gaussians follow from pictures of the mesh, from directions of their own.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from core.experiment import PoseSpec, SceneSpec, ViewsSpec
from core.metaballs.carve import lens_of_matrix
from core.metaballs.pose import SEEN, Stage, pose_loss, stage_numbers
from core.metaballs.scene import FOV, POSE_DISTANCE, Subject
from core.parameters import scene_values
from core.shapes.metaballs import Metaballs, host_factors
from core.targets.views import fitted_views
from kernels.camera import lens_of
from kernels.metaballs import Gaussians, factor_matrices
from kernels.metaballs_render import render_rays
from kernels.methods.fuzzy_metaballs import METHOD, Settings, camera_quadrics
from kernels.settings import split_settings

VIEWS, SIDE = 32, 64
STEPS, RATE = 300, 0.03
"""Of Adam, with a rate that falls to zero along a cosine: each of the four is a logarithm."""
BATCH = (16, 100)
"""Views a step, and rays of each."""
EXACT = Stage(depth_weight=20.0)
"""The pictures are the mesh's own: nothing is missing from them."""


def calibrated(shape: Metaballs, one: Subject, seed: int = 0) -> tuple[Metaballs, Settings]:
    """The mixture with its weights and widths scaled, and the renderer's settings that belong to it."""
    views = fitted_views(
        ViewsSpec(kind="sphere", count=VIEWS, width=SIDE, height=SIDE, distance=POSE_DISTANCE, fov=FOV)
    )
    looks = [one.look(view) for view in views]
    target = tuple(
        jnp.asarray(np.stack([look[name].reshape(-1) for look in looks]), jnp.float32)
        for name in ("depth", "silhouette")
    )
    lenses = jnp.stack([jnp.asarray(lens_of(view).world_to_camera) for view in views])
    centres = METHOD.sample(shape, {}, views[0], Settings(), frozenset())
    x, y = (jnp.asarray(a.reshape(-1)) for a in np.meshgrid(centres.columns, centres.rows))
    scene = {n: jnp.asarray(v, jnp.float32) for n, v in scene_values(SceneSpec(), PoseSpec(), FOV).items()}
    values = {n: jnp.asarray(v) for n, v in shape.parameters().items()}
    traced = split_settings(Settings())[0]
    start = {n: jnp.log(jnp.float32(traced[n])) for n in ("beta1", "beta2")}
    start = {**start, "gain": jnp.float32(0.0), "narrower": jnp.float32(0.0)}
    found = _tuned(start, values, scene, traced, lenses, x, y, target, jax.random.key(seed))
    log = {n: float(v) for n, v in found.items()}
    parameters = shape.parameters()
    sharp = Metaballs(
        parameters["means"],
        host_factors(parameters) * np.exp(log["narrower"]),
        parameters["log_weights"] + log["gain"],
        parameters["colours"],
        (shape.centre, shape.scale),
    )
    return sharp, replace(Settings(), beta1=float(np.exp(log["beta1"])), beta2=float(np.exp(log["beta2"])))


@jax.jit
def _tuned(start, values, scene, traced, lenses, x, y, target, key):  # type: ignore[no-untyped-def]
    """The four logarithms after STEPS of Adam on batches of rays."""
    adam = optax.adam(optax.cosine_decay_schedule(RATE, STEPS), b2=0.99)

    def seen(free, lens, x, y):
        factors = factor_matrices(values["precision_factors"]) * jnp.exp(free["narrower"])
        balls = Gaussians(values["means"], factors, values["log_weights"] + free["gain"], None)
        beta = {**traced, "beta1": jnp.exp(free["beta1"]), "beta2": jnp.exp(free["beta2"])}
        return render_rays(camera_quadrics(balls, scene, lens_of_matrix(lens)), None, x, y, beta, wanted=SEEN)

    def loss(free, chosen, pixels):
        image = jax.vmap(functools.partial(seen, free))(lenses[chosen], x[pixels], y[pixels])
        depth, mask = (plane[chosen[:, None], pixels] for plane in target)
        return pose_loss(image, depth, mask, stage_numbers(EXACT))

    def step(carry: Any, key: Any) -> Any:
        free, state = carry
        first, second = jax.random.split(key)
        chosen = jax.random.choice(first, VIEWS, (BATCH[0],), replace=False)
        pixels = jax.random.randint(second, BATCH, 0, x.shape[0])
        update, state = adam.update(jax.grad(loss)(free, chosen, pixels), state)
        return (optax.apply_updates(free, update), state), None

    (free, _), _ = jax.lax.scan(step, (start, adam.init(start)), jax.random.split(key, STEPS))
    return free
