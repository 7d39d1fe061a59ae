"""Compare: two to four runs beside each other, with linked pictures, overlaid curves and one table."""

from app.compare.mode import CompareMode
from app.compare.view import CompareView

__all__ = ["CompareMode", "CompareView"]
