"""The gradient report: every method on every scene, as tables, pictures and curves."""
