"""Snapshots: everything the eye gets of one state at one time, as arrays for the window."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from core import protocol
from core.derivatives.reference import as_arrays
from core.inspection import inspect
from core.label_colours import as_shown
from core.looking import display_colours, fragment_arrays, handle_arrays
from core.parameters import display_values
from core.problem import Problem, State, host_values
from kernels.camera import model_matrix

ISOSURFACE_SECONDS = 0.25
"""A shape whose triangles must be extracted anew (a grid) is shown at most this often while a fit runs."""


class Snapshots:
    """Takes snapshots of one scene's states; triangles that must be extracted are kept for a while."""

    def __init__(self) -> None:
        self._mesh: tuple[float, Any] = (0.0, None)
        self._sent_faces: Any = None

    def take(
        self,
        problem: Problem,
        state: State,
        view: int,
        channel: str,
        gradient: Mapping[str, Any],
        include_topology: bool = True,
    ) -> protocol.Snapshot:
        """The state seen through view number `view`; gradient: what colours the shape's vertices.

        include_topology: send the faces even where the last snapshot had the same.
        """
        seen = inspect(problem, state, view)
        render, target = (as_shown(channel, as_arrays(i)[channel]) for i in (seen.image, seen.target))
        values = host_values(problem, state)
        vertices, faces = self._display_mesh(problem, values)
        arrays: dict[str, np.ndarray] = {
            "vertices": np.asarray(vertices, np.float32),
            "model": model_matrix(values).astype(np.float32),
            "target": target,
            "render": render,
            "difference": render - target,
            "loss_gradient": as_shown(channel, as_arrays(seen.loss_gradient)[channel]),
        }
        if include_topology or faces is not self._sent_faces:
            arrays["faces"], self._sent_faces = faces, faces
        arrays.update(fragment_arrays(seen.samples, problem.views[view], float(values["camera.fov"])))
        arrays.update(handle_arrays(problem.shape, values))
        arrays.update(display_colours(problem.shape, values, gradient))
        return protocol.Snapshot(
            iteration=state.iteration,
            view=view,
            arrays=arrays,
            stamps=dict.fromkeys(arrays, state.iteration),
            values=display_values({n: values[n] for n in state.values}),
        )

    def _display_mesh(self, problem: Problem, values: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        if "values" not in values:
            return problem.shape.display_mesh(values)
        now = time.monotonic()
        if self._mesh[1] is None or now - self._mesh[0] > ISOSURFACE_SECONDS:
            self._mesh = (now, problem.shape.display_mesh(values))
        return self._mesh[1]
