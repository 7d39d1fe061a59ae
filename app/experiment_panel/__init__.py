"""The experiment panel: one file a section, and the pure edits behind them (adapt.py)."""

from app.experiment_panel.panel import ExperimentPanel, Rail

__all__ = ["ExperimentPanel", "Rail"]
