"""Windows of text beside the main one: help, the shortcut sheet, a message's details, about. None is modal."""

from __future__ import annotations

from PyQt6.QtCore import PYQT_VERSION_STR, QT_VERSION_STR, Qt
from PyQt6.QtGui import QAction, QGuiApplication
from PyQt6.QtWidgets import QDialog, QTextBrowser, QWidget

from app.theme import BASE, LESSON, font
from app.widgets import IconButton, current_theme, hbox, vbox


class TextWindow(QDialog):
    """A title, a text one can select, and Copy and Close. Escape closes it."""

    def __init__(self, parent: QWidget, title: str, size: tuple[int, int], more: QAction | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setModal(False)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(*size)
        self.text = QTextBrowser()
        self.text.setFont(font(LESSON))
        self.text.setOpenExternalLinks(True)
        copy = IconButton("Copy", name="quiet", tip="Copy the text")
        close = IconButton("Close", name="link", tip="Close this window (Escape)")
        copy.clicked.connect(self._copy)
        close.clicked.connect(self.close)
        further: tuple[QWidget, ...] = ()
        if more is not None:
            further = (IconButton(more.text(), name="quiet", tip=more.toolTip()),)
            further[0].clicked.connect(more.trigger)
        foot = hbox(*further, None, copy, close, margins=(12, 8, 12, 10), gap=8)
        body = vbox(self.text, margins=(18, 14, 6, 0))
        self.setLayout(vbox(body, foot))

    def _copy(self) -> None:
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self.text.toPlainText())


def show_html(
    parent: QWidget, title: str, html: str, size: tuple[int, int] = (640, 620), more: QAction | None = None
) -> TextWindow:
    """A window of rich text; `more` is an action with a button at its foot. Headings and strong words are larger or brighter: a variable font has no bold of its own."""
    window = TextWindow(parent, title, size, more)
    t = current_theme()
    document = window.text.document()
    assert document is not None
    document.setDefaultStyleSheet(
        f"body {{ color: {t.text2}; }} h2 {{ font-size: 18px; font-weight: 400; color: {t.text}; }}"
        f"h3 {{ font-size: 14px; font-weight: 400; color: {t.text}; }} b {{ font-weight: 400; color: {t.text}; }}"
        f"code {{ color: {t.text3}; }} td {{ color: {t.text2}; }}"
    )
    window.text.setHtml(f"<body>{html}</body>")
    window.show()
    return window


def show_plain(parent: QWidget, title: str, text: str) -> TextWindow:
    """A window of plain text: a traceback or a list of warnings."""
    window = TextWindow(parent, title, (720, 420))
    window.text.setFont(font(BASE))
    window.text.setPlainText(text)
    window.show()
    return window


def about_html(settings_file: str) -> str:
    """Version, licence, parts, and where files are kept."""
    import platform
    from importlib import metadata  # costly to import, and about is seldom asked

    try:
        version = metadata.version("rimlight")
    except metadata.PackageNotFoundError:
        version = "from a checkout"
    return f"""
    <h2>Rimlight</h2>
    <p>A desktop lab for differentiable rendering. Version {version}, MIT licence.</p>
    <p>Qt {QT_VERSION_STR}, PyQt {PYQT_VERSION_STR}, Python {platform.python_version()}, {platform.system()}.</p>
    <p>Typeface: Inter (SIL Open Font License). Sequential colours: lipari by F. Crameri (MIT licence).</p>
    <p>Settings: {settings_file}</p>
    """
