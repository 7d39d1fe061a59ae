"""Where a GPU computes and where not: the processor goes on, one line says why, and products keep their 24 bits."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from core import accelerators, build
from core.engine import caches


def test_a_gpu_that_cannot_be_used_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """JAX's own words are a traceback of thirty lines, at every start on a machine without a driver."""
    monkeypatch.setattr(accelerators, "complaints", [])
    accelerators.complain_plainly()
    accelerators.complain_plainly()
    logger, handler = logging.getLogger(accelerators.LOGGER), logging.StreamHandler(sys.stderr)
    monkeypatch.setattr(logger, "handlers", [handler])
    monkeypatch.setattr(logger, "propagate", False)
    try:
        raise RuntimeError("Unable to load cuDNN.\n Is it installed?")
    except RuntimeError:
        logger.exception("Jax plugin configuration error: Exception when calling %s.initialize()", "plugin")
    logger.warning("An NVIDIA GPU may be present on this machine, but a plugin is not installed")  # it is, as was said
    logger.warning("Another %s", "matter")
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("gpu: not used (Unable to load cuDNN. Is it installed?); the processor computes")
    assert second == "Another matter"
    assert accelerators.complaints == ["Unable to load cuDNN. Is it installed?"]
    accelerators.complaints.clear()
    logger.warning("An NVIDIA GPU may be present on this machine, but a plugin is not installed")
    assert "pip install '.[cuda]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("driver", "said"), [(False, accelerators.NO_DRIVER), (True, "Unable to load cuPTI. Is it installed?")]
)
def test_a_missing_driver_is_named(driver: bool, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """JAX says of a machine without one that a library which is there is not."""
    monkeypatch.setattr(accelerators, "complaints", [])
    monkeypatch.setattr(accelerators, "_driver", lambda: driver)
    accelerators.complain_plainly()
    try:
        raise RuntimeError("Unable to load cuPTI. Is it installed?")
    except RuntimeError:
        logging.getLogger(accelerators.LOGGER).exception(
            "Jax plugin configuration error: Exception when calling %s.initialize()", "jax_plugins.xla_cuda13"
        )
    assert accelerators.complaints == [said]


SETUP = "def initialize():\n    raise RuntimeError('no driver')\n"
BACKEND = """
def make():
    raise RuntimeError("no supported devices found for platform CUDA.\\nGo and see")
def initialize():
    import jax._src.xla_bridge
    jax._src.xla_bridge.register_backend_factory("broken", make, priority=500, fail_quietly=False)
"""
KERNEL = """
def refuse():
    import jax
    raise RuntimeError(f"CUDA_ERROR_UNSUPPORTED_PTX_VERSION on {jax.devices()[0].platform}")
def initialize():
    from core import accelerators
    accelerators._try_out = refuse
"""
COMPUTE = """
import sys
sys.path.insert(0, sys.argv[1])
from core import accelerators
if "refuse" in open(sys.argv[1] + "/jax_plugins/broken/__init__.py").read():
    from jax_plugins.broken import initialize
    initialize()  # JAX would call it too late for the stand-in
from core.engine import caches
caches.configure()
import jax.numpy as jnp
print(float(jnp.ones(3).sum()), accelerators.device(), sep="|")
from core.doctor import device_lines
print(*map(" ".join, device_lines()), sep="|")
"""


@pytest.mark.parametrize(
    ("plugin", "cause"),
    [
        (SETUP, "no driver"),
        (BACKEND, "Unable to initialize backend 'broken': no supported devices found for platform CUDA. Go and see"),
        (KERNEL, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION on cpu"),
    ],
    ids=["cannot be set up", "no device", "a device that computes nothing"],
)
def test_the_processor_computes_where_a_gpu_does_not(plugin: str, cause: str, tmp_path: Path) -> None:
    """Stand-ins for a plugin of JAX's; alone, JAX would print a traceback, or stop."""
    place = tmp_path / "jax_plugins" / "broken"
    place.mkdir(parents=True)
    (place / "__init__.py").write_text(plugin)
    environment = {name: value for name, value in os.environ.items() if name != "JAX_PLATFORMS"}
    done = subprocess.run(
        [sys.executable, "-c", COMPUTE, str(tmp_path)], capture_output=True, text=True, env=environment, check=False
    )
    assert done.stdout.splitlines() == [
        f"3.0|the processor; the GPU is not used: {cause}",
        f"jax device cpu: cpu|gpu not used: {cause}",
    ]
    assert done.stderr.splitlines() == [f"gpu: not used ({cause}); the processor computes. See 'rimlight doctor'"]


def test_a_users_own_choice_of_a_platform_is_not_tried_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def never() -> None:
        raise AssertionError("it was tried out")

    monkeypatch.setattr(accelerators, "_try_out", never)
    monkeypatch.setattr(accelerators.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    accelerators.settle()


@pytest.mark.parametrize(
    ("plugged", "before", "after"),
    [
        (True, None, accelerators.FLUSH),
        (True, "--xla_dump_to=x", f"--xla_dump_to=x {accelerators.FLUSH}"),
        (True, accelerators.FLUSH, accelerators.FLUSH),
        (True, "--xla_gpu_ftz=false", "--xla_gpu_ftz=false"),
        (True, "flags.txt", "flags.txt"),
        (False, None, None),
    ],
)
def test_gradients_are_added_atomically_on_a_gpu(
    plugged: bool, before: str | None, after: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That JAX knows the flag is seen in every test with a stand-in for a plugin: it would stop at one that it does not."""
    monkeypatch.setattr(accelerators.importlib.util, "find_spec", lambda name: name if plugged else None)
    monkeypatch.setenv("XLA_FLAGS", before or "")
    if before is None:
        monkeypatch.delenv("XLA_FLAGS")
    accelerators.add_atomically()
    assert os.environ.get("XLA_FLAGS") == after


def test_products_ask_for_all_bits_of_float32() -> None:
    """A GPU would take 11 of the 24."""
    assert os.environ["JAX_DEFAULT_MATMUL_PRECISION"] == caches.DEVICE_SETTINGS["JAX_DEFAULT_MATMUL_PRECISION"]
    lowered = jax.jit(lambda a: a @ a).lower(jnp.ones((4, 4))).as_text()
    assert "precision = [HIGHEST, HIGHEST]" in lowered


@pytest.mark.parametrize(
    ("stats", "free"), [(None, 50), ({"bytes_limit": 30, "bytes_in_use": 10}, 20), ({"bytes_limit": 90, "bytes_in_use": 0}, 50)]
)  # fmt: skip
def test_a_step_must_fit_the_gpu_too(stats: dict | None, free: int, monkeypatch: pytest.MonkeyPatch) -> None:
    class Device:
        def memory_stats(self) -> dict | None:
            return stats

    monkeypatch.setattr(build, "available_bytes", lambda: 50)
    monkeypatch.setattr(jax, "devices", lambda: [Device()])
    assert build._free_bytes() == free
