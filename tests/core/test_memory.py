"""Memory is given back: compiled code is forgotten where a process has grown, and not otherwise."""

from __future__ import annotations

import ctypes
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.memory import Bound, available_bytes, forgettable, give_back, keep_giving_back, resident_bytes


def test_compiled_code_is_forgotten_beyond_a_bound() -> None:
    import jax

    kept, sizes = forgettable(), iter([100, 150, 201, 190, 280])
    kept["f"] = f = jax.jit(lambda x: x + 1)
    assert float(f(1.0)) == 2.0
    bound = Bound(limit=100, resident=lambda: next(sizes))
    assert not bound.visit()  # 150: 50 more than at first
    assert f._cache_size() == 1
    assert bound.visit()  # 201; 190 are left, and are no reason to forget again
    assert (kept, f._cache_size()) == ({}, 0)
    assert float(f(1.0)) == 2.0  # whoever still holds it compiles it again
    assert not bound.visit()  # 280


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="another C library than glibc")
def test_freed_memory_is_no_longer_resident() -> None:
    import numpy as np

    before = resident_bytes()
    assert before is not None
    blocks = [np.ones(8000) for _ in range(2000)]  # 64 kB each: of the heap, below what malloc maps
    kept = blocks[::100]
    del blocks
    give_back()
    assert (resident_bytes() or 0) - before < 40 << 20
    assert len(kept) == 20


def test_where_there_is_no_proc_memory_is_known_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    import psutil

    asked = resident_bytes(), available_bytes()
    monkeypatch.setattr("core.memory.Path", lambda name: Path("/nowhere") / name.lstrip("/"))
    resident, available = resident_bytes(), available_bytes()
    assert resident == pytest.approx(asked[0], rel=0.05)
    assert available == pytest.approx(asked[1], rel=0.2)

    def refuse() -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "virtual_memory", refuse)
    assert available_bytes() is None


IMAGES = """
import sys
import threading
import numpy as np
from core.memory import keep_large_blocks_apart, resident_bytes
if sys.argv[1] == "apart":
    keep_large_blocks_apart()
large = np.ones(2 << 20)
del large  # glibc now takes blocks of up to 16 MB from its heap
images = [np.ones(50_000) for _ in range(300)]
held = resident_bytes()
del images[:-1]
print((held or 0) - (resident_bytes() or 0))
"""


def test_images_in_the_window_do_not_leave_holes() -> None:
    """300 of 400 kB, and the last one stays: the others' pages are free at once, without a look for them."""
    freed = {}
    for how in ("apart", "as it is"):
        freed[how] = int(subprocess.run([sys.executable, "-c", IMAGES, how], capture_output=True, check=True).stdout)
    if freed["apart"] == 0 or not hasattr(ctypes.CDLL(None), "mallopt"):
        pytest.skip("another C library, or a system that does not tell what is resident")
    assert freed["apart"] > 100 << 20
    assert freed["as it is"] < 50 << 20


def test_images_that_do_not_fit_are_refused_before_memory_is_taken(monkeypatch) -> None:
    import dataclasses

    from core import build
    from core.errors import RimlightError
    from core.experiment import Experiment, ViewsSpec

    small = resident_bytes()
    monkeypatch.setattr(build, "available_bytes", lambda: 5 * 10**9)
    made = dataclasses.replace(Experiment(), views=ViewsSpec(count=1, held_out=0, width=4096, height=4096))
    with pytest.raises(RimlightError, match=r"4096 x 4096 pixels by [a-z-]+ take about 6.7 GB .* 5.0 GB are free"):
        build.build(made)
    assert small is None or (resident_bytes() or 0) - small < 400 << 20


def test_an_engine_gives_back_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    called = threading.Semaphore(0)
    monkeypatch.setattr("core.memory.give_back", called.release)
    enough = keep_giving_back(0.005)
    assert all(called.acquire(timeout=10.0) for _ in range(3))
    (thread,) = [t for t in threading.enumerate() if t.name == "memory"]
    enough.set()
    thread.join(10.0)
    assert not thread.is_alive()
