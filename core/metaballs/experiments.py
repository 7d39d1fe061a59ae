"""The experiments of Keselman and Hebert 2022 as commands that write their tables, for any meshes.

Each table is a function (subjects, options, progress) -> rows; `TABLES` lists them for `rimlight metaballs TABLE`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.inspection import forward
from core.metaballs.carve import Carved, CarveSettings, carve
from core.metaballs.convert import Conversion, convert_mesh, surface_points
from core.metaballs.icp import depth_points, icp
from core.metaballs.pose import find_pose
from core.metaballs.scene import FOV, Subject, Trial, pose_error, silhouette_views, subject, trials
from core.metaballs.sensor_noise import stereo_depth, undersegmented, without_a_part
from core.metrics import iou
from core.report.tables import Row, save_table, summary
from core.shapes.metaballs import Metaballs
from kernels.methods.fuzzy_metaballs import METHOD, Settings
from kernels.rotation import rotation_angle
from kernels.types import CameraView

Progress = Callable[[str, float | None], None]

CLIP = 1e-6
"""Coverage is kept this far from 0 and 1 before its logarithm is taken (section 7.1)."""
EQUAL_FIDELITY, HIGH_FIDELITY = 470, 40_000
"""Points of the ICP baselines: what the paper finds as good as 40 Gaussians (section 6), and plenty."""
POSE_SIZE = (80, 60)
"""Pixels, the CPU size of the paper's Table 1."""


@dataclass(frozen=True)
class Options:
    """trials: of poses, a shape. seeds: of carvings, a shape."""

    components: int = 40
    trials: int = 100
    seeds: int = 5
    seed: int = 0


def fitted(subject: Subject, options: Options, init: str = "surface") -> Metaballs:
    """The subject's mesh as metaballs."""
    return Metaballs.from_data(convert_mesh(subject.data, Conversion(options.components, init, options.seed)))


def mask_error(alpha: np.ndarray, mask: np.ndarray) -> float:
    """Cross-entropy of a coverage in [0, 1] against a hard silhouette (eq. 11)."""
    a = np.clip(alpha.astype(np.float64), CLIP, 1.0 - CLIP)
    return float(-np.mean(mask * np.log(a) + (1.0 - mask) * np.log(1.0 - a)))


# ---------------------------------------------------------------------------------------------- Fig. 3


def intersections(subjects: Sequence[Subject], options: Options, progress: Progress) -> list[Row]:
    """Depth and mask errors of the three intersections against the mesh (Fig. 3), 8 views of 160 x 120."""
    rows: list[Row] = []
    for one in subjects:
        balls = {init: fitted(one, options, init) for init in _inits(one)}
        views = [trial.view for trial in trials(8, one.size, options.seed, 160, 120)]
        truth = [one.look(view) for view in views]
        for init, shape in balls.items():
            for name in ("linear", "quadratic", "cubic"):
                progress(f"{one.name}: {name}", None)
                errors = [_errors(one, shape, view, seen, name) for view, seen in zip(views, truth)]
                depth, mask, overlap = np.mean(errors, 0)
                rows.append(
                    {"shape": one.name, "mixture": init, "intersection": name, "depth_error": float(depth),
                     "mask_error": float(mask), "iou": float(overlap)}
                )  # fmt: skip
    return rows


def _inits(one: Subject) -> tuple[str, ...]:
    return ("surface", "volume") if one.data.facts.get("watertight") else ("surface",)


def _errors(one: Subject, shape: Metaballs, view: CameraView, seen: dict, intersection: str) -> tuple[float, ...]:
    """Mean relative depth error where both see the object, cross-entropy and overlap of the silhouettes."""
    image = forward(
        shape, METHOD, Settings(intersection=intersection), one.values(shape), view, ("silhouette", "depth")
    )
    alpha, mask = image["silhouette"][0], seen["silhouette"]
    background = float(np.linalg.norm(np.linalg.inv(view.world_to_camera)[:3, 3])) + 1.5
    depth = (image["depth"][0] - (1.0 - alpha) * background) / np.maximum(alpha, 1e-3)
    both = (mask > 0.5) & (alpha > 0.5)
    gap = np.abs(depth - seen["depth"])[both] / seen["depth"][both]
    return float(gap.mean()), mask_error(alpha, mask), iou(alpha, mask)


# ---------------------------------------------------------------------------------------------- Table 2, Fig. 4


