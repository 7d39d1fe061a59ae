"""The theme in use: the chosen one or the desktop's, and its style sheet over the whole application."""

from __future__ import annotations

from PyQt6.QtWidgets import QApplication, QWidget

from app.settings import Settings
from app.stylesheet import stylesheet
from app.theme import THEMES, Theme, font, palette, system_theme
from app.widgets import restyle, set_current_theme


class Appearance:
    """Made before any widget, so that they begin with the right theme."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.theme = self._chosen()
        self._apply()

    def _chosen(self) -> Theme:
        return THEMES.get(self._settings.theme) or system_theme()

    def _apply(self) -> None:
        set_current_theme(self.theme)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.setFont(font())
        app.setPalette(palette(self.theme))
        app.setStyleSheet(stylesheet(self.theme))

    def choose(self, name: str, root: QWidget) -> None:
        """ "system", "dark" or "light"; remembered."""
        self._settings.theme = name
        self.follow(root)

    def follow(self, root: QWidget) -> None:
        """Take the chosen theme, or the desktop's where it is left to it, and hand it to everything below `root`."""
        theme = self._chosen()
        if theme is not self.theme:
            self.theme = theme
            self.refresh(root)

    def refresh(self, root: QWidget) -> None:
        """Hand the theme to the application and to everything below `root` once more."""
        self._apply()
        restyle(root, self.theme)
