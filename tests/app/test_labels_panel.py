"""The rows of labels: the colours by which pictures of labels are read."""

from __future__ import annotations

import dataclasses

import pytest

from core.experiment import LabelsSpec

pytestmark = pytest.mark.window


def test_colours_of_labels_are_typed_as_a_palette(make_window) -> None:
    window, _ = make_window(start=False)
    c = window.controller
    part = window.panel.shape.labels.ensure_part()
    assert part.colours.isHidden()
    c.edit(
        "labels", dataclasses.replace(c.experiment, labels=LabelsSpec("colours", colours=((0, 0, 0), (255, 128, 0))))
    )
    assert not part.colours.isHidden()
    assert part.colours.field.text() == "#000000 #ff8000"
    part.colours.field.setText("000000 #00ff00, #1122ff")
    part.colours.field.editingFinished.emit()
    assert c.experiment.labels.colours == ((0, 0, 0), (0, 255, 0), (17, 34, 255))
    part.colours.field.setText("#000000 green?")
    part.colours.field.editingFinished.emit()
    assert window.status.message.text == (
        "Colours: 'green?' is no colour; write #rrggbb, the background's first, a space between two"
    )
    assert part.colours.field.text() == "#000000 #00ff00 #1122ff"
    part.colours.field.setText("")
    part.colours.field.editingFinished.emit()
    assert c.experiment.labels.colours == ()
    c.undo()
    assert len(c.experiment.labels.colours) == 3
