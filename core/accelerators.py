"""Whether a GPU computes: where JAX's plugin cannot use one, or lists one that does not compute, the processor does.

JAX alone prints a traceback of thirty lines where a plugin cannot be set up, and stops where a device cannot be used: its
memory is taken, or the driver is too old for the plugin's CUDA. Here each is one line.
"""

from __future__ import annotations

import ctypes
import importlib.util
import logging
import os

LOGGER = "jax._src.xla_bridge"
"""Where JAX tells of its plugins."""
ADVICE = "An NVIDIA GPU may be present"
"""How JAX begins where no plugin is there for a GPU that is."""
NVIDIA, NO_DRIVER = "jax_plugins.xla_cuda", "NVIDIA's driver is not installed: libcuda.so.1 cannot be loaded"
"""Of what JAX speaks where its plugin for NVIDIA's GPUs cannot be set up, and what it then cannot say: without a driver it
misses the first of the libraries that need one."""
INSTALL = "no plugin of JAX's is installed for it; on Linux pip install '.[cuda]' (or '.[cuda12]') brings one"
SIDE = 64
"""Of the product that is tried: enough for the library of linear algebra, which a driver may lack."""

FLUSH = "--xla_gpu_ftz=true"
"""A GPU then takes numbers below 1e-38 for zero. JAX 0.10.2's compiler (openxla/xla#46225) adds to one place atomically
only so, and otherwise by compare-and-swap, hundreds of times slower where many pixels move one parameter."""

complaints: list[str] = []
"""Why a GPU that is there does not compute, since the start of this process."""


class _OneLine(logging.Filter):
    """Turns a record with a traceback into a sentence, and JAX's advice into ours; all others pass as they are."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and record.exc_info[1] is not None:
            driverless = NVIDIA in record.getMessage() and not _driver()
            _complain(record, NO_DRIVER if driverless else _cause(record.exc_info[1]))
        elif record.getMessage().startswith(ADVICE):
            if complaints:  # a plugin is there, and was told of
                return False
            _complain(record, INSTALL)
        return True


_one_line = _OneLine()


def complain_plainly() -> None:
    """From now on; again is harmless."""
    logging.getLogger(LOGGER).addFilter(_one_line)


def settle() -> None:
    """Try out the GPU that JAX would choose, and have the processor compute where it does not. Before anything else is
    computed. Without a plugin there is no choice, and what the user asked for by JAX_PLATFORMS stays."""
    if os.environ.get("JAX_PLATFORMS") or not _plugged():
        return
    import jax
    import jax.extend

    try:
        _try_out()
    except Exception as error:
        logging.getLogger(LOGGER).warning("gpu", exc_info=error)
        jax.config.update("jax_platforms", "cpu")
        jax.extend.backend.clear_backends()


def add_atomically() -> None:
    """Set XLA's flags so that a GPU does, before JAX is imported; what the user chose himself stays. Where no plugin is,
    nothing: JAX keeps compiled code by its flags."""
    flags = os.environ.get("XLA_FLAGS", "").split()
    by_file = flags and not flags[0].startswith("-")  # XLA takes a file's name, too
    if _plugged() and not by_file and not any("xla_gpu_ftz" in flag for flag in flags):
        os.environ["XLA_FLAGS"] = " ".join([*flags, FLUSH])


def device() -> str:
    """What computes, and why no GPU does where one is there. Imports JAX."""
    import jax

    chosen = jax.devices()[0]
    name = "the processor" if chosen.platform == "cpu" else f"{chosen.device_kind} ({chosen.platform})"
    return "; ".join([name, *(f"the GPU is not used: {cause}" for cause in complaints)])


def _driver() -> bool:
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


def _plugged() -> bool:
    return importlib.util.find_spec("jax_plugins") is not None


def _try_out() -> None:
    """A product on the device that JAX would choose: one may be listed and compute nothing."""
    import jax
    import jax.numpy as jnp

    if jax.devices()[0].platform != "cpu":
        ones = jnp.ones((SIDE, SIDE))
        if float((ones @ ones)[0, 0]) != SIDE:
            raise ArithmeticError("a product of matrices is wrong")


def _cause(error: BaseException) -> str:
    return " ".join(str(error).split()).partition(" (you may need to uninstall")[0]


def _complain(record: logging.LogRecord, cause: str) -> None:
    complaints.append(cause)
    record.msg = "gpu: not used (%s); the processor computes. See 'rimlight doctor'"
    record.args, record.exc_info, record.exc_text = (cause,), None, None
