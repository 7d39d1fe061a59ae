"""The bundled lessons: an experiment file each, and a text in a small part of Markdown.

A text is "# title", paragraphs, and steps that begin with "## ". A link to "do:COMMAND" becomes a button; a step's buttons
stand in one place, and what is written after the last of them is read after them. The commands are run, step, pause, reset,
afresh (the experiment as it was opened), method=NAME, theta=NAME, view=NUMBER, set=PARAMETER:NUMBER, setting=NAME:VALUE (of
the method), race=SHAPE, weight=TERM:NUMBER, levels=TERM:NUMBER, optimizer=NAME:RATE, optimizer-setting=NAME:VALUE and
large-steps=LAMBDA. Several in a row are joined by "+": reset+set=pose.scale:2+run. Whatever was pressed before, a button that
runs or looks through a method begins with afresh or says all that it stands for (tests/app/test_lesson_buttons.py).
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core.catalog import ASSETS, entries

_LINK = re.compile(r"\[([^\]]+)\]\((do:[^)]+)\)")


@dataclass(frozen=True)
class Block:
    """The introduction (title "") or a step. paragraphs: rich text. buttons: (text, command) pairs. after: rich text, too,
    of what is said when they were pressed."""

    title: str
    paragraphs: tuple[str, ...]
    buttons: tuple[tuple[str, str], ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lesson:
    """number: as in the file's name. path: the experiment file."""

    name: str
    number: int
    title: str
    path: Path
    text_path: Path

    def blocks(self) -> list[Block]:
        """The text, introduction first; [] where there is none."""
        if not self.text_path.is_file():
            return []
        return parse(self.text_path.read_text(encoding="utf-8"))


@cache
def bundled_lessons() -> tuple[Lesson, ...]:
    """All lessons, in order."""
    found = []
    for entry in entries("lessons"):
        number = re.match(r"\d+", entry["name"])
        found.append(
            Lesson(
                entry["name"],
                int(number[0]) if number else len(found) + 1,
                entry["title"],
                ASSETS / entry["file"],
                ASSETS / entry["text"],
            )
        )
    return tuple(found)


def parse(text: str) -> list[Block]:
    """A lesson's text as blocks. The first heading (the title) is left out; the catalog has it."""
    blocks = []
    for part in re.split(r"(?m)^## +", re.sub(r"\A\s*# .*\n", "", text)):
        heading, body = ("", part) if not blocks else (part.partition("\n")[0], part.partition("\n")[2])
        links = list(_LINK.finditer(body))
        buttons = tuple((link[1], link[2].removeprefix("do:")) for link in links)
        end = links[-1].end() if links else len(body)
        title = re.sub(r"^\d+\. *", "", heading).strip()
        blocks.append(Block(title, _paragraphs(body[:end]), buttons, _paragraphs(body[end:])))
    return blocks


def _paragraphs(text: str) -> tuple[str, ...]:
    """The paragraphs of a text without its buttons, as rich text."""
    return tuple(_rich(p) for p in re.split(r"\n\s*\n", _LINK.sub("", text).strip()) if p.strip())


def _rich(paragraph: str) -> str:
    """Bold, emphasis and code of one paragraph as rich text."""
    text = html.escape(" ".join(paragraph.split()), quote=False)
    text = re.sub(r"(?<=\d) (?=%)", "\u00a0", text)  # no line begins with a per cent sign
    text = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", text)
    text = re.sub(r"`(.+?)`", r"<code>\1</code>", text)
    return re.sub(r"(?<!\w)\*(.+?)\*(?!\w)", r"<i>\1</i>", text)
