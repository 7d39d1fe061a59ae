"""Shape from silhouette (Keselman and Hebert 2022, Table 3), with voxel carving as the classic baseline."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from core.derivatives.reference import hard_image
from core.inspection import Rendered, forward
from core.metaballs.carve import Carved, CarveSettings, carve
from core.metaballs.convert import Conversion, convert_mesh
from core.metaballs.scene import FOV, Options, Subject, mask_error, silhouette_views
from core.metaballs.sensor_noise import undersegmented
from core.metrics import iou
from core.report.tables import Row
from core.shapes.mesh import Mesh
from core.shapes.metaballs import Metaballs
from core.targets.visual_hull import carve as carve_voxels
from kernels.marching_cubes import extract
from kernels.methods.fuzzy_metaballs import METHOD, Settings
from kernels.types import CameraView

Progress = Callable[[str, float | None], None]


def silhouettes(subjects: Sequence[Subject], options: Options, progress: Progress) -> Iterator[Row]:
    """Shape from silhouette (Table 3), noise-free and noisy, with voxel carving as the classic baseline."""
    fitted_ones, novel = silhouette_views()
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
            yield {**label, "method": "metaballs", "seeds": options.seeds, **_medians(outcomes)}
            progress(f"{one.name}: voxel carving", None)
            outcomes = []
            for seed in range(options.seeds if noisy else 1):
                masks = undersegmented(clean, np.random.default_rng((options.seed, seed))) if noisy else clean
                outcomes.append((*_voxels(one, masks, fitted_ones, novel, truth), 0))
            yield {**label, "method": "voxel carving", "seeds": len(outcomes), **_medians(outcomes)}


def _medians(outcomes: Sequence[tuple[float, ...]]) -> dict[str, float]:
    names = ("cross_entropy", "iou", "seconds", "steps")
    medians = {name: float(np.median(column)) for name, column in zip(names, zip(*outcomes))}
    return {**medians, "worst_cross_entropy": float(np.max([o[0] for o in outcomes]))}


def judge_carved(one: Subject, made: Carved, novel: Sequence[CameraView], truth: np.ndarray) -> tuple[float, float]:
    """Cross-entropy and mean IoU of a carving on views it has never seen."""
    shape = Metaballs.from_data(convert_mesh(one.data, Conversion(len(made.values["means"]), "random")))
    values = {**one.values(shape), **made.values}
    seen = np.stack(
        [forward(Rendered(shape, METHOD, Settings(), values, view, ("silhouette",)))["silhouette"][0] for view in novel]
    )
    return mask_error(seen, truth), float(np.mean([iou(a, b) for a, b in zip(seen, truth)]))


def _voxels(
    one: Subject, masks: np.ndarray, views: Sequence[CameraView], novel: Sequence[CameraView], truth: np.ndarray
) -> tuple[float, float, float]:
    """(cross-entropy, IoU, seconds) of the visual hull on a grid of 128^3, through its triangles."""
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
