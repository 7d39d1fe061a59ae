"""A grid's form in the window: it opens with a file of numbers alone, and what is typed there becomes the experiment's."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from app.experiment_panel.adapt import with_new_term
from core.experiment import GridSpec
from core.experiments.fitting import with_shape
from core.experiments.rules import check_experiment
from core.experiments.schema import Complaint
from core.io.grids import load_grid

pytestmark = pytest.mark.window


def test_a_raw_array_opens_its_form(make_window, tmp_path: Path) -> None:
    """A ball of radius 3 on nodes that are 0.5 apart, stored [iz, iy, ix] and positive inside."""
    axis = np.arange(-8, 9) * 0.5
    z, y, x = np.meshgrid(axis[:15], axis, axis, indexing="ij")
    np.save(tmp_path / "ball.npy", (3.0 - np.sqrt(x * x + y * y + z * z)).astype(np.float32))
    window, _ = make_window()
    c, section = window.controller, window.panel.shape
    assert section.grid.isHidden()
    path = str(tmp_path / "ball.npy")
    c.edit("shape", with_shape(c.experiment, "sdf-grid", path, None))
    assert section.grid.part is None
    place = {"spacing": (0.125, 0.125, 0.125), "origin": (-1.0, -1.0, -0.875)}
    loaded = dataclasses.replace(c.loaded, experiment=c.experiment, shape_facts={"summary": "17 nodes", "place": place})
    c.loaded = loaded
    c.loaded_changed.emit(loaded)
    part = section.grid.part
    assert part is not None
    assert not part.isHidden()
    assert "ball.npy says no spacing" in window.status.message.text
    assert [f.text() for f in part.spacing.fields] == ["0.125"] * 3  # the longest side spans -1 to 1
    part.axes.changed.emit("zyx")
    part.negate.changed.emit(True)
    part.spacing.changed.emit((0.5, 0.5, 0.5))
    part.origin.changed.emit((-4.0, -4.0, -4.0))
    spec = c.experiment.shape.grid
    assert spec == GridSpec(axes="zyx", negate=True, spacing=(0.5, 0.5, 0.5), origin=(-4.0, -4.0, -4.0))
    check_experiment(c.experiment, Complaint("x"))
    grid = load_grid(path, spec)
    assert grid.values.shape == (17, 17, 15)
    assert grid.values[8, 8, 8] == pytest.approx(-3.0)
    assert grid.origin[2] == -4.0
    assert "zyx, 0.5" in section.grid._summary.text()
    part.nodes.changed.emit(32)
    assert c.experiment.shape.grid.resolution == 32
    c.edit("shape", with_shape(c.experiment, "sdf-grid", None, "torus"))
    assert c.experiment.shape.grid == GridSpec(resolution=32)  # the rest was said of the file
    assert part.spacing.isHidden()


def test_terms_on_a_grids_values_have_a_band_and_a_files_levels_are_shown(make_window) -> None:
    window, _ = make_window(start=False)
    c = window.controller
    c.edit("shape", with_shape(c.experiment, "sdf-grid", None, "torus-grid"))
    c.edit("loss", with_new_term(c.experiment, "eikonal"))
    image, row = window.panel.loss.terms[0], window.panel.loss.terms[-1]
    assert (list(image.numbers), row.numbers["band"].isHidden()) == ([], False)
    row.numbers["band"].field.entered.emit(3.0)
    assert c.experiment.terms[-1].band == 3.0
    assert [action.isVisible() for action in image.levels] == [True] * 6 + [False] * 6
    first = dataclasses.replace(c.experiment.terms[0], levels=8)
    c.edit("loss", dataclasses.replace(c.experiment, terms=(first, *c.experiment.terms[1:])))
    assert image.levels[7].isChecked()
    assert [action.isVisible() for action in image.levels] == [True] * 6 + [False, True] + [False] * 4