def poses(subjects: Sequence[Subject], options: Options, progress: Progress) -> list[Row]:
    """Pose from depth and silhouette (Table 2), noise-free and noisy, with ICP as the classic baseline."""
    rows: list[Row] = []
    for one in subjects:
        starts = trials(options.trials, one.size, options.seed, *POSE_SIZE)
        for noisy in (False, True):
            images = _targets(one, starts, noisy, options.seed)
            label = {"shape": one.name, "noise": "noisy" if noisy else "none"}
            first = [pose_error(float(np.linalg.norm(t.rotation)), t.shift, one.size) for t in starts]
            rows.append({**label, "method": "start", "numbers": 0, **summary(first, options.seed), "seconds": 0.0})
            for init in _inits(one):
                progress(f"{one.name}: metaballs, {init}", None)
                found = _pose_metaballs(one, fitted(one, options, init), starts, images)
                size = options.components * 10
                rows.append({**label, "method": f"metaballs, {init}", "numbers": size, **_judged(found, options)})
            for points in (EQUAL_FIDELITY, HIGH_FIDELITY):
                for plane in (False, True):
                    progress(f"{one.name}: ICP, {points} points", None)
                    found = _pose_icp(one, points, plane, starts, images, options.seed)
                    name = f"ICP {'plane' if plane else 'point'}, {points} points"
                    rows.append({**label, "method": name, "numbers": 3 * points, **_judged(found, options)})
    return rows


