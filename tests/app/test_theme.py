"""The tokens: readable text, monotone maps, complete style sheets and icons."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PyQt6.QtCore import QSize
from PyQt6.QtGui import QIcon

from app import icons
from app.stylesheet import stylesheet
from app.theme import DARK, FINITE_DIFFERENCES, LIGHT, font, palette
from core.colour_maps import hex_to_rgb, srgb_to_oklab

THEMES = pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])


def contrast(first: str, second: str) -> float:
    """WCAG 2 contrast ratio of two colours."""

    def luminance(colour: str) -> float:
        rgb = hex_to_rgb(colour)
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    a, b = sorted((luminance(first), luminance(second)))
    return (b + 0.05) / (a + 0.05)


@THEMES
def test_text_is_readable(theme):
    for tone in ("text", "text2", "text3"):
        assert contrast(getattr(theme, tone), theme.panel) >= 4.5, tone
    assert contrast(theme.text2, theme.ground) >= 4.5
    assert contrast(theme.accent_ink, theme.accent) >= 4.5


@THEMES
def test_signed_map_has_zero_in_the_well_and_monotone_lightness(theme):
    lut = theme.signed_lut()
    assert lut.shape == (256, 3)
    assert tuple(lut[128]) == tuple(np.round(hex_to_rgb(theme.well) * 255).astype(int))
    lightness = srgb_to_oklab(lut / 255.0)[:, 0] * (1 if theme.dark else -1)
    assert np.all(np.diff(lightness[:129]) < 4e-3)
    assert np.all(np.diff(lightness[128:]) > -4e-3)


def test_sequential_map_rises_in_lightness():
    lightness = srgb_to_oklab(DARK.sequential_lut() / 255.0)[:, 0]
    assert np.all(np.diff(lightness) > -2e-3)
    assert lightness[-1] - lightness[0] > 0.7


def test_every_method_has_its_own_colour():
    for theme in (DARK, LIGHT):
        colours = [theme.run_colour(name) for name in theme.runs]
        assert len(set(colours)) == len(colours)
        assert theme.run_colour(FINITE_DIFFERENCES) == theme.text
        assert theme.run_colour("a method of tomorrow") == theme.text2


@pytest.mark.window
def test_fonts_carry_weight_and_tabular_figures(qapp):
    from PyQt6.QtGui import QFont, QFontMetricsF

    widths = [QFontMetricsF(font(12, weight)).horizontalAdvance("Experiment") for weight in (400, 500, 600)]
    assert widths[0] < widths[1] < widths[2]
    assert font().pixelSize() == 12
    assert font().isFeatureSet(QFont.Tag("tnum"))
    metrics = QFontMetricsF(font(12, 500))
    assert metrics.horizontalAdvance("1111") == pytest.approx(metrics.horizontalAdvance("8888"))


@pytest.mark.window
@THEMES
def test_style_sheet_and_palette_are_whole(qapp, theme):
    sheet = stylesheet(theme)
    assert sheet.count("{") == sheet.count("}")
    assert "font" not in sheet.replace("qproperty", "")
    for path in re.findall(r"url\((.*?)\)", sheet):
        assert path.endswith(".svg"), path
        with open(path, encoding="utf-8") as handle:
            assert handle.read().startswith("<svg")
    assert palette(theme).window().color().name().upper() == theme.panel


@pytest.mark.window
def test_every_icon_draws_something(qapp):
    for name in icons.PATHS:
        image = icons.pixmap(name, "#FFFFFF", 16).toImage()
        ink = sum(image.pixelColor(x, y).alpha() > 64 for x in range(32) for y in range(32))
        assert 8 < ink < 600, name
    with pytest.raises(KeyError):
        icons.svg("no such icon", "#FFFFFF")


@pytest.mark.window
def test_an_icon_is_drawn_in_the_colour_of_its_state_and_the_size_asked_for(qapp):
    theme, mode, state = DARK, QIcon.Mode, QIcon.State
    icon = QIcon(icons.icon("pause", theme, 16))  # a copy, as Qt makes them
    for asked, ratio in ((16, 1.0), (12, 1.0), (16, 2.0)):
        for of, expected in (
            ((mode.Normal, state.Off), theme.text2),
            ((mode.Normal, state.On), theme.accent),
            ((mode.Active, state.Off), theme.text),
            ((mode.Disabled, state.On), theme.disabled),
        ):
            picture = icon.pixmap(QSize(asked, asked), ratio, *of)
            assert (picture.width(), picture.devicePixelRatio()) == (asked * ratio, ratio)
            image = picture.toImage()
            bar = image.pixelColor(int(0.34 * image.width()), image.height() // 2)
            assert bar.name().upper() == expected, (asked, ratio, of)
    assert icon.actualSize(QSize(40, 40)) == QSize(16, 16)


@pytest.mark.window
def test_an_icon_without_room_is_no_drawing_and_no_warning(qapp, qtlog):
    for side in (0, -3):
        assert icons.pixmap("pause", "#FFFFFF", side).isNull()
    assert [record.message for record in qtlog.records] == []
