"""The page of keys: every action with the key it has, a new one recorded by pressing it, conflicts named, resets.

Convention: nothing changes while a conflict is on the page; the hand says Take it or Keep.
"""

from __future__ import annotations

from PyQt6.QtCore import QEvent, Qt, pyqtSignal
from PyQt6.QtGui import QAction, QFocusEvent, QKeyEvent
from PyQt6.QtWidgets import QDialog, QLineEdit, QScrollArea, QWidget

from app.actions import Actions
from app.keymap import RESERVED, key_text, pressed
from app.theme import BASE, HINT, REGULAR, SETTING_HEIGHT, font
from app.widgets import Elided, IconButton, frame, hbox, label, mini, rule, set_tone, vbox

ASK = "Press a key…"
NOTE = "Click a key to change it. While it asks: Backspace takes the key away, Escape keeps it as it is."
KEY_WIDTH = 150
CLEARS = ("Backspace", "Del")


class KeyButton(IconButton):
    """Shows a key; clicked, it asks for another. recorded(str): "" takes the key away."""

    recorded = pyqtSignal(str)
    asked = pyqtSignal(bool)

    def __init__(self) -> None:
        super().__init__("", name="chip", checkable=True)
        self.setFixedWidth(KEY_WIDTH)
        self._key = ""
        self.toggled.connect(self._on_toggled)

    def show_key(self, text: str) -> None:
        self._key = text
        self.set_label(ASK if self.isChecked() else text or "–")

    def _on_toggled(self, on: bool) -> None:
        self.show_key(self._key)
        if on:
            self.setFocus()
        self.asked.emit(on)

    def event(self, event: QEvent | None) -> bool:
        """While it asks, no key is a shortcut of the window's, and Tab does not leave."""
        if event is not None and self.isChecked():
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
                self.keyPressEvent(event)
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event is None or not self.isChecked():
            super().keyPressEvent(event)
            return
        event.accept()
        key = pressed(event.keyCombination(), event.text())
        if key is not None:
            self.setChecked(False)
            if key != "Esc":
                self.recorded.emit("" if key in CLEARS else key)

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        self.setChecked(False)
        super().focusOutEvent(event)


class KeyRow(QWidget):
    """One action: what it does, its key, and its own key back."""

    def __init__(self, action: QAction, name: str, tip: str) -> None:
        super().__init__()
        self.action, self.words = action, f"{name} {tip}".lower()
        title = Elided(name, BASE, REGULAR, "text")
        title.setFixedWidth(190)
        self.key = KeyButton()
        self.key.setToolTip(f"{name}: click, then press the key it shall have")
        self.back = mini("reset", "")
        policy = self.back.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.back.setSizePolicy(policy)
        self.setFixedHeight(SETTING_HEIGHT + 6)
        self.setLayout(hbox(title, Elided(tip, HINT, REGULAR, "text3"), None, self.key, self.back, gap=8))
        self.layout().setStretch(1, 10)  # type: ignore[union-attr]


class KeysWindow(QDialog):
    """Not modal; made once, and closed it is only hidden."""

    def __init__(self, parent: QWidget, actions: Actions) -> None:
        super().__init__(parent)
        self.setWindowTitle("Change shortcuts")
        self.setModal(False)
        self.resize(760, 640)
        self._actions, self._keymap = actions, actions.keymap
        self._wanted: tuple[QAction, str] | None = None
        """What waits for Take it or Keep."""
        self.search = QLineEdit()
        self.search.setFont(font(BASE))
        self.search.setPlaceholderText("Find an action or a key")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._filter)
        self.rows = [KeyRow(action, self._keymap.title(action), actions.tip(action)) for action in actions.all]
        self.nothing = label("No action has these words.", BASE, REGULAR, "text2")
        body = vbox(*self.rows, self.nothing, None, margins=(18, 4, 10, 8))
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(frame(body))
        self.note = label(NOTE, HINT, REGULAR, "text2")
        self.note.setWordWrap(True)
        self.take = IconButton("Take it", name="link", tip="Give this action the key; the other has none then")
        self.keep = IconButton("Keep", name="quiet", tip="Leave both as they are")
        self.reset_all = IconButton("Reset all", name="quiet", tip="Every action gets its own key back")
        close = IconButton("Close", name="link", tip="Close this window (Escape)")
        head = frame(hbox(self.search, margins=(18, 12, 14, 8)))
        foot = frame(hbox(self.note, None, self.take, self.keep, self.reset_all, close, margins=(18, 8, 12, 10), gap=8))
        foot.layout().setStretch(0, 10)  # type: ignore[union-attr]
        self.setLayout(vbox(head, rule(), scroll, rule(), foot))
        for row in self.rows:
            row.key.recorded.connect(lambda key, row=row: self._on_recorded(row.action, key))
            row.key.asked.connect(lambda on: on and self._settle())
            row.back.clicked.connect(lambda _, row=row: self._on_recorded(row.action, self._keymap.own_key(row.action)))
        self.take.clicked.connect(self._on_take)
        self.keep.clicked.connect(lambda: self._settle())
        self.reset_all.clicked.connect(lambda: (self._keymap.reset(), self._settle()))
        close.clicked.connect(self.close)
        self._keymap.changed.connect(lambda _: self._refresh())
        self._filter("")
        self._settle()

    def _on_recorded(self, action: QAction, key: str) -> None:
        """Take a free key; ask about one that another action has; refuse one that controls need."""
        holder = self._keymap.holder(key, action)
        if key in RESERVED:
            self._settle(f"{key} {RESERVED[key]}; choose another key.", "warn")
        elif holder is not None:
            self._wanted = (action, key)
            self._say(f"{key} is the key of {self._keymap.title(holder)}, which would have none.", "warn")
            self._refresh()
        else:
            self._keymap.assign(action, key)
            self._settle()

    def _on_take(self) -> None:
        if self._wanted is not None:
            self._keymap.assign(*self._wanted)
        self._settle()

    def _settle(self, text: str = NOTE, tone: str = "text2") -> None:
        """Nothing waits for an answer."""
        self._wanted = None
        self._say(text, tone)
        self._refresh()

    def _say(self, text: str, tone: str) -> None:
        self.note.setText(text)
        set_tone(self.note, tone)

    def _refresh(self) -> None:
        for button in (self.take, self.keep):
            button.setVisible(self._wanted is not None)
        any_changed = self._keymap.any_changed()
        self.reset_all.setEnabled(any_changed)
        self.reset_all.setToolTip("Every action gets its own key back" if any_changed else "No key was changed")
        for row in self.rows:
            row.key.show_key(key_text(row.action))
            row.back.setVisible(self._keymap.is_changed(row.action))
            row.back.setToolTip(f"Back to {self._keymap.own_key(row.action) or 'no key'}")

    def _filter(self, text: str) -> None:
        """Show the rows that have all the words, or the key."""
        words = text.lower().split()
        for row in self.rows:
            key = key_text(row.action).lower()
            row.setVisible(all(word in row.words or word == key for word in words))
        self.nothing.setVisible(all(row.isHidden() for row in self.rows))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Return is no button's here."""
        if event is None or event.key() not in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            super().keyPressEvent(event)
