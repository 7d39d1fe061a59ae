"""What no reader foresaw: one line that names the file, in place of a traceback.

Whoever opens a file that a user named does it inside `guarded`. A line of this kind is a defect of a reader: the tests
turn the guard off and see the exception itself.
"""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator
from pathlib import Path

from core.errors import RimlightError

off = False
"""Tests set it: what was not foreseen then passes through as it was raised."""


class Unforeseen(RimlightError):
    """A reader raised what it should have turned into a line of its own. `details`: the traceback."""


@contextlib.contextmanager
def guarded(path: str | Path) -> Iterator[None]:
    """Whatever is raised inside is a RimlightError, or says for itself what is wrong (OSError, MemoryError)."""
    try:
        yield
    except (RimlightError, OSError, MemoryError):
        raise
    except Exception as error:
        if off:
            raise
        cause = " ".join(str(error).split())[:120]
        raise Unforeseen(
            f"{Path(path).name}: cannot be read (unexpected {type(error).__name__}: {cause}); export it again, or from "
            "another program",
            "".join(traceback.format_exception(error)),
        ) from error
