"""Every colour and every font of the window, in one frozen record a theme.

Convention: colours are "#RRGGBB" strings (sRGB); widgets read them from the Theme they are handed by
`set_theme(theme)` and keep none of their own. Fonts come only from `font()`: pixel sizes, tabular figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette

from core.colour_maps import SIGNED_DARK, SIGNED_LIGHT, sequential_lut, signed_lut

GAP = 4
"""Ground between panels, px."""
PANE_GAP = 8
INSET = 12
"""Left and right margin inside a dock, px."""
PANEL_RADIUS, BUTTON_RADIUS, FIELD_RADIUS, PICTURE_RADIUS = 8, 6, 5, 4
MENU_HEIGHT, TOOLBAR_HEIGHT, TITLE_HEIGHT, SECTION_HEIGHT = 28, 42, 32, 28
SETTING_HEIGHT, TREE_HEIGHT, STATUS_HEIGHT = 26, 21, 26

FINITE_DIFFERENCES = "finite-differences"
"""The reference's name among the runs."""


@dataclass(frozen=True)
class Theme:
    """The tokens of one theme. `signed` are the anchors of the signed map, most negative first, zero in the middle."""

    name: str
    ground: str
    panel: str
    well: str
    viewport: str
    field: str
    border: str
    hover: str
    line: str
    text: str
    text2: str
    text3: str
    disabled: str
    accent: str
    accent_ink: str
    accent_soft: str
    warn: str
    error: str
    raised: str
    """The chosen part of a segmented control."""
    groove: str
    handle: str
    handle_border: str
    overlay: str
    """Buttons and readouts over the viewport: "rgba(r, g, b, a)", for style sheets."""
    ghost: str
    """The target's ghost and the unchosen cameras in the viewport."""
    grid: str
    runs: Mapping[str, str]
    signed: tuple[str, ...]

    @property
    def dark(self) -> bool:
        return self.name == "dark"

    def run_colour(self, method: str) -> str:
        """The colour a method, or the finite differences, has everywhere in the window."""
        return self.runs.get(method, self.text2)

    def signed_lut(self) -> np.ndarray:
        """Signed map, (256, 3) uint8, read-only. Entry 128 is zero and equals `well`; entries 1 and 255 are -r and +r."""
        return signed_lut(self.signed)

    def sequential_lut(self) -> np.ndarray:
        """Sequential map (Crameri's lipari), (256, 3) uint8, read-only, dark to light in both themes."""
        return sequential_lut()


DARK = Theme(
    name="dark",
    ground="#0D0F12",
    panel="#16191D",
    well="#101316",
    viewport="#101316",
    field="#20252A",
    border="#272C32",
    hover="#2A3036",
    line="#272C32",
    text="#E4E7EB",
    text2="#A0A8B2",
    text3="#838C97",
    disabled="#565E68",
    accent="#45CFB0",
    accent_ink="#05241D",
    accent_soft="#173B36",
    warn="#E5B454",
    error="#F2777A",
    raised="#2A3036",
    groove="#2A3036",
    handle="#E4E7EB",
    handle_border="#E4E7EB",
    overlay="rgba(22, 25, 29, 216)",
    ghost="#8FA3B8",
    grid="#2A3037",
    runs=MappingProxyType(
        {
            "edge-grad": "#56B4E9",
            "splat": "#E69F00",
            "antialias": "#D8CC3C",
            "soft-raster": "#CC79A7",
            "naive": "#9AA3AD",
            "warp": "#E8743B",
            "sdf-local": "#4DB88C",
            FINITE_DIFFERENCES: "#E4E7EB",
        }
    ),
    signed=SIGNED_DARK,
)

