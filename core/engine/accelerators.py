"""A GPU that JAX's plugin cannot use (no driver, an old one) in one line, where JAX prints a traceback at every start.

It computes on the processor then. Set up before JAX first looks for devices.
"""

from __future__ import annotations

import logging

LOGGER = "jax._src.xla_bridge"
"""Where JAX tells of its plugins."""

complaints: list[str] = []
"""Why a plugin was left out, since the start of this process."""


class _OneLine(logging.Filter):
    """Turns a record with a traceback into a sentence; all others pass as they are."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and record.exc_info[1] is not None:
            cause = " ".join(str(record.exc_info[1]).split())
            complaints.append(cause)
            record.msg = "gpu: JAX's plugin cannot use one (%s); the processor computes. See 'rimlight doctor'"
            record.args, record.exc_info, record.exc_text = (cause,), None, None
        return True


_one_line = _OneLine()


def complain_plainly() -> None:
    """From now on; again is harmless."""
    logging.getLogger(LOGGER).addFilter(_one_line)
