"""Charts and the parts of the gradient report that draw them."""

from __future__ import annotations

import numpy as np

from core.report.charts import Axis, chart
from core.report.curves import Point, curves_markdown, curves_picture
from core.report.gradients import entries


def test_a_chart_draws_each_curve_in_its_methods_colour() -> None:
    curves = {"edge-grad": ([1, 10, 100], [5.0, 2.0, 1.0]), "splat": ([1, 10, 100], [9.0, np.nan, 20.0])}
    pixels = np.asarray(chart(curves, "Error", Axis("triangles", True), Axis("%", True))).reshape(-1, 3)
    for colour in ((0x56, 0xB4, 0xE9), (0xE6, 0x9F, 0x00)):
        assert (pixels == colour).all(1).sum() > 100
    assert Axis("x", True).ticks(0.0, 2.0)[0] == (0.0, "1")
    assert [label for _, label in Axis("x").ticks(0.0, 4.0)] == ["0", "1", "2", "3", "4"]
    assert next(label for _, label in Axis("x").ticks(-0.4, 10.0)) == "0"
    assert [label for _, label in Axis("y", True).ticks(-2.1, -1.5)] == ["0.008", "0.009", "0.01", "0.02", "0.03"]


def test_nothing_to_draw_is_an_empty_chart() -> None:
    assert chart({}, "Nothing", Axis("x", True), Axis("y")).size == (560, 360)


def test_curves_over_image_size_keep_to_one_triangle_count() -> None:
    points = [Point("naive", size, 500, 0.9, size / 10) for size in (64, 128)]
    points += [Point("naive", 128, count, 0.8, 3.0) for count in (100, 2000)]
    assert curves_picture(points).size == (1120, 720)
    table = curves_markdown(points)
    assert len(table) == 2 + 4
    assert "| naive | 128 | 2,000 | 80.0 % | 3.0 ms |" in table
    dear = Point("soft-raster", 512, 500, float("nan"), 6100.0)
    assert "| soft-raster | 512 | 500 | left out | about 6 s expected |" in curves_markdown([dear])
    assert curves_picture([*points, dear]).size == (1120, 720)


def test_the_report_judges_every_method_and_its_variants() -> None:
    found = {entry.label: entry for entry in entries()}
    assert {"antialias", "edge-grad", "naive", "sdf-local", "soft-raster", "splat"} <= set(found)
    assert found["edge-grad without crossings"].settings.crossings is False
    assert found["splat with one layer"].settings.layers == 1
