"""Every program that the engine computes with, compiled for an NVIDIA GPU that need not be there.

`python -m tests.gpu assets/lessons/*.toml` fits each experiment for two steps on the processor, derives its images, and has
XLA compile every program of it for an H100, where JAX's plugin is installed (`pip install '.[cuda]'`). It ends with 1 where
one does not compile, or adds by compare-and-swap. Without the plugin, programs are lowered for a GPU and not compiled.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import io
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

PLUGINS = "jax_plugins.xla_cuda13", "jax_plugins.xla_cuda12"
PLATFORM = "cuda"
H100 = """
gpu_device_info {
  cuda_compute_capability { major: 9 }
  core_count: 132  fpus_per_core: 128  clock_rate_ghz: 1.98
  threads_per_warp: 32  threads_per_block_limit: 1024  threads_per_core_limit: 2048
  block_dim_limit_x: 2147483647  block_dim_limit_y: 65535  block_dim_limit_z: 65535
  registers_per_core_limit: 65536  registers_per_block_limit: 65536
  shared_memory_per_block: 49152  shared_memory_per_block_optin: 232448  shared_memory_per_core: 233472
  l2_cache_size: 52428800  memory_bandwidth: 3352320000000  device_memory_size: 84929347584
}
platform_name: "CUDA"
device_description_str: "NVIDIA H100 80GB HBM3"
dnn_version_info { major: 9 minor: 8 }
runtime_version { major: 13 }
"""
"""As XLA describes a device (its stream executor's GpuTargetConfigProto); the numbers are NVIDIA's."""


@dataclass
class Program:
    """One compiled function at one kind of arguments. lowered: jax.stages.Lowered, for PLATFORM."""

    name: str
    lowered: Any


@dataclass
class Recorder:
    """Stands for jax.jit: lowers what is called for a GPU, then calls it. sharding: on whose device arguments lie."""

    jit: Callable[..., Any]
    sharding: Any = None
    programs: list[Program] = field(default_factory=list)
    _seen: set[Any] = field(default_factory=set)

    def __call__(self, function: Any = None, **options: Any) -> Any:
        if function is None:
            return functools.partial(self, **options)
        compiled = self.jit(function, **options)
        fixed = options.get("static_argnums", ())
        fixed = {fixed} if isinstance(fixed, int) else set(fixed)

        @functools.wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            self._record(compiled, fixed, arguments, named)
            return compiled(*arguments, **named)

        call._cache_size = compiled._cache_size  # type: ignore[attr-defined]
        return call

    def _record(self, compiled: Any, fixed: set[int], arguments: tuple[Any, ...], named: Any) -> None:
        import jax

        leaves, tree = jax.tree.flatten((arguments, named))
        if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):  # a part of another program
            return
        key = (
            id(compiled),
            tree,
            tuple(str(jax.typeof(leaf)) for leaf in jax.tree.leaves(self._placed(fixed, arguments))),
        )
        if key not in self._seen:
            self._seen.add(key)
            traced = compiled.trace(*self._placed(fixed, arguments), **named)
            self.programs.append(
                Program(f"{compiled.__module__}: {compiled.__name__}", traced.lower(lowering_platforms=(PLATFORM,)))
            )

    def _placed(self, fixed: set[int], arguments: tuple[Any, ...]) -> list[Any]:
        """Shapes instead of arrays, on the device that is not there."""
        import jax

        def shape(leaf: Any) -> Any:
            kind = jax.typeof(leaf)
            return jax.ShapeDtypeStruct(kind.shape, kind.dtype, sharding=self.sharding, weak_type=kind.weak_type)

        return [a if i in fixed else jax.tree.map(shape, a) for i, a in enumerate(arguments)]


@contextlib.contextmanager
def recorded(sharding: Any = None) -> Iterator[list[Program]]:
    """What is made by jax.jit meanwhile, lowered for a GPU at its first calls; what was made before is not seen."""
    import jax

    recorder = Recorder(jax.jit, sharding)
    with mock.patch.object(jax, "jit", recorder):
        yield recorder.programs


def plugin() -> str | None:
    """JAX's plugin for CUDA that is installed here."""
    with contextlib.suppress(ModuleNotFoundError):
        return next((name for name in PLUGINS if importlib.util.find_spec(name)), None)
    return None


def described_device() -> Any:
    """Where arguments lie on the H100 of the description. Raises where the plugin cannot compile without a device."""
    from jax.experimental import topologies
    from jax.sharding import NamedSharding, PartitionSpec

    described = topologies.get_topology_desc("H100", platform=PLATFORM, target_config=H100, topology="1x1x1")
    return NamedSharding(topologies.make_mesh(described, (1,), ("device",)), PartitionSpec())


def _judge(program: Program, dumped: Path) -> str | None:
    """What is wrong with it on a GPU; prints its line."""
    start, before = time.perf_counter(), set(dumped.glob("*.ptx"))
    try:
        memory = program.lowered.compile().memory_analysis()
    except Exception as error:  # whatever XLA says
        return f"{program.name}: {str(error).splitlines()[0]}"
    code = "".join(file.read_text() for file in set(dumped.glob("*.ptx")) - before)
    adds, swaps = len(re.findall(r"\b(?:atom|red)\S*\.add\.", code)), len(re.findall(r"\batom\S*\.cas\.", code))
    seconds, megabytes = time.perf_counter() - start, memory.temp_size_in_bytes / 1e6
    print(
        f"  {program.name:46} {seconds:6.1f} s {megabytes:8.1f} MB besides its arguments, {adds} atomic additions",
        flush=True,
    )
    return f"{program.name}: {swaps} additions by compare-and-swap" if swaps else None


def main(experiments: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="rimlight-gpu-", ignore_cleanup_errors=True) as scratch:
        return _compile_all(experiments, Path(scratch))


def _compile_all(experiments: list[str], scratch: Path) -> int:
    os.environ["JAX_SKIP_CUDA_CONSTRAINTS_CHECK"] = "1"  # the plugin asks for a driver before it registers
    os.environ["XLA_FLAGS"] = f"--xla_gpu_autotune_level=0 --xla_dump_to={scratch} --xla_dump_hlo_pass_re=none"
    os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "false"  # what is read from it leaves no code to look at
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"  # it sorts another way without a device, and says so each time
    from core.engine import caches

    caches.configure()  # with the engine's own settings
    wrong, count = [], 0
    sharding = described_device() if plugin() else None
    with recorded(sharding) as programs:
        from app.cli import main as rimlight

        for name in experiments:
            print(name, flush=True)
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as errors:
                failed = rimlight(["fit", name, "--out", str(scratch / "fit"), "--steps", "2"])
                rimlight(["derive", name, "--out", str(scratch / "derive")])  # which asks some for a parameter
            wrong += [errors.getvalue()] if failed else []
            wrong += [said for program in programs if sharding and (said := _judge(program, scratch))]
            count += len(programs)
            programs.clear()
    done = "compiled" if sharding else "lowered: no plugin of JAX here compiles them"
    print(f"{count} programs {done}, {len(wrong)} wrong", *wrong, sep="\n")
    return bool(wrong) or not count


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
