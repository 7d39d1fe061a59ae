"""Camera sets: what the files say, where their world comes to lie, and that a fit to them ends where they are."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import map_coordinates

from core.derivatives.questions import Measure, Thumbnails
from core.errors import RimlightError
from core.experiment import (
    Experiment,
    OptimizerSpec,
    ParametersSpec,
    ShapeSpec,
    StageSpec,
    StopSpec,
    TargetSpec,
    TermSpec,
    ViewsSpec,
)
from core.experiments.defaults import experiment_for_file
from core.experiments.files import experiment_to_toml, load_experiment, save_experiment
from core.io.camera_set import split_file
from core.io.cameras import load_cameras
from core.io.check import check_file, check_inputs
from core.io.lenses import Intrinsics
from core.io.meshes import load_mesh
from core.problem import Target
from core.record.data_files import inner_place
from core.record.files import read_session, write_session
from core.record.session_record import SessionRecord
from core.session import Session
from core.targets.camera_targets import load_camera_scene
from core.targets.lazy_targets import LazyTargets, target_bytes
from tests.fakes import camera_files as files

CHANNELS = ("colour", "silhouette")
quiet = lambda task, fraction: None


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Ten training views and three test views of the creature."""
    path = tmp_path_factory.mktemp("cameras")
    files.write_transforms(path, "train", files.views(10))
    files.write_transforms(path, "test", files.views(3, held_out=True))
    return path


def experiment(folder, **changes) -> Experiment:
    side = files.SIDE
    made = Experiment(
        shape=ShapeSpec(primitive="visual-hull", hull_resolution=32),
        target=TargetSpec("cameras", file=str(folder / "transforms_train.json")),
        views=ViewsSpec("cameras", held_out=3, width=side, height=side, batch=4),
        terms=(TermSpec("l2", "colour"), TermSpec("laplacian", weight=10.0)),
        optimizer=OptimizerSpec("adam", 0.004, 0.3),
        parameters=ParametersSpec(("vertices", "vertex_colours")),
        scene=files.FLAT,
        stop=StopSpec(40),
    )
    return replace(made, **changes)


