"""Tool buttons with our icons, and the segmented control. They take focus by Tab, so that Space stays Run."""

from __future__ import annotations

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QAction, QKeyEvent
from PyQt6.QtWidgets import QButtonGroup, QFrame, QToolButton

from app import icons
from app.theme import BASE, HINT, NUMBER, Theme, font
from app.widgets.basics import Themed, current_theme, hbox


class IconButton(QToolButton, Themed):
    """A tool button with one of our icons. `accent_ink` tints the icon for the primary button."""

    def __init__(
        self,
        text: str = "",
        icon: str = "",
        *,
        name: str = "",
        tip: str = "",
        size: int = 16,
        checkable: bool = False,
        checked: bool = False,
        pixels: int = BASE,
    ) -> None:
        super().__init__()
        self._icon, self._icon_pixels, self._theme = icon, size, current_theme()
        self.setObjectName(name)
        self.setFont(font(pixels, NUMBER))
        self.setIconSize(QSize(size, size))
        self.setToolTip(tip or text)
        self.setAccessibleName(text or tip)
        self.setCheckable(checkable)
        self.setChecked(checked)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.set_label(text)
        self.set_theme(self._theme)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Return presses the focused button; Space runs the fit everywhere in the window."""
        if event and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)

    def set_label(self, text: str) -> None:
        """Text beside the icon; "" leaves the icon alone."""
        self.setText(f" {text}" if text and self._icon else text)
        style = Qt.ToolButtonStyle
        both = style.ToolButtonTextBesideIcon if text and self._icon else None
        self.setToolButtonStyle(both or (style.ToolButtonIconOnly if self._icon else style.ToolButtonTextOnly))

    def set_icon(self, icon: str) -> None:
        self._icon = icon
        self.set_theme(self._theme)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        if not self._icon:
            return
        colour = {"primary": theme.accent_ink, "link": theme.accent, "fold": theme.text3}.get(self.objectName())
        self.setIcon(icons.icon(self._icon, theme, self._icon_pixels, colour=colour))


def mini(icon: str, tip: str, *, checkable: bool = False, checked: bool = False) -> IconButton:
    """A 20-px icon button for title bars."""
    return IconButton("", icon, name="mini", tip=tip, size=14, checkable=checkable, checked=checked)


class Segment(QFrame):
    """A segmented control; `chosen(index)` when the user picks another part."""

    chosen = pyqtSignal(int)

    def __init__(self, *names: str, tips: tuple[str, ...] = (), pixels: int = HINT) -> None:
        super().__init__()
        self.setObjectName("segment")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(24)
        self._group = QButtonGroup(self)
        layout = hbox(margins=(1, 0, 1, 0), gap=0)
        for index, name in enumerate(names):
            button = IconButton(
                name, tip=tips[index] if tips else name, checkable=True, checked=index == 0, pixels=pixels
            )
            self._group.addButton(button, index)
            layout.addWidget(button)
        self.setLayout(layout)
        self._group.idClicked.connect(self.chosen)

    def index(self) -> int:
        return self._group.checkedId()

    def set_index(self, index: int) -> None:
        self._group.button(index).setChecked(True)

    def offer(self, index: int, there: bool) -> None:
        """Show or hide a part; a hidden one is not chosen."""
        self.button(index).setVisible(there)
        if not there and self.index() == index:
            self.set_index(0)

    def button(self, index: int) -> IconButton:
        button = self._group.button(index)
        assert isinstance(button, IconButton)
        return button


def follow(button: IconButton, action: QAction) -> None:
    """Let a button do what an action does, and be enabled, ticked and explained as it is."""
    button.setCheckable(action.isCheckable())

    def refresh() -> None:
        button.setEnabled(action.isEnabled())
        button.setToolTip(action.toolTip())
        button.setChecked(action.isChecked())

    action.changed.connect(refresh)
    button.clicked.connect(lambda: action.trigger())
    refresh()
