"""The one exception whose text a user sees: a single line that names the file or control, the cause and the remedy."""


class RimlightError(Exception):
    """A failure a user can act on. `str(error)` is one line; `details` may hold more, shown only on demand."""

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(" ".join(message.split()))
        self.details = details