def refused(call, *arguments) -> str:
    with pytest.raises(RimlightError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ---------------------------------------------------------------------------------------------- the world


def test_the_scene_comes_to_the_unit_sphere_upright(folder):
    scene = load_camera_scene(experiment(folder), CHANNELS, quiet)
    # The creature fills the unit sphere about the origin; the file has it z-up, elsewhere and larger.
    assert np.linalg.norm(scene.frame.centre - files.CENTRE) < 0.2 * files.RADIUS
    assert scene.frame.radius == pytest.approx(files.RADIUS, rel=0.2)
    np.testing.assert_array_equal(scene.frame.rotation, files.UP.T)
    assert scene.fov == pytest.approx(files.FOV)
    exact = replace(experiment(folder).target, centre=tuple(files.CENTRE), radius=files.RADIUS)
    scene = load_camera_scene(replace(experiment(folder), target=exact), CHANNELS, quiet)
    for ours, theirs in zip(scene.views, files.views(10)):
        np.testing.assert_allclose(ours.world_to_camera, theirs.world_to_camera, atol=1e-12)
        assert ours.shift == (0.0, 0.0)


def test_pictures_arrive_premultiplied_linear_and_filtered(folder):
    small = replace(experiment(folder).views, width=24, height=24)
    scene = load_camera_scene(replace(experiment(folder), views=small), CHANNELS, quiet)
    pixels = files.rgba(folder / "train" / "r_0.png")
    linear = np.where(pixels <= 0.04045, pixels / 12.92, ((pixels + 0.055) / 1.055) ** 2.4)[..., :3] * pixels[..., 3:]
    expected = linear.reshape(24, 2, 24, 2, 3).mean(axis=(1, 3))
    target = scene.targets[0]
    np.testing.assert_allclose(np.stack(target.planes["colour"], -1), expected, atol=2e-3)
    as_stored = replace(experiment(folder).target, encoding="linear")
    scene = load_camera_scene(replace(experiment(folder), target=as_stored), CHANNELS, quiet)
    np.testing.assert_allclose(scene.targets[0].planes["colour"][0], pixels[..., 0] * pixels[..., 3], atol=1e-6)


def test_masks_may_lie_beside_pictures_without_alpha(folder, tmp_path):
    path = files.write_transforms(tmp_path, "train", files.views(2))
    (tmp_path / "masks").mkdir()
    kept = []
    for picture in sorted((tmp_path / "train").iterdir()):
        image = Image.open(picture)
        kept.append(np.asarray(image)[..., 3] / 255)
        image.getchannel("A").save(tmp_path / "masks" / picture.name)
        image.convert("RGB").save(picture)
    bare = replace(experiment(folder), target=TargetSpec("cameras", file=str(path), held_out="every-8th"))
    assert "no alpha" in refused(load_camera_scene, bare, CHANNELS, quiet)
    assert "silhouette" not in load_camera_scene(bare, ("colour",), quiet).targets[0].planes
    assert experiment_for_file(path).shape.primitive == "sphere"
    masked = replace(bare, target=replace(bare.target, masks=str(tmp_path / "masks")))
    scene = load_camera_scene(masked, CHANNELS, quiet)
    np.testing.assert_allclose(np.asarray(scene.targets[0].alpha), kept[1], atol=1e-6)  # r_0 is held out


def test_every_eighth_frame_can_be_held_out_and_views_thinned(folder):
    spec = replace(experiment(folder).target, held_out="every-8th")
    scene = load_camera_scene(replace(experiment(folder), target=spec), CHANNELS, quiet)
    assert [view.name for view in scene.held_out] == ["held out: r_0", "held out: r_8"]
    assert len(scene.views) == 8
    few = replace(experiment(folder).views, most=5, held_out=2)
    scene = load_camera_scene(replace(experiment(folder), views=few), CHANNELS, quiet)
    assert [view.name for view in scene.views] == ["r_0", "r_2", "r_4", "r_6", "r_8"]
    assert len(scene.held_out) == 2


# ---------------------------------------------------------------------------------------------- COLMAP


def test_colmap_text_is_the_same_cameras(folder, tmp_path):
    cameras = files.views(4)
    names = files.pictures(tmp_path / "images", cameras)
    side, focal = files.SIDE, 0.5 * files.SIDE / np.tan(0.5 * np.radians(files.FOV))
    path = files.write_colmap(
        tmp_path, cameras, f"SIMPLE_PINHOLE {side} {side} {focal} {side / 2 + 3} {side / 2 - 1}", names
    )
    spec = TargetSpec("cameras", file=str(path), centre=tuple(files.CENTRE), radius=files.RADIUS, held_out="every-8th")
    scene = load_camera_scene(
        replace(experiment(folder), target=spec, views=ViewsSpec("cameras", width=side, height=side)), CHANNELS, quiet
    )
    assert len(scene.views) == 3
    for ours, theirs in zip(scene.views, cameras[1:]):
        np.testing.assert_allclose(ours.world_to_camera, theirs.world_to_camera, atol=1e-9)
        assert ours.shift == pytest.approx((3.0, -1.0))
    assert "COLMAP" in load_cameras(path).summary


def test_a_distorting_lens_is_straightened(folder, tmp_path):
    """Pictures bent by a lens and straightened again are the pictures of a pinhole, but for two interpolations."""
    cameras = files.views(3)
    names = files.pictures(tmp_path / "images", cameras)
    side, focal = files.SIDE, 0.5 * files.SIDE / np.tan(0.5 * np.radians(files.FOV))
    lens = Intrinsics(side, side, focal, 1.2 * focal, side / 2 + 1, side / 2, (0.08, 0.01, 0.002, -0.003))
    straight = [files.rgba(tmp_path / "images" / name) for name in names]
    for name, image in zip(names, straight):
        Image.fromarray(np.round(255 * bent(image, lens, focal)).astype(np.uint8)).save(tmp_path / "images" / name)
    numbers = f"{focal} {1.2 * focal} {side / 2 + 1} {side / 2} 0.08 0.01 0.002 -0.003"
    path = files.write_colmap(tmp_path, cameras, f"OPENCV {side} {side} {numbers}", names)
    spec = TargetSpec("cameras", file=str(path))
    size = ViewsSpec("cameras", width=side, height=side)
    scene = load_camera_scene(replace(experiment(folder), target=spec, views=size), CHANNELS, quiet)
    assert any("one common pinhole" in warning for warning in scene.warnings)
    half = np.tan(np.radians(0.5 * scene.fov))
    assert half == pytest.approx(np.tan(np.radians(0.5 * files.FOV)) / 1.2)
    # The common pinhole has 1.2 times the focal length: the middle of the picture, larger.
    at = (np.arange(side) + 0.5 - side / 2) / 1.2 + side / 2 - 0.5
    expected = map_coordinates(straight[0][..., 3], np.meshgrid(at, at, indexing="ij"), order=1)
    assert np.mean(np.abs(np.asarray(scene.targets[0].alpha) - expected)) < 0.01


def bent(image, lens, focal):
    """What `lens` sees of a pinhole's picture: for each of its pixels the direction is found by fixed-point steps."""
    height, width = image.shape[:2]
    u, v = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    goal_x, goal_y = (u - lens.cx) / lens.fx, (v - lens.cy) / lens.fy
    x, y = goal_x, goal_y
    for _ in range(30):
        pu, pv = lens.pixels(x, y)
        x, y = x + (u - pu) / lens.fx, y + (v - pv) / lens.fy
    at = [y * focal + height / 2 - 0.5, x * focal + width / 2 - 0.5]
    return np.stack([map_coordinates(image[..., i], at, order=1, mode="constant") for i in range(4)], axis=-1)


@pytest.mark.parametrize(
    ("camera", "images", "fragments"),
    [
        ("OPENCV_FISHEYE 8 8 1 1 4 4 0 0 0 0", None, ["cameras.txt: line 2", "OPENCV_FISHEYE", "image_undistorter"]),
        ("PINHOLE 8 8 1 1 4", None, ["cameras.txt: line 2", "4 parameters, found 3"]),
        ("PINHOLE 8 8 nan 1 4 4", None, ["cameras.txt: line 2", "not finite"]),
        ("PINHOLE 8 0 1 1 4 4", None, ["cameras.txt: line 2", "8 x 0"]),
        ("PINHOLE 8 8 9 9 4 4", "1 1 0 0 0 0 0 9 2 a.png", ["images.txt: line 1", "camera 2"]),
        ("PINHOLE 8 8 9 9 4 4", "1 2 0 0 0 0 0 9 1 a.png", ["images.txt: line 1", "length 2"]),
        ("PINHOLE 8 8 9 9 4 4", "1 1 0 0 0 0 0 1 a.png", ["images.txt: line 1", "found 9 words"]),
        ("PINHOLE 8 8 9 9 4 4", "1 1 0 0 0 0 0 9 1 gone.png", ["gone.png", "target.images"]),
        ("PINHOLE 8 8 9 9 4 4", "", ["images.txt"]),
    ],
)
def test_broken_colmap_text(tmp_path, camera, images, fragments):
    Image.new("RGBA", (8, 8), (9, 9, 9, 255)).save(tmp_path / "a.png")
    (tmp_path / "cameras.txt").write_text(f"# x\n1 {camera}\n")
    (tmp_path / "images.txt").write_text("1 1 0 0 0 0 0 9 1 a.png\n\n" if images is None else f"{images}\n")
    message = refused(load_cameras, tmp_path / "images.txt")
    assert all(fragment in message for fragment in fragments), message


def test_no_picture_is_read_from_outside_the_folder_unasked(tmp_path):
    inner = tmp_path / "one" / "two" / "three"
    inner.mkdir(parents=True)
    path = files.write_transforms(inner, "train", files.views(1))
    secret = tmp_path / "secret.png"
    (inner / "train" / "r_0.png").rename(secret)
    path.write_text(path.read_text().replace("./train/r_0", "../../../secret"))
    assert "outside the folder" in refused(load_cameras, path)
    path.write_text(path.read_text().replace("../../../secret", str(secret.with_suffix(""))))
    assert "outside the folder" in refused(load_cameras, path)
    path.write_text(path.read_text().replace(str(secret.with_suffix("")), "secret"))
    assert load_cameras(path, tmp_path).pictures == (secret,)


# ---------------------------------------------------------------------------------------------- the fit


def test_a_hull_is_carved_and_fitted_and_comes_back_in_the_files_units(folder, tmp_path):
    session = Session(experiment(folder))
    start = session.all_metrics()
    assert start["held_out_iou"] > 0.85  # ten masks of 48 pixels, 32 nodes a side
    while session.finished() is None:
        session.step()
    end = session.all_metrics()
    assert end["held_out_psnr"] > start["held_out_psnr"] + 1.0
    assert end["held_out_ssim"] > start["held_out_ssim"]
    assert end["held_out_iou"] > 0.9
    session.export("shape", str(tmp_path / "out.ply"))
    back = load_mesh(tmp_path / "out.ply")
    low, high = back.facts["bounds"]
    truth = files.load_shape("mesh", None, "creature", None).parameters()["vertices"] @ files.UP.T
    box = np.stack([truth.min(axis=0), truth.max(axis=0)]) * files.RADIUS + files.CENTRE
    np.testing.assert_allclose([low, high], box, atol=0.1 * files.RADIUS)


def test_pictures_grow_with_the_stages_of_a_fit(folder):
    """A pyramid: half the size first, then the whole; held-out views follow."""
    stages = (StageSpec(at=2, width=48),)
    small = replace(experiment(folder).views, width=24, height=24)
    session = Session(replace(experiment(folder), views=small, stages=stages, stop=StopSpec(3)))
    vertices = session.host()["vertices"]
    while session.finished() is None:
        session.step()
    assert session.problem.views[0].width == 48
    assert session.problem.targets[0].alpha.shape == (48, 48)
    assert session.scene.held_out[0].width == 48
    assert session.host()["vertices"].shape == vertices.shape  # not carved anew


def test_a_session_brings_its_cameras_along(folder, tmp_path):
    mine = tmp_path / "mine"
    shutil.copytree(folder, mine)
    masks = mine / "other masks"
    masks.mkdir()
    before = load_cameras(mine / "transforms_train.json")
    for picture in before.pictures:
        shutil.copy(picture, masks / picture.name)
    made = experiment(mine)
    made = replace(made, target=replace(made.target, masks=str(masks)))
    for _ in write_session(SessionRecord(made), tmp_path / "a.rimlight"):
        pass
    shutil.rmtree(mine)
    found = read_session(tmp_path / "a.rimlight", tmp_path / "cache").experiment
    assert replace(found, target=made.target) == made
    cameras = load_cameras(found.target.file)
    assert np.array_equal(cameras.camera_to_world, before.camera_to_world)
    assert len(load_cameras(split_file(Path(found.target.file), "test")).pictures) == 3
    scene = load_camera_scene(replace(found, target=replace(found.target, masks=None)), CHANNELS, quiet)
    assert len(scene.held_out) == 3
    assert len(list(Path(found.target.masks).iterdir())) == len(before.pictures)
    for name in ("../a.png", "/a.png", "a/../../b", "c:\\a", ".hidden", ""):
        with pytest.raises(ValueError, match="no plain file name"):
            inner_place(name)


def test_an_experiment_with_cameras_is_written_and_read_back(folder, tmp_path):
    made = experiment(folder)
    save_experiment(made, folder / "fit.toml")
    assert load_experiment(folder / "fit.toml") == made
    assert 'file = "transforms_train.json"' in experiment_to_toml(made, folder)
    text = (folder / "fit.toml").read_text()
    (folder / "fit.toml").write_text(
        text.replace('kind = "cameras"', 'kind = "orbit"', 2).replace('"orbit"', '"cameras"', 1)
    )
    assert "views.kind" in refused(load_experiment, folder / "fit.toml")


@pytest.mark.parametrize(
    ("target", "size", "fragments"),
    [
        ({}, (48, 40), ["48 x 48", "48 x 40", "aspect"]),
        ({"held_out": "val"}, (48, 48), ["transforms_val.json", "every-8th"]),
        ({"masks": "."}, (48, 48), ["r_0.png", "no mask"]),
    ],
)
def test_cameras_that_cannot_be_used(folder, target, size, fragments):
    made = experiment(folder)
    spec = replace(made.target, **target)
    views = replace(made.views, width=size[0], height=size[1])
    message = refused(load_camera_scene, replace(made, target=spec, views=views), CHANNELS, quiet)
    assert all(fragment in message for fragment in fragments), message


# ---------------------------------------------------------------------------------------------- one at a time


def test_only_so_many_targets_are_kept():
    made: list[int] = []

    def make(index: int) -> Target:
        made.append(index)
        return Target({"silhouette": (np.zeros((4, 4), np.float32),)}, np.zeros((4, 4), np.float32))

    targets = LazyTargets(1000, make, budget=3 * target_bytes(make(0)))
    made.clear()
    for index in (0, 1, 2, 0, 3, 0, 1):
        assert targets[index].alpha.shape == (4, 4)
    assert made == [0, 1, 2, 3, 1]  # 1 was the least recently used when 3 came
    assert targets.held(0) is not None
    assert targets.held(2) is None
    assert not targets.fits()
    targets.load(lambda done: None)
    assert len(made) <= 6
    with pytest.raises(IndexError):
        targets[1000]


def test_thumbnails_of_targets_that_were_not_read_come_when_asked_for(folder, monkeypatch):
    monkeypatch.setattr("core.targets.lazy_targets.LazyTargets.fits", lambda self: False)
    monkeypatch.setattr("core.targets.thumbnails.AT_A_TIME", 2)
    grown = replace(
        experiment(folder), views=replace(experiment(folder).views, most=4), shape=ShapeSpec(primitive="sphere")
    )
    session = Session(grown)
    views = session.loaded().views
    assert [view.thumbnail is None for view in views] == [True] * 7
    answers = [a for a in session.answer(Thumbnails((0, 1, 3))) if a is not None]
    assert [sorted(a.pictures) for a in answers] == [[0, 1], [3]]
    assert answers[0].pictures[0].shape == (48, 48, 3)
    assert session.loaded().views[3].thumbnail is not None
    measured = next(session.answer(Measure()))
    assert 0 < measured.metrics["held_out_iou"] < 1


def test_opening_a_camera_file_carves_and_fits(folder):
    made = experiment_for_file(folder / "transforms_train.json")
    assert (made.views.width, made.views.height) == (48, 48)
    assert made.target.held_out == "test"
    assert made.shape.primitive == "visual-hull"
    alone = experiment_for_file(folder / "transforms_test.json")
    assert alone.target.held_out == "every-8th"  # no other split is beside it that is named after it


def test_check_looks_at_every_picture_and_a_fit_at_the_first(folder, tmp_path):
    """A fit that reads pictures when it needs them would end at a damaged one hours later."""
    spoilt = tmp_path / "set"
    shutil.copytree(folder, spoilt)
    cameras = load_cameras(spoilt / "transforms_train.json")
    for picture in (cameras.pictures[3], cameras.pictures[7]):
        picture.write_bytes(picture.read_bytes()[:-40])
    said = refused(check_file, cameras.path)
    assert said.startswith(cameras.pictures[3].name)
    assert said.endswith("; 1 more of 10 pictures cannot be used either")
    assert check_inputs(experiment(spoilt), quick=True) == []
    assert cameras.pictures[3].name in refused(check_inputs, experiment(spoilt))
