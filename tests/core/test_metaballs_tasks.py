"""Shape from silhouette, pose, noise and the classic baselines, on small pictures; spot's figures where the data is."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from core.metaballs.calibrate import calibrated
from core.metaballs.carve import CarveSettings, carve
from core.metaballs.experiments import intersections
from core.metaballs.icp import depth_points, icp
from core.metaballs.pose import PoseSettings, Stage, find_pose, pose_loss, stage_numbers
from core.metaballs.scene import FOV, Options, fitted, pose_error, silhouette_views, subject, trials
from core.metaballs.sensor_noise import stereo_depth, undersegmented, without_a_part
from core.metaballs.silhouette_tables import judge_carved
from core.report.tables import markdown, summary
from kernels.methods.fuzzy_metaballs import Settings
from kernels.rotation import rotation_angle

STILL = np.array([1.0, 0.0, 0.0, 0.0])


@pytest.fixture(scope="module")
def pawn():
    return subject("chess-pawn")


def test_silhouettes_lose_an_eighth() -> None:
    rows, columns = np.mgrid[:48, :48]
    disc = (np.hypot(rows - 24, columns - 24) < 18).astype(np.float32)
    rng = np.random.default_rng(0)
    lost = [1.0 - without_a_part(disc, rng).sum() / disc.sum() for _ in range(10)]
    assert 0.05 < np.mean(lost) < 0.2
    many = undersegmented(np.stack([disc] * 8), rng)
    assert [bool((m != disc).any()) for m in many].count(True) == 4
    assert np.array_equal(without_a_part(np.zeros((8, 8), np.float32), rng), np.zeros((8, 8)))


def test_stereo_noise_grows_with_the_square_of_the_distance() -> None:
    rng = np.random.default_rng(0)
    depth = np.repeat([[2.0], [4.0]], 20_000, 1)
    noisy = stereo_depth(depth, np.ones_like(depth), rng)
    near, far = (noisy - depth).std(1)
    assert far / near == pytest.approx(4.0, rel=0.05)


def test_icp_brings_a_model_back(pawn) -> None:
    """Point-to-plane and point-to-point from a small turn, against the depth image's own points."""
    trial = trials(1, pawn.size, 3, 48, 48, degrees=12.0, share=0.1)[0]
    seen = pawn.look(trial.view)
    points = depth_points(seen["depth"], seen["silhouette"], np.radians(FOV), trial.view)
    from core.metaballs.pose_tables import _cloud

    model, normals = _cloud(pawn, 20_000, 0)
    for chosen in (None, normals):
        found = icp(points, model, chosen, trial.matrix(), trial.shift)
        assert np.linalg.norm(found.translation) < 0.02
        assert found.error < 0.01
        assert np.abs(np.linalg.det(found.rotation) - 1.0) < 1e-9


def test_a_pose_is_found_from_one_depth_image(pawn) -> None:
    """By a mixture that was calibrated: its settings hide more of what lies behind than the defaults do."""
    shape, look = calibrated(fitted(pawn, Options(20)), pawn)
    assert look.beta2 > 1.5 * Settings().beta2
    trial = trials(1, pawn.size, 1, 40, 40, degrees=20.0, share=0.3)[0]
    seen = pawn.look(trial.view)
    values = pawn.values(shape, trial.rotation, trial.shift)
    settings = PoseSettings(steps=160)
    end = find_pose(shape, values, trial.view, seen["depth"], seen["silhouette"], settings, pawn.size, look)
    assert np.linalg.norm(end.translation) < 0.25 * np.linalg.norm(trial.shift)
    assert end.steps <= 2 * 160
    angle = np.degrees(rotation_angle(end.rotation, STILL))
    assert pose_error(float(angle), end.translation, pawn.size) < pose_error(
        float(np.linalg.norm(trial.rotation)), trial.shift, pawn.size
    )


def test_a_part_that_a_segmentation_missed_pulls_less() -> None:
    """The loss of a covered pixel that is called empty is bounded by -log(missed); without it, only by the clipping."""
    covered = {"alpha": jnp.ones(4), "depth": jnp.full(4, 2.0)}
    mask, depth = jnp.array([1.0, 1.0, 1.0, 0.0]), jnp.full(4, 2.0)
    trusting, doubting = (
        float(pose_loss(covered, depth, mask, stage_numbers(Stage(missed=missed)))) for missed in (0.0, 0.3)
    )
    assert trusting == pytest.approx(-np.log(1e-7) / 3, rel=0.1)
    assert doubting == pytest.approx((-np.log(0.3) - 3 * np.log(0.7)) / 3, rel=1e-3)
    far = {**covered, "depth": jnp.full(4, 8.0)}
    limited = pose_loss(far, depth, jnp.ones(4), stage_numbers(Stage(depth_weight=1.0, outlier=0.05)))
    assert float(limited) == pytest.approx(0.05, abs=0.01)


def test_carving_from_few_silhouettes(pawn) -> None:
    views, novel = silhouette_views(8, 32)
    masks, truth = (np.stack([pawn.look(v, ("silhouette",))["silhouette"] for v in vs]) for vs in (views, novel))
    made = carve(masks, views, FOV, CarveSettings(components=10, rays=400, views=8, steps=250), seed=1)
    entropy, overlap = judge_carved(pawn, made, novel, truth)
    assert overlap > 0.85
    assert entropy < 0.1
    assert made.losses[-1] < 0.5 * made.losses[0]


def test_tables_say_what_they_hold(pawn) -> None:
    rows = list(intersections([pawn], Options(6), lambda task, done: None, 2, (40, 30)))
    assert {row["mixture"] for row in rows} == {"surface", "volume"}
    assert {row["intersection"] for row in rows} == {"linear", "quadratic", "cubic"}
    assert all(0 < row["depth_error"] < 0.2 and np.isfinite(row["mask_error"]) for row in rows)
    assert markdown(rows).count("\n") == len(rows) + 2
    found = summary(np.r_[np.zeros(50), np.full(50, 2.0)].tolist())
    assert found["mean"] == 1.0
    assert found["mean_low"] < 1.0 < found["mean_high"]
    assert found["iqr"] == 2.0


def test_spot_from_silhouettes_as_promised(shared_data) -> None:
    """The issue's figures, one seed: novel-view cross-entropy at most 0.0235 and IoU at least 0.955."""
    spot = subject(str(shared_data / "spot_textured" / "cow.obj"))
    views, novel = silhouette_views()
    masks, truth = (np.stack([spot.look(v, ("silhouette",))["silhouette"] for v in vs]) for vs in (views, novel))
    entropy, overlap = judge_carved(spot, carve(masks, views, FOV, seed=0), novel, truth)
    assert entropy <= 0.0235
    assert overlap >= 0.955