LIGHT = Theme(
    name="light",
    ground="#DDE0E4",
    panel="#F8F9FA",
    well="#ECEEF1",
    viewport="#E6E9EC",
    field="#FFFFFF",
    border="#CDD2D8",
    hover="#E9ECEF",
    line="#DFE3E7",
    text="#1A1D21",
    text2="#4C555F",
    text3="#5D666F",
    disabled="#A9B0B8",
    accent="#077562",
    accent_ink="#FFFFFF",
    accent_soft="#D5EDE7",
    warn="#8F5F00",
    error="#BE2F48",
    raised="#FFFFFF",
    groove="#D3D8DD",
    handle="#FFFFFF",
    handle_border="#8E97A1",
    overlay="rgba(248, 249, 250, 224)",
    ghost="#5B6E84",
    grid="#CBD1D8",
    runs=MappingProxyType(
        {
            "edge-grad": "#0072B2",
            "splat": "#9A6300",
            "antialias": "#6B6400",
            "soft-raster": "#A8457F",
            "naive": "#6B737D",
            "warp": "#C24A00",
            "sdf-local": "#00795A",
            FINITE_DIFFERENCES: "#1A1D21",
        }
    ),
    signed=SIGNED_LIGHT,
)

THEMES: Mapping[str, Theme] = MappingProxyType({"dark": DARK, "light": LIGHT})


def system_theme() -> Theme:
    """The theme of the desktop's colour scheme; dark where the desktop does not say."""
    light = QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Light
    return LIGHT if light else DARK


# ---------------------------------------------------------------------------------------------- fonts, palette

HINT, BASE, LESSON, LESSON_TITLE = 11, 12, 13, 18
REGULAR, NUMBER, TITLE = 400, 500, 600


@cache
def _family() -> str:
    """Inter from the fontpkg-inter package, registered once; "" (the system's sans) where it is missing."""
    try:
        import fontpkg_inter
    except ImportError:
        return ""
    folder = Path(fontpkg_inter.__file__).parent / "files"
    upright = [path for path in sorted(folder.glob("*.ttf")) if "Italic" not in path.name]
    for path in upright:
        families = QFontDatabase.applicationFontFamilies(QFontDatabase.addApplicationFont(str(path)))
        if families:
            return families[0]
    return ""


def font(pixels: int = BASE, weight: int = REGULAR) -> QFont:
    """The window's font: `pixels` high (logical, times the scale), `weight` 400, 500 or 600, tabular figures.

    Inter is one variable font file, and Qt reaches its weights only through the axis, not through setWeight.
    """
    return QFont(_font(round(pixels * _scale), weight))


_scale = 1.0


def font_scale() -> float:
    """What every font's size is multiplied by."""
    return _scale


def set_font_scale(scale: float) -> None:
    """Fonts made from now on are larger or smaller (app/presentation.py)."""
    global _scale
    _scale = scale


@cache
def _font(pixels: int, weight: int) -> QFont:
    family = _family()
    result = QFont(family) if family else QFont()
    if not family:
        result.setStyleHint(QFont.StyleHint.SansSerif)
    result.setPixelSize(pixels)
    result.setWeight(QFont.Weight(weight))
    result.setVariableAxis(QFont.Tag("wght"), float(weight))
    result.setVariableAxis(QFont.Tag("opsz"), 14.0 if pixels < 16 else 20.0)
    result.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    result.setFeature(QFont.Tag("tnum"), 1)
    return result


def palette(theme: Theme) -> QPalette:
    """Fusion's palette for what the style sheet does not reach (dialogs, selections, placeholders)."""
    role, group = QPalette.ColorRole, QPalette.ColorGroup
    result = QPalette()
    for name, colour in {
        role.Window: theme.panel,
        role.Base: theme.field,
        role.AlternateBase: theme.panel,
        role.Text: theme.text,
        role.WindowText: theme.text,
        role.Button: theme.field,
        role.ButtonText: theme.text,
        role.BrightText: theme.accent,
        role.Highlight: theme.accent,
        role.HighlightedText: theme.accent_ink,
        role.Link: theme.accent,
        role.PlaceholderText: theme.text3,
        role.ToolTipBase: theme.panel,
        role.ToolTipText: theme.text,
        role.Light: theme.hover,
        role.Midlight: theme.line,
        role.Mid: theme.border,
        role.Dark: theme.line,
        role.Shadow: theme.ground,
    }.items():
        result.setColor(name, QColor(colour))
    for name in (role.Text, role.WindowText, role.ButtonText):
        result.setColor(group.Disabled, name, QColor(theme.disabled))
    return result
