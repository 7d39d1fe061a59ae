"""The one exception whose text a user sees: a single line that names the file or control, the cause and the remedy."""

MOST = 500
"""Characters of a message: a damaged file's words may be endless."""


class RimlightError(Exception):
    """A failure a user can act on. `str(error)` is one line; `details` may hold more, shown only on demand."""

    def __init__(self, message: str, details: str = "") -> None:
        line = " ".join(message.split())
        super().__init__(line if len(line) <= MOST else f"{line[: MOST - 1]}…")
        self.details = details
