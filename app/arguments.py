"""Words of the command line: whole numbers within bounds, and slips of the pen. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path


def whole(least: int) -> Callable[[str], int]:
    """For argparse: a whole number, `least` or more."""

    def read(text: str) -> int:
        value = int(text) if text.strip().lstrip("+-").isdecimal() else least - 1
        if value < least:
            import argparse

            raise argparse.ArgumentTypeError(f"found {text!r}; allowed: a whole number, {least} or more")
        return value

    return read


def slip_of(first: str, commands: Iterable[str]) -> str:
    """What is wrong with a command line whose first word is no command, and so a file; "" where nothing is."""
    import difflib

    meant = difflib.get_close_matches(first, commands, 1) if first and not Path(first).exists() else []
    if meant:
        return f"'{first}' is no command and no file; did you mean {meant[0]}?"
    return ""
