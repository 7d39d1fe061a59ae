"""Several files at once: what is opened, what it is fitted to, and what is said of the rest."""

from pathlib import Path

import pytest

from app.opening import experiment_for_files, together

MANY = "several pictures need their cameras (transforms.json or COLMAP text)"


@pytest.mark.parametrize(
    ("names", "main", "target", "told"),
    [
        (["a.ply"], "a.ply", None, ""),
        (["b.png", "a.ply"], "a.ply", "b.png", "Opened a.ply, fitted to b.png"),
        (["a.ply", "b.obj"], "a.ply", "b.obj", "Opened a.ply, fitted to b.obj"),
        (
            ["a.ply", "b.obj", "c.stl"],
            "a.ply",
            "b.obj",
            "Opened a.ply, fitted to b.obj; not c.stl: one target at a time",
        ),
        (["a.png", "b.png"], "a.png", None, f"Opened a.png; not b.png: {MANY}"),
        (["a.ply", "b.png", "c.png"], "a.ply", "b.png", f"Opened a.ply, fitted to b.png; not c.png: {MANY}"),
        (["a.ply", "x.toml"], "x.toml", None, "Opened x.toml; not a.ply: an experiment is opened alone"),
        (["a.ply", "x.pdf"], "a.ply", None, "Opened a.ply; not x.pdf: '.pdf' files cannot be opened"),
        (["1.png", "cameras.txt", "images.txt", "points3D.txt"], "images.txt", None, ""),
        (["a.obj", "a.mtl", "skin.png", "b.png"], "a.obj", "b.png", "Opened a.obj, fitted to b.png"),
        (["a.png", "a.png"], "a.png", None, ""),
        (["b.png", "a.xyz"], "a.xyz", "b.png", "Opened a.xyz, fitted to b.png"),
        (["b.png", "a.txt"], "a.txt", "b.png", "Opened a.txt, fitted to b.png"),
        (["a.ply", "images.txt", "cameras.txt"], "a.ply", "images.txt", "Opened a.ply, fitted to images.txt"),
    ],
)
def test_what_several_files_mean(tmp_path, monkeypatch, names, main, target, told):
    monkeypatch.chdir(tmp_path)
    Path("a.mtl").write_text("newmtl m\nmap_Kd skin.png\n")
    found = together([Path(name) for name in names])
    assert found == (Path(main), Path(target) if target else None, told)


def test_a_mesh_with_a_picture_is_fitted_to_it():
    """Of the picture's size, and by terms that a picture has."""
    shapes = Path(__file__).parents[2] / "assets" / "shapes"
    experiment, told = experiment_for_files(shapes / "sphere.ply", shapes / "textured-sphere.png")
    assert experiment.target.kind == "image"
    assert Path(str(experiment.target.file)) == shapes / "textured-sphere.png"
    assert experiment.views.kind == "single"
    assert experiment.title == "sphere: fitted to textured-sphere"
    assert told.startswith("textured-sphere.png")


def test_a_folder_stands_for_the_cameras_in_it(tmp_path):
    cameras = tmp_path / "chair" / "transforms_train.json"
    cameras.parent.mkdir()
    assert together([cameras.parent])[0] == cameras.parent  # nothing in it: it is refused as a folder
    cameras.write_text("{}")
    assert together([cameras.parent]) == (cameras, None, "")
