"""The one exception whose text a user sees: a single line that names the file or control, the cause and the remedy.

Of the others, those that memory causes have a text, too.
"""

MOST = 500
"""Characters of a message: a damaged file's words may be endless."""

OUT_OF_MEMORY = "out of memory; use a smaller shape, fewer views or smaller pictures"


def out_of_memory(error: BaseException) -> bool:
    """Whether the system's memory did not suffice, or a GPU's, in Python's words or in XLA's."""
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)


class RimlightError(Exception):
    """A failure a user can act on. `str(error)` is one line; `details` may hold more, shown only on demand."""

    def __init__(self, message: str, details: str = "") -> None:
        line = " ".join(message.split())
        line = line if line.isprintable() else "".join(c if c.isprintable() else "?" for c in line)  # no escape codes
        super().__init__(line if len(line) <= MOST else f"{line[: MOST - 1]}…")
        self.details = details
