"""Pose from depth and silhouette (Keselman and Hebert 2022, Table 2 and Fig. 4), with ICP as the classic baseline."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from core.metaballs.calibrate import calibrated
from core.metaballs.convert import surface_points
from core.metaballs.icp import depth_points, icp
from core.metaballs.pose import find_pose
from core.metaballs.scene import FOV, Options, Subject, Trial, fitted, mixtures, pose_error, trials
from core.metaballs.sensor_noise import stereo_depth, without_a_part
from core.report.tables import Row, mean_interval, summary
from kernels.raster.interpolate import vertex_normals
from kernels.rotation import rotation_angle

Progress = Callable[[str, float | None], None]

EQUAL_FIDELITY, HIGH_FIDELITY = 470, 40_000
"""Points of the ICP baselines: what the paper finds as good as 40 Gaussians (section 6), and plenty."""
POSE_SIZE = (80, 60)
"""Pixels, the CPU size of the paper's Table 1."""
Outcome = tuple[float, float]
"""(pose error, seconds)."""
Images = Sequence[tuple[np.ndarray, np.ndarray]]
"""(depth, mask) of each trial."""


def poses(subjects: Sequence[Subject], options: Options, progress: Progress) -> Iterator[Row]:
    """Table 2, noise-free and noisy. behind_low, behind_high: 95 % bootstrap interval of how much larger the mean error
    is than that of the surface mixture, trial by trial."""
    for one in subjects:
        starts = trials(options.trials, one.size, options.seed, *POSE_SIZE)
        first = [(pose_error(float(np.linalg.norm(t.rotation)), t.shift, one.size), 0.0) for t in starts]
        compared = [*_metaballs(one, options, progress), *_baselines(one, options, progress)]
        for noisy in (False, True):
            images = _targets(one, starts, noisy, options.seed)
            best: list[Outcome] = []
            for method, numbers, search in compared:
                found = search(starts, images)
                best = best or found
                label = {"shape": one.name, "noise": "noisy" if noisy else "none", "method": method}
                yield {**label, "numbers": numbers, **_judged(found, options), **_behind(found, best, options)}
            yield {**label, "method": "start", "numbers": 0, **_judged(first, options), **_behind(first, best, options)}


def sensitivity(subjects: Sequence[Subject], options: Options, progress: Progress) -> Iterator[Row]:
    """Perturbation sensitivity (Fig. 4): the pose error when the search begins at the true pose."""
    for one in subjects:
        starts = trials(max(8, options.trials // 4), one.size, options.seed, *POSE_SIZE, degrees=0.0, share=0.0)
        images = _targets(one, starts, False, options.seed)
        compared = [
            method
            for components in (10, 20, 40, 80)
            for method in _metaballs(one, replace(options, components=components), progress, ("surface",))
        ]
        for method, numbers, search in (*compared, *_baselines(one, options, progress, (100, 470, 2000, 40_000))):
            found = _judged(search(starts, images), options)
            yield {"shape": one.name, "method": method, "numbers": numbers, **found}


Search = Callable[[Sequence[Trial], Images], list[Outcome]]
Compared = tuple[str, int, Search]
"""Name, how many numbers the object is described by, and the search."""


def _metaballs(
    one: Subject, options: Options, progress: Progress, inits: Sequence[str] | None = None
) -> Iterator[Compared]:
    for init in inits or mixtures(one):
        task = f"{one.name}: {init} mixture of {options.components}"
        progress(f"{task} calibrated", None)
        shape, look = calibrated(fitted(one, options, init), one, options.seed)

        def search(starts: Sequence[Trial], images: Images, shape=shape, look=look, task=task) -> list[Outcome]:
            found = []
            for i, (trial, (depth, mask)) in enumerate(zip(starts, images)):
                progress(task, i / len(starts))
                values = one.values(shape, trial.rotation, trial.shift)
                end = find_pose(shape, values, trial.view, depth, mask, size=one.size, look=look)
                angle = float(np.degrees(rotation_angle(end.rotation, np.array([1.0, 0.0, 0.0, 0.0]))))
                found.append((pose_error(angle, end.translation, one.size), end.seconds))
            return found

        yield f"metaballs, {init}", 10 * options.components, search


def _baselines(
    one: Subject, options: Options, progress: Progress, counts: Sequence[int] = (EQUAL_FIDELITY, HIGH_FIDELITY)
) -> Iterator[Compared]:
    for count in counts:
        for plane in (False, True):
            name = f"ICP {'plane' if plane else 'point'}, {count} points"

            def search(starts: Sequence[Trial], images: Images, count=count, plane=plane, name=name) -> list[Outcome]:
                model, normals = _cloud(one, count, options.seed)
                found = []
                for i, (trial, (depth, mask)) in enumerate(zip(starts, images)):
                    progress(f"{one.name}: {name}", i / len(starts))
                    begin = time.perf_counter()
                    seen = depth_points(depth, mask, np.radians(FOV), trial.view)
                    end = icp(seen, model, normals if plane else None, trial.matrix(), trial.shift)
                    spent = time.perf_counter() - begin
                    cosine = np.clip(0.5 * (np.trace(end.rotation) - 1.0), -1.0, 1.0)
                    angle = float(np.degrees(np.arccos(cosine)))
                    found.append((pose_error(angle, end.translation, one.size), spent))
                return found

            yield name, 3 * count, search


def _judged(found: Sequence[Outcome], options: Options) -> dict[str, float]:
    errors, seconds = zip(*found)
    return {**summary(errors, options.seed), "seconds": float(np.mean(seconds))}


def _behind(found: Sequence[Outcome], best: Sequence[Outcome], options: Options) -> dict[str, float]:
    low, high = mean_interval([a[0] - b[0] for a, b in zip(found, best)], options.seed)
    return {"behind_low": low, "behind_high": high}


def _targets(one: Subject, starts: Sequence[Trial], noisy: bool, seed: int) -> Images:
    """(depth, mask) of each trial's view; noisy: stereo depth, and a silhouette less one of its parts."""
    rng = np.random.default_rng((seed, 1))
    images = []
    for trial in starts:
        seen = one.look(trial.view)
        depth, mask = seen["depth"], seen["silhouette"]
        if noisy:
            depth = stereo_depth(depth, mask, rng)
            mask = without_a_part(mask, rng)
        images.append((depth, mask))
    return images


def _cloud(one: Subject, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points on the mesh and their smooth normals."""
    normals = vertex_normals(one.data.vertices, one.data.faces)
    shown = replace(one.data, vertex_colours=np.asarray(normals))  # carried along with the points
    points, carried = surface_points(shown, count, np.random.default_rng(seed))
    assert carried is not None
    return points, carried / np.maximum(np.linalg.norm(carried, axis=1, keepdims=True), 1e-9)
