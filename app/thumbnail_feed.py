"""Small pictures of the views that come after a problem was loaded: those whose targets were not read for it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QObject, pyqtSignal

from core.derivatives.questions import Thumbnailed, Thumbnails
from core.protocol import Loaded

if TYPE_CHECKING:
    from app.feed import Feed

MOST = 512
"""Views that get a picture, the first ones: as many as the cameras' shared texture holds at 4,096 pixels a side."""


class ThumbnailFeed(QObject):
    """Asks for what is missing and keeps feed.loaded complete. pictured(views): more of them have a picture now."""

    pictured = pyqtSignal(object)

    def __init__(self, feed: Feed) -> None:
        super().__init__(feed)
        self._feed = feed
        feed.loaded_changed.connect(self._on_loaded)
        feed.answered.connect(self._on_answered)

    def _on_loaded(self, loaded: Loaded) -> None:
        fitted = [view for view in loaded.views if not view.held_out][:MOST]
        missing = tuple(i for i, view in enumerate(fitted) if view.thumbnail is None)
        if missing:
            self._feed.client.send(Thumbnails(missing))

    def _on_answered(self, answer: Any) -> None:
        loaded = self._feed.loaded
        if not isinstance(answer, Thumbnailed) or loaded is None:
            return
        views = list(loaded.views)
        for index, picture in answer.pictures.items():
            if index < len(views):
                views[index] = dataclasses.replace(views[index], thumbnail=picture)
        self._feed.loaded = dataclasses.replace(loaded, views=tuple(views))
        self.pictured.emit(tuple(views))
