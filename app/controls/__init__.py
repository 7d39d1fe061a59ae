"""Controls of the experiment panel."""

from app.controls.fields import NumberField, QuietCombo, QuietSlider
from app.controls.rows import ChoiceRow, ColourRow, FlagRow, NumberRow, Row, VectorRow, row_for

__all__ = [
    "ChoiceRow",
    "ColourRow",
    "FlagRow",
    "NumberField",
    "NumberRow",
    "QuietCombo",
    "QuietSlider",
    "Row",
    "VectorRow",
    "row_for",
]
