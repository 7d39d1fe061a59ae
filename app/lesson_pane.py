"""A lesson's text beside the window: what to look at, in steps, with buttons that do what a step asks for.

Convention: `do(command)` carries the command of a button (app/lessons.py); the window carries it out.
"""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QShowEvent
from PyQt6.QtWidgets import QFrame, QLabel, QLayout, QScrollArea, QSizePolicy, QWidget

from app.lessons import Block, Lesson, bundled_lessons
from app.theme import BASE, HINT, LESSON, LESSON_TITLE, REGULAR, TITLE, Theme, font
from app.widgets import Flow, Head, IconButton, Themed, current_theme, hbox, label, mini, vbox

LINE_HEIGHT = 138
"""Per cent; running text needs more air than labels."""


class LessonPane(QFrame, Themed):
    """The dock's body; `head` is its title bar. `opened(Lesson)`, `do(command)`, `closed()`."""

    opened = pyqtSignal(object)
    do = pyqtSignal(str)
    closed = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("body")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.lesson: Lesson | None = None
        self._stale = False
        close = mini("close", "Close the lesson's text; the experiment stays")
        close.clicked.connect(self.closed)
        self.head = Head("Lesson", close)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.previous = IconButton("", "chevron-left", tip="The lesson before")
        self.next = IconButton("", "chevron-right", tip="The next lesson")
        self.next.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        self.place = label("", BASE, REGULAR, "text3")
        self.previous.clicked.connect(lambda: self._go(-1))
        self.next.clicked.connect(lambda: self._go(1))
        foot = hbox(self.previous, None, self.place, None, self.next, margins=(8, 4, 8, 8))
        self.setLayout(vbox(self._area, foot))

    def set_theme(self, theme: Theme) -> None:
        self._stale = True
        self._write()

    def showEvent(self, event: QShowEvent | None) -> None:
        super().showEvent(event)
        self._write()

    def _write(self) -> None:
        """Lay out the text, if somebody looks at it."""
        if self._stale and self.lesson is not None and self.isVisible():
            self._stale = False
            self._area.setWidget(self._page(self.lesson))

    def show_lesson(self, lesson: Lesson) -> None:
        self.lesson, self._stale = lesson, True
        self._write()
        lessons = bundled_lessons()
        index = lessons.index(lesson)
        self.place.setText(f"{index + 1} of {len(lessons)}")
        for button, there in ((self.previous, index - 1), (self.next, index + 1)):
            exists = 0 <= there < len(lessons)
            button.setVisible(exists)
            if exists:
                button.set_label(f"Lesson {lessons[there].number}")
                button.setToolTip(lessons[there].title)

    def _go(self, by: int) -> None:
        lessons = bundled_lessons()
        if self.lesson is not None:
            self.opened.emit(lessons[lessons.index(self.lesson) + by])

    def _page(self, lesson: Lesson) -> QWidget:
        page = QWidget()
        page.setObjectName("clear")
        blocks = lesson.blocks() or [Block("", ("This lesson has no text yet; its experiment is open.",))]
        title = label(f"{lesson.number}  {lesson.title}", LESSON_TITLE, TITLE)
        title.setWordWrap(True)
        rows: list[QWidget | QLayout | int | None] = [title, 6]
        for part in self._parts(blocks[0]):
            rows += [part, 8]
        for number, block in enumerate(blocks[1:], start=1):
            rows += [12, self._step(number, block)]
        page.setLayout(vbox(*rows, None, margins=(16, 8, 16, 10)))
        return page

    def _step(self, number: int, block: Block) -> QLayout:
        badge = QLabel(str(number))
        badge.setObjectName("badge")
        badge.setFont(font(HINT, TITLE))
        badge.setAlignment(Qt.AlignmentFlag.AlignCenter)
        badge.setFixedSize(22, 22)
        title = label(block.title, LESSON, TITLE)
        title.setWordWrap(True)
        rows: list[QWidget | QLayout | int | None] = [title, 4]
        for part in self._parts(block):
            rows += [part, 6]
        column = vbox(*rows)
        row = hbox(vbox(badge, None), column, gap=10)
        row.setStretch(1, 1)
        return row

    def _parts(self, block: Block) -> list[QWidget | QLayout]:
        """What is read before the buttons, the buttons, and what is read after them."""
        before, after = ([self._text(paragraph) for paragraph in part] for part in (block.paragraphs, block.after))
        return [*before, *self._buttons(block), *after]

    def _buttons(self, block: Block) -> list[QLayout]:
        """As many beside each other as there is room for; nothing where there are none."""
        buttons = []
        for text, command in block.buttons:
            button = IconButton(text, name="link", tip=f"Do it: {text}")
            button.clicked.connect(lambda _, c=command: self.do.emit(c))
            buttons.append(button)
        flow = Flow(*buttons)
        flow.setContentsMargins(0, 2, 0, 4)
        return [flow] if buttons else []

    def _text(self, rich: str) -> QLabel:
        strong = f'<span style="color: {current_theme().text}">'  # a variable font has no bold of its own
        rich = rich.replace("<b>", strong).replace("</b>", "</span>")
        text = QLabel(f"<div style='line-height:{LINE_HEIGHT}%'>{rich}</div>")
        text.setTextFormat(Qt.TextFormat.RichText)
        text.setFont(font(LESSON))
        text.setProperty("tone", "text2")
        text.setWordWrap(True)
        text.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        return text