def sensitivity(subjects: Sequence[Subject], options: Options, progress: Progress) -> list[Row]:
    """Perturbation sensitivity (Fig. 4): the pose error when the search begins at the true pose."""
    rows: list[Row] = []
    for one in subjects:
        starts = trials(max(8, options.trials // 4), one.size, options.seed, *POSE_SIZE, degrees=0.0, share=0.0)
        images = _targets(one, starts, False, options.seed)
        for components in (10, 20, 40, 80):
            progress(f"{one.name}: {components} Gaussians", None)
            shape = fitted(one, Options(components, seed=options.seed))
            found = _judged(_pose_metaballs(one, shape, starts, images), options)
            rows.append({"shape": one.name, "method": "metaballs, surface", "numbers": 10 * components, **found})
        for points in (100, EQUAL_FIDELITY, 2000, HIGH_FIDELITY):
            for plane in (False, True):
                progress(f"{one.name}: ICP, {points} points", None)
                found = _judged(_pose_icp(one, points, plane, starts, images, options.seed), options)
                name = f"ICP {'plane' if plane else 'point'}"
                rows.append({"shape": one.name, "method": name, "numbers": 3 * points, **found})
    return rows


Outcome = tuple[float, float]
"""(pose error, seconds)."""


def _judged(found: Sequence[Outcome], options: Options) -> dict[str, float]:
    errors, seconds = zip(*found)
    return {**summary(errors, options.seed), "seconds": float(np.mean(seconds))}


def _targets(one: Subject, starts: Sequence[Trial], noisy: bool, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
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


def _pose_metaballs(one: Subject, shape: Metaballs, starts: Sequence[Trial], images: Sequence[Any]) -> list[Outcome]:
    found = []
    for trial, (depth, mask) in zip(starts, images):
        values = one.values(shape, trial.rotation, trial.shift)
        end = find_pose(shape, values, trial.view, depth, mask, size=one.size)
        angle = float(np.degrees(rotation_angle(end.rotation, np.array([1.0, 0.0, 0.0, 0.0]))))
        found.append((pose_error(angle, end.translation, one.size), end.seconds))
    return found


def _pose_icp(
    one: Subject, count: int, plane: bool, starts: Sequence[Trial], images: Sequence[Any], seed: int
) -> list[Outcome]:
    import time

    model, normals = _cloud(one, count, seed)
    found = []
    for trial, (depth, mask) in zip(starts, images):
        begin = time.perf_counter()
        seen = depth_points(depth, mask, np.radians(FOV), trial.view)
        end = icp(seen, model, normals if plane else None, trial.matrix(), trial.shift)
        spent = time.perf_counter() - begin
        cosine = np.clip(0.5 * (np.trace(end.rotation) - 1.0), -1.0, 1.0)
        found.append((pose_error(float(np.degrees(np.arccos(cosine))), end.translation, one.size), spent))
    return found


def _cloud(one: Subject, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points on the mesh and their smooth normals."""
    from dataclasses import replace

    from kernels.raster.interpolate import vertex_normals

    normals = vertex_normals(one.data.vertices, one.data.faces)
    shown = replace(one.data, vertex_colours=np.asarray(normals))  # carried along with the points
    points, carried = surface_points(shown, count, np.random.default_rng(seed))
    assert carried is not None
    return points, carried / np.maximum(np.linalg.norm(carried, axis=1, keepdims=True), 1e-9)


# ---------------------------------------------------------------------------------------------- Table 3


def silhouettes(subjects: Sequence[Subject], options: Options, progress: Progress) -> list[Row]:
    """Shape from silhouette (Table 3), noise-free and noisy, with voxel carving as the classic baseline."""
    fitted_ones, novel = silhouette_views()
    rows: list[Row] = []
    for one in subjects:
        clean = np.stack([one.look(view, ("silhouette",))["silhouette"] for view in fitted_ones])
        truth = np.stack([one.look(view, ("silhouette",))["silhouette"] for view in novel])
        for noisy in (False, True):
            label = {"shape": one.name, "noise": "noisy" if noisy else "none"}
            outcomes = []
            for seed in range(options.seeds):
                rng = np.random.default_rng((options.seed, seed))
                masks = undersegmented(clean, rng) if noisy else clean
                how = CarveSettings(components=options.components)
                made = carve(masks, fitted_ones, FOV, how, options.seed + seed, progress=progress)
                outcomes.append((*judge_carved(one, made, novel, truth), made.seconds, made.steps))
            rows.append({**label, "method": "metaballs", "seeds": options.seeds, **_medians(outcomes)})
            progress(f"{one.name}: voxel carving", None)
            outcomes = []
            for seed in range(options.seeds if noisy else 1):
                masks = undersegmented(clean, np.random.default_rng((options.seed, seed))) if noisy else clean
                outcomes.append((*_voxels(one, masks, fitted_ones, novel, truth), 0))
            rows.append({**label, "method": "voxel carving", "seeds": len(outcomes), **_medians(outcomes)})
    return rows


def _medians(outcomes: Sequence[tuple[float, ...]]) -> dict[str, float]:
    names = ("cross_entropy", "iou", "seconds", "steps")
    medians = {name: float(np.median(column)) for name, column in zip(names, zip(*outcomes))}
    return {**medians, "worst_cross_entropy": float(np.max([o[0] for o in outcomes]))}


def judge_carved(one: Subject, made: Carved, novel: Sequence[CameraView], truth: np.ndarray) -> tuple[float, float]:
    """Cross-entropy and mean IoU of a carving on views it has never seen."""
    shape = Metaballs.from_data(convert_mesh(one.data, Conversion(len(made.values["means"]), "random")))
    values = {**one.values(shape), **made.values}
    seen = np.stack(
        [forward(shape, METHOD, Settings(), values, view, ("silhouette",))["silhouette"][0] for view in novel]
    )
    return mask_error(seen, truth), float(np.mean([iou(a, b) for a, b in zip(seen, truth)]))


def _voxels(
    one: Subject, masks: np.ndarray, views: Sequence[CameraView], novel: Sequence[CameraView], truth: np.ndarray
) -> tuple[float, float, float]:
    """(cross-entropy, IoU, seconds) of the visual hull on a grid of 128^3, through its triangles."""
    import time

    from core.derivatives.reference import hard_image
    from core.shapes.mesh import Mesh
    from core.targets.visual_hull import carve as carve_voxels
    from kernels.marching_cubes import extract

    begin = time.perf_counter()
    field, spacing = carve_voxels(views, lambda i: masks[i], np.radians(FOV), 128, lambda task, done: None)
    vertices, faces = extract(field, np.full(3, -0.5 * spacing * 127), np.full(3, spacing))[:2]
    spent = time.perf_counter() - begin
    hull = Mesh(vertices.astype(np.float32), faces) if len(faces) else None
    blank = np.zeros_like(truth[0])
    seen = [
        hard_image(hull, one.values(hull), view, ("silhouette",), 1)["silhouette"][..., 0]
        if hull is not None
        else blank
        for view in novel
    ]
    return mask_error(np.stack(seen), truth), float(np.mean([iou(a, b) for a, b in zip(seen, truth)])), spent


# ---------------------------------------------------------------------------------------------- Table 1


def runtimes(subjects: Sequence[Subject], options: Options, progress: Progress) -> list[Row]:
    """Forward pass and value with pose gradient (Table 1) of every method of Rimlight on its own kind of shape, ms."""
    from core.metaballs.timing import timed_rows

    rows: list[Row] = []
    for one in subjects:
        rows += timed_rows(one, fitted(one, options), progress)
    return rows


TABLES: dict[str, tuple[str, Callable[[Sequence[Subject], Options, Progress], list[Row]]]] = {
    "runtime": ("Run time against the other representations (Table 1), milliseconds", runtimes),
    "intersections": ("Depth and mask errors of the three intersections (Fig. 3)", intersections),
    "sensitivity": ("Perturbation sensitivity: pose error from the true pose (Fig. 4)", sensitivity),
    "pose": (
        "Pose from depth and silhouette (Table 2): rotation degrees and translation percent, geometric mean",
        poses,
    ),
    "silhouette": ("Shape from silhouette (Table 3), on views never fitted", silhouettes),
}


def run_table(name: str, shapes: Sequence[str], out: str | Path, options: Options, progress: Progress) -> list[Row]:
    """Compute one table for mesh files or bundled meshes and write it to `out`; returns its rows."""
    title, table = TABLES[name]
    rows = table([subject(shape) for shape in shapes], options, progress)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    save_table(folder, name, title, rows)
    return rows


__all__ = ["TABLES", "Options", "run_table"]
